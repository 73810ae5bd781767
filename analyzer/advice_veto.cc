#include "analyzer/advice_veto.h"

#include <algorithm>

namespace analyzer {

bool Vetoes::plausible(const Candidate& candidate, const AdviceTable& table, double& rows) {
  const IndexShape& shape = candidate.shape;
  const std::string name = qualified_name(shape.schema, shape.table);
  if (!shape.predicate.empty()) {
    const double part = part_of_rows(name, shape.predicate, table.rows);
    if (part > kPartMax) return false;
    rows = part * table.rows;
  }
  if (candidate.reckoned) return true;  // from the rows that match
  return std::all_of(shape.keys.begin(), shape.keys.end(),
                     [&](const IndexKey& key) { return !key.expression || tells_apart(shape, key.text, table); });
}

double Vetoes::part_of_rows(const std::string& table, const std::string& predicate, double rows) {
  const std::string sql = "SELECT FROM " + table + " WHERE " + predicate;
  if (const auto known = known_.find(sql); known != known_.end()) return known->second;
  const auto plan = measure_.plan({.sql = sql, .search_path = ""});
  const double part = plan.ok() ? plan->rows / std::max(1.0, rows) : 1;
  known_.emplace(sql, part);
  return part;
}

bool Vetoes::tells_apart(const IndexShape& shape, const std::string& expression, const AdviceTable& of) {
  const std::string table = qualified_name(shape.schema, shape.table);
  const double percent = std::clamp(100 * kSampleRows / std::max(1.0, of.rows), 0.01, 100.0);
  const std::string sql =
      "SELECT pg_catalog.sum(n * n) / nullif(pg_catalog.sum(n) * pg_catalog.sum(n), 0)"
      " FROM (SELECT pg_catalog.count(*) n FROM (SELECT " +
      expression + " AS e FROM " + table + " TABLESAMPLE SYSTEM (" + std::to_string(percent) + ") REPEATABLE (1) LIMIT " +
      std::to_string(kSampleRows) + ") s GROUP BY e) g";
  if (const auto known = known_.find(sql); known != known_.end()) return known->second <= kExpressionPartMax;
  double part = 1;
  // PostgreSQL refuses an index on what is not immutable; such a function is not run on rows either.
  const std::string definition = what_if_statement(shape);
  if (measure_.pretend({definition}).ok() && !measure_.name_of(definition).empty())
    if (const auto rows = measure_.ask("", sql, {}); rows.ok() && !rows->empty()) part = number_at(rows->front(), 0, part);
  known_.emplace(sql, part);
  return part <= kExpressionPartMax;
}

}  // namespace analyzer
