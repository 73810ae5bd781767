#include "conf/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/text.h"

namespace conf {

std::string to_text(const Problem& problem) {
  const std::string file = base::escape_for_log(problem.file);
  if (problem.line == 0) return fmt::format("{}: {}", file, problem.message);
  return fmt::format("{}:{}:{}: {}", file, problem.line, problem.column, problem.message);
}

std::string to_text(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_text(problem) + '\n';
  return out;
}

void sort_problems(std::vector<Problem>& problems) {
  std::map<std::string, std::size_t> first_met;
  for (const Problem& problem : problems) first_met.emplace(problem.file, first_met.size());
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(first_met.at(a.file), a.line, a.column) <
           std::tuple(first_met.at(b.file), b.line, b.column);
  });
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
}

}  // namespace conf
