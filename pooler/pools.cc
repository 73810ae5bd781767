#include "pooler/pools.h"

#include <algorithm>

#include "base/log.h"

namespace pooler {
namespace {

const base::Logger log{"pools"};

int count_of(const std::map<std::string, int>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

void count(std::map<std::string, int>& counts, const std::string& key, int by) {
  if ((counts[key] += by) <= 0) counts.erase(key);
}

std::string host_list(const std::vector<conf::HostPort>& hosts) {
  std::string text;
  for (const auto& host : hosts) text += (text.empty() ? "" : ",") + host.host + ':' + std::to_string(host.port);
  return text;
}

}  // namespace

Pools::Pools(Runtime& runtime, conf::ConfigPtr config, ServerTlsContexts server_tls)
    : runtime_(runtime), config_(std::move(config)), server_tls_(std::move(server_tls)) {}

Pools::~Pools() {
  for (auto& [key, pool] : pools_) pool->close_down();
}

PoolSettings Pools::settle(const conf::Config& config, const conf::Database& db, const std::string& database,
                           const std::string& user) {
  const conf::Weir& weir = config.weir;
  PoolSettings s;
  s.target.hosts = config.hosts(db);
  s.target.balance = config.load_balance_hosts(db);
  s.target.session_attrs = db.target_session_attrs;
  s.target.dbname = config.server_dbname(db, database);
  s.target.user = db.user.value_or(user);
  s.target.tls_mode = config.server_tls_mode(db);
  s.target.tls_negotiation = weir.server_tls_negotiation;
  const auto startup = [&s](const char* name, const std::optional<std::string>& value) {
    if (value) s.target.startup = with_param(std::move(s.target.startup), name, &*value);
  };
  startup("client_encoding", db.client_encoding);
  startup("datestyle", db.datestyle);
  startup("timezone", db.timezone);
  startup("application_name", db.application_name);
  s.target.connect_query = db.connect_query.value_or("");

  if (db.password) {
    s.credentials.secret = conf::parse_secret(db.password->reveal());
    s.credentials.origin = "[databases." + db.name + "]";
  } else {
    const conf::UserSecret* secret = config.find_secret(s.target.user);
    if (secret != nullptr) s.credentials.secret = *secret;
    s.credentials.origin = "auth_file or [users]";
  }
  if (const auto tls = server_tls_.find(s.target.tls_mode); tls != server_tls_.end()) s.tls = tls->second;
  s.channel_binding = weir.channel_binding;
  s.scram_max_iterations = weir.scram_max_iterations;
  s.connect_timeout = weir.server_connect_timeout;

  s.mode = config.pool_mode(db, user);
  s.tracking = weir.session_tracking && s.mode != conf::PoolMode::kSession;
  s.refuse_pins = config.pinning(db, user) == conf::Pinning::kRefuse;
  s.size = config.pool_size(db, user);
  s.min_size = config.min_pool_size(db);
  s.reserve_size = config.reserve_pool_size(db, user);
  s.reserve_timeout = weir.reserve_pool_timeout;
  s.round_robin = weir.server_round_robin;
  s.lifetime = config.server_lifetime(db);
  s.idle_timeout = weir.server_idle_timeout;
  s.login_retry = weir.server_login_retry;
  s.login_retry_max = weir.server_login_retry_max;
  s.check_delay = weir.server_check_delay;
  s.check_query = weir.server_check_query;
  s.cancel_wait_timeout = weir.cancel_wait_timeout;
  s.fast_close = weir.server_fast_close;
  if (s.mode == conf::PoolMode::kSession || weir.server_reset_query_always) s.reset_query = weir.server_reset_query;
  s.budgets = {runtime_.budgets.get("database " + database, config.max_db_connections(db)),
               runtime_.budgets.get("user " + user, config.max_user_connections(user)),
               runtime_.budgets.get("host " + host_list(s.target.hosts), weir.max_host_connections)};
  return s;
}

base::Result<PoolPtr> Pools::find_or_make(const std::string& database, const std::string& user) {
  PoolPtr made;
  PoolSettings settings;
  {
    const std::lock_guard lock(mutex_);
    const conf::Database* db = config_->find_database(database);
    if (db == nullptr) return base::unknown_database(database);
    if (disabled_.contains(database))
      return base::object_not_ready("database \"" + database + "\" is disabled");
    auto& pool = pools_[{database, user}];
    if (pool) return pool;
    pool = made = std::make_shared<Pool>(runtime_, database, user);
    settings = settle(*config_, *db, database, user);
    settings.config = config_;
    made->configure(std::move(settings));
    if (all_paused_ || paused_.contains(database)) made->pause();
  }
  return made;
}

base::Status Pools::admit(Pool& pool) {
  const std::lock_guard lock(mutex_);
  const conf::Database* db = config_->find_database(pool.database());
  const int database_limit = db != nullptr ? config_->max_db_client_connections(*db) : 0;
  const int user_limit = config_->max_user_client_connections(pool.user());
  if (clients_.load() >= config_->weir.max_client_conn)
    return base::too_many_connections("no more connections allowed (max_client_conn)");
  if (database_limit > 0 && count_of(clients_by_database_, pool.database()) >= database_limit)
    return base::too_many_connections("no more connections allowed to database \"" + pool.database() +
                                      "\" (max_db_client_connections)");
  if (user_limit > 0 && count_of(clients_by_user_, pool.user()) >= user_limit)
    return base::too_many_connections("no more connections allowed for user \"" + pool.user() +
                                      "\" (max_user_client_connections)");
  ++clients_;
  ++pool.clients;
  count(clients_by_database_, pool.database(), 1);
  count(clients_by_user_, pool.user(), 1);
  return base::Ok{};
}

void Pools::dismiss(Pool& pool) {
  const std::lock_guard lock(mutex_);
  --clients_;
  --pool.clients;
  count(clients_by_database_, pool.database(), -1);
  count(clients_by_user_, pool.user(), -1);
}

void Pools::reconfigure(conf::ConfigPtr config, ServerTlsContexts server_tls) {
  const std::lock_guard lock(mutex_);
  config_ = std::move(config);
  server_tls_ = std::move(server_tls);
  for (auto& [key, pool] : pools_) {
    const conf::Database* db = config_->find_database(key.first);
    if (db == nullptr) {
      log.info("database \"{}\" is no longer configured: its connections are closed when they come back", key.first);
      pool->close_servers();
      pool->fail_waiters(base::unknown_database(key.first));
      continue;
    }
    PoolSettings settings = settle(*config_, *db, key.first, key.second);
    settings.config = config_;
    pool->configure(std::move(settings));
  }
}

void Pools::maintain(int worker, base::TimePoint now) {
  for (const auto& pool : all()) pool->maintain(worker, now);
  if (worker != 0) return;
  // Pools that nobody has used for long: names that clients made up would otherwise stay for ever.
  const std::lock_guard lock(mutex_);
  const auto limit = config_->weir.autodb_idle_timeout;
  if (limit.count() <= 0) return;
  std::erase_if(pools_, [&](const auto& entry) {
    const Pool& pool = *entry.second;
    return !config_->databases.contains(entry.first.first) && pool.clients.load() == 0 && pool.server_count() == 0 &&
           entry.second.use_count() == 1 && now - pool.last_used() > limit;
  });
}

std::vector<PoolPtr> Pools::all() const { return of_database({}); }

std::vector<PoolPtr> Pools::of_database(const std::string& database) const {
  const std::lock_guard lock(mutex_);
  std::vector<PoolPtr> found;
  for (const auto& [key, pool] : pools_)
    if (database.empty() || key.first == database) found.push_back(pool);
  return found;
}

conf::ConfigPtr Pools::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

base::Status Pools::check_database(const std::string& database) const {
  const std::lock_guard lock(mutex_);
  if (database.empty() || config_->databases.contains(database)) return base::Ok{};
  const bool known = std::any_of(pools_.begin(), pools_.end(),
                                 [&database](const auto& entry) { return entry.first.first == database; });
  if (known) return base::Ok{};
  return base::unknown_database(database);
}

void Pools::pause(const std::string& database) {
  {
    const std::lock_guard lock(mutex_);
    if (database.empty())
      all_paused_ = true;
    else
      paused_.insert(database);
  }
  for (const auto& pool : of_database(database)) pool->pause();
}

void Pools::resume(const std::string& database) {
  {
    const std::lock_guard lock(mutex_);
    if (database.empty()) {
      all_paused_ = false;
      paused_.clear();
    } else {
      paused_.erase(database);
    }
  }
  for (const auto& pool : of_database(database)) pool->resume();
}

bool Pools::paused(const std::string& database) const {
  const std::lock_guard lock(mutex_);
  return all_paused_ || (!database.empty() && paused_.contains(database));
}

void Pools::disable(const std::string& database, bool disabled) {
  const std::lock_guard lock(mutex_);
  if (disabled)
    disabled_.insert(database);
  else
    disabled_.erase(database);
}

bool Pools::disabled(const std::string& database) const {
  const std::lock_guard lock(mutex_);
  return disabled_.contains(database);
}

int Pools::clients_of_database(const std::string& database) const {
  const std::lock_guard lock(mutex_);
  return count_of(clients_by_database_, database);
}

int Pools::clients_of_user(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  return count_of(clients_by_user_, user);
}

int Pools::servers_of_database(const std::string& database) const {
  int sum = 0;
  for (const auto& pool : of_database(database)) sum += pool->server_count();
  return sum;
}

int Pools::servers_of_user(const std::string& user) const {
  int sum = 0;
  for (const auto& pool : all())
    if (pool->user() == user) sum += pool->server_count();
  return sum;
}

}  // namespace pooler
