#pragma once
// StatsBook: totals by database that never go down, and averages over the last period.
//
// Pools come and go; what one of them counted stays in its database's totals. Thread-safe: the main loop samples,
// every worker may read.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "pooler/console.h"

namespace pooler {

class Pool;

// What happened between two counts, per second; times are means in microseconds: of a transaction, a query, a wait.
Totals average(const Totals& before, const Totals& after, base::Duration span);
void add(Totals& sum, const Totals& more);

class StatsBook {
 public:
  explicit StatsBook(base::TimePoint now) : period_began_(now) {}

  // What the pools counted so far, remembered for the time after them.
  void sample(const std::vector<std::shared_ptr<Pool>>& pools, int workers);
  // The averages become those since the last call. Returns them over all databases.
  Totals end_period(const std::vector<std::shared_ptr<Pool>>& pools, int workers, base::TimePoint now);
  std::vector<StatsRow> rows(const std::vector<std::shared_ptr<Pool>>& pools, int workers);

 private:
  using ByDatabase = std::map<std::string, Totals>;
  struct Seen {
    std::string database;
    Totals totals;
  };
  ByDatabase add_up(const std::vector<std::shared_ptr<Pool>>& pools, int workers);  // mutex_ held

  std::mutex mutex_;  // guards everything below
  std::map<std::weak_ptr<Pool>, Seen, std::owner_less<>> seen_;
  ByDatabase gone_;  // of pools that are no more
  ByDatabase at_period_start_, averages_;
  base::TimePoint period_began_;
};

}  // namespace pooler
