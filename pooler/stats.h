#pragma once
// Counters of one pool on one worker: written by that worker alone, read by anyone, without locks.

#include <atomic>
#include <cstdint>

#include "pooler/console.h"

namespace pooler {

// A counter with a single writer.
class Count {
 public:
  void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) Stats {
  Count server_assignments, transactions, queries, received, sent, transaction_us, query_us, wait_us, client_parses,
      server_parses, binds, logins;

  void add_to(Totals& totals) const {
    totals.server_assignment_count += server_assignments.get();
    totals.xact_count += transactions.get();
    totals.query_count += queries.get();
    totals.bytes_received += received.get();
    totals.bytes_sent += sent.get();
    totals.xact_time += transaction_us.get();
    totals.query_time += query_us.get();
    totals.wait_time += wait_us.get();
    totals.client_parse_count += client_parses.get();
    totals.server_parse_count += server_parses.get();
    totals.bind_count += binds.get();
    totals.client_login_count += logins.get();
  }
};

}  // namespace pooler
