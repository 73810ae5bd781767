// SHOW SLOW_QUERIES and SLOW_LOG: the last statements that were slow, and what became of all of them.
#include <optional>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::SlowLogRow;
using pooler::SlowRow;

Columns<SlowRow> slow_columns() {
  using analyzer::SlowStatement;
  const auto text = [](std::string SlowStatement::*member) {
    return [member](const SlowRow& row) { return (*row.statement).*member; };
  };
  const auto text_or_null = [](std::string SlowStatement::*member) {
    return [member](const SlowRow& row) {
      const std::string& value = (*row.statement).*member;
      return value.empty() ? std::nullopt : std::optional(value);
    };
  };
  const auto count = [](uint64_t SlowStatement::*member) {
    return [member](const SlowRow& row) { return static_cast<int64_t>((*row.statement).*member); };
  };
  return {
      {"ended", "When it was done.", [](const SlowRow& row) { return Timestamp{row.statement->ended}; }},
      {"total_ms", "Milliseconds that its client waited for it.", [](const SlowRow& row) { return ms(row.statement->total()); }},
      {"wait_ms", "Of these, for a server to run it on.", [](const SlowRow& row) { return ms(row.statement->queue); }},
      {"server_ms", "Of these, for the server.", [](const SlowRow& row) { return ms(row.statement->server); }},
      {"fingerprint", "As in SHOW QUERIES.", [](const SlowRow& row) { return fingerprint_text(row.statement->fingerprint); }},
      {"query", "The statement, with $n for its values.", text(&SlowStatement::query)},
      {"parameters", "The values, hidden ones as '?'; NULL without slow_log_parameters.",
       [](const SlowRow& row) {
         return row.statement->has_values ? std::optional(analyzer::values_text(*row.statement)) : std::nullopt;
       }},
      {"database", "Name of the database.", text(&SlowStatement::database)},
      {"user", "Name of the user.", text(&SlowStatement::user)},
      {"application_name", "What the client calls itself.", text(&SlowStatement::application)},
      {"client", "The client's address; [local] for a Unix socket.", text(&SlowStatement::client)},
      {"statement_name", "Name of the prepared statement; NULL where it has none.", text_or_null(&SlowStatement::name)},
      {"rows", "Rows that it returned or changed, as its command tag tells.", count(&SlowStatement::rows)},
      {"bytes_in", "Bytes of the messages that asked for it.", count(&SlowStatement::bytes_in)},
      {"bytes_out", "Bytes of the answer.", count(&SlowStatement::bytes_out)},
      {"sqlstate", "Of the error that it ended in; NULL for none.", text_or_null(&SlowStatement::sqlstate)},
      {"traceparent", "The trace that the application named in a comment (sqlcommenter).",
       text_or_null(&SlowStatement::traceparent)},
      {"server_pid", "Process id of its server in PostgreSQL; 0 if it got none.",
       [](const SlowRow& row) { return row.statement->server_pid; }},
      {"plan", "What the server planned when it was asked afterwards (slow_log_explain), or why it was not said.",
       [](const SlowRow& row) { return row.plan.empty() ? std::nullopt : std::optional(row.plan); }},
  };
}

Columns<SlowLogRow> slow_log_columns() {
  const auto count = [](uint64_t SlowLogRow::*member) {
    return [member](const SlowLogRow& row) { return static_cast<int64_t>(row.*member); };
  };
  return {
      {"file", "slow_log_file; empty: the log.", &SlowLogRow::target},
      {"written", "Statements written.", count(&SlowLogRow::written)},
      {"over_rate", "Left out, because there were more than slow_log_max_rate in their second.",
       count(&SlowLogRow::over_rate)},
      {"queue_full", "Lost, because they came faster than they could be written.", count(&SlowLogRow::queue_full)},
      {"lost", "Lost, because the file took no more: a full disk.", count(&SlowLogRow::lost)},
      {"failure", "Why the last ones were lost; empty when all is well.", &SlowLogRow::failure},
  };
}

}  // namespace

std::vector<View> slow_views() {
  std::vector<View> views;
  views.push_back(make_view(
      "SLOW_QUERIES", "The last statements that took log_min_duration or longer, and samples of others; newest first.",
      ConsoleRole::kStats, slow_columns(),
      [](const Sources& sources, const Inspector::Then<SlowRow>& then) { sources.inspector.slow_queries(then); }));
  views.push_back(make_view(
      "SLOW_LOG", "What became of slow statements since the start.", ConsoleRole::kStats, slow_log_columns(),
      [](const Sources& sources, const Inspector::Then<SlowLogRow>& then) { sources.inspector.slow_log(then); }));
  return views;
}

}  // namespace admin
