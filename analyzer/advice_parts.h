#pragma once
// Parts: what part of a table's rows is meant by a condition, or by the values of an expression. Asked of the planner, which
// reads none of them, or of a sample of the rows themselves. Each question is asked once.

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "analyzer/advice_catalog.h"
#include "analyzer/advice_measure.h"

namespace analyzer {

class Parts {
 public:
  using Path = std::optional<std::string>;
  static constexpr int kSampleRows = 30'000;

  explicit Parts(Measure& measure) : measure_(measure) {}

  // Of what the condition selects, as the planner expects; 1 where it cannot be asked.
  double expected(const AdviceTable& table, const std::string& condition, const Path& search_path);
  // The same of a sample; at least one row of that, because what no row of a sample has, one behind it may have.
  double sampled(const AdviceTable& table, const std::string& condition, const Path& search_path);
  // Of the rows that are like a row by this expression, on average of a sample; 1 where it cannot be asked.
  double alike(const AdviceTable& table, const std::string& expression);

 private:
  // What the first row's first column says.
  double asked(const Path& search_path, const std::string& sql);

  Measure& measure_;
  std::map<std::pair<Path, std::string>, double> known_;  // by question
};

}  // namespace analyzer
