// SHOW POOLS, DATABASES, USERS, PEERS, PEER_POOLS. The console appears among them, as it does in PgBouncer.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "admin/views.h"
#include "base/text.h"
#include "conf/diff.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::DatabaseRow;
using pooler::PeerPoolRow;
using pooler::PeerRow;
using pooler::PoolRow;
using pooler::UserRow;
using std::chrono::duration_cast;
using std::chrono::seconds;

// What PgBouncer says of its console: one statement at a time, for itself.
constexpr std::string_view kConsoleMode = "statement";
constexpr int kConsolePoolSize = 2;

int whole_seconds(base::Duration time) { return static_cast<int>(duration_cast<seconds>(time).count()); }

std::string number_or_nothing(const std::optional<int>& number) { return number ? fmt::to_string(*number) : ""; }

std::optional<std::string> word_or_null(const std::string& word) {
  return word.empty() ? std::nullopt : std::optional(word);
}

int configured_port(const Sources& sources) {
  for (const ConfigRow& row : sources.config()) {
    if (row.key == "listen_port") return static_cast<int>(base::parse_int(row.value).value_or(0));
  }
  return 0;
}

Columns<PoolRow> pool_columns() {
  return {
      {"database", "Name of the database.", &PoolRow::database},
      {"user", "Name of the user.", &PoolRow::user},
      {"cl_active", "Clients that have a server, or are idle and wait for none.", &PoolRow::cl_active},
      {"cl_waiting", "Clients that wait for a server.", &PoolRow::cl_waiting},
      {"cl_active_cancel_req", "Cancel requests under way to a server.", &PoolRow::cl_active_cancel_req},
      {"cl_waiting_cancel_req", "Cancel requests that wait for a connection.", &PoolRow::cl_waiting_cancel_req},
      {"sv_active", "Servers in use by a client.", &PoolRow::sv_active},
      {"sv_active_cancel", "Servers that carry a cancel request.", &PoolRow::sv_active_cancel},
      {"sv_being_canceled", "Servers held back until cancel requests aimed at them have ended.",
       &PoolRow::sv_being_canceled},
      {"sv_idle", "Servers ready for a client.", &PoolRow::sv_idle},
      {"sv_used", "Servers idle for so long that they are checked before use.", &PoolRow::sv_used},
      {"sv_tested", "Servers being reset or checked.", &PoolRow::sv_tested},
      {"sv_login", "Servers being logged in to.", &PoolRow::sv_login},
      {"maxwait", "Seconds that the first client in line has waited.",
       [](const PoolRow& row) { return whole_seconds(row.maxwait); }},
      {"maxwait_us", "Microseconds of that wait beyond the seconds.",
       [](const PoolRow& row) { return static_cast<int>((row.maxwait % seconds(1)).count()); }},
      {"pool_mode", "session, transaction or statement.", &PoolRow::pool_mode},
      {"load_balance_hosts", "How hosts are chosen, where there are several.",
       [](const PoolRow& row) { return word_or_null(row.load_balance_hosts); }},
  };
}

Columns<DatabaseRow> database_columns() {
  return {
      {"name", "Name that clients connect to.", &DatabaseRow::name},
      {"host", "Host of the server; nothing for the console.",
       [](const DatabaseRow& row) { return word_or_null(row.host); }},
      {"port", "Port of the server.", &DatabaseRow::port},
      {"database", "Name of the database on the server.", &DatabaseRow::database},
      {"force_user", "User that all connections use, where one is configured.", &DatabaseRow::force_user},
      {"pool_size", "Most servers per user.", &DatabaseRow::pool_size},
      {"min_pool_size", "Servers kept open per user.", &DatabaseRow::min_pool_size},
      {"reserve_pool_size", "Further servers when clients have waited for too long.",
       &DatabaseRow::reserve_pool_size},
      {"server_lifetime", "Seconds after which a server is closed when idle.",
       [](const DatabaseRow& row) { return whole_seconds(row.server_lifetime); }},
      {"pool_mode", "The database's own mode; nothing where the general one holds.", &DatabaseRow::pool_mode},
      {"load_balance_hosts", "How hosts are chosen, where there are several.", &DatabaseRow::load_balance_hosts},
      {"max_connections", "Most servers for the database; 0 is no limit.", &DatabaseRow::max_connections},
      {"current_connections", "Servers open now.", &DatabaseRow::current_connections},
      {"max_client_connections", "Most clients for the database; 0 is no limit.",
       &DatabaseRow::max_client_connections},
      {"current_client_connections", "Clients connected now.", &DatabaseRow::current_client_connections},
      {"paused", "1 while paused.", &DatabaseRow::paused},
      {"disabled", "1 while disabled.", &DatabaseRow::disabled},
  };
}

Columns<UserRow> user_columns() {
  return {
      {"name", "Name of the user.", &UserRow::name},
      {"pool_size", "The user's own pool size; empty where none is set.",
       [](const UserRow& row) { return number_or_nothing(row.pool_size); }},
      {"reserve_pool_size", "The user's own reserve; empty where none is set.",
       [](const UserRow& row) { return number_or_nothing(row.reserve_pool_size); }},
      {"pool_mode", "The user's own pool mode; nothing where none is set.", &UserRow::pool_mode},
      {"max_user_connections", "Most servers for the user; 0 is no limit.", &UserRow::max_user_connections},
      {"current_connections", "Servers open for the user now.", &UserRow::current_connections},
      {"max_user_client_connections", "Most clients of the user; 0 is no limit.",
       &UserRow::max_user_client_connections},
      {"current_client_connections", "Clients of the user connected now.",
       &UserRow::current_client_connections},
  };
}

void read_pools(const Sources& sources, const pooler::Inspector::Then<PoolRow>& then) {
  PoolRow own;
  own.database = own.user = kConsoleDatabase;
  own.cl_active = sources.console().sessions;
  own.pool_mode = kConsoleMode;
  sources.inspector.pools([own, then](std::vector<PoolRow> rows) {
    rows.push_back(own);
    std::stable_sort(rows.begin(), rows.end(), [](const PoolRow& a, const PoolRow& b) {
      return std::tie(a.database, a.user) < std::tie(b.database, b.user);
    });
    then(std::move(rows));
  });
}

void read_databases(const Sources& sources, const pooler::Inspector::Then<DatabaseRow>& then) {
  DatabaseRow own;
  own.name = own.database = kConsoleDatabase;
  own.force_user = std::string(kConsoleDatabase);
  own.port = configured_port(sources);
  own.pool_size = kConsolePoolSize;
  own.pool_mode = std::string(kConsoleMode);
  own.current_client_connections = sources.console().sessions;
  sources.inspector.databases([own, then](std::vector<DatabaseRow> rows) {
    rows.push_back(own);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const DatabaseRow& a, const DatabaseRow& b) { return a.name < b.name; });
    then(std::move(rows));
  });
}

void read_users(const Sources& sources, const pooler::Inspector::Then<UserRow>& then) {
  sources.inspector.users([then](std::vector<UserRow> rows) {
    const auto is_own = [](const UserRow& row) { return row.name == kConsoleDatabase; };
    if (std::none_of(rows.begin(), rows.end(), is_own)) {
      UserRow own;
      own.name = kConsoleDatabase;
      rows.push_back(own);
    }
    std::stable_sort(rows.begin(), rows.end(), [](const UserRow& a, const UserRow& b) { return a.name < b.name; });
    then(std::move(rows));
  });
}

Columns<DatabaseRow> legacy_database_columns() {
  Columns<DatabaseRow> columns = database_columns();
  columns.push_back({"reserve_pool", "As reserve_pool_size.", &DatabaseRow::reserve_pool_size});
  return columns;
}

}  // namespace

std::vector<View> legacy_pool_views() {
  std::vector<View> views;
  views.push_back(make_view("DATABASES", "SHOW DATABASES with reserve_pool.", ConsoleRole::kStats,
                            legacy_database_columns(), read_databases));
  return views;
}

std::vector<View> pool_views() {
  std::vector<View> views;
  views.push_back(make_view("POOLS", "Clients and servers of each pool, one pool per database and user.",
                            ConsoleRole::kStats, pool_columns(), read_pools));
  views.push_back(make_view("DATABASES", "The databases that clients can connect to.", ConsoleRole::kStats,
                            database_columns(), read_databases));
  views.push_back(make_view("USERS", "The users that are known.", ConsoleRole::kStats, user_columns(), read_users));
  views.push_back(make_view(
      "PEERS", "The other processes that cancel requests are passed on to.", ConsoleRole::kStats,
      Columns<PeerRow>{{"peer_id", "Number of the peer.", &PeerRow::peer_id},
                       {"host", "Its host.", [](const PeerRow& row) { return word_or_null(row.host); }},
                       {"port", "Its port.", &PeerRow::port},
                       {"pool_size", "Most cancel requests at a time.", &PeerRow::pool_size}},
      [](const Sources& sources, const pooler::Inspector::Then<PeerRow>& then) { sources.inspector.peers(then); }));
  views.push_back(make_view(
      "PEER_POOLS", "Cancel requests on their way to peers.", ConsoleRole::kStats,
      Columns<PeerPoolRow>{
          {"peer_id", "Number of the peer.", &PeerPoolRow::peer_id},
          {"cl_active_cancel_req", "Cancel requests that the peer has been sent and has not answered.",
           &PeerPoolRow::cl_active_cancel_req},
          {"cl_waiting_cancel_req", "Cancel requests that wait for a connection.", &PeerPoolRow::cl_waiting_cancel_req},
          {"sv_active_cancel", "Connections that carry a cancel request.", &PeerPoolRow::sv_active_cancel},
          {"sv_login", "Connections being opened.", &PeerPoolRow::sv_login}},
      [](const Sources& sources, const pooler::Inspector::Then<PeerPoolRow>& then) {
        sources.inspector.peer_pools(then);
      }));
  return views;
}

}  // namespace admin
