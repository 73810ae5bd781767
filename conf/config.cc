#include "conf/config.h"

#include <algorithm>

namespace conf {
namespace {

constexpr int kPostgresPort = 5432;

const User& user_or_default(const Config& config, std::string_view name) {
  static const User nobody;
  const User* user = config.find_user(name);
  return user != nullptr ? *user : nobody;
}

bool listed(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Each with its port, the last one for those behind it.
std::vector<HostPort> hosts_of(const Names& names, const std::vector<int>& ports) {
  std::vector<HostPort> out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out.push_back({names[i], ports.empty() ? kPostgresPort : ports[std::min(i, ports.size() - 1)]});
  return out;
}

}  // namespace

TlsMode client_tls_mode(const Weir& weir) {
  return weir.client_tls_sslmode.value_or(weir.client_tls_cert_file.empty() ? TlsMode::kDisable
                                                                            : TlsMode::kPrefer);
}

LogLevel log_level(const Weir& weir) {
  if (weir.verbose >= 2) return LogLevel::kTrace;
  if (weir.verbose == 1) return std::min(weir.log_level, LogLevel::kDebug);
  return weir.log_level;
}

const Database* Config::find_database(std::string_view name) const {
  const auto found = databases.find(name);
  if (found != databases.end()) return &found->second;
  return fallback ? &*fallback : nullptr;
}

const User* Config::find_user(std::string_view name) const {
  const auto found = users.find(name);
  return found != users.end() ? &found->second : nullptr;
}

const UserSecret* Config::find_secret(std::string_view user) const {
  const auto found = user_secrets.find(user);
  return found != user_secrets.end() ? &found->second : userlist.find(user);
}

std::vector<HostPort> Config::hosts(const Database& db) const {
  if (!db.host.empty()) return hosts_of(db.host, db.port);
  return hosts_of({weir.unix_socket_dir}, db.port);
}

std::vector<HostPort> Config::advice_hosts(const Database& db) const {
  std::vector<HostPort> all = hosts_of(db.advice_host, db.advice_port);
  for (HostPort& host : hosts(db)) all.push_back(std::move(host));
  return all;
}

std::string Config::server_dbname(const Database& db, std::string_view asked) const {
  return db.dbname.empty() ? std::string(asked) : db.dbname;
}

std::string_view Config::auth_user(const Database& db) const {
  return db.auth_user ? *db.auth_user : weir.auth_user;
}
std::string_view Config::auth_query(const Database& db) const {
  return db.auth_query ? *db.auth_query : weir.auth_query;
}
std::string_view Config::auth_dbname(const Database& db) const {
  return db.auth_dbname ? *db.auth_dbname : weir.auth_dbname;
}
int Config::min_pool_size(const Database& db) const { return db.min_pool_size.value_or(weir.min_pool_size); }
int Config::max_db_connections(const Database& db) const {
  return db.max_db_connections.value_or(weir.max_db_connections);
}
int Config::max_db_client_connections(const Database& db) const {
  return db.max_db_client_connections.value_or(weir.max_db_client_connections);
}
base::Duration Config::server_lifetime(const Database& db) const {
  return db.server_lifetime.value_or(weir.server_lifetime);
}
LoadBalanceHosts Config::load_balance_hosts(const Database& db) const {
  return db.load_balance_hosts.value_or(weir.load_balance_hosts);
}
TlsMode Config::server_tls_mode(const Database& db) const {
  return db.server_tls_sslmode.value_or(weir.server_tls_sslmode);
}

PoolMode Config::pool_mode(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).pool_mode.value_or(db.pool_mode.value_or(weir.pool_mode));
}
Pinning Config::pinning(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).pinning.value_or(db.pinning.value_or(weir.pinning));
}
int Config::pool_size(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).pool_size.value_or(db.pool_size.value_or(weir.default_pool_size));
}
int Config::reserve_pool_size(const Database& db, std::string_view user) const {
  return user_or_default(*this, user)
      .reserve_pool_size.value_or(db.reserve_pool_size.value_or(weir.reserve_pool_size));
}
base::Duration Config::query_wait_timeout(const Database& db, std::string_view user) const {
  return user_or_default(*this, user)
      .query_wait_timeout.value_or(db.query_wait_timeout.value_or(weir.query_wait_timeout));
}
base::Duration Config::query_timeout(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).query_timeout.value_or(db.query_timeout.value_or(weir.query_timeout));
}
base::Duration Config::idle_transaction_timeout(const Database& db, std::string_view user) const {
  return user_or_default(*this, user)
      .idle_transaction_timeout.value_or(db.idle_transaction_timeout.value_or(weir.idle_transaction_timeout));
}
base::Duration Config::transaction_timeout(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).transaction_timeout.value_or(db.transaction_timeout.value_or(weir.transaction_timeout));
}
base::Duration Config::log_min_duration(const Database& db, std::string_view user) const {
  return user_or_default(*this, user).log_min_duration.value_or(db.log_min_duration.value_or(weir.log_min_duration));
}

int Config::max_user_connections(std::string_view user) const {
  return user_or_default(*this, user).max_user_connections.value_or(weir.max_user_connections);
}
int Config::max_user_client_connections(std::string_view user) const {
  return user_or_default(*this, user).max_user_client_connections.value_or(weir.max_user_client_connections);
}
base::Duration Config::client_idle_timeout(std::string_view user) const {
  return user_or_default(*this, user).client_idle_timeout.value_or(weir.client_idle_timeout);
}

bool Config::is_admin(std::string_view user) const { return listed(weir.admin_users, user); }
bool Config::is_stats(std::string_view user) const { return listed(weir.stats_users, user); }

void Config::finish() {
  for (auto& [name, database] : databases) database.name = name;
  if (fallback) fallback->name = "*";
  for (auto& [name, guard] : guards) guard.name = name;
  for (auto& [name, alert] : alerts) alert.name = name;
  for (auto& [id, peer] : peers) peer.id = id;
  user_secrets.clear();
  for (auto& [name, user] : users) {
    user.name = name;
    if (user.password) user_secrets.emplace(name, parse_secret(user.password->reveal()));
  }
}

}  // namespace conf
