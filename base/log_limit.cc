#include "base/log_limit.h"

namespace base {

bool LogLimit::allow(std::string_view key, TimePoint now) {
  auto found = periods_.find(key);
  if (found == periods_.end()) {
    if (periods_.size() >= kKeysMax) return true;
    found = periods_.emplace(std::string(key), Period{.end = now + period_}).first;
  }
  Period& period = found->second;
  if (now >= period.end && period.swallowed == 0) period = {.end = now + period_};
  // A period in which lines were swallowed lasts until expire() has told it.
  if (period.said < burst_) {
    ++period.said;
    return true;
  }
  ++period.swallowed;
  return false;
}

std::vector<LogLimit::Swallowed> LogLimit::expire(TimePoint now) {
  std::vector<Swallowed> told;
  for (auto period = periods_.begin(); period != periods_.end();) {
    if (period->second.end > now) {
      ++period;
      continue;
    }
    if (period->second.swallowed > 0) told.push_back({period->first, period->second.swallowed});
    period = periods_.erase(period);
  }
  return told;
}

}  // namespace base
