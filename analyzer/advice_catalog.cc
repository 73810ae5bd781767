#include "analyzer/advice_catalog.h"

#include <algorithm>
#include <unordered_map>

#include "analyzer/tree.h"
#include "base/text.h"

namespace analyzer {

const std::string_view kTablesSql =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, coalesce(p.rows, c.reltuples),"
    " coalesce(p.pages, greatest(c.relpages, coalesce(pg_catalog.pg_relation_size(c.oid), 0) / 8192)),"
    " c.relallvisible::pg_catalog.float8 / greatest(c.relpages, 1),"
    " pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),"
    " c.relpersistence = 't', CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END, p.names"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN LATERAL (SELECT pg_catalog.sum(greatest(l.reltuples, 0)) AS rows,"
    "  pg_catalog.sum(greatest(l.relpages, pg_catalog.pg_relation_size(l.oid) / 8192)) AS pages,"
    "  CASE WHEN pg_catalog.max(t.level) = 1 AND pg_catalog.count(*) <= 100"
    "   THEN pg_catalog.json_agg(pg_catalog.json_build_array(m.nspname, l.relname) ORDER BY l.oid) END AS names"
    "  FROM pg_catalog.pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) t"
    "  JOIN pg_catalog.pg_class l ON l.oid = t.relid JOIN pg_catalog.pg_namespace m ON m.oid = l.relnamespace"
    "  WHERE t.isleaf) p ON true"
    " WHERE c.oid = ANY ($1::pg_catalog.oid[]) LIMIT 2000";

const std::string_view kColumnsSql =
    "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, NULL), a.attnotnull,"
    " coalesce(l.collname IN ('C', 'POSIX') OR (l.collname = 'default' AND (SELECT d.datcollate FROM pg_catalog.pg_database d"
    "  WHERE d.datname = pg_catalog.current_database()) IN ('C', 'POSIX')), true),"
    " s.n_distinct, s.null_frac, s.correlation, s.avg_width"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation"
    // Nobody but ANALYZE keeps statistics of a table with partitions: those of the largest stand for it.
    " LEFT JOIN LATERAL (SELECT m.nspname, l.relname FROM"
    "  pg_catalog.pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) t JOIN pg_catalog.pg_class l ON l.oid = t.relid"
    "  JOIN pg_catalog.pg_namespace m ON m.oid = l.relnamespace WHERE t.isleaf ORDER BY l.reltuples DESC LIMIT 1) p ON true"
    " LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = coalesce(p.nspname, n.nspname)"
    "  AND s.tablename = coalesce(p.relname, c.relname) AND s.attname = a.attname AND NOT s.inherited"
    " WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attrelid, a.attnum LIMIT 40000";

// Statistics by their functions: the views join catalogues anew, row by row where these were never analyzed.
#define WEIR_INDEX_COLUMNS                                                                                                 \
  "SELECT i.indexrelid, i.indrelid, n.nspname, t.relname, x.relname, m.amname, i.indisunique, i.indisprimary,"             \
  " i.indisvalid AND i.indisready, i.indisreplident OR i.indisclustered OR EXISTS (SELECT FROM pg_catalog.pg_inherits h"   \
  "  WHERE h.inhrelid = i.indexrelid) OR EXISTS (SELECT FROM pg_catalog.pg_constraint k"                                    \
  "  WHERE k.conindid = i.indexrelid), pg_catalog.pg_relation_size(i.indexrelid),"                                          \
  " pg_catalog.pg_stat_get_numscans(i.indexrelid),"                                                                        \
  " pg_catalog.pg_get_expr(i.indpred, i.indrelid), k.n <= i.indnkeyatts,"                                                  \
  " CASE WHEN a.attnum IS NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid, k.n::pg_catalog.int4, true) ELSE a.attname"   \
  "  END, a.attnum IS NULL, CASE WHEN o.opcdefault THEN '' ELSE o.opcname END,"                                            \
  " coalesce((i.indoption[k.n - 1]::pg_catalog.int4 & 1) <> 0, false),"                                                    \
  " coalesce((i.indoption[k.n - 1]::pg_catalog.int4 & 2) <> 0, false), x.relkind = 'I'"                                    \
  " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"                                         \
  " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace"             \
  " JOIN pg_catalog.pg_am m ON m.oid = x.relam"                                                                            \
  " CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnatts::pg_catalog.int4) k (n)"                                   \
  " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1] AND a.attnum > 0"      \
  " LEFT JOIN pg_catalog.pg_opclass o ON k.n <= i.indnkeyatts AND o.oid = i.indclass[k.n - 1]"

const std::string_view kIndexesSql =
    WEIR_INDEX_COLUMNS " WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) ORDER BY i.indexrelid, k.n LIMIT 100000";
const std::string_view kAllIndexesSql = WEIR_INDEX_COLUMNS
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.relkind IN ('r', 'm', 'p')"
    " ORDER BY i.indexrelid, k.n LIMIT 100000";
#undef WEIR_INDEX_COLUMNS

const std::string_view kExtensionsSql =
    "SELECT e.extname, n.nspname, e.extversion FROM pg_catalog.pg_extension e"
    " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace";

namespace {

std::string text_at(const SqlRow& row, std::size_t at) { return row[at].value_or(""); }
bool flag_at(const SqlRow& row, std::size_t at) { return row[at] == "t"; }

int64_t count_at(const SqlRow& row, std::size_t at) { return base::parse_int(row[at].value_or("")).value_or(0); }

constexpr double kRowsOfPage = 50;
constexpr std::size_t kTableColumns = 11, kColumnColumns = 9, kIndexColumns = 20;

// Rows of one index follow one another, one for each of its columns.
template <typename TableOf>
void add_indexes(const SqlRows& rows, TableOf table_of) {
  std::string last;
  AdviceTable* table = nullptr;
  for (const SqlRow& row : rows) {
    if (row.size() != kIndexColumns) continue;
    if (const std::string index = text_at(row, 0); index != last) {
      last = index;
      table = table_of(row);
      if (table != nullptr) {
        AdviceIndex& made = table->indexes.emplace_back();
        made.shape = {.schema = text_at(row, 2), .table = text_at(row, 3), .method = text_at(row, 5), .keys = {}};
        made.name = text_at(row, 4);
        made.unique = flag_at(row, 6);
        made.primary = flag_at(row, 7);
        made.valid = flag_at(row, 8);
        made.needed = flag_at(row, 9);
        made.bytes = count_at(row, 10);
        made.scans = count_at(row, 11);
        made.shape.predicate = text_at(row, 12);
        made.of_partitions = flag_at(row, 19);
      }
    }
    if (table == nullptr) continue;
    IndexShape& shape = table->indexes.back().shape;
    if (flag_at(row, 13))
      shape.keys.push_back({.text = text_at(row, 14),
                            .expression = flag_at(row, 15),
                            .opclass = text_at(row, 16),
                            .descending = flag_at(row, 17),
                            .nulls_first = flag_at(row, 18)});
    else
      shape.include.push_back(text_at(row, 14));
  }
}

IndexFinding finding(const AdviceIndex& index, std::string why) {
  return {.database = {},
          .schema = index.shape.schema,
          .table = index.shape.table,
          .index = index.name,
          .definition = (index.unique ? "UNIQUE " : "") + index.shape.method + " (" + keys_text(index.shape) + ")" +
                        (index.shape.predicate.empty() ? "" : " WHERE " + index.shape.predicate),
          .why = std::move(why),
          .statement = drop_statement(index),
          .bytes = index.bytes,
          .scans = index.scans};
}

// Of two that do the same, one goes: not a needed or unique one, then the one of the later name.
bool goes_before(const AdviceIndex& a, const AdviceIndex& b) {
  const auto rank = [](const AdviceIndex& one) { return one.primary ? 3 : one.needed ? 2 : one.unique ? 1 : 0; };
  return rank(a) != rank(b) ? rank(a) < rank(b) : a.name > b.name;
}

// [["public", "t_2026"], ...]
std::vector<std::pair<std::string, std::string>> pairs_in(std::string json) {
  std::vector<std::pair<std::string, std::string>> out;
  Tree tree;
  if (!tree.read(std::move(json)) || tree.size() == 0) return out;
  for (const Node pair : tree.root()) {
    std::vector<std::string> names;
    for (const Node name : pair) names.emplace_back(name.text());
    if (names.size() == 2 && out.size() < AdviceTable::kPartitionsMax) out.emplace_back(names[0], names[1]);
  }
  return out;
}

std::string why_redundant(const AdviceTable& table, const AdviceIndex& index) {
  for (const AdviceIndex& other : table.indexes) {
    if (&other == &index || !other.valid || !covers(other.shape, index.shape)) continue;
    const bool both = covers(index.shape, other.shape);
    if (index.unique && !(both && other.unique)) continue;
    if (!both) return "the keys of " + other.name + " begin with the same";
    if (goes_before(index, other)) return "the same as " + other.name;
  }
  return {};
}

}  // namespace

double number_at(const SqlRow& row, std::size_t at, double otherwise) {
  return base::parse_double(row[at].value_or("")).value_or(otherwise);
}

const AdviceColumn* AdviceTable::column(std::string_view wanted) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [wanted](const AdviceColumn& one) { return one.name == wanted; });
  return found == columns.end() ? nullptr : &*found;
}

double AdviceTable::distinct(std::string_view column_name) const {
  const AdviceColumn* const found = column(column_name);
  if (found == nullptr || found->distinct == 0) return std::max(1.0, std::min(rows, 200.0));
  return std::max(1.0, found->distinct > 0 ? found->distinct : -found->distinct * rows);
}

std::optional<Extension> extension_in(const SqlRows& extensions, std::string_view name) {
  for (const SqlRow& row : extensions)
    if (row.size() == 3 && row[0] == name) return Extension{text_at(row, 1), text_at(row, 2)};
  return std::nullopt;
}

AdviceCatalog catalog_of(const SqlRows& tables, const SqlRows& columns, const SqlRows& indexes) {
  AdviceCatalog catalog;
  std::unordered_map<std::string, std::size_t> by_oid;
  for (const SqlRow& row : tables) {
    if (row.size() != kTableColumns || catalog.tables.size() >= kTablesRead) continue;
    by_oid.emplace(text_at(row, 0), catalog.tables.size());
    AdviceTable& table = catalog.tables.emplace_back();
    table.oid = static_cast<uint64_t>(count_at(row, 0));
    table.schema = text_at(row, 1);
    table.name = text_at(row, 2);
    table.kind = text_at(row, 3).empty() ? 'r' : text_at(row, 3).front();
    table.pages = count_at(row, 5);
    // Never analyzed: as many as a page holds of rows that are not large.
    table.rows = number_at(row, 4) < 0 ? static_cast<double>(table.pages) * kRowsOfPage : number_at(row, 4);
    table.visible = number_at(row, 6);
    table.readable = flag_at(row, 7);
    table.temporary = flag_at(row, 8);
    table.query = text_at(row, 9);
    table.partitions = pairs_in(text_at(row, 10));
  }
  const auto table_of = [&](const std::string& oid) {
    const auto found = by_oid.find(oid);
    return found == by_oid.end() ? nullptr : &catalog.tables[found->second];
  };
  for (const SqlRow& row : columns) {
    AdviceTable* const table = row.size() == kColumnColumns ? table_of(text_at(row, 0)) : nullptr;
    if (table == nullptr) continue;
    table->columns.push_back({.name = text_at(row, 1),
                              .type = text_at(row, 2),
                              .not_null = flag_at(row, 3),
                              .c_collation = flag_at(row, 4),
                              .distinct = number_at(row, 5),
                              .null_part = number_at(row, 6),
                              .correlation = number_at(row, 7),
                              .width = static_cast<int>(number_at(row, 8, 8))});
  }
  add_indexes(indexes, [&](const SqlRow& row) { return table_of(text_at(row, 1)); });
  return catalog;
}

std::string drop_statement(const AdviceIndex& index) {
  const std::string name = qualified_name(index.shape.schema, index.name);
  return (index.of_partitions ? "DROP INDEX " : "DROP INDEX CONCURRENTLY ") + name + ";";
}

AdviceCatalog indexes_of(const SqlRows& indexes) {
  AdviceCatalog catalog;
  std::unordered_map<std::string, std::size_t> by_oid;
  for (const SqlRow& row : indexes) {
    if (row.size() != kIndexColumns || !by_oid.try_emplace(text_at(row, 1), catalog.tables.size()).second) continue;
    AdviceTable& table = catalog.tables.emplace_back();
    table.schema = text_at(row, 2);
    table.name = text_at(row, 3);
  }
  add_indexes(indexes, [&](const SqlRow& row) { return &catalog.tables[by_oid.at(text_at(row, 1))]; });
  return catalog;
}

std::vector<IndexFinding> redundant_indexes(const AdviceCatalog& catalog) {
  std::vector<IndexFinding> out;
  for (const AdviceTable& table : catalog.tables)
    for (const AdviceIndex& index : table.indexes) {
      if (!index.valid && !index.of_partitions) {
        out.push_back(
            finding(index, "invalid: left behind by a CREATE INDEX CONCURRENTLY that failed, or still being built"));
        continue;
      }
      if (index.primary || index.needed || index.of_partitions) continue;
      if (std::string why = why_redundant(table, index); !why.empty()) out.push_back(finding(index, std::move(why)));
    }
  return out;
}

std::vector<IndexFinding> unused_indexes(const AdviceCatalog& catalog) {
  std::vector<IndexFinding> out;
  for (const AdviceTable& table : catalog.tables)
    for (const AdviceIndex& index : table.indexes)
      if (index.valid && index.scans == 0 && !index.unique && !index.primary && !index.needed &&
          index.bytes >= kUnusedBytesMin)
        out.push_back(finding(index, "not scanned since statistics began"));
  return out;
}

}  // namespace analyzer
