#pragma once
// Looks over a TOML text before it is parsed, for what the parser must not meet: bytes that TOML forbids,
// which it handles carelessly, and nesting so deep that taking its tree apart would exhaust the stack.

#include <optional>
#include <string>
#include <string_view>

namespace conf {

// Settings need three levels; this leaves room for mistakes to get a proper message.
inline constexpr int kMaxNesting = 32;

struct PrescanProblem {
  int line = 0;
  int column = 0;
  std::string message;
};

// The first control character, invalid UTF-8, dotted key of more than kMaxNesting parts, or bracket nested
// deeper. Nothing inside strings and comments counts as nesting.
std::optional<PrescanProblem> prescan(std::string_view toml);

}  // namespace conf
