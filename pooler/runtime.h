#pragma once
// What the whole process shares below the workers: handed to the objects that need it by whoever makes them.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/statement_cache.h"
#include "base/loop.h"
#include "base/offload.h"
#include "pooler/budget.h"
#include "pooler/cancel.h"
#include "pooler/console.h"
#include "pooler/key_cache.h"
#include "pooler/pin_book.h"
#include "wire/dial.h"
#include "wire/tls.h"

namespace pooler {

class Throttle;
class AuthQueries;
class Worker;
class ListenHubs;
class Catalogues;
class GuardRules;
class SlowLog;
class SlowPlans;
class Traces;
class Advisor;

struct Runtime {
  base::Offload& offload;   // PBKDF2 and files: short work of our own
  base::Offload& external;  // PAM, LDAP, user names: others may hang there, and hold up only each other
  wire::Resolver& resolver;
  CancelKeys& cancel_keys;
  Throttle& throttle;
  AuthQueries& auth_queries;
  std::string made_up_key;  // secret of this process, for the salts of unknown users

  Budgets budgets{};
  KeyCache keys{};
  PinBook pins{};
  CancelFlights cancel_flights{};
  analyzer::StatementCache statements{};
  std::vector<base::EventLoop*> loops{};  // one per worker; fixed after start
  std::vector<Worker*> worker_list{};     // the same
  ListenHubs* listen_hubs = nullptr;    // set before the workers start
  Catalogues* catalogues = nullptr;     // the same
  SlowLog* slow_log = nullptr;          // the same
  SlowPlans* slow_plans = nullptr;      // the same
  Traces* traces = nullptr;             // the same
  Advisor* advisor = nullptr;           // the same
  Console* console = nullptr;           // set before the workers start
  std::vector<std::pair<std::string, std::string>> console_parameters{};
  std::atomic<uint64_t> next_id{1};  // clients and servers

  uint64_t new_id() { return next_id.fetch_add(1, std::memory_order_relaxed); }
  int workers() const { return static_cast<int>(loops.size()); }

  // The TLS side towards clients; replaced by a reload.
  std::shared_ptr<const wire::TlsContext> client_tls() const {
    const std::lock_guard lock(tls_mutex_);
    return client_tls_;
  }
  void set_client_tls(std::shared_ptr<const wire::TlsContext> context) {
    const std::lock_guard lock(tls_mutex_);
    client_tls_ = std::move(context);
  }

  // The rules about statements; replaced by a reload, before the workers are told of it. Null: none.
  std::shared_ptr<const GuardRules> guards() const {
    const std::lock_guard lock(guards_mutex_);
    return guards_;
  }
  void set_guards(std::shared_ptr<const GuardRules> rules) {
    const std::lock_guard lock(guards_mutex_);
    guards_ = std::move(rules);
  }

  // Members with a default come last, so that the references can be given as an aggregate.
  mutable std::mutex tls_mutex_{};
  std::shared_ptr<const wire::TlsContext> client_tls_{};  // guarded by tls_mutex_
  mutable std::mutex guards_mutex_{};
  std::shared_ptr<const GuardRules> guards_{};  // guarded by guards_mutex_
};

}  // namespace pooler
