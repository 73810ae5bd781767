#include "conf/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/text.h"

namespace conf {
namespace {

using base::invalid_parameter;

// Entries of one list; a longer one is a mistake or an attack on memory.
constexpr std::size_t kMaxListEntries = 10'000;

std::string quoted(std::string_view text) { return fmt::format("'{}'", base::escape_for_log(text, 80)); }

base::Status in_bounds(int64_t value, Bounds bounds) {
  if (value >= bounds.min && value <= bounds.max) return base::Ok{};
  return invalid_parameter(bounds_text(bounds));
}

base::Status duration_in_bounds(base::Duration value, Bounds bounds) {
  if (value.count() >= bounds.min && value.count() <= bounds.max) return base::Ok{};
  return invalid_parameter(duration_bounds_text(bounds));
}

template <typename T, typename One>
base::Status parse_list(std::string_view text, std::vector<T>& out, One one) {
  std::vector<T> values;
  for (const std::string& entry : split_list(text)) {
    if (values.size() == kMaxListEntries) {
      return invalid_parameter(fmt::format("must have at most {} entries", kMaxListEntries));
    }
    T value{};
    TRY_STATUS(one(entry, value));
    values.push_back(std::move(value));
  }
  out = std::move(values);
  return base::Ok{};
}

template <typename T, typename Text>
std::string joined(const std::vector<T>& values, std::string_view separator, Text text) {
  std::string out;
  for (const T& value : values) {
    if (!out.empty()) out += separator;
    out += text(value);
  }
  return out;
}

}  // namespace

// ---- Reading ----

base::Status parse_value(std::string_view text, Bounds, bool& out) {
  const std::string word = base::to_lower(text);
  for (const std::string_view yes : {"true", "1", "yes", "on"}) {
    if (word == yes) {
      out = true;
      return base::Ok{};
    }
  }
  for (const std::string_view no : {"false", "0", "no", "off"}) {
    if (word == no) {
      out = false;
      return base::Ok{};
    }
  }
  return invalid_parameter(fmt::format("must be true or false, not {}", quoted(text)));
}

base::Status parse_value(std::string_view text, Bounds bounds, int& out) {
  const auto value = base::parse_int(text);
  if (!value) return invalid_parameter(fmt::format("must be a whole number, not {}", quoted(text)));
  bounds.max = std::min<int64_t>(bounds.max, std::numeric_limits<int>::max());
  TRY_STATUS(in_bounds(*value, bounds));
  out = static_cast<int>(*value);
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds bounds, int64_t& out) {
  const auto value = base::parse_size(text);
  if (!value) {
    return invalid_parameter(
        fmt::format("must be a number of bytes or a text such as \"64kB\", not {}", quoted(text)));
  }
  TRY_STATUS(in_bounds(*value, bounds));
  out = *value;
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds bounds, double& out) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return invalid_parameter(fmt::format("must be a number such as 0.1, not {}", quoted(text)));
  }
  if (value < static_cast<double>(bounds.min) || value > static_cast<double>(bounds.max)) {
    return invalid_parameter(bounds_text(bounds));
  }
  out = value;
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds bounds, base::Duration& out) {
  // Where there is something below 0, -1 is it, as in PostgreSQL: off.
  if (text == "-1" && bounds.min <= kOff.count()) {
    out = kOff;
    return base::Ok{};
  }
  bounds.min = std::max<int64_t>(bounds.min, 0);
  const auto value = base::parse_duration(text);
  if (!value) {
    return invalid_parameter(
        fmt::format("must be a number of seconds or a text such as \"500ms\", \"15s\" or \"2min\", not {}",
                    quoted(text)));
  }
  TRY_STATUS(duration_in_bounds(*value, bounds));
  out = *value;
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds bounds, std::chrono::milliseconds& out) {
  const auto value = base::parse_duration(text, std::chrono::milliseconds(1));
  if (!value || value->count() % 1000 != 0) {
    return invalid_parameter(
        fmt::format("must be a number of milliseconds or a text such as \"15s\", not {}", quoted(text)));
  }
  TRY_STATUS(duration_in_bounds(*value, bounds));
  out = std::chrono::duration_cast<std::chrono::milliseconds>(*value);
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds, std::string& out) {
  // Every text ends up in a message, a path or a startup packet, all of which end at a zero byte.
  if (text.find('\0') != std::string_view::npos) return invalid_parameter("must not contain a zero byte");
  out = std::string(text);
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds bounds, Names& out) {
  return parse_list(text, out, [&](const std::string& entry, std::string& value) {
    return parse_value(entry, bounds, value);
  });
}

base::Status parse_value(std::string_view text, Bounds bounds, std::vector<int>& out) {
  return parse_list(text, out,
                    [&](const std::string& entry, int& value) { return parse_value(entry, bounds, value); });
}

base::Status parse_value(std::string_view text, Bounds, std::vector<Cidr>& out) {
  return parse_list(text, out, [](const std::string& entry, Cidr& value) -> base::Status {
    const auto network = parse_cidr(entry);
    if (!network) {
      return invalid_parameter(
          fmt::format("must be networks such as 10.0.0.0/8 or fd00::/8, not {}", quoted(entry)));
    }
    value = *network;
    return base::Ok{};
  });
}

base::Status parse_value(std::string_view text, Bounds bounds, FileMode& out) {
  const bool octal =
      !text.empty() && text.size() <= 6 && text.find_first_not_of("01234567") == std::string_view::npos;
  if (!octal)
    return invalid_parameter(fmt::format("must be octal digits such as \"0770\", not {}", quoted(text)));
  unsigned bits = 0;
  for (const char c : text) bits = bits * 8 + static_cast<unsigned>(c - '0');
  if (int64_t{bits} > bounds.max) {
    return invalid_parameter(fmt::format("must be at most {:04o}, not {}", bounds.max, quoted(text)));
  }
  out = FileMode{bits};
  return base::Ok{};
}

base::Status parse_value(std::string_view text, Bounds, Secret& out) {
  if (text.find('\0') != std::string_view::npos) return invalid_parameter("must not contain a zero byte");
  out = Secret(std::string(text));
  return base::Ok{};
}

Names split_list(std::string_view text) {
  Names entries;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view entry = base::trim(text.substr(0, comma));
    if (!entry.empty()) entries.emplace_back(entry);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return entries;
}

// ---- Showing ----

std::string show_value(bool value) { return value ? "1" : "0"; }
std::string show_value(int value) { return std::to_string(value); }
std::string show_value(int64_t value) { return std::to_string(value); }
std::string show_value(double value) { return fmt::format("{}", value); }
std::string show_value(base::Duration value) { return base::seconds_text(value); }
std::string show_value(std::chrono::milliseconds value) { return std::to_string(value.count()); }
std::string show_value(const std::string& value) { return value; }
std::string show_value(const Names& value) {
  return joined(value, ", ", [](const std::string& name) { return name; });
}
std::string show_value(const std::vector<int>& value) {
  return joined(value, ",", [](int number) { return std::to_string(number); });
}
std::string show_value(const std::vector<Cidr>& value) {
  return joined(value, ", ", [](const Cidr& network) { return to_text(network); });
}
std::string show_value(FileMode value) { return fmt::format("{:04o}", value.bits); }
std::string show_value(const Secret&) { return "********"; }

std::string toml_value(bool value) { return value ? "true" : "false"; }
std::string toml_value(int value) { return std::to_string(value); }
std::string toml_value(int64_t value) {
  const std::string text = base::size_text(value);
  return text.find_first_not_of("0123456789") == std::string::npos ? text : toml_string(text);
}
std::string toml_value(double value) { return fmt::format("{}", value); }
std::string toml_value(base::Duration value) {
  const bool whole_seconds = value.count() % 1'000'000 == 0;
  return whole_seconds ? base::seconds_text(value) : toml_string(base::duration_text(value));
}
std::string toml_value(std::chrono::milliseconds value) { return std::to_string(value.count()); }
std::string toml_value(const std::string& value) { return toml_string(value); }
std::string toml_value(const Names& value) {
  return "[" + joined(value, ", ", [](const std::string& name) { return toml_string(name); }) + "]";
}
std::string toml_value(const std::vector<int>& value) {
  return "[" + joined(value, ", ", [](int number) { return std::to_string(number); }) + "]";
}
std::string toml_value(const std::vector<Cidr>& value) {
  return "[" + joined(value, ", ", [](const Cidr& network) { return toml_string(to_text(network)); }) + "]";
}
std::string toml_value(FileMode value) { return toml_string(show_value(value)); }
std::string toml_value(const Secret&) { return "\"...\""; }

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    const unsigned char first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\\uFFFD";
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += text.front();
    } else if (first < 0x20 || first == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(first));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '"';
}

std::string toml_key(std::string_view text) {
  const auto bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), bare) ? std::string(text) : toml_string(text);
}

std::string_view type_text(const bool*) { return "true or false"; }
std::string_view type_text(const int*) { return "number"; }
std::string_view type_text(const int64_t*) { return "size"; }
std::string_view type_text(const double*) { return "decimal number"; }
std::string_view type_text(const base::Duration*) { return "duration"; }
std::string_view type_text(const std::chrono::milliseconds*) { return "milliseconds"; }
std::string_view type_text(const std::string*) { return "text"; }
std::string_view type_text(const Names*) { return "list"; }
std::string_view type_text(const std::vector<int>*) { return "list of numbers"; }
std::string_view type_text(const std::vector<Cidr>*) { return "list of networks"; }
std::string_view type_text(const FileMode*) { return "octal digits"; }
std::string_view type_text(const Secret*) { return "secret"; }

// ---- Messages ----

std::string bounds_text(Bounds bounds) {
  if (bounds.max >= std::numeric_limits<int>::max()) return fmt::format("must be at least {}", bounds.min);
  return fmt::format("must be between {} and {}", bounds.min, bounds.max);
}

std::string duration_bounds_text(Bounds bounds) {
  const std::string min = base::duration_text(base::Duration(bounds.min));
  if (bounds.max > base::kMaxDuration.count()) return fmt::format("must be at least {}", min);
  return fmt::format("must be between {} and {}", min, base::duration_text(base::Duration(bounds.max)));
}

base::Error not_one_of(std::string_view text, const std::vector<std::string_view>& names) {
  const std::string_view guess = nearest(text, names);
  return invalid_parameter(fmt::format("must be one of {}, not {}{}", fmt::join(names, ", "), quoted(text),
                                       guess.empty() ? "" : fmt::format("; did you mean '{}'?", guess)));
}

namespace {

constexpr std::size_t kLongestWord = 64;  // no name is longer; bounds the work for a hostile file

// Changes (insert, drop, replace, swap neighbours) that turn one word into the other; `limit` if there are as many or
// more. Both have at most kLongestWord letters.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  using Row = std::array<std::size_t, kLongestWord + 1>;
  std::array<Row, 3> rows;
  Row* before_last = &rows[0];
  Row* last = &rows[1];
  Row* row = &rows[2];
  std::iota(last->begin(), last->begin() + b.size() + 1, std::size_t{0});
  std::size_t best_of_last = 0;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t best = (*row)[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t d = std::min({(*last)[j] + 1, (*row)[j - 1] + 1, (*last)[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d = std::min(d, (*before_last)[j - 2] + 1);
      (*row)[j] = d;
      best = std::min(best, d);
    }
    if (best >= limit && best_of_last >= limit) return limit;  // every later row grows out of these two
    best_of_last = best;
    Row* const oldest = before_last;
    before_last = last;
    last = row;
    row = oldest;
  }
  return std::min((*last)[b.size()], limit);
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const std::string lower = base::to_lower(word);
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongestWord || candidate.size() + best_distance <= word.size() ||
        word.size() + best_distance <= candidate.size())
      continue;
    const std::size_t d = distance(lower, base::to_lower(candidate), best_distance);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace conf
