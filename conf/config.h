#pragma once
// Config: everything that was configured, as one immutable snapshot. A reload makes another; whoever holds
// the old one keeps it alive and unchanged. Any thread may read it.
//
// What is in force for a client follows one precedence, PgBouncer's: [users] over [databases] over [weir].

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "conf/hba.h"
#include "conf/secrets.h"
#include "conf/settings.h"
#include "conf/settings_alerts.h"

namespace conf {

struct HostPort {
  std::string host;  // a leading / means a Unix socket's folder
  int port = 5432;
  bool operator==(const HostPort&) const = default;
  auto operator<=>(const HostPort&) const = default;
};

struct Config {
  Weir weir;
  Workers workers;
  Http http;
  History history;
  Traces traces;
  Advice advice;
  Alerting alerting;
  std::map<std::string, Database, std::less<>> databases;
  std::optional<Database> fallback;  // [databases."*"]
  std::map<std::string, User, std::less<>> users;
  std::map<std::string, Guard, std::less<>> guards;
  std::map<std::string, Alert, std::less<>> alerts;
  std::map<int, Peer> peers;
  UserList userlist;
  Hba hba;
  IdentMaps ident;

  // The section of that name, otherwise the fallback, otherwise null. Lives as long as this Config.
  const Database* find_database(std::string_view name) const;
  const User* find_user(std::string_view name) const;
  // The stored secret of a user: [users.NAME] first, then auth_file; null if neither knows the user.
  const UserSecret* find_secret(std::string_view user) const;

  // In force for a database. `db` is what find_database gave.
  std::vector<HostPort> hosts(const Database& db) const;
  // Where the advisor asks for plans: one behind the other until one answers.
  std::vector<HostPort> advice_hosts(const Database& db) const;
  std::string server_dbname(const Database& db, std::string_view asked) const;
  std::string_view auth_user(const Database& db) const;
  std::string_view auth_query(const Database& db) const;
  std::string_view auth_dbname(const Database& db) const;  // empty: the client's own database
  int min_pool_size(const Database& db) const;
  int max_db_connections(const Database& db) const;         // 0: no limit
  int max_db_client_connections(const Database& db) const;  // 0: no limit
  base::Duration server_lifetime(const Database& db) const;
  LoadBalanceHosts load_balance_hosts(const Database& db) const;
  TlsMode server_tls_mode(const Database& db) const;

  // In force for a user on a database.
  PoolMode pool_mode(const Database& db, std::string_view user) const;
  Pinning pinning(const Database& db, std::string_view user) const;
  int pool_size(const Database& db, std::string_view user) const;
  int reserve_pool_size(const Database& db, std::string_view user) const;
  base::Duration query_wait_timeout(const Database& db, std::string_view user) const;
  base::Duration query_timeout(const Database& db, std::string_view user) const;
  base::Duration idle_transaction_timeout(const Database& db, std::string_view user) const;
  base::Duration transaction_timeout(const Database& db, std::string_view user) const;
  base::Duration log_min_duration(const Database& db, std::string_view user) const;  // kOff: none

  // In force for a user.
  int max_user_connections(std::string_view user) const;         // 0: no limit
  int max_user_client_connections(std::string_view user) const;  // 0: no limit
  base::Duration client_idle_timeout(std::string_view user) const;

  bool is_admin(std::string_view user) const;  // listed in admin_users
  bool is_stats(std::string_view user) const;  // listed in stats_users

  // The secrets of [users], parsed once when the Config was made (see finish()).
  std::map<std::string, UserSecret, std::less<>> user_secrets;
  // Fills what is derived from the sections: names, ids, user_secrets. The loader and tests call it last.
  void finish();
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace conf
