#pragma once
// What is wrong with a configuration, and where.

#include <string>
#include <string_view>
#include <vector>

namespace conf {

struct Problem {
  std::string file;
  int line = 0;  // from 1; 0 when the problem is not at one place
  int column = 0;
  std::string message;  // safe to print; never holds a secret
  bool operator==(const Problem&) const = default;
};

// "weir.toml:2:8: message"; without the position when there is none.
std::string to_text(const Problem& problem);
// One problem a line.
std::string to_text(const std::vector<Problem>& problems);
// By file as first met, then line, then column; equal ones once.
void sort_problems(std::vector<Problem>& problems);

}  // namespace conf
