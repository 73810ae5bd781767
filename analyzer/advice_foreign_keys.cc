#include "analyzer/advice_foreign_keys.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "analyzer/advice_candidates.h"
#include "analyzer/index_size.h"

namespace analyzer {

// An index serves a foreign key if it begins with its columns in any order, and leaves out no row but those without a value.
// Below fifty pages reading all of a table costs next to nothing.
const std::string_view kForeignKeysSql =
    "SELECT k.oid, n.nspname, c.relname, a.attname, k.conname, p.oid::pg_catalog.regclass,"
    " pg_catalog.pg_stat_get_tuples_deleted(p.oid),"
    " pg_catalog.pg_stat_get_tuples_inserted(c.oid), c.reltuples, c.relpages, s.avg_width, s.n_distinct,"
    " extract(epoch FROM pg_catalog.now() - coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time())) / 3600,"
    " pg_catalog.format_type(a.atttypid, NULL)"
    " FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class p ON p.oid = k.confrelid"
    " JOIN pg_catalog.pg_stat_database d ON d.datname = pg_catalog.current_database()"
    " CROSS JOIN LATERAL pg_catalog.unnest(k.conkey) WITH ORDINALITY u (attnum, n)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum"
    " LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname"
    "  AND NOT s.inherited"
    " WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't'"
    "  AND c.relpages >= 50 AND pg_catalog.pg_stat_get_tuples_deleted(p.oid) > 0"
    "  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
    "   JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname IN ('btree', 'hash')"
    "   WHERE i.indrelid = c.oid AND i.indisvalid AND pg_catalog.cardinality(k.conkey) <= i.indnkeyatts"
    "   AND k.conkey <@ (i.indkey::pg_catalog.int2[])[0:pg_catalog.cardinality(k.conkey) - 1]"
    "   AND (i.indpred IS NULL OR pg_catalog.pg_get_expr(i.indpred, i.indrelid) IN"
    "    (SELECT pg_catalog.format('(%I IS NOT NULL)', b.attname) FROM pg_catalog.pg_attribute b"
    "      WHERE b.attrelid = c.oid AND b.attnum = ANY (k.conkey))))"
    " ORDER BY k.oid, u.n LIMIT 2000";

namespace {

constexpr std::size_t kColumns = 14;
// Milliseconds that reading a row costs whoever looks for one value among all.
constexpr double kRowMs = 0.00013;
// What was counted for less than this says little of an hour.
constexpr double kHoursMin = 0.25;

struct ForeignKey {
  AdviceTable table;  // that has it, with its columns alone
  std::string name, parent;
  double deletes = 0, inserts = 0, hours = kHoursMin;
};

std::vector<ForeignKey> foreign_keys(const SqlRows& rows) {
  std::vector<ForeignKey> out;
  std::string last;
  for (const SqlRow& row : rows) {
    if (row.size() != kColumns || !row[0] || !row[3]) continue;
    if (*row[0] != last) {
      last = *row[0];
      ForeignKey& key = out.emplace_back();
      key.table.schema = row[1].value_or("");
      key.table.name = row[2].value_or("");
      key.table.rows = std::max(0.0, number_at(row, 8));
      key.name = row[4].value_or("");
      key.parent = row[5].value_or("");
      key.deletes = number_at(row, 6);
      key.inserts = number_at(row, 7);
      key.hours = std::max(kHoursMin, number_at(row, 12));
    }
    out.back().table.columns.push_back({.name = *row[3],
                                        .type = row[13].value_or(""),
                                        .distinct = number_at(row, 11),
                                        .width = static_cast<int>(number_at(row, 10, 8))});
  }
  return out;
}

bool begins_with_all_of(const IndexShape& shape, const AdviceTable& table) {
  if (shape.schema != table.schema || shape.table != table.name || !shape.predicate.empty()) return false;
  if (shape.keys.size() < table.columns.size()) return false;
  return std::all_of(shape.keys.begin(), shape.keys.begin() + static_cast<std::ptrdiff_t>(table.columns.size()),
                     [&](const IndexKey& key) { return !key.expression && table.column(key.text) != nullptr; });
}

Advice advice_for(std::string_view database, const ForeignKey& key) {
  Advice advice;
  advice.database = database;
  advice.shape = {.schema = key.table.schema, .table = key.table.name, .keys = {}};
  for (const AdviceColumn& column : key.table.columns) advice.shape.keys.push_back(key_on(column.name));
  advice.id = advice_id(database, advice.shape);
  advice.why = fmt::format("foreign key {}: each row deleted from {} looks for its rows here, {:.0f} so far", key.name,
                           key.parent, key.deletes);
  advice.model = "rule";
  advice.bytes = estimated_bytes(key.table, advice.shape, key.table.rows);
  advice.saves_ms_per_hour = key.deletes / key.hours * key.table.rows * kRowMs;
  advice.write_ms_per_hour = key.inserts / key.hours * kIndexWriteMs;
  advice.confidence = Confidence::kMedium;
  return advice;
}

}  // namespace

std::vector<Advice> foreign_key_advice(std::string_view database, const SqlRows& rows, const std::vector<Advice>& measured) {
  std::vector<Advice> out;
  for (const ForeignKey& key : foreign_keys(rows)) {
    const auto serves = [&](const Advice& one) { return begins_with_all_of(one.shape, key.table); };
    if (std::any_of(measured.begin(), measured.end(), serves) || std::any_of(out.begin(), out.end(), serves)) continue;
    out.push_back(advice_for(database, key));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Advice& a, const Advice& b) { return a.saves_ms_per_hour > b.saves_ms_per_hour; });
  return out;
}

}  // namespace analyzer
