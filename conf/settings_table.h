#pragma once
// The rows of every section: what a file may say for each setting. Included by conf/*.cc only.

#include <chrono>

#include "conf/settings.h"
#include "conf/settings_table_advice.h"
#include "conf/settings_table_alerts.h"
#include "conf/settings_table_weir.h"

namespace conf {

constexpr auto Workers::fields() {
  return Rows{
      Field{"count", &Workers::count, Reload::kRestart,
            "Worker threads, each with its own event loop; 0 for as many as the machine has cores.", within(0, 1024)},
  };
}

constexpr auto Http::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return Rows{
      Field{"listen_addr", &Http::listen_addr, kRestart, "Addresses to answer HTTP on; * means every address."},
      Field{"port", &Http::port, kRestart, "Port for HTTP; 0 for none. Exporters of PgBouncer use 9127.",
            within(0, kMaxPort)},
      Field{"token", &Http::token, kLive,
            "What a request must show as `Authorization: Bearer TOKEN`; unset, whoever reaches the port may read."},
      Field{"max_connections", &Http::max_connections, kRestart,
            "Most HTTP connections at a time; further ones wait.", within(1, 1024)},
      Field{"max_request_size", &Http::max_request_size, kRestart, "Longest request, with its headers.",
            within(512, 1 << 20)},
      Field{"request_timeout", &Http::request_timeout, kRestart,
            "How long a connection may take to say its request, from the first moment on.",
            within(milliseconds(100), seconds(60))},
      Field{"answer_timeout", &Http::answer_timeout, kRestart,
            "How long an answer may take to be made, and then to be read.", within(seconds(1), seconds(300))},
      Field{"max_fingerprints", &Http::max_fingerprints, kLive,
            "Statements that /metrics shows one by one, those that take the most time; the others are shown as one sum.",
            within(0, 1000)},
      Field{"max_pools", &Http::max_pools, kRestart,
            "Pairs of database and user that /metrics shows one by one; further ones are shown as one sum.",
            within(1, 10'000)},
  };
}

constexpr auto History::fields() {
  using enum Reload;
  using std::chrono::hours;
  using std::chrono::seconds;
  constexpr auto kept = within(hours(1), hours(3650 * 24));
  return Rows{
      Field{"path", &History::path, kRestart,
            "File to keep what SHOW QUERIES and SHOW POOLS count, minute by minute; empty for none. One process may have it "
            "open."},
      Field{"interval", &History::interval, kRestart, "How long a minute is: the finest there is to be asked for.",
            within(seconds(1), seconds(3600))},
      Field{"queries_max", &History::queries_max, kLive,
            "Most kinds of statements in a minute, the heaviest; the rest is one row. Twice as many in an hour or a day.",
            within(1, 5000)},
      Field{"keep_minutes", &History::keep_minutes, kLive, "How long minutes are kept; then there are hours.", kept},
      Field{"keep_hours", &History::keep_hours, kLive, "How long hours are kept; then there are days.", kept},
      Field{"keep_days", &History::keep_days, kLive, "How long days are kept.", kept},
      Field{"size_max", &History::size_max, kLive, "Most bytes of the file; the oldest minutes make room, then hours.",
            within(int64_t{1} << 20, int64_t{1} << 40)},
  };
}

constexpr auto Traces::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return Rows{
      Field{"endpoint", &Traces::endpoint, kLive,
            "Where an OpenTelemetry collector takes traces by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; empty: "
            "no statement is traced."},
      Field{"token", &Traces::token, kLive, "Sent to it as `Authorization: Bearer TOKEN`."},
      Field{"headers", &Traces::headers, kLive,
            "Further headers for it, as `name=value,name=value`; may be secret, so they are never shown."},
      Field{"service_name", &Traces::service_name, kLive, "What Weir is called in the traces: service.name."},
      Field{"sample", &Traces::sample, kLive,
            "Part of the statements of no trace that begin one of their own; 0: only statements whose application says that "
            "they are of a trace, and that it is sampled.",
            within(0, 1)},
      Field{"query_text", &Traces::query_text, kLive,
            "Spans have the statement's text, with $n for each value. Values are never sent."},
      Field{"batch_size", &Traces::batch_size, kLive, "Most statements in one request to the collector.", within(1, 10'000)},
      Field{"flush_interval", &Traces::flush_interval, kLive, "How long a statement waits for others to be sent with.",
            within(milliseconds(10), seconds(300))},
      Field{"queue_max", &Traces::queue_max, kLive,
            "Most statements that wait to be sent; further ones are dropped, and counted.", within(1, 1'000'000)},
      Field{"timeout", &Traces::timeout, kLive, "How long the collector may take to answer a request.",
            within(milliseconds(100), seconds(120))},
  };
}

constexpr auto Database::fields() {
  using enum Reload;
  constexpr auto pool = within(0, kMaxPoolSize);
  return Rows{
      Field{"host", &Database::host, kNewConnections,
            "Host of the PostgreSQL server, or several; a folder for a Unix socket. Unset: the socket in "
            "unix_socket_dir."},
      Field{"port", &Database::port, kNewConnections, "Port, or one for each host.", within(1, kMaxPort)},
      Field{"dbname", &Database::dbname, kNewConnections,
            "Name of the database there; unset: the same name."},
      Field{"user", &Database::user, kNewConnections,
            "Log in to the server as this user, whoever the client is; all clients then share one pool."},
      Field{"password", &Database::password, kNewConnections, "Password for user."},
      Field{"auth_user", &Database::auth_user, kNewConnections, "As auth_user in [weir], for this database."},
      Field{"auth_query", &Database::auth_query, kNewConnections,
            "As auth_query in [weir], for this database."},
      Field{"auth_dbname", &Database::auth_dbname, kNewConnections,
            "As auth_dbname in [weir], for this database."},
      Field{"pool_mode", &Database::pool_mode, kNewConnections, "As pool_mode in [weir], for this database."},
      Field{"pinning", &Database::pinning, kNewConnections, "As pinning in [weir], for this database."},
      Field{"pool_size", &Database::pool_size, kLive, "Instead of default_pool_size.",
            within(1, kMaxPoolSize)},
      Field{"min_pool_size", &Database::min_pool_size, kLive,
            "As min_pool_size in [weir], for this database.", pool},
      Field{"reserve_pool_size", &Database::reserve_pool_size, kLive,
            "As reserve_pool_size in [weir], for this database. Also called reserve_pool.", pool},
      Field{"max_db_connections", &Database::max_db_connections, kLive,
            "As max_db_connections in [weir], for this database.", pool},
      Field{"max_db_client_connections", &Database::max_db_client_connections, kLive,
            "As max_db_client_connections in [weir], for this database.", within(0, kMaxClients)},
      Field{"server_lifetime", &Database::server_lifetime, kLive,
            "As server_lifetime in [weir], for this database."},
      Field{"query_wait_timeout", &Database::query_wait_timeout, kLive,
            "As query_wait_timeout in [weir], for this database."},
      Field{"query_timeout", &Database::query_timeout, kLive, "As query_timeout in [weir], for this database."},
      Field{"idle_transaction_timeout", &Database::idle_transaction_timeout, kLive,
            "As idle_transaction_timeout in [weir], for this database."},
      Field{"transaction_timeout", &Database::transaction_timeout, kLive,
            "As transaction_timeout in [weir], for this database."},
      Field{"log_min_duration", &Database::log_min_duration, kLive,
            "As log_min_duration in [weir], for this database.", at_least(kOff)},
      Field{"load_balance_hosts", &Database::load_balance_hosts, kLive,
            "As load_balance_hosts in [weir], for this database."},
      Field{
          "target_session_attrs", &Database::target_session_attrs, kNewConnections,
          "Which of several hosts will do: any, read-write, read-only, primary, standby or prefer-standby."},
      Field{"advice_host", &Database::advice_host, kLive,
            "Replicas that the advisor asks for plans, the first that answers; unset, or if none does: host."},
      Field{"advice_port", &Database::advice_port, kLive, "Their port, or one for each.", within(1, kMaxPort)},
      Field{"connect_query", &Database::connect_query, kNewConnections,
            "Run on every new server connection before a client has it."},
      Field{"client_encoding", &Database::client_encoding, kNewConnections, "Startup parameter for servers."},
      Field{"datestyle", &Database::datestyle, kNewConnections, "Startup parameter for servers."},
      Field{"timezone", &Database::timezone, kNewConnections, "Startup parameter for servers."},
      Field{"application_name", &Database::application_name, kNewConnections,
            "Startup parameter for servers."},
      Field{"server_tls_sslmode", &Database::server_tls_sslmode, kNewConnections,
            "As server_tls_sslmode in [weir], for this database."},
  };
}

constexpr auto User::fields() {
  using enum Reload;
  constexpr auto pool = within(0, kMaxPoolSize);
  return Rows{
      Field{"password", &User::password, kNewConnections,
            "The user's secret: a SCRAM-SHA-256 verifier, an md5 hash, or the password."},
      Field{"pool_mode", &User::pool_mode, kNewConnections, "As pool_mode in [weir], for this user."},
      Field{"pinning", &User::pinning, kNewConnections, "As pinning in [weir], for this user."},
      Field{"pool_size", &User::pool_size, kLive,
            "Instead of default_pool_size and the database's pool_size.", within(1, kMaxPoolSize)},
      Field{"reserve_pool_size", &User::reserve_pool_size, kLive,
            "As reserve_pool_size in [weir], for this user.", pool},
      Field{"max_user_connections", &User::max_user_connections, kLive,
            "As max_user_connections in [weir], for this user.", pool},
      Field{"max_user_client_connections", &User::max_user_client_connections, kLive,
            "As max_user_client_connections in [weir], for this user.", within(0, kMaxClients)},
      Field{"query_timeout", &User::query_timeout, kLive, "As query_timeout in [weir], for this user."},
      Field{"query_wait_timeout", &User::query_wait_timeout, kLive,
            "As query_wait_timeout in [weir], for this user."},
      Field{"idle_transaction_timeout", &User::idle_transaction_timeout, kLive,
            "As idle_transaction_timeout in [weir], for this user."},
      Field{"transaction_timeout", &User::transaction_timeout, kLive,
            "As transaction_timeout in [weir], for this user."},
      Field{"client_idle_timeout", &User::client_idle_timeout, kLive,
            "As client_idle_timeout in [weir], for this user."},
      Field{"log_min_duration", &User::log_min_duration, kLive,
            "As log_min_duration in [weir], for this user.", at_least(kOff)},
  };
}

constexpr auto Guard::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  constexpr auto count = within(0, kMaxGuardLimit);
  return Rows{
      Heading{"Which statements"},
      Field{"database", &Guard::database, kLive, "Those in one of these databases."},
      Field{"user", &Guard::user, kLive, "Those of one of these users."},
      Field{"application_name", &Guard::application_name, kLive,
            "Those of clients that call themselves one of these; a * at the end stands for anything."},
      Field{"fingerprint", &Guard::fingerprint, kLive, "Those with one of these fingerprints, as SHOW QUERIES prints them."},
      Field{"shape", &Guard::shape, kLive, "Those of one of these shapes; operations.md says what each means."},

      Heading{"What to do"},
      Field{"deny", &Guard::deny, kLive, "They are refused (42501)."},
      Field{"query_timeout", &Guard::query_timeout, kLive,
            "They may run no longer than this; then the server cancels them (57014), and the session goes on."},
      Field{"rate_limit", &Guard::rate_limit, kLive,
            "So many may begin in each rate_period; those above it are refused (53400).", count},
      Field{"rate_period", &Guard::rate_period, kLive, "The time that rate_limit is for.",
            within(milliseconds(1), seconds(86'400))},
      Field{"rate_burst", &Guard::rate_burst, kLive,
            "So many may begin at once after a pause; 0 for as many as rate_limit.", count},
      Field{"concurrency", &Guard::concurrency, kLive,
            "So many clients may run them at a time, or wait for a server to; those above it are refused (53400).", count},
      Field{"per", &Guard::per, kLive,
            "What rate_limit and concurrency count apart: rule counts all that the rule matches as one."},
      Field{"dry_run", &Guard::dry_run, kLive, "Only count what the rule would do: SHOW GUARDS."},
  };
}

constexpr auto Peer::fields() {
  using enum Reload;
  return Rows{
      Field{"host", &Peer::host, kNewConnections,
            "Host of the other process, or the folder of its Unix socket."},
      Field{"port", &Peer::port, kNewConnections, "Its port.", within(1, kMaxPort)},
      Field{"pool_size", &Peer::pool_size, kLive,
            "Most connections for passing on cancel requests; unset: default_pool_size.",
            within(1, kMaxPoolSize)},
  };
}

}  // namespace conf
