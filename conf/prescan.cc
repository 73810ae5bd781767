#include "conf/prescan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace conf {
namespace {

// The length of the string that `text` starts with, quotes included; up to the end if it is not closed. A
// string in single line quotes ends at the line's end, which the parser will complain about.
std::size_t string_length(std::string_view text) {
  const char quote = text.front();
  const bool multiline = text.size() >= 3 && text[1] == quote && text[2] == quote;
  for (std::size_t i = multiline ? 3 : 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (!multiline && text[i] == '\n') {
      return i;
    } else if (text[i] == quote) {
      if (!multiline) return i + 1;
      if (text.substr(i, 3) == std::string_view(text.data(), 3)) return i + 3;
    }
  }
  return text.size();
}

// TOML 1.0: UTF-8 without control characters, except tabs and line ends.
std::optional<PrescanProblem> find_forbidden_byte(std::string_view toml) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < toml.size();) {
    const std::size_t length = base::utf8_length(toml.substr(i));
    const auto byte = static_cast<unsigned char>(toml[i]);
    const bool line_end = byte == '\n' || (byte == '\r' && toml.substr(i, 2) == "\r\n");
    const bool control = (byte < 0x20 && byte != '\t' && !line_end) || byte == 0x7f;
    if (length == 0 || control) {
      return PrescanProblem{line, static_cast<int>(i - line_start) + 1,
                            fmt::format("the byte 0x{:02x} {}", byte,
                                        control ? "is a control character" : "is not part of valid UTF-8")};
    }
    i += length;
    if (byte == '\n') {
      ++line;
      line_start = i;
    }
  }
  return std::nullopt;
}

// Is `text`, from the [ that starts a section's header, followed by what can be a name? toml++ 3.3 takes it
// for granted. A ] is left to it.
bool header_has_name(std::string_view text) {
  text.remove_prefix(text.starts_with("[[") ? 2 : 1);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (text.empty()) return true;
  const char c = text.front();
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-\"']").find(c) != std::string_view::npos;
}

std::optional<PrescanProblem> find_deep_nesting(std::string_view toml) {
  int line = 1;
  std::size_t line_start = 0;
  int dots = 0;
  int brackets = 0;
  bool at_start = true;  // only blanks since the line began
  std::size_t i = 0;
  while (i < toml.size()) {
    const char c = toml[i];
    std::size_t length = 1;
    if (c == '[' && at_start && brackets == 0 && !header_has_name(toml.substr(i))) {
      return PrescanProblem{line, static_cast<int>(i - line_start) + 1,
                            "a section's name is made of letters, digits, _ and -, or stands in quotes"};
    }
    at_start = c == '\n' || (at_start && (c == ' ' || c == '\t'));
    if (c == '"' || c == '\'') {
      length = string_length(toml.substr(i));
    } else if (c == '#') {
      length = std::min(toml.find('\n', i), toml.size()) - i;
    } else if (c == '.') {
      ++dots;
    } else if (c == '[' || c == '{') {
      ++brackets;
      dots = 0;
    } else if (c == ']' || c == '}') {
      if (brackets > 0) --brackets;
      dots = 0;
    } else if (c == '=' || c == ',' || c == '\n') {
      dots = 0;
    }
    if (dots > kMaxNesting || brackets > kMaxNesting) {
      return PrescanProblem{line, static_cast<int>(i - line_start) + 1,
                            fmt::format("nested deeper than {} levels", kMaxNesting)};
    }
    for (const std::size_t end = i + length; i < end; ++i) {
      if (toml[i] == '\n') {
        ++line;
        line_start = i + 1;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<PrescanProblem> prescan(std::string_view toml) {
  // The parser passes over a byte order mark at the start, and so must we.
  if (toml.starts_with("\xEF\xBB\xBF")) toml.remove_prefix(3);
  if (auto forbidden = find_forbidden_byte(toml)) return forbidden;
  return find_deep_nesting(toml);
}

}  // namespace conf
