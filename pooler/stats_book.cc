#include "pooler/stats_book.h"

#include "pooler/pool.h"

namespace pooler {
namespace {

constexpr uint64_t Totals::* kPerSecond[] = {
    &Totals::server_assignment_count, &Totals::xact_count,         &Totals::query_count,
    &Totals::bytes_received,          &Totals::bytes_sent,         &Totals::client_parse_count,
    &Totals::server_parse_count,      &Totals::bind_count,         &Totals::client_login_count};
struct Mean {
  uint64_t Totals::*time;
  uint64_t Totals::*events;
};
constexpr Mean kMeans[] = {{&Totals::xact_time, &Totals::xact_count},
                           {&Totals::query_time, &Totals::query_count},
                           {&Totals::wait_time, &Totals::server_assignment_count}};

Totals totals_of(Pool& pool, int workers) {
  Totals totals;
  for (int worker = 0; worker < workers; ++worker) pool.stats(worker).add_to(totals);
  return totals;
}

}  // namespace

Totals average(const Totals& before, const Totals& after, base::Duration span) {
  Totals result;
  if (span.count() <= 0) return result;
  const double seconds = std::chrono::duration<double>(span).count();
  for (const auto member : kPerSecond)
    result.*member = static_cast<uint64_t>(static_cast<double>(after.*member - before.*member) / seconds + 0.5);
  for (const auto& mean : kMeans) {
    const uint64_t events = after.*mean.events - before.*mean.events;
    if (events > 0) result.*mean.time = (after.*mean.time - before.*mean.time) / events;
  }
  return result;
}

void add(Totals& sum, const Totals& more) {
  for (const auto member : kPerSecond) sum.*member += more.*member;
  for (const auto& mean : kMeans) sum.*mean.time += more.*mean.time;
}

void StatsBook::sample(const std::vector<std::shared_ptr<Pool>>& pools, int workers) {
  const std::lock_guard lock(mutex_);
  (void)add_up(pools, workers);
}

Totals StatsBook::end_period(const std::vector<std::shared_ptr<Pool>>& pools, int workers, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const ByDatabase totals = add_up(pools, workers);
  Totals all_before, all_after;
  for (const auto& [database, after] : totals) {
    const Totals& before = at_period_start_[database];
    averages_[database] = average(before, after, now - period_began_);
    add(all_before, before);
    add(all_after, after);
  }
  const Totals all = average(all_before, all_after, now - period_began_);
  at_period_start_ = totals;
  period_began_ = now;
  return all;
}

std::vector<StatsRow> StatsBook::rows(const std::vector<std::shared_ptr<Pool>>& pools, int workers) {
  const std::lock_guard lock(mutex_);
  std::vector<StatsRow> rows;
  for (auto& [database, totals] : add_up(pools, workers)) rows.push_back({database, totals, averages_[database]});
  return rows;
}

StatsBook::ByDatabase StatsBook::add_up(const std::vector<std::shared_ptr<Pool>>& pools, int workers) {
  for (const auto& pool : pools) seen_[pool] = {pool->database(), totals_of(*pool, workers)};
  for (auto seen = seen_.begin(); seen != seen_.end();) {
    if (seen->first.expired()) {
      add(gone_[seen->second.database], seen->second.totals);
      seen = seen_.erase(seen);
    } else {
      ++seen;
    }
  }
  ByDatabase totals = gone_;
  for (const auto& [pool, seen] : seen_) add(totals[seen.database], seen.totals);
  return totals;
}

}  // namespace pooler
