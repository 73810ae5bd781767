#include "conf/nesting.h"

#include <algorithm>

namespace conf {
namespace {

// The length of the string that `text` starts with, quotes included; up to the end if it is not closed. A string in
// single line quotes ends at the line's end, which the parser will complain about.
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

}  // namespace

std::optional<NestingProblem> find_deep_nesting(std::string_view toml) {
  int line = 1;
  std::size_t line_start = 0;
  int dots = 0;
  int brackets = 0;
  std::size_t i = 0;
  while (i < toml.size()) {
    const char c = toml[i];
    std::size_t length = 1;
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
      return NestingProblem{line, static_cast<int>(i - line_start) + 1};
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

}  // namespace conf
