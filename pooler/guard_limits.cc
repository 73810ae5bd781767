#include "pooler/guard_limits.h"

#include <algorithm>

namespace pooler {

base::Duration TokenBucket::take(const Rate& rate, int64_t n, base::TimePoint now) {
  const int64_t token = rate.period.count();
  const int64_t room = rate.burst * token;
  if (n > rate.burst) return kNever;
  if (now > at_) {  // workers look at the time at different moments: it may seem to go back
    const int64_t full_after = missing_ / rate.tokens + 1;
    missing_ = std::max<int64_t>(0, missing_ - std::min((now - at_).count(), full_after) * rate.tokens);
    at_ = now;
  }
  const int64_t needed = missing_ + n * token - room;
  if (needed > 0) return base::Duration((needed + rate.tokens - 1) / rate.tokens);
  missing_ += n * token;
  return {};
}

void TokenBucket::give_back(const Rate& rate, int64_t n) {
  missing_ = std::max<int64_t>(0, missing_ - n * rate.period.count());
}

base::Duration RateTable::take(std::string_view key, int64_t n, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  TokenBucket* bucket = buckets_.find(key);
  if (bucket == nullptr) {
    buckets_.put(std::string(key), TokenBucket(), 1);
    bucket = buckets_.find(key);
  }
  return bucket->take(rate_, n, now);
}

void RateTable::give_back(std::string_view key, int64_t n) {
  const std::lock_guard lock(mutex_);
  if (TokenBucket* bucket = buckets_.find(key)) bucket->give_back(rate_, n);
}

std::size_t RateTable::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

RunningTable::Begun RunningTable::begin(std::string_view key, int most) {
  const std::lock_guard lock(mutex_);
  auto found = running_.find(key);
  if (found == running_.end()) {
    if (running_.size() >= kKeysMax) return Begun::kUncounted;
    found = running_.emplace(key, 0).first;
  }
  if (found->second >= most) return Begun::kFull;
  ++found->second;
  return Begun::kYes;
}

void RunningTable::end(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(key);
  if (found != running_.end() && --found->second <= 0) running_.erase(found);
}

std::size_t RunningTable::size() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

}  // namespace pooler
