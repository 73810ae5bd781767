#pragma once
// What HypoPG cannot tell of an index, asked of the table itself: how many rows a partial one would hold, and whether an
// expression tells rows apart. Of an expression the planner knows nothing before there is an index on it: it would promise
// much, and after ANALYZE keep nothing.

#include <map>
#include <string>

#include "analyzer/advice_candidates.h"
#include "analyzer/advice_measure.h"

namespace analyzer {

class Vetoes {
 public:
  // A partial index is for a small part of the rows.
  static constexpr double kPartMax = 0.15;
  // Of a sample, so many are like one of them, on average; more, and an index on that finds too much.
  static constexpr double kExpressionPartMax = 0.05;
  static constexpr int kSampleRows = 30'000;

  explicit Vetoes(Measure& measure) : measure_(measure) {}

  // `rows`: those that it would hold. Each question is asked once.
  bool plausible(const Candidate& candidate, const AdviceTable& table, double& rows);

 private:
  double part_of_rows(const std::string& table, const std::string& predicate, double rows);
  bool tells_apart(const IndexShape& shape, const std::string& expression, const AdviceTable& of);

  Measure& measure_;
  std::map<std::string, double> known_;  // by question
};

}  // namespace analyzer
