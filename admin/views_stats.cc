// SHOW STATS and its relatives. The names differ from view to view, and so they do in PgBouncer: exporters read them.
#include <algorithm>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::StatsRow;
using pooler::Totals;

// One counter, with the name that each view has for it and what it counts.
struct Counter {
  uint64_t Totals::*member;
  std::string_view stats_total, stats_average, totals, averages, sum;
  std::string_view help;
  std::string_view average_help;
};

constexpr Counter kCounters[] = {
    {&Totals::server_assignment_count, "total_server_assignment_count", "avg_server_assignment_count",
     "server_assignment_count", "server_assignment_count", "server_assignment_count",
     "Times a server was given to a client.", "Server assignments per second."},
    {&Totals::xact_count, "total_xact_count", "avg_xact_count", "xact_count", "xact_count", "xact_count",
     "Transactions.", "Transactions per second."},
    {&Totals::query_count, "total_query_count", "avg_query_count", "query_count", "query_count", "query_count",
     "Queries.", "Queries per second."},
    {&Totals::bytes_received, "total_received", "avg_recv", "bytes_received", "bytes_received", "client_bytes",
     "Bytes received from clients.", "Bytes received from clients per second."},
    {&Totals::bytes_sent, "total_sent", "avg_sent", "bytes_sent", "bytes_sent", "server_bytes",
     "Bytes sent to clients.", "Bytes sent to clients per second."},
    {&Totals::xact_time, "total_xact_time", "avg_xact_time", "xact_time", "xact_time", "xact_time",
     "Microseconds spent inside transactions.", "Mean duration of a transaction in microseconds."},
    {&Totals::query_time, "total_query_time", "avg_query_time", "query_time", "query_time", "query_time",
     "Microseconds spent on queries.", "Mean duration of a query in microseconds."},
    {&Totals::wait_time, "total_wait_time", "avg_wait_time", "wait_time", "wait_time", "wait_time",
     "Microseconds that clients waited for a server.", "Mean wait for a server in microseconds."},
    {&Totals::client_parse_count, "total_client_parse_count", "avg_client_parse_count", "client_parse_count",
     "avg_client_parse_count", "ps_client_parse_count", "Statements prepared by clients.",
     "Statements prepared by clients per second."},
    {&Totals::server_parse_count, "total_server_parse_count", "avg_server_parse_count", "server_parse_count",
     "avg_server_parse_count", "ps_server_parse_count", "Statements prepared on servers.",
     "Statements prepared on servers per second."},
    {&Totals::bind_count, "total_bind_count", "avg_bind_count", "bind_count", "avg_bind_count", "ps_bind_count",
     "Executions of prepared statements.", "Executions of prepared statements per second."},
};

Column<StatsRow> database_column() { return {"database", "Name of the database.", &StatsRow::database}; }

Column<StatsRow> counter_column(std::string_view name, std::string_view help, Totals StatsRow::*which,
                                uint64_t Totals::*member) {
  return {name, help, [which, member](const StatsRow& row) { return Numeric{row.*which.*member}; }};
}

Columns<StatsRow> stats_columns() {
  Columns<StatsRow> columns{database_column()};
  for (const Counter& c : kCounters) {
    columns.push_back(counter_column(c.stats_total, c.help, &StatsRow::total, c.member));
  }
  for (const Counter& c : kCounters) {
    columns.push_back(counter_column(c.stats_average, c.average_help, &StatsRow::average, c.member));
  }
  return columns;
}

Columns<StatsRow> totals_columns() {
  Columns<StatsRow> columns{database_column()};
  for (const Counter& c : kCounters) {
    columns.push_back(counter_column(c.totals, c.help, &StatsRow::total, c.member));
  }
  return columns;
}

Columns<StatsRow> averages_columns() {
  Columns<StatsRow> columns{database_column()};
  for (const Counter& c : kCounters) {
    columns.push_back(counter_column(c.averages, c.average_help, &StatsRow::average, c.member));
  }
  return columns;
}

void read_stats(const Sources& sources, const pooler::Inspector::Then<StatsRow>& then) {
  const ConsoleNumbers own = sources.console();
  sources.inspector.stats([own, then](std::vector<StatsRow> rows) {
    rows.push_back({std::string(kConsoleDatabase), own.total, own.average});
    std::stable_sort(rows.begin(), rows.end(),
                     [](const StatsRow& a, const StatsRow& b) { return a.database < b.database; });
    then(std::move(rows));
  });
}

struct SumRow {
  std::string name;
  uint64_t value = 0;
};

uint64_t sum(const std::vector<StatsRow>& rows, Totals StatsRow::*which, uint64_t Totals::*member) {
  uint64_t all = 0;
  for (const StatsRow& row : rows) all += row.*which.*member;
  return all;
}

// A mean over databases counts each one by its number of events.
uint64_t mean(const std::vector<StatsRow>& rows, uint64_t Totals::*time, uint64_t Totals::*events) {
  double weighted = 0, weights = 0;
  for (const StatsRow& row : rows) {
    weighted += static_cast<double>(row.average.*time) * static_cast<double>(row.average.*events);
    weights += static_cast<double>(row.average.*events);
  }
  return weights > 0 ? static_cast<uint64_t>(weighted / weights) : 0;
}

uint64_t average(const std::vector<StatsRow>& rows, uint64_t Totals::*member) {
  if (member == &Totals::xact_time) return mean(rows, member, &Totals::xact_count);
  if (member == &Totals::query_time) return mean(rows, member, &Totals::query_count);
  if (member == &Totals::wait_time) return mean(rows, member, &Totals::server_assignment_count);
  return sum(rows, &StatsRow::average, member);
}

void read_sums(const Sources& sources, const pooler::Inspector::Then<SumRow>& then) {
  read_stats(sources, [then](const std::vector<StatsRow>& rows) {
    std::vector<SumRow> sums;
    for (const Counter& c : kCounters) {
      sums.push_back({"total_" + std::string(c.sum), sum(rows, &StatsRow::total, c.member)});
    }
    for (const Counter& c : kCounters) {
      sums.push_back({"avg_" + std::string(c.sum), average(rows, c.member)});
    }
    then(std::move(sums));
  });
}

Columns<StatsRow> legacy_stats_columns() {
  Columns<StatsRow> columns = stats_columns();
  columns.push_back(
      counter_column("total_requests", "Queries, as total_query_count.", &StatsRow::total, &Totals::query_count));
  return columns;
}

}  // namespace

std::vector<View> legacy_stats_views() {
  std::vector<View> views;
  views.push_back(make_view("STATS", "SHOW STATS with total_requests.", ConsoleRole::kStats, legacy_stats_columns(),
                            read_stats));
  return views;
}

std::vector<View> stats_views() {
  std::vector<View> views;
  views.push_back(make_view("STATS", "Counters since start and averages over the last stats_period, by database.",
                            ConsoleRole::kStats, stats_columns(), read_stats));
  views.push_back(make_view("STATS_TOTALS", "Counters since start, by database.", ConsoleRole::kStats,
                            totals_columns(), read_stats));
  views.push_back(make_view("STATS_AVERAGES", "Averages over the last stats_period, by database.",
                            ConsoleRole::kStats, averages_columns(), read_stats));
  views.push_back(make_view(
      "TOTALS", "Counters and averages of all databases together.", ConsoleRole::kStats,
      Columns<SumRow>{{"name", "Name of the counter or average.", &SumRow::name},
                      {"value", "Its value.", [](const SumRow& row) { return Numeric{row.value}; }}},
      read_sums));
  return views;
}

}  // namespace admin
