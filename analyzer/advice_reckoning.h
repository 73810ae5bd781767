#pragma once
// Reckoning: what it would cost to read a table by an index that HypoPG cannot pretend (GIN, and any where it is not
// installed), or that the planner takes for dearer than it is (BRIN): from how many rows of a sample of the table match, or the
// planner expects to.

#include <optional>
#include <string>
#include <string_view>

#include "analyzer/advice_candidates.h"
#include "analyzer/advice_parts.h"
#include "analyzer/advice_plan.h"

namespace analyzer {

// The cost of finding so many rows by a btree, wherever they lie.
double btree_cost(const AdviceTable& table, double rows);
// By a GIN index, and of checking them again.
double gin_cost(const AdviceTable& table, double rows, bool trigrams);
// Of reading that part of a table by a BRIN index, where all of it costs `scan`.
double brin_cost(const AdviceTable& table, double part, double scan);
// The plan's cost if its one scan of all the table cost that much. Nothing where there is no such scan, or where it saves less
// than kReckonedSaves of that scan.
inline constexpr double kReckonedSaves = 0.7;
std::optional<double> cost_with(const Plan& plan, std::string_view table, double reading);

// What an index with these keys finds rows by, of what is asked of its table, as SQL: equalities of its first keys, a range of
// the one behind them, and its own WHERE. Empty: nothing, or what cannot be told.
std::string condition_by(const IndexShape& shape, const TableUse& use);

class Reckoning {
 public:
  explicit Reckoning(Parts& parts) : parts_(parts) {}

  // The cost of `plan` with that index, for what the statement asks of its table. Nothing where it is of no use to it.
  std::optional<double> cost(const Candidate& candidate, const TableUse& use, const std::optional<std::string>& search_path,
                             const Plan& plan);

 private:
  Parts& parts_;
};

}  // namespace analyzer
