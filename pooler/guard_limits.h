#pragma once
// What limits remember: TokenBucket how many may still begin, RateTable such a bucket for each key, RunningTable how many
// run for each key. They are the whole process's, not a worker's: a limit of N divided among workers would refuse clients
// of a busy worker while another has room. A lock is held for a search and an addition, and only by statements that a rule
// with a limit matches. No clock of their own.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/lru.h"

namespace pooler {

// `tokens` come back in each `period`, evenly; there are never more than `burst`.
struct Rate {
  int64_t tokens = 1;
  base::Duration period = std::chrono::seconds(1);
  int64_t burst = 1;
};

// Exact: it counts in parts of a token that come back in a microsecond. Full at first.
class TokenBucket {
 public:
  // It would never be full enough.
  static constexpr base::Duration kNever = base::Duration::max();

  // Takes `n` if they are there, and returns 0; otherwise nothing, and returns how long until they are.
  base::Duration take(const Rate& rate, int64_t n, base::TimePoint now);
  // They were taken in vain.
  void give_back(const Rate& rate, int64_t n);

 private:
  int64_t missing_ = 0;  // a token is as many of these as its period has microseconds
  base::TimePoint at_{};
};

// A bucket for each key. Thread-safe.
class RateTable {
 public:
  // Some hundred bytes each. The one used least recently makes room: it has had the longest time to fill, and is full when
  // it comes again.
  static constexpr std::size_t kKeysMax = 10'000;

  explicit RateTable(const Rate& rate) : rate_(rate), buckets_(kKeysMax) {}
  base::Duration take(std::string_view key, int64_t n, base::TimePoint now);
  void give_back(std::string_view key, int64_t n);
  std::size_t size() const;

 private:
  const Rate rate_;
  mutable std::mutex mutex_;
  base::Lru<std::string, TokenBucket> buckets_;
};

// What runs for each key. Thread-safe.
class RunningTable {
 public:
  // None is kept that nothing runs for, so this is only met where so many kinds of statements run at a time. Those beyond
  // are not counted, and not refused.
  static constexpr std::size_t kKeysMax = 100'000;

  enum class Begun { kYes, kFull, kUncounted };
  // One more, if fewer than `most` run. kYes: end() follows.
  Begun begin(std::string_view key, int most);
  void end(std::string_view key);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, int, base::StringHash, std::equal_to<>> running_;
};

}  // namespace pooler
