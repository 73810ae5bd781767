#pragma once
// What HypoPG cannot tell of an index, asked of the table itself: how many rows a partial one would hold, and whether an
// expression tells rows apart. Of an expression the planner knows nothing before there is an index on it: it would promise
// much, and after ANALYZE keep nothing.

#include <map>
#include <string>
#include <utility>

#include "analyzer/advice_candidates.h"
#include "analyzer/advice_measure.h"
#include "analyzer/advice_parts.h"

namespace analyzer {

class Vetoes {
 public:
  // A partial index is for a small part of the rows.
  static constexpr double kPartMax = 0.15;
  // Of a sample, so many are like one of them, on average; more, and an index on that finds too much.
  static constexpr double kExpressionPartMax = 0.05;

  Vetoes(Measure& measure, Parts& parts) : measure_(measure), parts_(parts) {}

  // What speaks against it; empty: nothing. `rows`: those that it would hold. Each question is asked once.
  std::string objection(const Candidate& candidate, const AdviceTable& table, double& rows);

 private:
  bool tells_apart(const IndexShape& shape, const std::string& expression, const AdviceTable& table);

  Measure& measure_;
  Parts& parts_;
  std::map<std::pair<std::string, std::string>, bool> known_;  // by index and expression
};

}  // namespace analyzer
