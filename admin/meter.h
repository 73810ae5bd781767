#pragma once
// Counts what the console itself did, for its own rows in STATS, POOLS and DATABASES. Any thread.

#include <atomic>
#include <cstdint>
#include <mutex>

#include "admin/views.h"
#include "base/clock.h"

namespace admin {

class Meter {
 public:
  // Averages are taken over periods of this length; PgBouncer's stats_period has the same default.
  static constexpr base::Duration kPeriod = std::chrono::seconds(60);

  void opened();
  void closed();
  void received(uint64_t bytes) { received_ += bytes; }
  void sent(uint64_t bytes) { sent_ += bytes; }
  void ran(base::Duration time);  // one command, which is one transaction, too

  // Averages are those of the last whole period; with nobody looking a period lasts until somebody does.
  ConsoleNumbers read(base::TimePoint now);

 private:
  pooler::Totals totals() const;

  std::atomic<int> sessions_{0};
  std::atomic<uint64_t> logins_{0}, commands_{0}, time_us_{0}, received_{0}, sent_{0};
  std::mutex mutex_;  // guards what follows
  base::TimePoint period_start_{};
  pooler::Totals at_start_, average_;
};

}  // namespace admin
