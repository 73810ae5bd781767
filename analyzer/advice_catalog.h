#pragma once
// What the advisor knows of a database: its tables, columns, indexes and what statistics say of them. Values, and the SQL
// that reads them. Pure.
//
// The SQL is meant for a search_path that is empty and for a role of pg_monitor and pg_read_all_data; what a role may not
// read stands in `readable`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/index_shape.h"

namespace analyzer {

struct AdviceColumn {
  std::string name, type;
  bool not_null = false;
  bool c_collation = true;  // a plain index serves LIKE 'x%'
  double distinct = 0;      // as pg_stats has it: below 0 a part of the rows; 0: not known
  double null_part = 0;
  double correlation = 0;
  int width = 8;  // bytes, on average
};

struct AdviceIndex {
  IndexShape shape;
  std::string name;
  bool unique = false, primary = false, valid = true;
  bool needed = false;  // a constraint, a replica identity, CLUSTER or the index of a whole needs this very one
  bool of_partitions = false;  // the whole of the indexes of partitions
  int64_t bytes = 0, scans = 0;
};

struct AdviceTable {
  uint64_t oid = 0;
  std::string schema, name;
  char kind = 'r';  // as pg_class.relkind
  double rows = 0;
  int64_t pages = 0;
  double visible = 0;  // the part of them of which an index alone may tell
  bool readable = true, temporary = false;
  std::string query{};  // of a view, with its tables' schemas
  // Of a table with partitions, where these have none themselves and are no more than that.
  static constexpr std::size_t kPartitionsMax = 100;
  std::vector<std::pair<std::string, std::string>> partitions{};  // schema and name
  std::vector<AdviceColumn> columns{};
  std::vector<AdviceIndex> indexes{};

  const AdviceColumn* column(std::string_view wanted) const;
  // How many values the column has.
  double distinct(std::string_view column_name) const;
};

struct AdviceCatalog {
  std::vector<AdviceTable> tables;
};

using SqlRow = std::vector<std::optional<std::string>>;
using SqlRows = std::vector<SqlRow>;
// What stands there, if it is a number.
double number_at(const SqlRow& row, std::size_t at, double otherwise = 0);

// Tables, columns and indexes of the tables whose oids are in $1, a text of an oid[]; the first also takes 0 tables.
inline constexpr std::size_t kTablesRead = 2000;     // of one database
inline constexpr std::size_t kIndexesRead = 20'000;  // the same
extern const std::string_view kTablesSql;
extern const std::string_view kColumnsSql;
extern const std::string_view kIndexesSql;     // of the tables in $1
extern const std::string_view kAllIndexesSql;  // of every table of users
extern const std::string_view kExtensionsSql;

// Rows of another form are left out.
AdviceCatalog catalog_of(const SqlRows& tables, const SqlRows& columns, const SqlRows& indexes);
// Tables that hold nothing but their names and indexes.
AdviceCatalog indexes_of(const SqlRows& indexes);

struct Extension {
  std::string schema, version;
};
// Of the rows of kExtensionsSql.
std::optional<Extension> extension_in(const SqlRows& extensions, std::string_view name);

// What removes it, as SQL.
std::string drop_statement(const AdviceIndex& index);

// An index that others make superfluous, or that nobody uses.
struct IndexFinding {
  std::string database, schema, table, index, definition;
  std::string why;        // of a redundant one: "duplicate of x", "x begins with the same columns", "invalid"
  std::string statement;  // that removes it
  int64_t bytes = 0, scans = 0;
};
std::vector<IndexFinding> redundant_indexes(const AdviceCatalog& catalog);
// Never scanned since PostgreSQL counts, and needed by no constraint; at least this large.
inline constexpr int64_t kUnusedBytesMin = int64_t{1} << 20;
std::vector<IndexFinding> unused_indexes(const AdviceCatalog& catalog);

}  // namespace analyzer
