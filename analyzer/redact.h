#pragma once
// A text for operators to read: without the values in it, because these may be secrets.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

// Every literal is ?, comments are gone and so are blanks beyond one; $1 stays. The text may be cut off anywhere. Where
// it cannot be known what is a literal (a string that is not closed, one with a backslash that a setting gives its
// meaning), the rest of it is one ?; and so is what SET gives a setting, which may be a secret without quotes. What is
// not UTF-8 is ? too. Two bytes longer than `sql` at most.
std::string without_values(std::string_view sql);

// The same with $n for each value, as pg_stat_statements has it: numbered on from the highest parameter that the text has
// itself. The sign of a number goes with it, but for one behind a word, which may be minus. What is longer than
// `bytes_max` ends in "...".
std::string normalized(std::string_view sql, std::size_t bytes_max);

// The same, with what it left out.
struct Normalized {
  std::string text;
  int first = 1;  // the n of the first value
  // As the text wrote them: a string in plain quotes without these. Nothing for one of which it cannot be known where it
  // ends, or which is what SET gives a setting.
  std::vector<std::optional<std::string>> values{};
};
Normalized normalized_with_values(std::string_view sql, std::size_t bytes_max);

}  // namespace analyzer
