#pragma once
// The functions that a translated SELECT calls and SQLite does not have (weir_...), or has with another meaning.

#include <optional>

#include "admin/sql_memory.h"
#include "base/clock.h"
#include "base/error.h"

struct sqlite3;

namespace admin {

// What the functions of one running statement share.
struct SqlRun {
  SqlBudget& budget;
  base::WallTime now;                  // what now() says
  std::optional<base::Error> error{};  // what a function refused, and the statement with it
};

// `run` outlives the database. False if SQLite has no memory for them.
bool add_sql_functions(sqlite3* database, SqlRun& run);

}  // namespace admin
