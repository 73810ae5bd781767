#pragma once
// LogLimit: how often a line may be said. Pure: the caller brings the time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace base {

class LogLimit {
 public:
  // Keys watched at once. Past that, a new key is let through: the queue's own bound still holds.
  static constexpr std::size_t kKeysMax = 1024;

  LogLimit(int burst, Duration period) : burst_(burst), period_(period) {}

  bool allow(std::string_view key, TimePoint now);

  struct Swallowed {
    std::string key;
    uint64_t lines;
    bool operator==(const Swallowed&) const = default;
  };
  // Forgets the periods that are over, and tells those in which something was swallowed.
  std::vector<Swallowed> expire(TimePoint now);
  // Ends all periods.
  std::vector<Swallowed> expire_all() { return expire(TimePoint::max()); }
  bool empty() const { return periods_.empty(); }

 private:
  struct Period {
    TimePoint end;
    int said = 0;
    uint64_t swallowed = 0;
  };
  int burst_;
  Duration period_;
  std::map<std::string, Period, std::less<>> periods_;
};

}  // namespace base
