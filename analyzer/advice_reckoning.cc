#include "analyzer/advice_reckoning.h"

#include <algorithm>

namespace analyzer {
namespace {

// Costs in the planner's unit, a page read in order. A bitmap reads pages in order but not all of them: between that and 4.
constexpr double kPage = 2, kRow = 0.02, kCheck = 0.01;
// Descending into the index; and of trigrams, the lists of rows that have one of them and not the others.
constexpr double kDescent = 25, kEntry = 0.005;
constexpr double kBtreeDescent = 5, kRandomPage = 3;
constexpr double kBrinFixed = 10;

}  // namespace

double gin_cost(const AdviceTable& table, double rows, bool trigrams) {
  const double pages = std::min(rows, static_cast<double>(table.pages));
  return kDescent + kEntry * (trigrams ? table.rows : rows) + pages * kPage + rows * (kRow + (trigrams ? kCheck : 0));
}

double btree_cost(const AdviceTable& table, double rows) {
  const auto pages = static_cast<double>(std::max<int64_t>(1, table.pages));
  const double fetched = std::min(pages, 2 * pages * rows / (2 * pages + rows));  // several rows lie on one
  return kBtreeDescent + fetched * kRandomPage + rows * kRow;
}

std::string condition_by(const IndexShape& shape, const TableUse& use) {
  std::string out = shape.predicate;
  const auto add = [&out](const std::string& condition) { out += (out.empty() ? "" : " AND ") + condition; };
  for (const IndexKey& key : shape.keys) {
    const auto equal = std::find_if(use.equal.begin(), use.equal.end(), [&key](const TableUse::Equal& one) {
      return one.column == key.text && !one.condition.empty();
    });
    if (equal != use.equal.end()) {
      add(equal->condition);
      continue;
    }
    for (const TableUse::Bound& bound : use.bounds)
      if (bound.column == key.text) add(bound.condition);
    break;
  }
  return out;
}

double brin_cost(const AdviceTable& table, double part, double scan) {
  const double ends = 2 * kBrinPagesPerRange / std::max(1.0, static_cast<double>(table.pages));
  return kBrinFixed + scan * std::min(1.0, part + ends);
}

std::optional<double> cost_with(const Plan& plan, std::string_view table, double reading) {
  const Plan::Scan* scan = nullptr;
  for (const Plan::Scan& one : plan.scans) {
    if (one.relation != table) continue;
    if (scan != nullptr) return std::nullopt;  // which of the two is it?
    scan = &one;
  }
  if (scan == nullptr || scan->node != "Seq Scan" || reading > (1 - kReckonedSaves) * scan->cost) return std::nullopt;
  // A LIMIT ends a scan early, and a bitmap later: its whole cost at most.
  const double cost = plan.cost < scan->cost ? reading : plan.cost - scan->cost + reading;
  return cost < plan.cost ? std::optional(cost) : std::nullopt;
}

std::optional<double> Reckoning::cost(const Candidate& candidate, const TableUse& use,
                                      const std::optional<std::string>& search_path, const Plan& plan) {
  const IndexShape& shape = candidate.shape;
  const std::string& key = shape.keys.front().text;
  const AdviceTable& table = *use.table;
  double part = 1;
  if (shape.method == "brin") {
    std::string condition;
    for (const TableUse::Bound& bound : use.bounds)
      if (bound.column == key) condition += (condition.empty() ? "" : " AND ") + bound.condition;
    if (condition.empty()) return std::nullopt;
    const auto scan = std::find_if(plan.scans.begin(), plan.scans.end(),
                                   [&table](const Plan::Scan& one) { return one.relation == table.name; });
    if (scan == plan.scans.end()) return std::nullopt;
    return cost_with(plan, table.name, brin_cost(table, parts_.expected(table, condition, search_path), scan->cost));
  }
  if (shape.method != "gin") {
    const std::string condition = condition_by(shape, use);
    if (condition.empty()) return std::nullopt;
    return cost_with(plan, table.name, btree_cost(table, parts_.expected(table, condition, search_path) * table.rows));
  }
  const std::string& opclass = shape.keys.front().opclass;
  for (const TableUse::Match& match : use.matches) {
    if (match.key.text != key || (opclass == "jsonb_path_ops" && match.op.starts_with('?'))) continue;
    if (opclass.ends_with("trgm_ops") && !has_trigrams(match)) continue;
    part = std::min(part, parts_.sampled(table, match.condition, search_path));
  }
  return cost_with(plan, table.name, gin_cost(table, part * table.rows, opclass.ends_with("trgm_ops")));
}

}  // namespace analyzer
