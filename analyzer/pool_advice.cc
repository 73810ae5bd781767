#include "analyzer/pool_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace analyzer {

namespace {

constexpr double kNever = 1e9;
// Less has not been looked at for long enough.
constexpr double kSecondsMin = 10;
constexpr double kTransactionsMin = 100;
// Waiting that nobody minds: this part of what a transaction takes.
constexpr double kWaitPart = 0.05;
constexpr int kSizeMax = 100'000;

}  // namespace

double erlang_wait_ms(int servers, double load, double held_ms) {
  if (load <= 0) return 0;
  if (static_cast<double>(servers) <= load) return kNever;
  // Erlang B, step by step, and C from it.
  double blocked = 1;
  for (int i = 1; i <= servers; ++i) blocked = load * blocked / (i + load * blocked);
  const double part = load / servers;
  const double waits = blocked / (1 - part * (1 - blocked));
  return waits * held_ms / (servers - load);
}

void PoolAdvisor::look(const PoolMoment& moment) {
  const std::pair key(moment.database, moment.user);
  auto found = pools_.find(key);
  if (found == pools_.end()) {
    if (pools_.size() >= kPoolsMax) return;
    found = pools_.emplace(key, Sum{.first = moment, .last = moment}).first;
  }
  Sum& sum = found->second;
  if (moment.transactions < sum.last.transactions || moment.held_us < sum.last.held_us)
    sum = {.first = moment, .last = moment};  // another pool of that name
  if (moment.at - sum.first.at > 2 * kHalf) {  // the older half goes
    sum.first = sum.last;
    sum.busy_max = sum.waiting_max = 0;
    sum.looks = sum.looks_waiting = 0;
    sum.longest_wait = {};
  }
  sum.last = moment;
  sum.busy_max = std::max(sum.busy_max, moment.busy);
  sum.waiting_max = std::max(sum.waiting_max, moment.waiting);
  sum.longest_wait = std::max(sum.longest_wait, moment.longest_wait);
  ++sum.looks;
  if (moment.waiting > 0) ++sum.looks_waiting;
}

std::vector<PoolAdvice> PoolAdvisor::advice() const {
  std::vector<PoolAdvice> out;
  for (const auto& [name, sum] : pools_) {
    PoolAdvice advice;
    advice.database = name.first;
    advice.user = name.second;
    advice.seconds = static_cast<double>((sum.last.at - sum.first.at).count()) / 1e6;
    const auto transactions = static_cast<double>(sum.last.transactions - sum.first.transactions);
    const auto held_us = static_cast<double>(sum.last.held_us - sum.first.held_us);
    const auto wait_us = static_cast<double>(sum.last.wait_us - std::min(sum.first.wait_us, sum.last.wait_us));
    advice.size = advice.suggested_size = sum.last.size;
    advice.reserve = advice.suggested_reserve = sum.last.reserve;
    advice.busy_max = sum.busy_max;
    advice.waiting_max = sum.waiting_max;
    advice.longest_wait_ms = static_cast<double>(sum.longest_wait.count()) / 1000;
    advice.query_wait_timeout_ms = advice.suggested_timeout_ms =
        static_cast<double>(sum.last.query_wait_timeout.count()) / 1000;
    if (advice.seconds < kSecondsMin || transactions < kTransactionsMin) {
      advice.change = "not enough was seen yet";
      out.push_back(std::move(advice));
      continue;
    }
    advice.transactions_per_second = transactions / advice.seconds;
    advice.held_ms = held_us / 1000 / transactions;
    advice.wait_ms = wait_us / 1000 / transactions;
    advice.busy = held_us / 1e6 / advice.seconds;
    // As many as make waiting short by the formula.
    int needed = std::max(1, static_cast<int>(std::ceil(advice.busy + 1e-9)));
    const double bearable = kWaitPart * advice.held_ms;
    while (needed < kSizeMax && erlang_wait_ms(needed, advice.busy, advice.held_ms) > bearable) ++needed;
    // And, where they came in crowds, as many as stood there at half of the looks or more.
    const bool crowded = sum.looks_waiting * 2 >= sum.looks && sum.looks > 0;
    if (crowded) needed = std::max(needed, std::min(advice.busy_max + advice.waiting_max, 2 * advice.size));
    const bool waits = advice.wait_ms > bearable && sum.waiting_max > 0;
    if (waits && needed > advice.size) {
      advice.suggested_size = needed;
    } else if (waits && sum.waiting_max > advice.reserve) {
      // On average there are enough: it is bursts that wait.
      advice.suggested_reserve = std::max(advice.reserve, std::min(sum.waiting_max, std::max(advice.size / 2, 1)));
    } else if (!waits && sum.waiting_max == 0 && needed * 2 <= advice.size && sum.busy_max * 2 <= advice.size) {
      advice.suggested_size = std::max(needed, sum.busy_max + 1);
    }
    advice.wait_after_ms = std::min(erlang_wait_ms(advice.suggested_size, advice.busy, advice.held_ms),
                                    advice.suggested_size >= advice.size ? std::max(advice.wait_ms, 0.0) : kNever);
    const auto say = [&advice](std::string what) {
      if (!advice.change.empty()) advice.change += "; ";
      advice.change += what;
    };
    if (advice.suggested_size > advice.size)
      say(fmt::format("default_pool_size {} -> {}: {:.1f} servers are busy on average, waiting {:.2f} ms -> {:.2f} ms",
                      advice.size, advice.suggested_size, advice.busy, advice.wait_ms, advice.wait_after_ms));
    if (advice.suggested_size < advice.size)
      say(fmt::format("default_pool_size {} -> {}: {:.1f} servers are busy on average and {} at most; {} connections fewer for "
                      "PostgreSQL",
                      advice.size, advice.suggested_size, advice.busy, advice.busy_max, advice.size - advice.suggested_size));
    if (advice.suggested_reserve > advice.reserve)
      say(fmt::format("reserve_pool_size {} -> {}: {} stood in line at once, though {:.1f} of {} servers are busy on average",
                      advice.reserve, advice.suggested_reserve, advice.waiting_max, advice.busy, advice.size));
    // One that clients come near to, without being what they wait for: twice the longest that was seen.
    if (advice.query_wait_timeout_ms > 0 && advice.longest_wait_ms > 0.8 * advice.query_wait_timeout_ms && !waits) {
      advice.suggested_timeout_ms = 2 * advice.longest_wait_ms;
      say(fmt::format("query_wait_timeout {:.0f} ms -> {:.0f} ms: somebody waited {:.0f} ms", advice.query_wait_timeout_ms,
                      advice.suggested_timeout_ms, advice.longest_wait_ms));
    } else if (advice.query_wait_timeout_ms <= 0 && waits) {
      advice.suggested_timeout_ms = std::max(1000.0, std::ceil(4 * advice.longest_wait_ms / 1000) * 1000);
      say(fmt::format("query_wait_timeout off -> {:.0f} s: waiting is endless while the pool is full",
                      advice.suggested_timeout_ms / 1000));
    }
    out.push_back(std::move(advice));
  }
  return out;
}

}  // namespace analyzer
