#pragma once
// HistoryPools: how pools were over some looks at them, and what they did meanwhile.
//
//   pools.look(now);                                // every few seconds
//   std::vector<HistoryPool> minute = pools.drain(200);
//
// Pure; of one thread at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/history_rows.h"

namespace analyzer {

// One pool at one moment. What it counts only grows.
struct PoolLook {
  std::string database, user;
  std::weak_ptr<const void> pool;  // another pool of that name counts from nothing
  uint64_t active = 0, waiting = 0, servers = 0, idle = 0;
  uint64_t longest_wait_us = 0;
  uint64_t transactions = 0, queries = 0, wait_us = 0;
};

class HistoryPools {
 public:
  void look(const std::vector<PoolLook>& now);
  // Since the last one. Above `rows_max`, those with the fewest queries are one row without names.
  std::vector<HistoryPool> drain(std::size_t rows_max);

 private:
  struct Known {
    PoolLook last;
    HistoryPool sum;
    bool seen = false;
  };
  std::map<std::pair<std::string, std::string>, Known> pools_;
};

// The numbers of two rows as one: of the same pool at two times, or of two pools.
void add(HistoryPool& sum, const HistoryPool& more);

}  // namespace analyzer
