// SHOW QUERIES, ACTIVE_QUERIES and TRANSACTIONS: what statements cost, and what is going on.

#include <fmt/format.h>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ActivityRow;
using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::QueryRow;

Columns<QueryRow> query_columns() {
  const auto count = [](uint64_t analyzer::QueryTotals::*member) {
    return [member](const QueryRow& row) { return static_cast<int64_t>(row.totals.*member); };
  };
  const auto time = [](uint64_t analyzer::QueryTotals::*member) {
    return [member](const QueryRow& row) { return ms(row.totals.*member); };
  };
  const auto quantile = [](uint64_t QueryRow::*member) {
    return [member](const QueryRow& row) { return ms(row.*member); };
  };
  using analyzer::QueryTotals;
  return {
      {"fingerprint",
       "The same for statements that differ in values alone, in hexadecimal. Empty for the sum of those that made room, "
       "which is the last row, and for what was prepared unseen.",
       [](const QueryRow& row) { return fingerprint_text(row.fingerprint); }},
      {"query", "The first of these statements, with $n for its values.",
       [](const QueryRow& row) { return row.query; }},
      {"database", "Name of the database.", &QueryRow::database},
      {"user", "Name of the user.", &QueryRow::user},
      {"application_name", "What the client calls itself.", &QueryRow::application},
      {"calls", "How often it was run, those included that failed.", count(&QueryTotals::calls)},
      {"errors", "How often it failed.", count(&QueryTotals::errors)},
      {"rows", "Rows that it returned or changed, as its command tag tells.", count(&QueryTotals::rows)},
      {"total_ms", "Milliseconds that servers were busy with it.", time(&QueryTotals::server_us)},
      {"mean_ms", "The same for one call.",
       [](const QueryRow& row) {
         return row.totals.calls == 0 ? 0.0 : ms(row.totals.server_us) / static_cast<double>(row.totals.calls);
       }},
      {"p50_ms", "So long half of the calls took at most; within 1/32.", quantile(&QueryRow::p50_us)},
      {"p75_ms", "So long three quarters took at most.", quantile(&QueryRow::p75_us)},
      {"p95_ms", "So long 95 of a hundred took at most.", quantile(&QueryRow::p95_us)},
      {"p99_ms", "So long 99 of a hundred took at most.", quantile(&QueryRow::p99_us)},
      {"min_ms", "The shortest call.", [](const QueryRow& row) { return ms(row.totals.times.min()); }},
      {"max_ms", "The longest call.", [](const QueryRow& row) { return ms(row.totals.times.max()); }},
      {"wait_ms", "Milliseconds that clients waited for a server to run it on; no part of total_ms.",
       time(&QueryTotals::wait_us)},
      {"idle_ms",
       "Milliseconds that clients kept a transaction open after it without asking for anything; no part of total_ms.",
       time(&QueryTotals::idle_us)},
      {"bytes_in", "Bytes of the messages that asked for it.", count(&QueryTotals::bytes_in)},
      {"bytes_out", "Bytes of the answers.", count(&QueryTotals::bytes_out)},
      {"parses", "Parse messages that clients sent for it.", count(&QueryTotals::parses)},
      {"server_parses", "Parse messages for it that went to a server; for the others it had the statement already.",
       count(&QueryTotals::server_parses)},
      {"error_classes", "Its errors by SQLSTATE class, as class:count.",
       [](const QueryRow& row) { return analyzer::to_text(row.totals.error_classes); }},
      {"first_seen", "When it was first done.", [](const QueryRow& row) { return Timestamp{row.first_seen}; }},
      {"last_seen", "When it was last done.", [](const QueryRow& row) { return Timestamp{row.last_seen}; }},
  };
}

Columns<ActivityRow> activity_columns() {
  return {
      {"id", "The client's id, for KILL_CLIENT.", [](const ActivityRow& row) { return short_id(row.id); }},
      {"database", "Name of the database.", &ActivityRow::database},
      {"user", "Name of the user.", &ActivityRow::user},
      {"application_name", "What the client calls itself.", &ActivityRow::application_name},
      {"state", "active, idle in transaction, idle in failed transaction, or waiting: for a server.",
       &ActivityRow::state},
      {"age_ms", "Milliseconds since the request came, or since the state began.",
       [](const ActivityRow& row) { return ms(row.age); }},
      {"transaction_ms", "Milliseconds since the transaction began; empty outside of one.",
       [](const ActivityRow& row) {
         return row.in_transaction ? std::optional(ms(row.transaction_age)) : std::nullopt;
       }},
      {"statements", "Statements done in the transaction so far; 0 with query_stats off.",
       [](const ActivityRow& row) { return static_cast<int64_t>(row.statements); }},
      {"fingerprint", "Of the statement that runs or ran last, in hexadecimal; empty with query_stats off.",
       [](const ActivityRow& row) { return fingerprint_text(row.fingerprint); }},
      {"query", "That statement, with $n for its values.", &ActivityRow::query},
      {"server_pid", "Process id of its server in PostgreSQL; 0 while it waits for one.", &ActivityRow::server_pid},
  };
}

// The rows of which `wanted` is true.
auto reading(bool ActivityRow::*wanted) {
  return [wanted](const Sources& sources, const Inspector::Then<ActivityRow>& then) {
    sources.inspector.activity([wanted, then](std::vector<ActivityRow> rows) {
      std::erase_if(rows, [wanted](const ActivityRow& row) { return !(row.*wanted); });
      then(std::move(rows));
    });
  };
}

}  // namespace

std::vector<View> query_views() {
  std::vector<View> views;
  views.push_back(make_view(
      "QUERIES", "What each kind of statement has cost, by database, user and application.", ConsoleRole::kStats,
      query_columns(),
      [](const Sources& sources, const Inspector::Then<QueryRow>& then) { sources.inspector.queries(then); }));
  views.push_back(make_view("ACTIVE_QUERIES", "Clients whose requests run or wait for a server.", ConsoleRole::kStats,
                            activity_columns(), reading(&ActivityRow::active)));
  views.push_back(make_view("TRANSACTIONS", "Open transactions, with their age.", ConsoleRole::kStats,
                            activity_columns(), reading(&ActivityRow::in_transaction)));
  return views;
}

}  // namespace admin
