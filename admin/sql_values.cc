#include "admin/sql_values.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace admin {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;
using std::chrono::year_month_day;
using base::Error;

constexpr int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
// A moment names years 1 to 9999; microseconds of all of them fit.
constexpr int kFirstYear = 1;
// An interval that no computation with moments takes out of their range: ten thousand years.
constexpr int64_t kIntervalMax = 3'652'500 * kDay;

std::string shown(std::string_view text) { return base::escape_for_log(text, 64); }

Error invalid_text(std::string_view type, std::string_view text) {
  return {"22P02", fmt::format("invalid input syntax for type {}: \"{}\"", type, shown(text)), {}, {}};
}
Error invalid_time(std::string_view type, std::string_view text) {
  return {"22007", fmt::format("invalid input syntax for type {}: \"{}\"", type, shown(text)), {}, {}};
}

// `what`: how PostgreSQL begins to say that it is out of range.
template <typename Number>
base::Result<Number> parse_number(std::string_view text, std::string_view type, std::string_view what) {
  std::string_view digits = base::trim(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  Number value = 0;
  const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure == std::errc::result_out_of_range)
    return Error{"22003", fmt::format("{}\"{}\" is out of range for type {}", what, shown(text), type), {}, {}};
  if (failure != std::errc() || stop != digits.data() + digits.size()) return invalid_text(type, text);
  return value;
}

std::string fraction(int64_t us) {
  if (us == 0) return {};
  std::string text = fmt::format(".{:06}", us);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Reads what a text begins with and says whether it was there.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!base::equal_ignoring_case(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_blanks() {
    while (take(' ')) {
    }
  }
  std::optional<int64_t> digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < rest_.size() && count < most && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    if (count < least) return std::nullopt;
    int64_t value = 0;
    for (char c : rest_.substr(0, count)) value = value * 10 + (c - '0');
    rest_.remove_prefix(count);
    return value;
  }
  // Behind the point; digits beyond microseconds are dropped.
  std::optional<int64_t> fraction_us() {
    int64_t us = 0, unit = kSecond / 10;
    std::size_t count = 0;
    for (; peek() >= '0' && peek() <= '9'; ++count, unit /= 10) {
      us += (peek() - '0') * unit;
      rest_.remove_prefix(1);
    }
    return count == 0 ? std::nullopt : std::optional(us);
  }
  std::string word() {
    std::string text;
    while ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z')) {
      text += peek();
      rest_.remove_prefix(1);
    }
    return base::to_lower(text);
  }

 private:
  std::string_view rest_;
};

// 03:14, 03:14:40, 03:14:40.5
std::optional<int64_t> clock(Scan& scan, std::size_t hour_digits) {
  const auto hour = scan.digits(1, hour_digits);
  if (!hour || !scan.take(':')) return std::nullopt;
  const auto minute = scan.digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t us = *hour * kHour + *minute * kMinute;
  if (!scan.take(':')) return us;
  const auto second = scan.digits(2, 2);
  if (!second || *second > 60) return std::nullopt;
  us += *second * kSecond;
  if (!scan.take('.')) return us;
  const auto part = scan.fraction_us();
  return part ? std::optional(us + *part) : std::nullopt;
}

// Z, UTC, GMT, +02, -0330, +02:00; nothing means UTC.
std::optional<int64_t> offset(Scan& scan) {
  scan.skip_blanks();
  if (scan.at_end() || scan.take_word("utc") || scan.take_word("gmt") || scan.take_word("z")) return 0;
  const bool minus = scan.take('-');
  if (!minus && !scan.take('+')) return std::nullopt;
  const auto hours = scan.digits(1, 2);
  if (!hours || *hours > 15) return std::nullopt;
  scan.take(':');
  const auto minutes = scan.at_end() ? std::optional<int64_t>(0) : scan.digits(2, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int64_t us = *hours * kHour + *minutes * kMinute;
  return minus ? -us : us;
}

int64_t unit_us(std::string_view unit) {
  if (unit == "us" || unit == "microsecond" || unit == "microseconds") return 1;
  if (unit == "ms" || unit == "millisecond" || unit == "milliseconds") return 1000;
  if (unit.empty() || unit == "s" || unit == "sec" || unit == "secs" || unit == "second" || unit == "seconds") {
    return kSecond;
  }
  if (unit == "m" || unit == "min" || unit == "mins" || unit == "minute" || unit == "minutes") return kMinute;
  if (unit == "h" || unit == "hr" || unit == "hrs" || unit == "hour" || unit == "hours") return kHour;
  if (unit == "d" || unit == "day" || unit == "days") return kDay;
  if (unit == "w" || unit == "week" || unit == "weeks") return 7 * kDay;
  return 0;
}

int64_t floored(int64_t time, int64_t unit) {
  const int64_t rest = time % unit;
  return time - (rest < 0 ? rest + unit : rest);
}

struct Calendar {
  sys_days day;
  year_month_day date;
  int64_t of_day;  // microseconds
};
Calendar calendar(int64_t time_us) {
  const auto day = floor<days>(sys_time<microseconds>(microseconds(time_us)));
  return {day, year_month_day(day), time_us - sys_time<microseconds>(day).time_since_epoch().count()};
}
int64_t start_of(sys_days day) { return sys_time<microseconds>(day).time_since_epoch().count(); }

Error unknown_field(std::string_view field) {
  return base::invalid_parameter(
      fmt::format("unit \"{}\" not recognized for type timestamp with time zone", shown(field)));
}

}  // namespace

std::string timestamp_text(int64_t time_us) {
  const Calendar at = calendar(time_us);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}{}+00", static_cast<int>(at.date.year()),
                     static_cast<unsigned>(at.date.month()), static_cast<unsigned>(at.date.day()), at.of_day / kHour,
                     at.of_day / kMinute % 60, at.of_day / kSecond % 60, fraction(at.of_day % kSecond));
}

base::Result<int64_t> parse_timestamp(std::string_view text) {
  constexpr std::string_view kType = "timestamp with time zone";
  Scan scan(base::trim(text));
  const auto year = scan.digits(4, 4);
  if (!year || !scan.take('-')) return invalid_time(kType, text);
  const auto month = scan.digits(1, 2);
  if (!month || !scan.take('-')) return invalid_time(kType, text);
  const auto day = scan.digits(1, 2);
  if (!day) return invalid_time(kType, text);
  const year_month_day date(std::chrono::year(static_cast<int>(*year)),
                            std::chrono::month(static_cast<unsigned>(*month)),
                            std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *year < kFirstYear) {
    return Error{"22008", fmt::format("date/time field value out of range: \"{}\"", shown(text)), {}, {}};
  }
  int64_t us = start_of(sys_days(date));
  if (scan.take(' ') || scan.take('T')) {
    if (scan.peek() >= '0' && scan.peek() <= '9') {
      const auto of_day = clock(scan, 2);
      if (!of_day || *of_day > kDay) return invalid_time(kType, text);
      us += *of_day;
    }
  }
  const auto zone = offset(scan);
  if (!zone || !scan.at_end()) return invalid_time(kType, text);
  return us - *zone;
}

std::string interval_text(int64_t interval_us) {
  const bool minus = interval_us < 0;
  const uint64_t us = minus ? 0 - static_cast<uint64_t>(interval_us) : static_cast<uint64_t>(interval_us);
  const uint64_t whole_days = us / kDay, of_day = us % kDay;
  std::string text;
  if (whole_days > 0) {
    const bool one = whole_days == 1 && !minus;
    text = fmt::format("{}{} {}", minus ? "-" : "", whole_days, one ? "day" : "days");
  }
  if (of_day == 0 && !text.empty()) return text;
  if (!text.empty()) text += ' ';
  text += fmt::format("{}{:02}:{:02}:{:02}{}", minus ? "-" : "", of_day / kHour, of_day / kMinute % 60,
                      of_day / kSecond % 60, fraction(static_cast<int64_t>(of_day % kSecond)));
  return text;
}

base::Result<int64_t> parse_interval(std::string_view text) {
  constexpr std::size_t kMostDigits = 12;
  Scan scan(base::trim(text));
  double total = 0;
  if (scan.at_end()) return invalid_time("interval", text);
  while (!scan.at_end()) {
    const bool minus = scan.take('-');
    if (!minus) scan.take('+');
    Scan ahead = scan;
    double part = 0;
    if (const auto of_day = clock(ahead, 9)) {
      scan = ahead;
      part = static_cast<double>(*of_day);
    } else {
      const auto whole = scan.digits(1, kMostDigits);
      if (!whole) return invalid_time("interval", text);
      double count = static_cast<double>(*whole);
      if (scan.take('.')) {
        const auto behind = scan.fraction_us();
        if (!behind) return invalid_time("interval", text);
        count += static_cast<double>(*behind) / static_cast<double>(kSecond);
      }
      scan.skip_blanks();
      const std::string unit = scan.word();
      const int64_t us = unit_us(unit);
      if (us == 0 && (unit.starts_with("mon") || unit.starts_with("y"))) {
        return base::feature_not_supported("intervals of months and years are not supported by the console");
      }
      if (us == 0) return invalid_time("interval", text);
      part = count * static_cast<double>(us);
    }
    total += minus ? -part : part;
    scan.skip_blanks();
  }
  if (std::abs(total) > static_cast<double>(kIntervalMax)) {
    return Error{"22008", fmt::format("interval out of range: \"{}\"", shown(text)), {}, {}};
  }
  return static_cast<int64_t>(std::llround(total));
}

base::Result<int64_t> truncate_timestamp(std::string_view field, int64_t time_us) {
  const std::string unit = base::to_lower(field);
  if (unit == "microseconds") return time_us;
  if (unit == "milliseconds") return floored(time_us, 1000);
  if (unit == "second") return floored(time_us, kSecond);
  if (unit == "minute") return floored(time_us, kMinute);
  if (unit == "hour") return floored(time_us, kHour);
  if (unit == "day") return floored(time_us, kDay);
  const Calendar at = calendar(time_us);
  if (unit == "week") return start_of(at.day - (std::chrono::weekday(at.day) - std::chrono::Monday));
  if (unit == "month") return start_of(sys_days(at.date.year() / at.date.month() / std::chrono::day(1)));
  if (unit == "year") return start_of(sys_days(at.date.year() / std::chrono::January / std::chrono::day(1)));
  return unknown_field(field);
}

base::Result<double> timestamp_field(std::string_view field, int64_t time_us) {
  const std::string unit = base::to_lower(field);
  const Calendar at = calendar(time_us);
  const double second = static_cast<double>(at.of_day % kMinute) / static_cast<double>(kSecond);
  if (unit == "epoch") return static_cast<double>(time_us) / static_cast<double>(kSecond);
  if (unit == "microseconds") return static_cast<double>(at.of_day % kMinute);
  if (unit == "milliseconds") return static_cast<double>(at.of_day % kMinute) / 1000;
  if (unit == "second") return second;
  if (unit == "minute") return static_cast<double>(at.of_day / kMinute % 60);
  if (unit == "hour") return static_cast<double>(at.of_day / kHour);
  if (unit == "day") return static_cast<double>(static_cast<unsigned>(at.date.day()));
  if (unit == "dow") return static_cast<double>(std::chrono::weekday(at.day).c_encoding());
  if (unit == "isodow") return static_cast<double>(std::chrono::weekday(at.day).iso_encoding());
  if (unit == "month") return static_cast<double>(static_cast<unsigned>(at.date.month()));
  if (unit == "year") return static_cast<double>(static_cast<int>(at.date.year()));
  return unknown_field(field);
}

base::Result<int64_t> parse_int8(std::string_view text) { return parse_number<int64_t>(text, "bigint", "value "); }
base::Result<double> parse_float8(std::string_view text) { return parse_number<double>(text, "double precision", ""); }

base::Result<bool> parse_bool(std::string_view text) {
  const std::string word = base::to_lower(base::trim(text));
  if (word == "t" || word == "true" || word == "y" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "f" || word == "false" || word == "n" || word == "no" || word == "off" || word == "0") return false;
  return invalid_text("boolean", text);
}

std::string float_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  if (number == std::trunc(number) && std::abs(number) < 1e15) return fmt::format("{:.0f}", number);
  return fmt::format("{}", number);
}

std::string size_pretty(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  constexpr double kNextUnitFrom = 10 * 1024;
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (std::abs(size) >= kNextUnitFrom && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.0f} {}", std::round(size), kUnits[unit]);
}

std::string_view substring(std::string_view text, int64_t from, std::optional<int64_t> length) {
  constexpr int64_t kFar = std::numeric_limits<int32_t>::max();  // longer than any text here
  from = std::clamp(from, -kFar, kFar);
  const int64_t end = length ? from + std::clamp<int64_t>(*length, 0, kFar) : 2 * kFar;  // the first that is left out
  std::size_t first = text.size(), last = text.size();
  int64_t place = 1;
  for (std::size_t at = 0; at < text.size(); ++place) {
    if (place == std::max<int64_t>(from, 1)) first = at;
    if (place == end) last = at;
    at += std::max<std::size_t>(base::utf8_length(text.substr(at)), 1);
  }
  if (end <= std::max<int64_t>(from, 1) || first >= last) return {};
  return text.substr(first, last - first);
}

base::Result<bool> like(std::string_view text, std::string_view pattern, std::string_view escape, bool ignore_case,
                        const std::function<bool()>& go_on) {
  constexpr std::size_t kStepsBetweenAsking = 65536;
  if (base::utf8_length(escape) != escape.size()) {
    return Error{"22019", "invalid escape string", {}, "Escape string must be empty or one character."};
  }
  const auto length = [](std::string_view rest) { return std::max<std::size_t>(base::utf8_length(rest), 1); };
  const auto same = [ignore_case](std::string_view a, std::string_view b) {
    return ignore_case ? base::equal_ignoring_case(a, b) : a == b;
  };
  // Where to go on when what follows the last % does not match: one character further in the text.
  std::size_t t = 0, p = 0, steps = 0;
  std::size_t retry_pattern = std::string_view::npos, retry_text = 0;
  while (t < text.size() || p < pattern.size()) {
    if (++steps % kStepsBetweenAsking == 0 && !go_on()) return base::query_canceled("canceling statement");
    bool matched = false;
    if (p < pattern.size()) {
      const std::size_t size = length(pattern.substr(p));
      std::string_view next = pattern.substr(p, size);
      if (next == "%" && next != escape) {
        retry_pattern = ++p;
        retry_text = t;
        continue;
      }
      const bool any = next == "_" && next != escape;
      std::size_t taken = size;
      if (next == escape) {
        if (p + size >= pattern.size()) {
          if (t >= text.size()) return false;
          return Error{"22025", "LIKE pattern must not end with escape character", {}, {}};
        }
        next = pattern.substr(p + size, length(pattern.substr(p + size)));
        taken += next.size();
      }
      if (t < text.size()) {
        const std::string_view here = text.substr(t, length(text.substr(t)));
        if (any || same(here, next)) {
          t += here.size();
          p += taken;
          matched = true;
        }
      }
    }
    if (matched) continue;
    if (retry_pattern == std::string_view::npos || retry_text >= text.size()) return false;
    retry_text += length(text.substr(retry_text));
    t = retry_text;
    p = retry_pattern;
  }
  return true;
}

}  // namespace admin
