#include "pooler/throttle.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "conf/address.h"

namespace pooler {
namespace {

// Buckets that only make the delay grow need not hold more than what reaches the largest factor: 2^3.
constexpr double kDelayLevelMax = 4;
// Up to a quarter more, so that answers held back at the same time do not leave at the same time.
constexpr int64_t kJitterPart = 4;
// The part of an IPv6 address that counts: a /64.
constexpr std::size_t kV6Bytes = 8;

// What an address counts as.
std::string source_of(std::string_view ip) {
  auto address = conf::parse_ip(ip);
  if (!address) return {};  // a Unix socket
  if (address->family == conf::IpAddress::Family::kV6) {
    std::fill(address->bytes.begin() + kV6Bytes, address->bytes.end(), uint8_t{0});
  }
  return conf::to_text(*address);
}

std::string user_key(std::string_view user) { return std::string(user.substr(0, Throttle::kUserBytesMax)); }

// No address holds a NUL.
std::string pair_key(const std::string& source, std::string_view user) {
  std::string key = source;
  key.push_back('\0');
  key.append(user_key(user));
  return key;
}

}  // namespace

// ---- PreauthTicket ----

PreauthTicket::PreauthTicket(PreauthTicket&& other) noexcept
    : throttle_(std::exchange(other.throttle_, nullptr)), source_(std::move(other.source_)) {}

PreauthTicket& PreauthTicket::operator=(PreauthTicket&& other) noexcept {
  if (this != &other) {
    release();
    throttle_ = std::exchange(other.throttle_, nullptr);
    source_ = std::move(other.source_);
  }
  return *this;
}

void PreauthTicket::release() {
  if (Throttle* throttle = std::exchange(throttle_, nullptr)) throttle->give_back(source_);
}

// ---- Throttle ----

Throttle::Throttle(ThrottleLimits limits) : Throttle(limits, base::random_u64) {}
Throttle::Throttle(ThrottleLimits limits, Random random) : random_(std::move(random)), limits_(limits) {}

void Throttle::configure(ThrottleLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

base::Result<PreauthTicket> Throttle::admit(std::string_view ip) {
  std::string source = source_of(ip);
  const std::lock_guard lock(mutex_);
  if (limits_.max_preauth > 0 && counts_.preauth >= static_cast<std::size_t>(limits_.max_preauth)) {
    ++counts_.preauth_refused;
    return base::too_many_connections("too many connections are logging in");
  }
  const auto found = preauth_by_source_.find(source);
  const int here = found == preauth_by_source_.end() ? 0 : found->second;
  if (limits_.max_preauth_per_ip > 0 && here >= limits_.max_preauth_per_ip) {
    ++counts_.preauth_refused;
    return base::too_many_connections("too many connections from this address are logging in");
  }
  ++preauth_by_source_[source];
  ++counts_.preauth;
  return PreauthTicket(*this, std::move(source));
}

void Throttle::give_back(const std::string& source) {
  const std::lock_guard lock(mutex_);
  --counts_.preauth;
  const auto found = preauth_by_source_.find(source);
  if (--found->second == 0) preauth_by_source_.erase(found);
}

base::Duration Throttle::on_failure(std::string_view ip, std::string_view user, base::TimePoint now) {
  const std::string source = source_of(ip);
  const std::lock_guard lock(mutex_);
  ++counts_.failures;
  if (limits_.fail_delay <= base::Duration::zero()) return {};

  add(rate_by_source_, source, now, kAddressPerSecond, kAddressBurst);
  add(rate_by_pair_, pair_key(source, user), now, kPairPerSecond, kPairBurst);
  const double level = std::max(add(delay_by_source_, source, now, kDelayDrainPerSecond, kDelayLevelMax),
                                add(delay_by_user_, user_key(user), now, kDelayDrainPerSecond, kDelayLevelMax));

  int factor = 1;
  for (double failures = std::ceil(level); failures > 1 && factor < kFactorMax; --failures) factor *= 2;
  ++counts_.delayed;
  const base::Duration delay = limits_.fail_delay * factor;
  const auto jitter_max = static_cast<uint64_t>(delay.count() / kJitterPart) + 1;
  return delay + base::Duration(static_cast<int64_t>(random_() % jitter_max));
}

bool Throttle::blocked(std::string_view ip, std::string_view user, base::TimePoint now) {
  const std::string source = source_of(ip);
  // Everybody on this machine shares the Unix socket: one of them could lock out all others.
  if (source.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (limits_.fail_delay <= base::Duration::zero()) return false;
  // A bucket holds at most its burst; with room for one more failure, one more is tried.
  const bool refuse = level(rate_by_source_, source, now, kAddressPerSecond) > kAddressBurst - 1 ||
                      level(rate_by_pair_, pair_key(source, user), now, kPairPerSecond) > kPairBurst - 1;
  if (refuse) ++counts_.blocked;
  return refuse;
}

void Throttle::on_success(std::string_view ip, std::string_view user) {
  const std::string source = source_of(ip);
  const std::lock_guard lock(mutex_);
  // Only the pair: with an account of one's own, nobody buys more guesses at the accounts of others.
  rate_by_pair_.erase(pair_key(source, user));
}

ThrottleCounts Throttle::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

double Throttle::Bucket::drained(base::TimePoint now, double per_second) const {
  const double seconds = std::chrono::duration<double>(std::max(now - at, base::Duration::zero())).count();
  return std::max(0.0, level - seconds * per_second);
}

// The level with one failure more.
double Throttle::add(Table& table, const std::string& key, base::TimePoint now, double per_second,
                     double level_max) {
  if (Bucket* bucket = table.find(key)) {
    bucket->level = std::min(bucket->drained(now, per_second) + 1, level_max);
    bucket->at = std::max(now, bucket->at);
    return bucket->level;
  }
  table.put(key, Bucket{1, now});
  return 1;
}

double Throttle::level(const Table& table, const std::string& key, base::TimePoint now, double per_second) {
  const Bucket* bucket = table.peek(key);
  return bucket == nullptr ? 0 : bucket->drained(now, per_second);
}

}  // namespace pooler
