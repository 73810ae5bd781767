#pragma once
// What a pool could do with: how many servers the work that comes needs, by Little's law (busy servers = transactions a
// second x the time each holds one), and what waiting would be with them, by Erlang's C formula.
//
//   PoolAdvisor advisor;
//   advisor.look({...});            // every few seconds, for each pool
//   advisor.advice()
//
// Pure. Transactions that come in bursts wait longer than the formula says: what was seen in line counts too.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace analyzer {

// One pool at one moment; times and counts are since the start.
struct PoolMoment {
  std::string database, user;
  base::TimePoint at{};
  uint64_t transactions = 0, held_us = 0, wait_us = 0;
  int busy = 0, waiting = 0, servers = 0;
  base::Duration longest_wait{};
  int size = 0, reserve = 0;                 // as they are set
  base::Duration query_wait_timeout{};       // 0: none
};

struct PoolAdvice {
  std::string database, user;
  double seconds = 0;                        // that were looked at
  double transactions_per_second = 0, held_ms = 0, wait_ms = 0;  // means of a transaction
  double busy = 0;                           // servers, on average: Little's law
  int busy_max = 0, waiting_max = 0;
  double longest_wait_ms = 0;
  int size = 0, reserve = 0;
  int suggested_size = 0, suggested_reserve = 0;
  double query_wait_timeout_ms = 0, suggested_timeout_ms = 0;
  double wait_after_ms = 0;                  // of a transaction with the suggested size
  std::string change;                        // in words; empty: it is right as it is
};

class PoolAdvisor {
 public:
  static constexpr std::size_t kPoolsMax = 1000;
  // Looks are forgotten by half after so long.
  static constexpr base::Duration kHalf = std::chrono::minutes(30);

  void look(const PoolMoment& moment);
  std::vector<PoolAdvice> advice() const;

 private:
  struct Sum {
    PoolMoment first, last;
    int busy_max = 0, waiting_max = 0;
    uint64_t looks = 0, looks_waiting = 0;
    base::Duration longest_wait{};
  };
  std::map<std::pair<std::string, std::string>, Sum> pools_;
};

// How long one waits on average for one of `servers`, where `load` of them are busy on average with work that takes
// `held_ms`; a large number where there are too few.
double erlang_wait_ms(int servers, double load, double held_ms);

}  // namespace analyzer
