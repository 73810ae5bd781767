#include "conf/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "conf/check_alerts.h"
#include "conf/check_guards.h"
#include "conf/check_traces.h"
#include "conf/value.h"

namespace conf {
namespace {

using Severity = Finding::Severity;

// The names the console answers to; a database of that name could never be reached.
constexpr std::array<std::string_view, 2> kConsoleNames{"weir", "pgbouncer"};

// sizeof(sockaddr_un::sun_path) without its final zero.
constexpr std::size_t kMaxSocketPath = 107;

class Checker {
 public:
  Checker(const Config& config, const Surroundings& surroundings)
      : config_(config), surroundings_(surroundings) {}

  std::vector<Finding> run() {
    listening();
    authentication();
    client_tls();
    server_tls();
    tls_words();
    pools();
    without_effect();
    log();
    http();
    slow_log();
    history();
    for (Finding& finding : check_traces(config_)) findings_.push_back(std::move(finding));
    advice();
    for (const auto& [name, database] : config_.databases)
      database_section(database, "databases." + toml_key(name));
    if (config_.fallback) database_section(*config_.fallback, "databases.\"*\"");
    peers();
    for (Finding& finding : check_guards(config_)) findings_.push_back(std::move(finding));
    for (Finding& finding : check_alerts(config_, surroundings_)) findings_.push_back(std::move(finding));
    if (config_.databases.empty() && !config_.fallback) {
      warning("weir", "",
              "no database is configured: add a [databases.NAME] section, or [databases.\"*\"] for all");
    }
    return std::move(findings_);
  }

 private:
  void problem(std::string_view section, std::string_view key, std::string message) {
    findings_.push_back({Severity::kProblem, std::string(section), std::string(key), std::move(message)});
  }
  void warning(std::string_view section, std::string_view key, std::string message) {
    findings_.push_back({Severity::kWarning, std::string(section), std::string(key), std::move(message)});
  }

  // Is every address we listen on out of reach from other machines?
  bool loopback_only() const { return loopback_only(w_.listen_addr); }
  static bool loopback_only(const Names& addresses) {
    return std::all_of(addresses.begin(), addresses.end(), [](const std::string& name) {
      const auto address = parse_ip(name);
      return address ? address->loopback() : name == "localhost";
    });
  }

  // Nobody should tune in vain.
  void without_effect() {
    const auto compare = [this](std::string_view key, const auto& value, const auto& usual) {
      if (value != usual) warning("weir", key, fmt::format("{} is accepted for PgBouncer's sake and has no effect", key));
    };
    const Weir usual;
    compare("pkt_buf", w_.pkt_buf, usual.pkt_buf);
    compare("resolv_conf", w_.resolv_conf, usual.resolv_conf);
    compare("dns_zone_check_period", w_.dns_zone_check_period, usual.dns_zone_check_period);
    if (w_.session_tracking || w_.track_extra_parameters == usual.track_extra_parameters) return;
    warning("weir", "track_extra_parameters",
            "track_extra_parameters has no effect: session_tracking = true follows every parameter, without it only those "
            "that PostgreSQL reports are followed");
  }

  void listening() {
    if (w_.listen_addr.empty() && w_.unix_socket_dir.empty()) {
      warning(
          "weir", "listen_addr",
          "listen_addr and unix_socket_dir are both empty: only sockets handed over by systemd are served");
    }
    const std::string socket = fmt::format("{}/.s.PGSQL.{}", w_.unix_socket_dir, w_.listen_port);
    if (socket.size() > kMaxSocketPath) {
      problem(
          "weir", "unix_socket_dir",
          fmt::format("unix_socket_dir is too long: the socket's path may have {} bytes and would have {}",
                      kMaxSocketPath, socket.size()));
    }
  }

  void authentication() {
    const bool trusting = w_.auth_type == AuthType::kTrust || w_.auth_type == AuthType::kAny;
    if (trusting && !loopback_only() && !w_.allow_remote_trust) {
      problem(
          "weir", "auth_type",
          fmt::format(
              "auth_type = \"{0}\" would let anybody in from {1}: use \"scram-sha-256\", listen on loopback "
              "only, or set allow_remote_trust = true",
              to_string(w_.auth_type), show_value(w_.listen_addr)));
    }
    if (w_.auth_type == AuthType::kHba && w_.auth_hba_file.empty()) {
      problem("weir", "auth_type", "auth_type = \"hba\" needs auth_hba_file");
    }
    if (w_.auth_type != AuthType::kHba && !w_.auth_hba_file.empty()) {
      warning("weir", "auth_hba_file", "auth_hba_file is only used with auth_type = \"hba\"");
    }
    if (w_.auth_type == AuthType::kLdap && w_.auth_ldap_options.empty()) {
      problem("weir", "auth_type",
              "auth_type = \"ldap\" needs auth_ldap_options, such as \"ldapserver=ldap.example\"");
    }
    if (w_.auth_type == AuthType::kPeer && !w_.listen_addr.empty()) {
      problem(
          "weir", "auth_type",
          "auth_type = \"peer\" works on Unix sockets only: set listen_addr = [] or use auth_type = \"hba\"");
    }
    if (w_.auth_type == AuthType::kCert) {
      const TlsMode mode = client_tls_mode(w_);
      if (mode != TlsMode::kVerifyCa && mode != TlsMode::kVerifyFull) {
        problem("weir", "auth_type",
                "auth_type = \"cert\" needs client_tls_sslmode = \"verify-full\" or \"verify-ca\"");
      }
    }
    if (w_.auth_type == AuthType::kPlain && !loopback_only() && client_tls_mode(w_) < TlsMode::kRequire) {
      warning("weir", "auth_type",
              "auth_type = \"plain\" sends passwords as they are: set client_tls_sslmode = \"require\"");
    }
    if (!w_.auth_user.empty() && w_.auth_query.empty()) {
      problem("weir", "auth_user", "auth_user needs auth_query: leave auth_query out for the usual query");
    }
    if (!w_.auth_dbname.empty() && is_console(w_.auth_dbname)) {
      problem("weir", "auth_dbname", "auth_dbname must name a database, not the console");
    }
    if (!w_.auth_ident_file.empty() && w_.auth_hba_file.empty()) {
      warning("weir", "auth_ident_file", "auth_ident_file is only used by map= in auth_hba_file");
    }
  }

  void client_tls() {
    const TlsMode mode = client_tls_mode(w_);
    if (mode != TlsMode::kDisable) {
      const auto need = [&](const std::string& value, std::string_view key) {
        if (value.empty()) {
          problem("weir", "client_tls_sslmode",
                  fmt::format("client_tls_sslmode = \"{}\" needs {}", to_string(mode), key));
        }
      };
      need(w_.client_tls_key_file, "client_tls_key_file");
      need(w_.client_tls_cert_file, "client_tls_cert_file");
      if (mode >= TlsMode::kVerifyCa) need(w_.client_tls_ca_file, "client_tls_ca_file");
    }
    readable("client_tls_cert_file", w_.client_tls_cert_file);
    readable("client_tls_ca_file", w_.client_tls_ca_file);
    private_key("client_tls_key_file", w_.client_tls_key_file);
  }

  void server_tls() {
    if (w_.server_tls_key_file.empty() != w_.server_tls_cert_file.empty()) {
      const bool key = !w_.server_tls_key_file.empty();
      problem("weir", key ? "server_tls_key_file" : "server_tls_cert_file",
              "server_tls_key_file and server_tls_cert_file belong together: set both or none");
    }
    readable("server_tls_cert_file", w_.server_tls_cert_file);
    readable("server_tls_ca_file", w_.server_tls_ca_file);
    private_key("server_tls_key_file", w_.server_tls_key_file);
    if (w_.server_tls_negotiation == TlsNegotiation::kDirect && w_.server_tls_sslmode < TlsMode::kRequire) {
      problem("weir", "server_tls_negotiation",
              "server_tls_negotiation = \"direct\" needs server_tls_sslmode = \"require\" or stricter");
    }
  }

  void readable(std::string_view key, const std::string& path) {
    if (path.empty() || surroundings_.stat(path)) return;
    problem("weir", key, fmt::format("{}: there is no file {}", key, base::escape_for_log(path)));
  }

  // libpq's and PostgreSQL's rule: nobody but the owner, or root's file with the group allowed to read it.
  void private_key(std::string_view key, const std::string& path) {
    if (path.empty()) return;
    const auto facts = surroundings_.stat(path);
    if (!facts) return readable(key, path);
    const uint32_t forbidden = facts->owner == 0 ? 0037U : 0077U;
    if ((facts->mode & forbidden) == 0) return;
    problem("weir", key,
            fmt::format("{} {} can be read by others (mode {:04o}): chmod 0600, or 0640 when root owns it",
                        key, base::escape_for_log(path), facts->mode));
  }

  void tls_words() {
    static const std::vector<std::string_view> kVersions{
        "secure", "all", "legacy", "default", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "tlsv1"};
    const auto versions = [&](std::string_view key, const std::string& value) {
      for (const std::string& word : split_list(value)) {
        const std::string_view plain =
            word.starts_with('!') ? std::string_view(word).substr(1) : std::string_view(word);
        if (std::find(kVersions.begin(), kVersions.end(), plain) != kVersions.end()) continue;
        problem("weir", key, fmt::format("{} {}", key, not_one_of(word, kVersions).message));
      }
    };
    versions("client_tls_protocols", w_.client_tls_protocols);
    versions("server_tls_protocols", w_.server_tls_protocols);
  }

  void pools() {
    if (w_.server_login_retry > w_.server_login_retry_max) {
      problem("weir", "server_login_retry",
              fmt::format("server_login_retry ({}) must not be longer than server_login_retry_max ({})",
                          base::duration_text(w_.server_login_retry),
                          base::duration_text(w_.server_login_retry_max)));
    }
    reachable("weir", "default_pool_size", w_.default_pool_size, "max_db_connections", w_.max_db_connections);
    reachable("weir", "default_pool_size", w_.default_pool_size, "max_host_connections",
              w_.max_host_connections);
    reachable("weir", "default_pool_size", w_.default_pool_size, "max_user_connections",
              w_.max_user_connections);
    reachable("weir", "min_pool_size", w_.min_pool_size, "default_pool_size", w_.default_pool_size);
    if (w_.max_preauth_conn != 0 && w_.max_preauth_per_ip > w_.max_preauth_conn) {
      warning("weir", "max_preauth_per_ip",
              fmt::format("max_preauth_per_ip ({}) is never reached: max_preauth_conn is {}",
                          w_.max_preauth_per_ip, w_.max_preauth_conn));
    }
  }

  void reachable(std::string_view section, std::string_view key, int value, std::string_view limit_key,
                 int limit) {
    if (limit == 0 || value <= limit) return;
    warning(section, key, fmt::format("{} = {} is never reached: {} is {}", key, value, limit_key, limit));
  }

  void log() {
    static const std::vector<std::string_view> kFacilities{"auth",   "authpriv", "daemon", "user",
                                                           "local0", "local1",   "local2", "local3",
                                                           "local4", "local5",   "local6", "local7"};
    if (std::find(kFacilities.begin(), kFacilities.end(), w_.syslog_facility) == kFacilities.end()) {
      problem("weir", "syslog_facility",
              fmt::format("syslog_facility {}", not_one_of(w_.syslog_facility, kFacilities).message));
    }
  }

  void http() {
    const Http& http = config_.http;
    if (http.token) {
      const std::string_view token = http.token->reveal();
      const auto sendable = [](char c) { return c > ' ' && c < '\x7f'; };
      if (token.empty() || !std::all_of(token.begin(), token.end(), sendable))
        problem("http", "token", "token must be printable characters without blanks, and at least one");
    }
    if (http.port == 0) return;
    if (http.listen_addr.empty()) problem("http", "listen_addr", "listen_addr is empty: name an address, or set port = 0");
    if (!http.token && !loopback_only(http.listen_addr))
      warning("http", "token",
              "HTTP is answered on addresses that are not loopback, and no token is set: whoever reaches the port reads "
              "names of databases and users, and statements");
  }

  void slow_log() {
    for (const std::string& rule : w_.slow_log_redact) {
      const std::size_t dot = rule.find('.');
      if (dot != std::string::npos && dot > 0 && dot + 1 < rule.size() && rule.find('.', dot + 1) == std::string::npos)
        continue;
      problem("weir", "slow_log_redact",
              fmt::format("slow_log_redact: {} is not of the form table.column, such as users.email or *.token",
                          base::escape_for_log(rule, 80)));
    }
    if (!w_.slow_log_file.empty() && w_.slow_log_file == w_.logfile)
      problem("weir", "slow_log_file", "slow_log_file and logfile must be different files");
    if (w_.slow_log_parameters && w_.slow_log_file.empty()) {
      warning("weir", "slow_log_parameters",
              "slow_log_parameters shows values in SHOW SLOW_QUERIES alone: without slow_log_file, slow statements go "
              "into the log, which never has any");
    }
  }

  // A moment is in minutes, or in hours, or in days: each kind begins where the finer one ends.
  void history() {
    const History& history = config_.history;
    const auto longer = [this](std::string_view key, base::Duration kept, std::string_view finer_key, base::Duration finer) {
      if (kept >= finer) return;
      problem("history", key,
              fmt::format("{} ({}) must not be shorter than {} ({})", key, base::duration_text(kept), finer_key,
                          base::duration_text(finer)));
    };
    longer("keep_hours", history.keep_hours, "keep_minutes", history.keep_minutes);
    longer("keep_days", history.keep_days, "keep_hours", history.keep_hours);
    if (!history.path.empty() && !w_.query_stats)
      warning("history", "path", "without query_stats there are only pools to keep");
  }

  void advice() {
    if (config_.advice.lint && !w_.query_stats)
      warning("advice", "lint", "without query_stats there is nothing to hold against the rules");
    if (config_.advice.enabled && !w_.query_stats)
      warning("advice", "enabled", "without query_stats it is not known which statements take time");
  }

  static bool is_console(std::string_view name) {
    return std::find(kConsoleNames.begin(), kConsoleNames.end(), name) != kConsoleNames.end();
  }

  void database_section(const Database& db, const std::string& section) {
    if (is_console(db.name))
      problem(section, "", fmt::format("the database name {} belongs to the console", db.name));
    const std::size_t hosts = std::max<std::size_t>(db.host.size(), 1);
    if (db.port.size() > 1 && db.port.size() != hosts) {
      problem(section, "port",
              fmt::format("port has {} entries for {} host{}: give one port, or one for each host",
                          db.port.size(), hosts, hosts == 1 ? "" : "s"));
    }
    if (w_.server_tls_negotiation == TlsNegotiation::kDirect && db.server_tls_sslmode &&
        *db.server_tls_sslmode < TlsMode::kRequire && *db.server_tls_sslmode != TlsMode::kDisable) {
      problem(section, "server_tls_sslmode",
              "server_tls_negotiation = \"direct\" in [weir] needs server_tls_sslmode = \"require\" or stricter, or "
              "\"disable\"");
    }
    if (db.password && !db.user) {
      warning(section, "password",
              "password is only used together with user: set user, or list the secret in auth_file");
    }
    if (db.auth_user && !db.auth_user->empty() && config_.auth_query(db).empty()) {
      problem(section, "auth_user", "auth_user needs auth_query: set it here or leave it out in [weir]");
    }
    const int size = db.pool_size.value_or(w_.default_pool_size);
    const std::string_view size_key = db.pool_size ? "pool_size" : "default_pool_size";
    if (db.pool_size || db.max_db_connections) {
      reachable(section, size_key, size, "max_db_connections", config_.max_db_connections(db));
    }
    if (db.min_pool_size) reachable(section, "min_pool_size", *db.min_pool_size, size_key, size);
    if (db.name == "*" && !db.dbname.empty() && db.user) {
      warning(section, "dbname",
              fmt::format("dbname sends the clients of every database name to {}", db.dbname));
    }
  }

  void peers() {
    for (const auto& [id, peer] : config_.peers) {
      if (peer.host.empty()) {
        problem(fmt::format("peers.{}", id), "host", "host is missing: where is this peer?");
      }
    }
    if (!config_.peers.empty() && w_.peer_id == 0) {
      warning("weir", "peer_id", "[peers] does nothing without peer_id: give this process its own number");
    }
  }

  const Config& config_;
  const Weir& w_ = config_.weir;
  const Surroundings& surroundings_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const Config& config, const Surroundings& surroundings) {
  return Checker(config, surroundings).run();
}

}  // namespace conf
