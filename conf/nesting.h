#pragma once
// Looks for TOML so deeply nested that taking its tree apart would exhaust the stack, before it is parsed.

#include <optional>
#include <string_view>

namespace conf {

// Settings need three levels; this leaves room for mistakes to get a proper message.
inline constexpr int kMaxNesting = 32;

struct NestingProblem {
  int line = 0;
  int column = 0;
};

// Where a dotted key has more than kMaxNesting parts or brackets are nested deeper, outside strings and comments.
std::optional<NestingProblem> find_deep_nesting(std::string_view toml);

}  // namespace conf
