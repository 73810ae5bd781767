#include "analyzer/history_pools.h"

#include <algorithm>

namespace analyzer {

namespace {

uint64_t since(uint64_t now, uint64_t before) { return now - std::min(now, before); }

bool same(const std::weak_ptr<const void>& a, const std::weak_ptr<const void>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

void HistoryPools::look(const std::vector<PoolLook>& now) {
  for (auto& [name, known] : pools_) known.seen = false;
  for (const PoolLook& look : now) {
    auto [at, fresh] = pools_.try_emplace({look.database, look.user});
    Known& known = at->second;
    known.seen = true;
    if (!fresh && !same(known.last.pool, look.pool)) known.last = {};
    add(known.sum, {.looks = 1,
                    .active = look.active,
                    .active_max = look.active,
                    .waiting = look.waiting,
                    .waiting_max = look.waiting,
                    .servers = look.servers,
                    .servers_max = look.servers,
                    .idle = look.idle,
                    .longest_wait_us = look.longest_wait_us,
                    .transactions = since(look.transactions, known.last.transactions),
                    .queries = since(look.queries, known.last.queries),
                    .wait_us = since(look.wait_us, known.last.wait_us)});
    known.last = look;
  }
  // Pools that are gone and of which everything was told.
  std::erase_if(pools_, [](const auto& entry) { return !entry.second.seen && entry.second.sum.looks == 0; });
}

std::vector<HistoryPool> HistoryPools::drain(std::size_t rows_max) {
  std::vector<HistoryPool> out;
  for (auto& [name, known] : pools_) {
    if (known.sum.looks == 0) continue;
    HistoryPool& row = out.emplace_back(std::exchange(known.sum, {}));
    row.database = name.first;
    row.user = name.second;
  }
  if (out.size() <= rows_max) return out;
  std::stable_sort(out.begin(), out.end(), [](const HistoryPool& a, const HistoryPool& b) { return a.queries > b.queries; });
  HistoryPool others;
  for (std::size_t i = rows_max; i < out.size(); ++i) add(others, out[i]);
  out.resize(rows_max);
  out.push_back(std::move(others));
  return out;
}

void add(HistoryPool& sum, const HistoryPool& more) {
  sum.looks += more.looks;
  sum.active += more.active;
  sum.active_max = std::max(sum.active_max, more.active_max);
  sum.waiting += more.waiting;
  sum.waiting_max = std::max(sum.waiting_max, more.waiting_max);
  sum.servers += more.servers;
  sum.servers_max = std::max(sum.servers_max, more.servers_max);
  sum.idle += more.idle;
  sum.longest_wait_us = std::max(sum.longest_wait_us, more.longest_wait_us);
  sum.transactions += more.transactions;
  sum.queries += more.queries;
  sum.wait_us += more.wait_us;
  sum.times.merge(more.times);
}

}  // namespace analyzer
