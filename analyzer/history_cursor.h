#pragma once
// The history's reading: rows as they come from the file.

#include <string>

#include "analyzer/history_db.h"
#include "analyzer/history_rows.h"
#include "base/result.h"

namespace analyzer {

// The database outlives them, and nobody else uses it meanwhile.
base::Result<HistoryCursorPtr<HistoryQueryRow>> read_queries(HistoryDb& db, const HistorySearch& search);
base::Result<HistoryCursorPtr<HistoryPoolRow>> read_pools(HistoryDb& db, const HistorySearch& search);

// The columns of both tables that are numbers, in the order in which these functions bind and read them.
inline constexpr std::string_view kQueryColumns =
    "calls, errors, rows, bytes_in, bytes_out, server_us, wait_us, idle_us, parses, server_parses, error_classes, times";
inline constexpr std::string_view kPoolColumns =
    "looks, active, active_max, waiting, waiting_max, servers, servers_max, idle, longest_wait_us, transactions, queries, "
    "wait_us, times";
inline constexpr int kQueryColumnCount = 12, kPoolColumnCount = 13;
QueryTotals totals_of(const HistoryDb::Statement& row, int first_column);
void bind_totals(HistoryDb::Statement& statement, int first, const QueryTotals& totals);
HistoryPool pool_of(const HistoryDb::Statement& row, int first_column);  // without its names
void bind_pool(HistoryDb::Statement& statement, int first, const HistoryPool& pool);

int64_t to_file(base::WallTime time);
base::WallTime from_file(int64_t time);

}  // namespace analyzer
