#pragma once
// Everything SHOW shows. A view is declared once: name, help, who may see it, columns and where its rows come from.
// SHOW itself, SHOW HELP, the tables of SELECT, docs/console.md and the tests walk the list.
//
// The views that PgBouncer 1.25.2 has keep its columns, their order and their types, odd names included, because
// exporters depend on each of them. What Weir shows beyond that goes into views of its own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/table.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/ticket.h"
#include "pooler/console.h"

// Rows and readers that few of the views need: who names one of these sources includes its header.
namespace analyzer {
class HistoryReader;
struct LintReport;
struct PoolAdvice;
}  // namespace analyzer
namespace conf {
struct ConfigRow;
}
namespace pooler {
class Advisor;
}

namespace admin {

struct AlertRow;
struct AlertingRow;
using conf::ConfigRow;

// The console's own part in POOLS, DATABASES, STATS and LISTS: PgBouncer counts its console as a database.
struct ConsoleNumbers {
  int sessions = 0;
  pooler::Totals total, average;
};

// Runs `work` on a thread that may take its time, then `done` on the caller's loop unless the ticket was dropped by then.
// 53400 when too much is in line.
using Aside = std::function<base::Result<base::Ticket>(std::function<void()> work, std::function<void()> done)>;

// What was written into the history. Without a reader there is none.
struct HistoryAccess {
  std::shared_ptr<analyzer::HistoryReader> reader{};
  // Runs `work` on a thread that may wait for the file, then `done` on the caller's loop; false when too much is in line.
  std::function<bool(std::function<void()> work, std::function<void()> done)> aside{};
};

// What Weir makes of what it sees.
struct AdviceAccess {
  // `done` is called on the caller's loop.
  std::function<void(std::function<void(std::shared_ptr<const analyzer::LintReport>)> done)> report{};
  std::function<std::vector<analyzer::PoolAdvice>()> pools{};
};

// What alerts are doing; may be called on any thread. Without functions there are none.
struct AlertAccess {
  std::function<std::vector<AlertRow>()> rows{};
  std::function<AlertingRow()> webhook{};
};

// Where rows come from. Lives as long as the console; its functions are called on any worker.
struct Sources {
  pooler::Inspector& inspector;
  std::function<std::vector<ConfigRow>()> config;
  std::function<ConsoleNumbers()> console;
  std::string version;  // Weir's own
  Aside aside{};        // for SELECT; without one it runs where it stands
  HistoryAccess history{};
  AdviceAccess advice{};
  pooler::Advisor* advisor = nullptr;  // null: there is no advice
  AlertAccess alerts{};
};

struct View {
  using Taken = std::function<void(SnapshotPtr)>;

  std::string_view name;  // upper case
  std::string_view help;
  pooler::ConsoleRole role = pooler::ConsoleRole::kStats;  // the least that may see it
  std::vector<ColumnInfo> columns;
  std::function<void(const Sources&, Taken)> take;  // `taken` may run inside the call or later
  std::function<SnapshotPtr(const Sources&)> source{};  // SELECT's, where it reads as it goes
};

const std::vector<View>& all_views();
// `name` in any case; null if there is none.
const View* find_view(std::string_view name);

// SELECT's tables are the views, by their names in lower case. A few have a second name.
struct TableName {
  std::string_view name, view;
};
inline constexpr TableName kSecondNames[] = {{"settings", "CONFIG"}};
// `name` as PostgreSQL folds it; null if there is none.
const View* find_table(std::string_view name);

// The view as old exporters expect it: `view` itself, or a variant of it with columns at the end that PgBouncer once
// had (total_requests until 1.7, reserve_pool until 1.23). Only sessions that set kLegacyColumns see it.
const View* with_legacy_columns(const View* view);
inline constexpr std::string_view kLegacyColumns = "weir.legacy_columns";

// `rows(sources, then)` calls then(std::vector<Row>).
template <typename Row, typename Rows>
View make_view(std::string_view name, std::string_view help, pooler::ConsoleRole role, Columns<Row> columns,
               Rows rows) {
  auto description = infos(columns);
  auto shared = std::make_shared<const Columns<Row>>(std::move(columns));
  return {name, help, role, std::move(description),
          [shared = std::move(shared), rows](const Sources& sources, View::Taken taken) {
            rows(sources, [shared, taken = std::move(taken)](std::vector<Row> list) {
              taken(std::make_shared<RowSnapshot<Row>>(shared, std::move(list)));
            });
          },
          {}};
}

// The parts of the list, by subject.
std::vector<View> stats_views();   // STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS
std::vector<View> pool_views();    // POOLS, DATABASES, USERS, PEERS, PEER_POOLS
std::vector<View> socket_views();  // CLIENTS, CLIENTS_EXTENDED, SERVERS, SOCKETS, ACTIVE_SOCKETS, FDS
std::vector<View> pin_views();     // PINS, PIN_COUNTS, STATEMENT_CACHE, LISTENERS
std::vector<View> query_views();   // QUERIES, ACTIVE_QUERIES, TRANSACTIONS
std::vector<View> error_views();   // ERRORS
std::vector<View> guard_views();   // GUARDS
std::vector<View> alert_views();   // ALERTS, ALERTING
std::vector<View> slow_views();    // SLOW_QUERIES, SLOW_LOG
std::vector<View> trace_views();   // TRACES
std::vector<View> advice_views();   // INDEX_ADVICE, INDEX_ADVICE_DETAILS, UNUSED_INDEXES, REDUNDANT_INDEXES, ADVISOR
std::vector<View> history_views();  // HISTORY, QUERIES_HISTORY, QUERIES_BY_HOUR, QUERIES_BY_DAY, POOLS_HISTORY
std::vector<View> lint_views();     // LINT, N_PLUS_ONE, POOL_ADVICE, LINT_RULES
std::vector<View> config_views();  // CONFIG, STATE, VERSION, WEIR_VERSION
std::vector<View> table_views();   // TABLES, COLUMNS
std::vector<View> legacy_stats_views();  // STATS
std::vector<View> legacy_pool_views();   // DATABASES
std::vector<View> memory_views();  // LISTS, MEM, DNS_HOSTS, DNS_ZONES

// What SHOW INDEX_ADVICE id shows, of one.
inline constexpr std::string_view kAdviceDetails = "INDEX_ADVICE_DETAILS";

// What several of them show alike.
std::string pointer_text(uint64_t id);              // 0x10; empty for 0
std::string fingerprint_text(uint64_t fingerprint);  // sixteen hexadecimal digits; empty for 0
inline double ms(uint64_t us) { return static_cast<double>(us) / 1000; }
inline double ms(base::Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }
int short_id(uint64_t id);  // the column is int4 in PgBouncer; the whole id is in ptr, and KILL_CLIENT takes either

// The name under which the console counts itself, as a database and as a user.
inline constexpr std::string_view kConsoleDatabase = "pgbouncer";
// The PgBouncer whose console this one answers for.
inline constexpr std::string_view kCompatibleVersion = "PgBouncer 1.25.2";
inline constexpr std::string_view kServerVersion = "1.25.2/bouncer";  // the parameter server_version

}  // namespace admin
