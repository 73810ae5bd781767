#pragma once
// The rows of every section: what a file may say for each setting. Included by conf/*.cc only.

#include <chrono>
#include <tuple>

#include "conf/settings.h"

namespace conf {

// Reasons behind the bounds used more than once.
inline constexpr int kMaxPoolSize = 100'000;    // far above any max_connections
inline constexpr int kMaxClients = 10'000'000;  // far above any file descriptor limit
inline constexpr int kMaxPort = 65'535;
inline constexpr int kMaxGuardLimit = 1'000'000;  // above what a process can do in a second
inline constexpr int64_t kMaxMessage = 2'147'483'647;  // the protocol's length field

constexpr auto Weir::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  constexpr auto pool = within(0, kMaxPoolSize);
  constexpr auto clients = within(0, kMaxClients);
  return std::tuple{
      Heading{"Listening"},
      Field{"listen_addr", &Weir::listen_addr, kRestart,
            "Addresses to listen on for TCP; * means every address, an empty list Unix sockets only."},
      Field{"listen_port", &Weir::listen_port, kRestart, "Port for TCP and for the name of the Unix socket.",
            within(1, kMaxPort)},
      Field{"unix_socket_dir", &Weir::unix_socket_dir, kRestart,
            "Folder of the Unix socket; empty for none, a leading @ for an abstract socket. Weir goes on without it "
            "where the default cannot be written and listen_addr is set."},
      Field{"unix_socket_mode", &Weir::unix_socket_mode, kRestart,
            "Permissions of the Unix socket, in octal.", within(0, 0777)},
      Field{"unix_socket_group", &Weir::unix_socket_group, kRestart, "Group that owns the Unix socket."},
      Field{"so_reuseport", &Weir::so_reuseport, kRestart,
            "Lets several processes listen on the same port, as a rolling restart needs it."},
      Field{"listen_backlog", &Weir::listen_backlog, kRestart,
            "Connections the kernel keeps in line before Weir accepts them.", within(1, 65'535)},
      Field{"tcp_defer_accept", &Weir::tcp_defer_accept, kRestart,
            "Accept a TCP connection only when its first bytes are there."},
      Field{"proxy_protocol_from", &Weir::proxy_protocol_from, kNewConnections,
            "Networks of load balancers whose PROXY protocol v2 header is believed; from these it is "
            "required."},

      Heading{"Process"},
      Field{"user", &Weir::user, kRestart, "User to become after start, when started as root."},
      Field{"pidfile", &Weir::pidfile, kRestart, "File to write the process number to."},
      Field{"job_name", &Weir::job_name, kRestart, "Name of this process in ps and top, cut to 15 bytes."},
      Field{"service_name", &Weir::service_name, kRestart,
            "Another word for job_name, which wins when both are set."},
      Field{"conffile", &Weir::conffile, kRestart, "The configuration file in use. Shown, not set."},
      Field{"peer_id", &Weir::peer_id, kRestart,
            "Number of this process among its [peers], to route cancel requests; 0 without peers.",
            within(0, 16'383)},
      Field{"suspend_timeout", &Weir::suspend_timeout, kLive,
            "How long SUSPEND may take to empty the buffers before the rest of the connections is closed."},
      Field{"drain_timeout", &Weir::drain_timeout, kLive,
            "How long a graceful shutdown waits for clients or servers; 0 waits as long as it takes."},

      Heading{"Authentication"},
      Field{"auth_type", &Weir::auth_type, kNewConnections,
            "How clients prove who they are. hba takes it from auth_hba_file. md5 uses SCRAM for users whose "
            "stored "
            "secret is a SCRAM verifier."},
      Field{"auth_file", &Weir::auth_file, kNewConnections,
            "File of users and secrets, one \"user\" \"secret\" a line."},
      Field{"auth_hba_file", &Weir::auth_hba_file, kNewConnections,
            "Rules in the format of pg_hba.conf, for auth_type = hba."},
      Field{"auth_ident_file", &Weir::auth_ident_file, kNewConnections,
            "User name maps in the format of pg_ident.conf, for map= in the HBA file."},
      Field{"auth_ldap_options", &Weir::auth_ldap_options, kNewConnections,
            "Options for auth_type = ldap, written as in pg_hba.conf."},
      Field{"auth_query", &Weir::auth_query, kNewConnections,
            "Query that returns name and secret of the user $1, run as auth_user for users unknown to "
            "auth_file."},
      Field{"auth_user", &Weir::auth_user, kNewConnections,
            "User that runs auth_query; empty switches it off."},
      Field{"auth_dbname", &Weir::auth_dbname, kNewConnections,
            "Database in which auth_query runs; empty for the one the client asked for."},
      Field{"auth_fail_delay", &Weir::auth_fail_delay, kNewConnections,
            "How long the answer to a failed login is held back.", within(Duration{0}, seconds(60))},
      Field{"allow_remote_trust", &Weir::allow_remote_trust, kRestart,
            "Permits auth_type trust or any while listening on addresses that are not loopback."},
      Field{"channel_binding", &Weir::channel_binding, kNewConnections,
            "Whether SCRAM is bound to the TLS channel: offered to clients, used with servers."},
      Field{"scram_iterations", &Weir::scram_iterations, kNewConnections,
            "Iterations of verifiers that Weir makes from plain passwords.", within(4096, 10'000'000)},
      Field{"scram_max_iterations", &Weir::scram_max_iterations, kNewConnections,
            "Most iterations a server may ask of Weir when it logs in.", within(4096, 10'000'000)},
      Field{"client_login_timeout", &Weir::client_login_timeout, kNewConnections,
            "How long a client may take to log in; 0 for ever."},
      Field{"max_preauth_conn", &Weir::max_preauth_conn, kLive,
            "Most clients that are connected but not yet logged in; 0 for no limit.", clients},
      Field{"max_preauth_per_ip", &Weir::max_preauth_per_ip, kLive, "The same for one client address.",
            clients},

      Heading{"Console"},
      Field{"admin_users", &Weir::admin_users, kLive, "Users who may run every console command."},
      Field{"stats_users", &Weir::stats_users, kLive, "Users who may only look: SHOW in the console."},
      Field{"stats_period", &Weir::stats_period, kLive,
            "Span of the averages in SHOW STATS and of the log's statistics.",
            within(seconds(1), seconds(86'400))},

      Heading{"Pools"},
      Field{"pool_mode", &Weir::pool_mode, kNewConnections,
            "When a server goes back to the pool: at the end of the session, the transaction or the "
            "statement."},
      Field{"session_tracking", &Weir::session_tracking, kNewConnections,
            "In transaction and statement mode, follow what statements do to the session (SET, PREPARE, LISTEN, ...) "
            "from server to server, and keep the server while it holds what cannot be followed."},
      Field{"pinning", &Weir::pinning, kNewConnections,
            "Whether a client may keep its server beyond the transaction for state that cannot be followed "
            "(temporary tables, advisory locks, ...), or gets an error instead."},
      Field{"max_client_conn", &Weir::max_client_conn, kLive, "Most clients at a time.",
            within(1, kMaxClients)},
      Field{"default_pool_size", &Weir::default_pool_size, kLive,
            "Most server connections per user and database.", within(1, kMaxPoolSize)},
      Field{"min_pool_size", &Weir::min_pool_size, kLive,
            "Server connections kept open in a pool that is in use.", pool},
      Field{"reserve_pool_size", &Weir::reserve_pool_size, kLive,
            "Further server connections for a pool whose clients waited longer than reserve_pool_timeout.",
            pool},
      Field{"reserve_pool_timeout", &Weir::reserve_pool_timeout, kLive,
            "How long a client waits before the reserve is opened; 0 never opens it."},
      Field{"max_db_connections", &Weir::max_db_connections, kLive,
            "Most server connections per database, all users together; 0 for no limit.", pool},
      Field{"max_db_client_connections", &Weir::max_db_client_connections, kLive,
            "Most clients per database; 0 for no limit.", clients},
      Field{"max_user_connections", &Weir::max_user_connections, kLive,
            "Most server connections per user, all databases together; 0 for no limit.", pool},
      Field{"max_user_client_connections", &Weir::max_user_client_connections, kLive,
            "Most clients per user; 0 for no limit.", clients},
      Field{"max_host_connections", &Weir::max_host_connections, kLive,
            "Most server connections to one PostgreSQL host and port, shared fairly by its pools; 0 for no "
            "limit.",
            pool},
      Field{"server_round_robin", &Weir::server_round_robin, kLive,
            "Use idle servers in turn instead of the one used last."},
      Field{
          "load_balance_hosts", &Weir::load_balance_hosts, kLive,
          "For a database with several hosts: connect to them in turn, or always to the first that answers."},
      Field{"query_wait_timeout", &Weir::query_wait_timeout, kLive,
            "How long a client waits for a server before its request fails; 0 for ever."},
      Field{"query_wait_notify", &Weir::query_wait_notify, kLive,
            "After this time in line the client is told so by a NOTICE; 0 for never."},
      Field{"autodb_idle_timeout", &Weir::autodb_idle_timeout, kLive,
            "After this time unused, a database made from the \"*\" section is forgotten."},

      Heading{"Sessions"},
      Field{"track_extra_parameters", &Weir::track_extra_parameters, kRestart,
            "Parameters that follow a client from server to server besides those that PostgreSQL reports. "
            "session_tracking follows all, named here or not; without it, this has no effect."},
      Field{"ignore_startup_parameters", &Weir::ignore_startup_parameters, kNewConnections,
            "Startup parameters that are dropped without a word in the log."},
      Field{"disable_pqexec", &Weir::disable_pqexec, kRestart,
            "Refuse the simple query protocol, which allows several statements in one message."},
      Field{"application_name_add_host", &Weir::application_name_add_host, kNewConnections,
            "Add the client's address and port to its application_name."},
      Field{"max_prepared_statements", &Weir::max_prepared_statements, kNewConnections,
            "Prepared statements kept per server connection; 0 leaves protocol-level prepared statements "
            "alone.",
            within(0, 100'000)},

      Heading{"Server connections"},
      Field{"server_reset_query", &Weir::server_reset_query, kLive,
            "Run before a server goes to the next client, in session mode."},
      Field{"server_reset_query_always", &Weir::server_reset_query_always, kLive,
            "Run server_reset_query in every pool mode."},
      Field{"server_check_delay", &Weir::server_check_delay, kLive,
            "A server idle for longer is checked before use; 0 checks always."},
      Field{"server_check_query", &Weir::server_check_query, kLive,
            "Query of the check; <empty> is an empty query, an empty text switches the check off."},
      Field{"server_fast_close", &Weir::server_fast_close, kLive,
            "On RECONNECT in session mode, close servers when their transaction ends, not when the client "
            "leaves."},
      Field{"server_lifetime", &Weir::server_lifetime, kLive,
            "A server connection older than this is closed once it is idle; 0 never keeps one for a second "
            "client."},
      Field{"server_idle_timeout", &Weir::server_idle_timeout, kLive,
            "A server connection idle for this long is closed; 0 for never."},
      Field{"server_connect_timeout", &Weir::server_connect_timeout, kLive,
            "How long connecting and logging in to a server may take; 0 for ever."},
      Field{"server_login_retry", &Weir::server_login_retry, kLive,
            "Pause after a failed connection to a server; it doubles with every further failure."},
      Field{"server_login_retry_max", &Weir::server_login_retry_max, kLive, "The longest such pause."},

      Heading{"Timeouts"},
      Field{"query_timeout", &Weir::query_timeout, kLive, "Longest time a query may run; 0 for ever."},
      Field{"cancel_wait_timeout", &Weir::cancel_wait_timeout, kLive,
            "How long a cancel request waits for a connection to the server; 0 for ever."},
      Field{"client_idle_timeout", &Weir::client_idle_timeout, kLive,
            "A client idle outside a transaction for this long is disconnected; 0 for never."},
      Field{"idle_transaction_timeout", &Weir::idle_transaction_timeout, kLive,
            "A client idle inside a transaction for this long is disconnected; 0 for never."},
      Field{"transaction_timeout", &Weir::transaction_timeout, kLive,
            "Longest time a transaction may take; 0 for ever."},

      Heading{"Host names"},
      Field{"dns_max_ttl", &Weir::dns_max_ttl, kLive,
            "How long the addresses of a host name are remembered."},
      Field{"dns_nxdomain_ttl", &Weir::dns_nxdomain_ttl, kLive,
            "How long it is remembered that a name is unknown."},
      Field{"dns_zone_check_period", &Weir::dns_zone_check_period, kLive,
            "Accepted for PgBouncer's sake, without effect: dns_max_ttl says how soon names are looked up again."},
      Field{"resolv_conf", &Weir::resolv_conf, kRestart, 
            "Accepted for PgBouncer's sake, without effect: names are looked up as the system does."},

      Heading{"Buffers and sockets"},
      Field{"pkt_buf", &Weir::pkt_buf, kNewConnections, 
            "Accepted for PgBouncer's sake, without effect: messages pass in parts of up to 64 kB.",
            within(1024, 16 << 20)},
      Field{"max_packet_size", &Weir::max_packet_size, kLive,
            "Longest message that is let through: a client that sends a longer one is disconnected (08P01), a server "
            "is given up (54000).", within(1024, kMaxMessage)},
      Field{"max_query_size", &Weir::max_query_size, kNewConnections,
            "Longest message that Weir must hold whole, such as the text of a statement to prepare.",
            within(8192, 1 << 30)},
      Field{"sbuf_loopcnt", &Weir::sbuf_loopcnt, kLive,
            "Times up to 64 kB are read from one connection before the others have their turn; 0 for no limit.",
            within(0, 1'000'000)},
      Field{"tcp_socket_buffer", &Weir::tcp_socket_buffer, kNewConnections,
            "Kernel buffer per TCP socket; 0 for the kernel's choice.", within(0, 1 << 30)},
      Field{"tcp_keepalive", &Weir::tcp_keepalive, kNewConnections,
            "Have the kernel probe idle TCP connections."},
      Field{"tcp_keepcnt", &Weir::tcp_keepcnt, kNewConnections,
            "Lost probes after which a connection is dead; 0 for the kernel's choice.", within(0, 127)},
      Field{"tcp_keepidle", &Weir::tcp_keepidle, kNewConnections,
            "Silence before the first probe; 0 for the kernel's choice.",
            within(Duration{0}, seconds(32'767))},
      Field{"tcp_keepintvl", &Weir::tcp_keepintvl, kNewConnections,
            "Time between probes; 0 for the kernel's choice.", within(Duration{0}, seconds(32'767))},
      Field{"tcp_user_timeout", &Weir::tcp_user_timeout, kNewConnections,
            "How long sent data may stay unacknowledged; 0 for the kernel's choice. A bare number counts "
            "milliseconds.",
            within(Duration{0}, seconds(2'147'483))},

      Heading{"TLS with clients"},
      Field{"client_tls_sslmode", &Weir::client_tls_sslmode, kNewConnections,
            "disable, allow, prefer, require, verify-ca or verify-full; unset it is prefer with a "
            "certificate and "
            "disable without."},
      Field{"client_tls_key_file", &Weir::client_tls_key_file, kNewConnections,
            "Private key shown to clients."},
      Field{"client_tls_cert_file", &Weir::client_tls_cert_file, kNewConnections,
            "Certificate chain shown to clients."},
      Field{"client_tls_ca_file", &Weir::client_tls_ca_file, kNewConnections,
            "Certificate authorities that client certificates must come from."},
      Field{"client_tls_protocols", &Weir::client_tls_protocols, kNewConnections,
            "Allowed versions: secure (1.2 and 1.3), all, or a list such as tlsv1.2,tlsv1.3."},
      Field{"client_tls_ciphers", &Weir::client_tls_ciphers, kNewConnections,
            "Ciphers up to TLS 1.2: default, secure, fast, normal, all, or an OpenSSL list."},
      Field{"client_tls13_ciphers", &Weir::client_tls13_ciphers, kNewConnections,
            "Cipher suites of TLS 1.3; empty for OpenSSL's choice."},
      Field{"client_tls_ecdhcurve", &Weir::client_tls_ecdhcurve, kNewConnections,
            "Curves for the key exchange: auto, none, or a list of names."},
      Field{"client_tls_dheparams", &Weir::client_tls_dheparams, kNewConnections,
            "Diffie-Hellman key exchange up to TLS 1.2: auto, legacy or none."},
      Field{"client_tls_direct", &Weir::client_tls_direct, kNewConnections,
            "Accept TLS from the first byte (sslnegotiation=direct)."},

      Heading{"TLS with servers"},
      Field{"server_tls_sslmode", &Weir::server_tls_sslmode, kNewConnections,
            "disable, allow, prefer, require, verify-ca or verify-full, as in libpq."},
      Field{"server_tls_key_file", &Weir::server_tls_key_file, kNewConnections,
            "Private key shown to servers."},
      Field{"server_tls_cert_file", &Weir::server_tls_cert_file, kNewConnections,
            "Certificate shown to servers."},
      Field{"server_tls_ca_file", &Weir::server_tls_ca_file, kNewConnections,
            "Certificate authorities that server certificates must come from."},
      Field{"server_tls_protocols", &Weir::server_tls_protocols, kNewConnections, "As client_tls_protocols."},
      Field{"server_tls_ciphers", &Weir::server_tls_ciphers, kNewConnections, "As client_tls_ciphers."},
      Field{"server_tls13_ciphers", &Weir::server_tls13_ciphers, kNewConnections, "As client_tls13_ciphers."},
      Field{"server_tls_negotiation", &Weir::server_tls_negotiation, kNewConnections,
            "postgres asks for TLS first; direct begins with it, which PostgreSQL 17 and later understand."},

      Heading{"Statistics"},
      Field{"query_stats", &Weir::query_stats, kLive,
            "Count what each kind of statement costs, by database, user and application: SHOW QUERIES."},
      Field{"query_stats_max", &Weir::query_stats_max, kLive,
            "Most rows that are kept apart; the lightest make room and go on in one sum.", within(10, 1'000'000)},
      Field{"query_stats_memory", &Weir::query_stats_memory, kLive,
            "Memory for them, all workers together.", within(1 << 20, 1 << 30)},

      Heading{"Slow statements"},
      Field{"log_min_duration", &Weir::log_min_duration, kLive,
            "Statements that take so long, the wait for a server included, go into the slow log; 0 for all, -1 for none. "
            "A bare number counts seconds.",
            at_least(kOff)},
      Field{"log_sample_rate", &Weir::log_sample_rate, kLive,
            "Of the faster statements this part goes there too: 0.01 is one in a hundred.", within(0, 1)},
      Field{"slow_log_max_rate", &Weir::slow_log_max_rate, kLive,
            "Most statements that go there in a second; how many were left out is said. 0 for no limit.",
            within(0, 1'000'000)},
      Field{"slow_log_file", &Weir::slow_log_file, kLive,
            "File for slow statements; empty for the log, which shows no parameters."},
      Field{"slow_log_format", &Weir::slow_log_format, kLive,
            "Of that file: text, as PostgreSQL writes it and pgBadger reads it, or json."},
      Field{"slow_log_parameters", &Weir::slow_log_parameters, kLive,
            "Show the values of parameters and literals with slow statements."},
      Field{"slow_log_redact", &Weir::slow_log_redact, kLive,
            "Columns whose statements show no values all the same, as table.column; * stands for any letters: "
            "users.email, *.token*. Names with password in them are always among these."},
      Field{"slow_queries_max", &Weir::slow_queries_max, kLive,
            "How many of them SHOW SLOW_QUERIES remembers.", within(0, 10'000)},
      Field{"slow_log_explain", &Weir::slow_log_explain, kLive,
            "Ask the server for the plan of slow SELECTs, on a connection beside the pool and never with ANALYZE; "
            "SHOW SLOW_QUERIES has it."},

      Heading{"Log"},
      Field{"logfile", &Weir::logfile, kLive, "File to log to; empty for stderr."},
      Field{"log_level", &Weir::log_level, kLive, "trace, debug, info, warn or error."},
      Field{"log_format", &Weir::log_format, kLive, "text or json."},
      Field{"log_connections", &Weir::log_connections, kLive, "Log every login."},
      Field{"log_disconnections", &Weir::log_disconnections, kLive,
            "Log every disconnection, with its reason."},
      Field{"log_pooler_errors", &Weir::log_pooler_errors, kLive,
            "Log the errors that Weir itself sends to clients."},
      Field{"log_stats", &Weir::log_stats, kLive, "Log a line of statistics every stats_period."},
      Field{"verbose", &Weir::verbose, kLive, "1 lowers log_level to debug, 2 to trace.", within(0, 10)},
      Field{"syslog", &Weir::syslog, kRestart, "Log to syslog."},
      Field{"syslog_facility", &Weir::syslog_facility, kRestart,
            "auth, authpriv, daemon, user or local0 to local7."},
      Field{"syslog_ident", &Weir::syslog_ident, kRestart, "Name under which syslog files the lines."},
  };
}

constexpr auto Workers::fields() {
  return std::tuple{
      Field{"count", &Workers::count, Reload::kRestart,
            "Worker threads, each with its own event loop; 0 for as many as the machine has cores.", within(0, 1024)},
  };
}

constexpr auto Http::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return std::tuple{
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
  return std::tuple{
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

constexpr auto Database::fields() {
  using enum Reload;
  constexpr auto pool = within(0, kMaxPoolSize);
  return std::tuple{
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
  return std::tuple{
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
  return std::tuple{
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
            "They may run no longer than this, as with query_timeout in [weir]; the shorter one wins."},
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
  return std::tuple{
      Field{"host", &Peer::host, kNewConnections,
            "Host of the other process, or the folder of its Unix socket."},
      Field{"port", &Peer::port, kNewConnections, "Its port.", within(1, kMaxPort)},
      Field{"pool_size", &Peer::pool_size, kLive,
            "Most connections for passing on cancel requests; unset: default_pool_size.",
            within(1, kMaxPoolSize)},
  };
}

}  // namespace conf
