#include "analyzer/advice_parts.h"

#include <algorithm>

namespace analyzer {
namespace {

std::string name_of(const AdviceTable& table) { return qualified_name(table.schema, table.name); }

// A table expression of so many rows of it, always the same ones.
std::string sample_of(const AdviceTable& table, const std::string& columns) {
  const double percent = std::clamp(100 * Parts::kSampleRows / std::max(1.0, table.rows), 0.01, 100.0);
  return "(SELECT " + columns + " FROM " + name_of(table) + " TABLESAMPLE SYSTEM (" + std::to_string(percent) +
         ") REPEATABLE (1) LIMIT " + std::to_string(Parts::kSampleRows) + ") s";
}

}  // namespace

double Parts::expected(const AdviceTable& table, const std::string& condition, const Path& search_path) {
  const std::string sql = "SELECT FROM " + name_of(table) + " WHERE " + condition;
  const auto [known, fresh] = known_.try_emplace({search_path, sql}, 1);
  if (!fresh) return known->second;
  const auto plan = measure_.plan({.sql = sql, .search_path = search_path});
  if (plan.ok()) known->second = plan->rows / std::max(1.0, table.rows);
  return known->second;
}

double Parts::sampled(const AdviceTable& table, const std::string& condition, const Path& search_path) {
  const double part = asked(search_path, "SELECT (pg_catalog.count(*) FILTER (WHERE " + condition +
                                             "))::pg_catalog.float8 / nullif(pg_catalog.count(*), 0) FROM " +
                                             sample_of(table, "*"));
  return std::max(part, 1.0 / kSampleRows);
}

double Parts::alike(const AdviceTable& table, const std::string& expression) {
  return asked("",
               "SELECT pg_catalog.sum(n * n) / nullif(pg_catalog.sum(n) * pg_catalog.sum(n), 0)"
               " FROM (SELECT pg_catalog.count(*) n FROM " +
                   sample_of(table, expression + " AS e") + " GROUP BY e) g");
}

double Parts::asked(const Path& search_path, const std::string& sql) {
  const auto [known, fresh] = known_.try_emplace({search_path, sql}, 1);
  if (!fresh) return known->second;
  const auto rows = measure_.ask(search_path, sql, {});
  if (rows.ok() && !rows->empty()) known->second = number_at(rows->front(), 0, 1);
  return known->second;
}

}  // namespace analyzer
