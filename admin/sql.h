#pragma once
// Runs a translated SELECT in SQLite, over rows that were taken before. A database of its own for each, in memory,
// with nothing in it but the tables that the statement reads; it ends with the statement.
//
// It may take as long as its limits allow: for a thread that nobody waits on, never for a loop's.

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "admin/sql_query.h"
#include "admin/table.h"
#include "base/clock.h"
#include "base/result.h"

namespace admin {

// A console is for looking, and one SELECT runs at a time.
struct SqlLimits {
  base::Duration time = std::chrono::seconds(5);
  std::size_t memory = std::size_t{64} << 20;        // SQLite's own
  std::size_t rows = 100'000;                        // of the answer
  std::size_t answer_bytes = std::size_t{16} << 20;  // ... and their texts
};
// SELECTs that may wait while one runs. Each holds the rows of its tables already: some megabytes where there are
// thousands of clients. App makes the line.
inline constexpr std::size_t kSelectsInLine = 8;
// The longest text that a SELECT may make.
inline constexpr int kMaxSqlText = 1 << 20;

struct SqlJob {
  std::shared_ptr<const Query> query;
  std::vector<Cell> values{};           // of its parameters
  std::vector<SnapshotPtr> snapshots{};  // of query->tables, in their order
  base::WallTime now{};                 // what now() says
  SqlLimits limits{};
};

// 57014 when time is up or `stop` was set, 54000 and 54001 for what is too large, and PostgreSQL's codes for values
// (22P02, 22003, 22012, ...).
base::Result<Table> run_sql(const SqlJob& job, const std::atomic<bool>& stop);

// Gives SQLite an allocator that knows the limits of what runs on a thread; other users of SQLite in the process do
// not notice. Before anything opens a database; false if something has.
bool prepare_sql();

}  // namespace admin
