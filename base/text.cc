#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace base {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool digit(char c) { return c >= '0' && c <= '9'; }

struct Unit {
  std::string_view name;
  int64_t factor;
};

// In microseconds, largest first.
constexpr std::array<Unit, 6> kTimeUnits{{{"d", 86'400'000'000},
                                          {"h", 3'600'000'000},
                                          {"min", 60'000'000},
                                          {"s", 1'000'000},
                                          {"ms", 1'000},
                                          {"us", 1}}};

constexpr std::array<Unit, 5> kSizeUnits{{{"TB", int64_t{1} << 40},
                                          {"GB", int64_t{1} << 30},
                                          {"MB", int64_t{1} << 20},
                                          {"kB", int64_t{1} << 10},
                                          {"B", 1}}};

// A decimal fraction keeps this many digits; a smaller part is below a microsecond for every unit up to
// seconds.
constexpr int kFractionDigits = 6;

// digits[.digits] taken off the front of `text`, times `factor`, exactly; nothing on overflow or without a
// digit.
struct Decimal {
  int64_t whole = 0;
  int64_t millionths = 0;
};
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal result;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), result.whole);
  if (failure != std::errc() || !digit(text.front())) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty() || text.front() != '.') return result;
  text.remove_prefix(1);
  if (text.empty() || !digit(text.front())) return std::nullopt;
  int64_t scale = 1'000'000;
  for (int i = 0; !text.empty() && digit(text.front()); ++i, text.remove_prefix(1)) {
    if (i >= kFractionDigits) continue;
    scale /= 10;
    result.millionths += (text.front() - '0') * scale;
  }
  return result;
}

std::optional<int64_t> times(Decimal number, int64_t factor, int64_t limit) {
  if (number.whole > limit / factor) return std::nullopt;
  // factor is at most a terabyte, so the product below stays under 2^61.
  const int64_t value = number.whole * factor + number.millionths * (factor / 1'000'000) +
                        number.millionths * (factor % 1'000'000) / 1'000'000;
  return value <= limit ? std::optional(value) : std::nullopt;
}

template <std::size_t N>
std::string with_unit(int64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  return fmt::format("{}", value);
}

char32_t decode_utf8(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 2: return static_cast<char32_t>((byte(0) & 0x1f) << 6 | (byte(1) & 0x3f));
    case 3: return static_cast<char32_t>((byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f));
    case 4:
      return static_cast<char32_t>((byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 |
                                   (byte(3) & 0x3f));
    default: return byte(0);
  }
}

// C0 and C1 controls, line and paragraph separators, and the marks that reorder what a terminal shows.
bool unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f ||
         c == 0x061c || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

bool stands_for_itself(char c) { return c >= 0x20 && c < 0x7f; }

void append_escaped(std::string& out, std::string_view character) {
  const char32_t c = decode_utf8(character);
  if (!unprintable(c)) {
    out.append(character);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c < 0x80) {
    out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
  } else {
    out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c));
  }
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  return failure == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text, Duration bare) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  const auto number = take_decimal(text);
  if (!number) return std::nullopt;
  text = trim(text);
  int64_t factor = 0;
  if (text.empty()) {
    factor = bare.count();
  } else if (text == "m") {
    factor = 60'000'000;
  } else {
    const auto unit = std::find_if(kTimeUnits.begin(), kTimeUnits.end(), [&](const Unit& candidate) {
      return equal_ignoring_case(candidate.name, text);
    });
    if (unit == kTimeUnits.end()) return std::nullopt;
    factor = unit->factor;
  }
  const auto value = times(*number, factor, kMaxDuration.count());
  return value ? std::optional(Duration(*value)) : std::nullopt;
}

std::string duration_text(Duration duration) {
  return duration.count() == 0 ? "0s" : with_unit(duration.count(), kTimeUnits);
}

std::string seconds_text(Duration duration) {
  const int64_t whole = duration.count() / 1'000'000;
  const int64_t rest = duration.count() % 1'000'000;
  if (rest == 0) return fmt::format("{}", whole);
  std::string text =
      fmt::format("{}{}.{:06}", whole == 0 && rest < 0 ? "-" : "", whole, rest < 0 ? -rest : rest);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::optional<int64_t> parse_size(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  const auto number = take_decimal(text);
  if (!number) return std::nullopt;
  std::string unit = to_lower(trim(text));
  if (unit.size() == 3 && unit[1] == 'i') unit.erase(1, 1);  // KiB, MiB: the same
  if (unit.empty()) unit = "b";
  if (unit.size() == 1 && unit != "b") unit += 'b';  // k, M, G
  for (const Unit& candidate : kSizeUnits) {
    if (!equal_ignoring_case(candidate.name, unit)) continue;
    if (candidate.factor == 1 && number->millionths != 0) return std::nullopt;
    return times(*number, candidate.factor, std::numeric_limits<int64_t>::max());
  }
  return std::nullopt;
}

std::string size_text(int64_t bytes) {
  if (bytes == 0 || bytes % 1024 != 0) return fmt::format("{}", bytes);
  return with_unit(bytes, kSizeUnits);
}

std::optional<int64_t> parse_int(std::string_view text) { return parse_whole<int64_t>(text); }
std::optional<double> parse_double(std::string_view text) { return parse_whole<double>(text); }

std::string quote_literal(std::string_view text) {
  std::string out = text.find('\\') != std::string_view::npos ? "E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  out += '\'';
  return out;
}

std::string quote_identifier(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += c;
    out += c;
  }
  out += '"';
  return out;
}

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  // The Unicode Standard, table 3-7: the second byte's range keeps out overlong forms, surrogates and what is
  // past U+10FFFF.
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escape_for_log(std::string_view text, std::size_t max_bytes) {
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), stands_for_itself);
    if (const auto plain = static_cast<std::size_t>(special - text.begin()); plain > 0) {
      if (out.size() + plain > max_bytes) {
        out += text.substr(0, max_bytes - out.size());
        out += "...";
        break;
      }
      out += text.substr(0, plain);
      text.remove_prefix(plain);
      continue;
    }
    const std::size_t before = out.size();
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(text.front())));
      text.remove_prefix(1);
    } else {
      append_escaped(out, text.substr(0, length));
      text.remove_prefix(length);
    }
    if (out.size() > max_bytes) {
      out.resize(before);
      out += "...";
      break;
    }
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace base
