#pragma once
// Pools: every pool of the process, by database and user; what configures them and what caps clients. Thread-safe.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "conf/config.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"

namespace pooler {

using PoolPtr = std::shared_ptr<Pool>;

class Pools {
 public:
  Pools(Runtime& runtime, conf::ConfigPtr config, ServerTlsContexts server_tls);

  ~Pools();

  // The pool for clients that log in as `user` to `database`: 3D000 if there is no such database, 55000 if it is
  // disabled.
  base::Result<PoolPtr> find_or_make(const std::string& database, const std::string& user);
  // Counts one more client, or says which limit it would pass (53300). dismiss() takes it back.
  base::Status admit(Pool& pool);
  void dismiss(Pool& pool);

  void reconfigure(conf::ConfigPtr config, ServerTlsContexts server_tls);
  void maintain(int worker, base::TimePoint now);
  std::vector<PoolPtr> all() const;
  std::vector<PoolPtr> of_database(const std::string& database) const;  // empty name: all
  conf::ConfigPtr config() const;

  // The console's states of a database (empty: of all). Unknown names are 3D000.
  base::Status check_database(const std::string& database) const;
  void pause(const std::string& database);
  void resume(const std::string& database);
  bool paused(const std::string& database) const;  // empty: everything
  void disable(const std::string& database, bool disabled);
  bool disabled(const std::string& database) const;

  int clients_of_database(const std::string& database) const;
  int clients_of_user(const std::string& user) const;
  int servers_of_database(const std::string& database) const;
  int servers_of_user(const std::string& user) const;
  int clients() const { return clients_.load(std::memory_order_relaxed); }

 private:
  PoolSettings settle(const conf::Config& config, const conf::Database& db, const std::string& database,
                      const std::string& user);

  Runtime& runtime_;
  std::atomic<int> clients_{0};
  mutable std::mutex mutex_;  // guards everything below
  conf::ConfigPtr config_;
  ServerTlsContexts server_tls_;
  std::map<std::pair<std::string, std::string>, PoolPtr> pools_;
  std::map<std::string, int> clients_by_database_, clients_by_user_;
  std::set<std::string> paused_, disabled_;
  bool all_paused_ = false;
};

}  // namespace pooler
