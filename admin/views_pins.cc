// SHOW PINS, PIN_COUNTS, STATEMENT_CACHE and LISTENERS: how sessions are followed from server to server, and which
// cannot be.
#include <chrono>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::ListenRow;
using pooler::PinCountRow;
using pooler::SocketRow;
using pooler::StatementCacheRow;
using std::chrono::duration_cast;
using std::chrono::seconds;

Columns<SocketRow> pin_columns() {
  return {
      {"id", "The client's id, for KILL_CLIENT.", [](const SocketRow& row) { return short_id(row.id); }},
      {"ptr", "The same, whole and in hexadecimal.", [](const SocketRow& row) { return pointer_text(row.id); }},
      {"database", "Name of the database.", &SocketRow::database},
      {"user", "Name of the user.", &SocketRow::user},
      {"application_name", "What the client calls itself.", &SocketRow::application_name},
      {"reasons",
       "What it has on its server that nobody can carry to another: temporary objects, advisory locks, cursors WITH "
       "HOLD, prepared statements, currval and lastval, settings made by a function, LOAD, a function with state, "
       "unknown effects.",
       &SocketRow::pin_reasons},
      {"age", "Seconds since the first of these came to be.",
       [](const SocketRow& row) { return static_cast<int>(duration_cast<seconds>(row.pinned).count()); }},
      {"statement", "The beginning of the statement that made it, with ? for its values.", &SocketRow::pin_statement},
      {"fingerprint", "That statement's fingerprint, in hexadecimal: the same for statements that differ in values.",
       [](const SocketRow& row) { return fingerprint_text(row.pin_fingerprint); }},
      {"server_id", "The server's id, as SHOW SERVERS has it.",
       [](const SocketRow& row) { return short_id(row.link_id); }},
      {"server_ptr", "The same, whole and in hexadecimal.",
       [](const SocketRow& row) { return pointer_text(row.link_id); }},
      {"server_pid", "Its process id in PostgreSQL.", &SocketRow::pinned_to_pid},
  };
}

void read_pins(const Sources& sources, const Inspector::Then<SocketRow>& then) {
  sources.inspector.clients([then](std::vector<SocketRow> rows) {
    std::erase_if(rows, [](const SocketRow& row) { return row.pin_reasons.empty(); });
    then(std::move(rows));
  });
}

Columns<PinCountRow> pin_count_columns() {
  return {
      {"database", "Name of the database.", &PinCountRow::database},
      {"user", "Name of the user.", &PinCountRow::user},
      {"fingerprint", "The statement's fingerprint, in hexadecimal.",
       [](const PinCountRow& row) { return fingerprint_text(row.fingerprint); }},
      {"reasons",
       "What it left on the server, as in SHOW PINS. The last row may be the sum of others: only the thousand seen "
       "last are kept apart.",
       &PinCountRow::reasons},
      {"pins", "How often it made a client keep its server, since the start.",
       [](const PinCountRow& row) { return Numeric{row.pins}; }},
      {"pinned", "How many of these clients still do.", &PinCountRow::pinned},
      {"pinned_time", "Microseconds that they did, all together and until now.",
       [](const PinCountRow& row) { return Numeric{static_cast<uint64_t>(row.time.count())}; }},
      {"last_seen", "When it last did that.", &PinCountRow::last_seen},
      {"statement", "The beginning of such a statement, with ? for its values.", &PinCountRow::statement},
  };
}

Columns<StatementCacheRow> statement_cache_columns() {
  const auto count = [](uint64_t StatementCacheRow::*member) {
    return [member](const StatementCacheRow& row) { return Numeric{row.*member}; };
  };
  return {
      {"text_hits", "Statements whose very text the worker knew.", count(&StatementCacheRow::text_hits)},
      {"skeleton_hits", "Statements that differed from one it knew in values alone.",
       count(&StatementCacheRow::skeleton_hits)},
      {"shared_hits", "Statements that another worker knew.", count(&StatementCacheRow::shared_hits)},
      {"parses", "Statements given to the parser.", count(&StatementCacheRow::parses)},
      {"parse_errors", "Those that it refused; they are served all the same.",
       count(&StatementCacheRow::parse_errors)},
      {"over_budget", "Statements too long or with too many tokens to be parsed.",
       count(&StatementCacheRow::over_budget)},
      {"evictions", "Statements forgotten to make room.", count(&StatementCacheRow::evictions)},
  };
}

Columns<ListenRow> listener_columns() {
  return {
      {"database", "Name of the database.", &ListenRow::database},
      {"user", "Name of the user.", &ListenRow::user},
      {"client_encoding", "The encoding of the clients it listens for.", &ListenRow::client_encoding},
      {"state", "closed, connecting, listening, or waiting to connect again.", &ListenRow::state},
      {"channels", "Channels it listens to.", [](const ListenRow& row) { return static_cast<int>(row.channels); }},
      {"subscribers", "Clients that listen through it.",
       [](const ListenRow& row) { return static_cast<int>(row.subscribers); }},
      {"connected_since", "When it connected; empty while it is not listening.", &ListenRow::connected_since},
      {"remote_pid", "Its process id in PostgreSQL.", &ListenRow::remote_pid},
      {"received", "Notifications that came.", [](const ListenRow& row) { return Numeric{row.received}; }},
      {"delivered", "The same, once for each client that they went to.",
       [](const ListenRow& row) { return Numeric{row.delivered}; }},
      {"losses", "Times the connection was lost while somebody listened: what was sent then nobody heard.",
       [](const ListenRow& row) { return Numeric{row.losses}; }},
      {"overflows", "Clients dropped because they did not read their notifications.",
       [](const ListenRow& row) { return Numeric{row.overflows}; }},
      {"last_error", "Why the last attempt to connect or listen failed; empty when all is well.",
       &ListenRow::last_error},
  };
}

}  // namespace

std::vector<View> pin_views() {
  std::vector<View> views;
  views.push_back(make_view("PINS", "Clients that keep their servers between transactions, and why.",
                            ConsoleRole::kStats, pin_columns(), read_pins));
  views.push_back(make_view(
      "PIN_COUNTS", "What has made clients keep their servers, how often and for how long.", ConsoleRole::kStats,
      pin_count_columns(),
      [](const Sources& sources, const Inspector::Then<PinCountRow>& then) { sources.inspector.pin_counts(then); }));
  views.push_back(make_view("STATEMENT_CACHE", "How Weir came to know what statements do, over all workers.",
                            ConsoleRole::kStats, statement_cache_columns(),
                            [](const Sources& sources, const Inspector::Then<StatementCacheRow>& then) {
                              sources.inspector.statement_cache(then);
                            }));
  views.push_back(make_view(
      "LISTENERS", "Connections that listen for clients which share servers.", ConsoleRole::kStats, listener_columns(),
      [](const Sources& sources, const Inspector::Then<ListenRow>& then) { sources.inspector.listeners(then); }));
  return views;
}

}  // namespace admin
