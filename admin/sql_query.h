#pragma once
// SELECT over the views: what PostgreSQL's grammar and names mean, as a statement that SQLite runs.
//
// Pure. PostgreSQL's own parser reads the text; names, types and functions are resolved here, with PostgreSQL's errors,
// and what this does not know is refused. So nothing that a client writes reaches SQLite as it stands.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/table.h"
#include "admin/views.h"
#include "base/result.h"
#include "wire/types.h"

namespace admin {

// Parameters of one statement, columns of one SELECT, tables of one FROM (SQLite's own limit): far above what a console
// needs; together they bound what a hostile statement makes the walk over it hold.
inline constexpr std::size_t kMaxSqlParameters = 100;
inline constexpr std::size_t kMaxSqlColumns = 500;
inline constexpr std::size_t kMaxSqlTables = 64;

struct Query {
  std::string sql;                  // SQLite's; columns c1, c2, ..., parameters ?1, ?2, ...
  std::vector<const View*> tables;  // each once; SQLite's name of tables[i] is table_name(*tables[i])
  std::vector<ColumnInfo> columns;  // what it answers with
  std::vector<Type> parameters;
};

// Whose SELECT it is.
struct QueryContext {
  std::string user;
  pooler::ConsoleRole role = pooler::ConsoleRole::kStats;
  bool legacy_columns = false;
};

// `declared`: the types that the client gave its parameters, 0 for those it leaves open; may be shorter.
base::Result<Query> translate(std::string_view text, const QueryContext& context,
                              std::span<const wire::Oid> declared = {});

// The name of a view as a table: in lower case. Columns have theirs.
std::string table_name(const View& view);

base::Error undefined_table(const std::string& name);  // 42P01
base::Error read_only(std::string_view what);          // 25006

// The type that a parameter of that oid is read as; nothing for one that is not known.
std::optional<Type> type_of(wire::Oid oid);

}  // namespace admin
