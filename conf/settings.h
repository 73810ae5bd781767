#pragma once
// Every setting Weir has: its name, type and default. The table rows (bounds, help, reload class) stand in
// conf/settings_table.h, which only conf/*.cc includes, so that users of a setting do not pay for the tables.
//
// A key that PgBouncer has too carries PgBouncer's name and meaning. Durations of 0 switch the timeout off,
// limits of 0 mean no limit, unless a comment says otherwise.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "conf/address.h"
#include "conf/fields.h"
#include "conf/secret.h"

namespace conf {

// ---- Words with a fixed set of values ----

enum class PoolMode { kSession, kTransaction, kStatement };
template <>
inline constexpr EnumName<PoolMode> kNames<PoolMode>[] = {{"session", PoolMode::kSession},
                                                          {"transaction", PoolMode::kTransaction},
                                                          {"statement", PoolMode::kStatement}};

enum class Pinning { kAllow, kRefuse };
template <>
inline constexpr EnumName<Pinning> kNames<Pinning>[] = {{"allow", Pinning::kAllow}, {"refuse", Pinning::kRefuse}};

enum class AuthType { kScram, kMd5, kPlain, kTrust, kAny, kCert, kHba, kPam, kLdap, kPeer };
template <>
inline constexpr EnumName<AuthType> kNames<AuthType>[] = {{"scram-sha-256", AuthType::kScram},
                                                          {"md5", AuthType::kMd5},
                                                          {"plain", AuthType::kPlain},
                                                          {"trust", AuthType::kTrust},
                                                          {"any", AuthType::kAny},
                                                          {"cert", AuthType::kCert},
                                                          {"hba", AuthType::kHba},
                                                          {"pam", AuthType::kPam},
                                                          {"ldap", AuthType::kLdap},
                                                          {"peer", AuthType::kPeer}};

enum class TlsMode { kDisable, kAllow, kPrefer, kRequire, kVerifyCa, kVerifyFull };
template <>
inline constexpr EnumName<TlsMode> kNames<TlsMode>[] = {
    {"disable", TlsMode::kDisable}, {"allow", TlsMode::kAllow},        {"prefer", TlsMode::kPrefer},
    {"require", TlsMode::kRequire}, {"verify-ca", TlsMode::kVerifyCa}, {"verify-full", TlsMode::kVerifyFull}};

enum class TlsNegotiation { kPostgres, kDirect };
template <>
inline constexpr EnumName<TlsNegotiation> kNames<TlsNegotiation>[] = {{"postgres", TlsNegotiation::kPostgres},
                                                                      {"direct", TlsNegotiation::kDirect}};

enum class ChannelBinding { kDisable, kPrefer, kRequire };
template <>
inline constexpr EnumName<ChannelBinding> kNames<ChannelBinding>[] = {{"disable", ChannelBinding::kDisable},
                                                                      {"prefer", ChannelBinding::kPrefer},
                                                                      {"require", ChannelBinding::kRequire}};

enum class LoadBalanceHosts { kDisable, kRoundRobin };
template <>
inline constexpr EnumName<LoadBalanceHosts> kNames<LoadBalanceHosts>[] = {
    {"disable", LoadBalanceHosts::kDisable}, {"round-robin", LoadBalanceHosts::kRoundRobin}};

// libpq's meaning of each word (manual, 34.1.2).
enum class TargetSessionAttrs { kAny, kReadWrite, kReadOnly, kPrimary, kStandby, kPreferStandby };
template <>
inline constexpr EnumName<TargetSessionAttrs> kNames<TargetSessionAttrs>[] = {
    {"any", TargetSessionAttrs::kAny},
    {"read-write", TargetSessionAttrs::kReadWrite},
    {"read-only", TargetSessionAttrs::kReadOnly},
    {"primary", TargetSessionAttrs::kPrimary},
    {"standby", TargetSessionAttrs::kStandby},
    {"prefer-standby", TargetSessionAttrs::kPreferStandby}};

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
template <>
inline constexpr EnumName<LogLevel> kNames<LogLevel>[] = {{"trace", LogLevel::kTrace},
                                                          {"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warn", LogLevel::kWarn},
                                                          {"error", LogLevel::kError}};

enum class LogFormat { kText, kJson };
template <>
inline constexpr EnumName<LogFormat> kNames<LogFormat>[] = {{"text", LogFormat::kText},
                                                            {"json", LogFormat::kJson}};

// What a guard recognizes a statement by, beyond its text.
enum class StatementShape {
  kUpdateWithoutWhere,
  kDeleteWithoutWhere,
  kSelectWithoutWhere,
  kSelectWithoutLimit,
  kTruncate,
  kDrop,
  kDdl,
  kCopy,
  kLockTable
};
template <>
inline constexpr EnumName<StatementShape> kNames<StatementShape>[] = {
    {"update_without_where", StatementShape::kUpdateWithoutWhere},
    {"delete_without_where", StatementShape::kDeleteWithoutWhere},
    {"select_without_where", StatementShape::kSelectWithoutWhere},
    {"select_without_limit", StatementShape::kSelectWithoutLimit},
    {"truncate", StatementShape::kTruncate},
    {"drop", StatementShape::kDrop},
    {"ddl", StatementShape::kDdl},
    {"copy", StatementShape::kCopy},
    {"lock_table", StatementShape::kLockTable}};

// What a guard counts apart.
enum class GuardPer { kRule, kDatabase, kUser, kApplicationName, kFingerprint };
template <>
inline constexpr EnumName<GuardPer> kNames<GuardPer>[] = {{"rule", GuardPer::kRule},
                                                          {"database", GuardPer::kDatabase},
                                                          {"user", GuardPer::kUser},
                                                          {"application_name", GuardPer::kApplicationName},
                                                          {"fingerprint", GuardPer::kFingerprint}};

// Permission bits of a file, written in octal.
struct FileMode {
  unsigned bits = 0;
  bool operator==(const FileMode&) const = default;
};

using Names = std::vector<std::string>;
using base::Duration;

// -1 of a duration that may be off while 0 means something.
inline constexpr Duration kOff = std::chrono::seconds(-1);

// ---- [weir] ----

struct Weir {
  // Listening
  Names listen_addr{"127.0.0.1"};  // "*" for every address; empty for Unix sockets only
  int listen_port = 6432;
  std::string unix_socket_dir = "/tmp";  // empty: no Unix socket; a leading @ names an abstract socket
  FileMode unix_socket_mode{0777};
  std::string unix_socket_group;
  bool so_reuseport = false;
  int listen_backlog = 128;
  bool tcp_defer_accept = true;
  std::vector<Cidr> proxy_protocol_from;

  // Process
  std::string user;
  std::string pidfile;
  std::string job_name = "weir";
  std::string service_name;  // PgBouncer's other word for job_name
  std::string conffile;      // set by the loader, shown by SHOW CONFIG
  int peer_id = 0;
  Duration suspend_timeout = std::chrono::seconds(10);
  Duration drain_timeout{};  // 0: as long as it takes

  // Authentication of clients
  AuthType auth_type = AuthType::kScram;
  std::string auth_file;
  std::string auth_hba_file;
  std::string auth_ident_file;
  std::string auth_ldap_options;
  std::string auth_query =
      "SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin"
      " AND (rolvaliduntil IS NULL OR rolvaliduntil > pg_catalog.now())";
  std::string auth_user;
  std::string auth_dbname;
  Duration auth_fail_delay = std::chrono::milliseconds(500);
  bool allow_remote_trust = false;
  ChannelBinding channel_binding = ChannelBinding::kPrefer;
  int scram_iterations = 4096;
  int scram_max_iterations = 100'000;
  Duration client_login_timeout = std::chrono::seconds(15);
  int max_preauth_conn = 1000;
  int max_preauth_per_ip = 100;

  // Console
  Names admin_users;
  Names stats_users;
  Duration stats_period = std::chrono::seconds(60);

  // Pools
  PoolMode pool_mode = PoolMode::kTransaction;
  bool session_tracking = true;
  Pinning pinning = Pinning::kAllow;
  int max_client_conn = 1000;
  int default_pool_size = 20;
  int min_pool_size = 0;
  int reserve_pool_size = 0;
  Duration reserve_pool_timeout = std::chrono::seconds(5);
  int max_db_connections = 0;
  int max_db_client_connections = 0;
  int max_user_connections = 0;
  int max_user_client_connections = 0;
  int max_host_connections = 0;
  bool server_round_robin = false;
  LoadBalanceHosts load_balance_hosts = LoadBalanceHosts::kRoundRobin;
  Duration query_wait_timeout = std::chrono::seconds(30);
  Duration query_wait_notify = std::chrono::seconds(5);
  Duration autodb_idle_timeout = std::chrono::seconds(3600);

  // Sessions
  Names track_extra_parameters{"IntervalStyle"};
  Names ignore_startup_parameters;
  bool disable_pqexec = false;
  bool application_name_add_host = false;
  int max_prepared_statements = 200;

  // Server connections
  std::string server_reset_query = "DISCARD ALL";
  bool server_reset_query_always = false;
  Duration server_check_delay = std::chrono::seconds(30);
  std::string server_check_query = "<empty>";  // "<empty>" sends an empty query; empty: no check
  bool server_fast_close = false;
  Duration server_lifetime = std::chrono::seconds(3600);
  Duration server_idle_timeout = std::chrono::seconds(600);
  Duration server_connect_timeout = std::chrono::seconds(15);
  Duration server_login_retry = std::chrono::seconds(1);
  Duration server_login_retry_max = std::chrono::seconds(15);

  // Timeouts of clients and queries
  Duration query_timeout{};
  Duration cancel_wait_timeout = std::chrono::seconds(10);
  Duration client_idle_timeout{};
  Duration idle_transaction_timeout{};
  Duration transaction_timeout{};

  // Names of hosts
  Duration dns_max_ttl = std::chrono::seconds(15);
  Duration dns_nxdomain_ttl = std::chrono::seconds(15);
  Duration dns_zone_check_period{};
  std::string resolv_conf;

  // Buffers and sockets
  int64_t pkt_buf = 4096;
  int64_t max_packet_size = 2'147'483'647;
  int64_t max_query_size = int64_t{64} << 20;
  int sbuf_loopcnt = 5;
  int64_t tcp_socket_buffer = 0;  // 0: the kernel's choice
  bool tcp_keepalive = true;
  int tcp_keepcnt = 0;
  Duration tcp_keepidle{};
  Duration tcp_keepintvl{};
  std::chrono::milliseconds tcp_user_timeout{};  // in milliseconds, as PgBouncer has it

  // TLS with clients
  std::optional<TlsMode> client_tls_sslmode;  // unset: see client_tls_mode()
  std::string client_tls_key_file;
  std::string client_tls_cert_file;
  std::string client_tls_ca_file;
  std::string client_tls_protocols = "secure";
  std::string client_tls_ciphers = "default";
  std::string client_tls13_ciphers;
  std::string client_tls_ecdhcurve = "auto";
  std::string client_tls_dheparams = "auto";
  bool client_tls_direct = true;  // accept TLS without the SSLRequest before it

  // TLS with servers
  TlsMode server_tls_sslmode = TlsMode::kPrefer;
  std::string server_tls_key_file;
  std::string server_tls_cert_file;
  std::string server_tls_ca_file;
  std::string server_tls_protocols = "secure";
  std::string server_tls_ciphers = "default";
  std::string server_tls13_ciphers;
  TlsNegotiation server_tls_negotiation = TlsNegotiation::kPostgres;

  // Statistics
  bool query_stats = true;
  int query_stats_max = 5000;
  int64_t query_stats_memory = int64_t{32} << 20;

  // Slow statements
  Duration log_min_duration = kOff;  // 0: every statement
  double log_sample_rate = 0;        // of those that are faster
  int slow_log_max_rate = 100;       // a second
  std::string slow_log_file;         // empty: the log
  LogFormat slow_log_format = LogFormat::kText;
  bool slow_log_parameters = false;
  Names slow_log_redact;             // "table.column"
  int slow_queries_max = 200;
  bool slow_log_explain = false;

  // Log
  std::string logfile;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  bool log_connections = true;
  bool log_disconnections = true;
  bool log_pooler_errors = true;
  bool log_stats = true;
  int verbose = 0;  // 1 and 2 lower log_level to debug and trace
  bool syslog = false;
  std::string syslog_facility = "daemon";
  std::string syslog_ident = "weir";

  static constexpr auto fields();
};

// The mode in force: what is set, otherwise prefer with a certificate and disable without.
TlsMode client_tls_mode(const Weir& weir);
// The level in force: log_level, or lower when verbose asks for it.
LogLevel log_level(const Weir& weir);

// ---- [workers] ----

struct Workers {
  int count = 0;  // 0: as many as the machine has cores

  static constexpr auto fields();
};

// ---- [http] ----

// Metrics and health over HTTP.
struct Http {
  Names listen_addr{"127.0.0.1"};  // "*" for every address
  int port = 0;                    // 0: no HTTP
  std::optional<Secret> token;
  int max_connections = 16;
  int64_t max_request_size = 8192;
  Duration request_timeout = std::chrono::seconds(2);
  Duration answer_timeout = std::chrono::seconds(10);
  int max_fingerprints = 50;
  int max_pools = 200;

  static constexpr auto fields();
};

// ---- [history] ----

// What was counted, in a file, by minute, hour and day.
struct History {
  std::string path;  // empty: none is kept
  Duration interval = std::chrono::seconds(60);
  int queries_max = 200;
  Duration keep_minutes = std::chrono::hours(48);
  Duration keep_hours = std::chrono::hours(31 * 24);
  Duration keep_days = std::chrono::hours(400 * 24);
  int64_t size_max = int64_t{256} << 20;

  static constexpr auto fields();
};

// ---- [traces] ----

// Spans of statements, for an OpenTelemetry collector.
struct Traces {
  std::string endpoint;  // of OTLP over HTTP; empty: none are made
  std::optional<Secret> token;
  std::optional<Secret> headers;  // "name=value,other=value"
  std::string service_name = "weir";
  double sample = 0;  // of the statements that belong to no trace
  bool query_text = true;
  int batch_size = 512;
  Duration flush_interval = std::chrono::seconds(5);
  int queue_max = 8192;
  Duration timeout = std::chrono::seconds(10);

  static constexpr auto fields();
};

// ---- [advice] ----

// What Weir makes of what it sees: indexes that statements lack, rules about statements, and what they would rather be.
struct Advice {
  bool enabled = false;
  std::string user;  // empty: the database's own, or auth_user
  std::optional<Secret> password;
  std::string apply_user;  // empty: Weir creates no index
  std::optional<Secret> apply_password;
  Duration interval = std::chrono::seconds(600);
  Duration deadline = std::chrono::seconds(2);
  Duration statement_timeout = std::chrono::seconds(1);
  int queries_max = 50;
  int candidates_max = 120;
  int64_t index_size_max = 0;  // of all that is advised for a database; 0: no limit
  int64_t samples_memory = int64_t{16} << 20;
  bool lint = false;
  Duration lint_interval = std::chrono::seconds(600);
  Duration lint_time = std::chrono::seconds(1);  // lost per hour; less is not worth a line
  int lint_rows = 10'000;
  int lint_offset = 1000;
  int n_plus_one_calls = 10;
  Duration n_plus_one_gap = std::chrono::milliseconds(100);
  Duration n_plus_one_time = std::chrono::milliseconds(20);
  int findings_max = 1000;
  Names lint_off;

  static constexpr auto fields();
};

// ---- [databases.NAME] ----

// An unset member means: as [weir] says, or as PostgreSQL does.
struct Database {
  Names host;             // empty: Unix socket in [weir].unix_socket_dir; a leading / names a socket's folder
  std::vector<int> port;  // one for all hosts or one for each; empty: 5432
  Names advice_host;      // empty: host
  std::vector<int> advice_port;
  std::string dbname;     // empty: the name the client asked for
  std::optional<std::string> user;  // log in to the server as this user, whoever the client is
  std::optional<Secret> password;
  std::optional<std::string> auth_user;
  std::optional<std::string> auth_query;
  std::optional<std::string> auth_dbname;
  std::optional<PoolMode> pool_mode;
  std::optional<Pinning> pinning;
  std::optional<int> pool_size;
  std::optional<int> min_pool_size;
  std::optional<int> reserve_pool_size;
  std::optional<int> max_db_connections;
  std::optional<int> max_db_client_connections;
  std::optional<Duration> server_lifetime;
  std::optional<Duration> query_wait_timeout;
  std::optional<Duration> query_timeout;
  std::optional<Duration> idle_transaction_timeout;
  std::optional<Duration> transaction_timeout;
  std::optional<Duration> log_min_duration;
  std::optional<LoadBalanceHosts> load_balance_hosts;
  TargetSessionAttrs target_session_attrs = TargetSessionAttrs::kAny;
  std::optional<std::string> connect_query;
  std::optional<std::string> client_encoding;
  std::optional<std::string> datestyle;
  std::optional<std::string> timezone;
  std::optional<std::string> application_name;
  std::optional<TlsMode> server_tls_sslmode;

  std::string name;  // the NAME of the section; not a field

  static constexpr auto fields();
};

// ---- [users.NAME] ----

struct User {
  std::optional<Secret> password;  // plain, md5 hash or SCRAM verifier
  std::optional<PoolMode> pool_mode;
  std::optional<Pinning> pinning;
  std::optional<int> pool_size;
  std::optional<int> reserve_pool_size;
  std::optional<int> max_user_connections;
  std::optional<int> max_user_client_connections;
  std::optional<Duration> query_timeout;
  std::optional<Duration> query_wait_timeout;
  std::optional<Duration> idle_transaction_timeout;
  std::optional<Duration> transaction_timeout;
  std::optional<Duration> client_idle_timeout;
  std::optional<Duration> log_min_duration;

  std::string name;  // the NAME of the section; not a field

  static constexpr auto fields();
};

// ---- [guards.NAME] ----

// A rule about statements: which they are (all that is said must hold; an empty list says nothing), and one thing to do.
struct Guard {
  Names database;
  Names user;
  Names application_name;  // with a * at its end: whatever begins so
  Names fingerprint;       // as SHOW QUERIES prints it
  std::vector<StatementShape> shape;
  bool deny = false;
  Duration query_timeout{};
  int rate_limit = 0;
  Duration rate_period = std::chrono::seconds(1);
  int rate_burst = 0;  // 0: as rate_limit
  int concurrency = 0;
  GuardPer per = GuardPer::kRule;
  bool dry_run = false;

  std::string name;  // the NAME of the section; not a field

  static constexpr auto fields();
  bool operator==(const Guard&) const = default;
};

// ---- [peers.N] ----

// Another Weir process of the same service, to which cancel requests for its clients are passed on.
struct Peer {
  std::string host;  // a leading / names a Unix socket's folder
  int port = 6432;
  std::optional<int> pool_size;

  int id = 0;  // the N of the section; not a field

  static constexpr auto fields();
};

}  // namespace conf
