#include "admin/meter.h"

namespace admin {

namespace {

uint64_t per_second(uint64_t count, base::Duration period) {
  return static_cast<uint64_t>(static_cast<double>(count) * 1e6 / static_cast<double>(period.count()));
}

pooler::Totals averages(const pooler::Totals& from, const pooler::Totals& to, base::Duration period) {
  const uint64_t commands = to.query_count - from.query_count;
  pooler::Totals average;
  average.query_count = average.xact_count = per_second(commands, period);
  average.bytes_received = per_second(to.bytes_received - from.bytes_received, period);
  average.bytes_sent = per_second(to.bytes_sent - from.bytes_sent, period);
  average.client_login_count = per_second(to.client_login_count - from.client_login_count, period);
  if (commands > 0) average.query_time = average.xact_time = (to.query_time - from.query_time) / commands;
  return average;
}

}  // namespace

void Meter::opened() {
  ++sessions_;
  ++logins_;
}

void Meter::closed() { --sessions_; }

void Meter::ran(base::Duration time) {
  ++commands_;
  time_us_ += static_cast<uint64_t>(time.count());
}

pooler::Totals Meter::totals() const {
  pooler::Totals totals;
  totals.xact_count = totals.query_count = commands_;
  totals.xact_time = totals.query_time = time_us_;
  totals.bytes_received = received_;
  totals.bytes_sent = sent_;
  totals.client_login_count = logins_;
  return totals;
}

ConsoleNumbers Meter::read(base::TimePoint now) {
  ConsoleNumbers numbers{.sessions = sessions_, .total = totals(), .average = {}};
  const std::lock_guard lock(mutex_);
  if (period_start_ == base::TimePoint{}) period_start_ = now;
  if (now - period_start_ >= kPeriod) {
    average_ = averages(at_start_, numbers.total, now - period_start_);
    at_start_ = numbers.total;
    period_start_ = now;
  }
  numbers.average = average_;
  return numbers;
}

}  // namespace admin
