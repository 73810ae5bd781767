#pragma once
// Budgets: caps on server connections that several pools share: of a database, of a user, of a PostgreSQL host.
//
// A pool takes one unit of each of its budgets before it opens a connection and gives them back when the connection
// is closed. Who finds a budget used up is remembered with the time its oldest client has been waiting, and the
// longest wait is served first: a pool with a late name in the alphabet is served like any other. Thread-safe;
// touched only when connections come and go, never by a query.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace pooler {

class Budget {
 public:
  Budget(std::string name, int limit) : name_(std::move(name)), limit_(limit) {}

  const std::string& name() const { return name_; }
  int used() const { return used_.load(std::memory_order_relaxed); }
  int limit() const { return limit_.load(std::memory_order_relaxed); }  // 0: none
  void set_limit(int limit) { limit_.store(limit, std::memory_order_relaxed); }
  // Somebody wants what others hold: cheap to ask on the way.
  bool contended() const { return wanting_.load(std::memory_order_relaxed) > 0; }

 private:
  friend class Budgets;
  std::string name_;
  std::atomic<int> limit_;
  std::atomic<int> used_{0};
  std::atomic<int> wanting_{0};
};
using BudgetPtr = std::shared_ptr<Budget>;

// A member of budgets: a pool, as this file sees it.
class Spender {
 public:
  virtual ~Spender() = default;
  // Budget may be free: try again to open a connection. Called without locks held, from any thread.
  virtual void budget_freed() = 0;
  // Close an idle connection if there is one; true if one will be closed. Called without locks held, from any thread.
  virtual bool shed_idle() = 0;
};

class Budgets {
 public:
  // The budget of that name, made if need be; its limit is set anew.
  BudgetPtr get(const std::string& name, int limit);

  // Takes one unit of each, or none: then `who` is remembered as wanting since `since`, and someone who holds an idle
  // connection in the way is asked to close it.
  bool take(const std::vector<BudgetPtr>& budgets, const std::shared_ptr<Spender>& who, base::TimePoint since);
  // Takes one unit of each whatever the limits say.
  void take_anyway(const std::vector<BudgetPtr>& budgets);
  // Gives one unit of each back and lets the longest waiting spender try.
  void give_back(const std::vector<BudgetPtr>& budgets);
  // `who` wants nothing any more.
  void forget(const Spender* who);
  // The longest wait for any of these budgets by somebody else than `who`.
  std::optional<base::TimePoint> oldest_want(const std::vector<BudgetPtr>& budgets, const Spender* who);
  // `who` opens connections under these budgets from now on (so that it can be asked to shed).
  void join(const std::vector<BudgetPtr>& budgets, const std::shared_ptr<Spender>& who);

 private:
  struct Want {
    std::weak_ptr<Spender> who;
    const Spender* identity;
    base::TimePoint since;
    std::vector<BudgetPtr> budgets;
  };
  static bool has_room(const Budget& budget);
  void drop_want(const Spender* who);  // mutex_ held

  std::mutex mutex_;
  std::map<std::string, BudgetPtr> by_name_;                              // guarded by mutex_
  std::vector<Want> wants_;                                               // guarded by mutex_, by age
  std::map<const Budget*, std::vector<std::weak_ptr<Spender>>> members_;  // guarded by mutex_
};

}  // namespace pooler
