#pragma once
// Exemplars: for each database and user, of how long statements took, the last one of a trace in each octave. Beside a
// histogram they say which trace to look at. One worker's. Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/trace_context.h"
#include "base/clock.h"

namespace analyzer {

struct Exemplar {
  TraceContext context{};  // with the span of this execution
  uint64_t us = 0;         // how long it took
  base::WallTime at{};
  bool known() const { return context.span != 0; }
  bool operator==(const Exemplar&) const = default;
};

struct PoolExemplars {
  // By how many bits the microseconds need: 0, 1, 2 to 3, 4 to 7 and so on. The last has all that is longer, beyond nineteen
  // hours.
  static constexpr std::size_t kOctaves = 37;

  std::string database, user;
  std::array<Exemplar, kOctaves> octaves{};

  // The last one of those that took from `from` to below `to`, both powers of two, of microseconds; 0 for `from`: from the
  // beginning, and the greatest power for `to`: to the end.
  const Exemplar* last_between(unsigned from_power, unsigned to_power) const;
};

class Exemplars {
 public:
  // Pools with exemplars; what QueryStats keeps apart has the same bound.
  static constexpr std::size_t kPoolsMax = 1000;

  void put(const std::string& database, const std::string& user, const Exemplar& exemplar);
  std::vector<PoolExemplars> snapshot() const;
  void clear() { pools_.clear(); }

 private:
  std::map<std::pair<std::string, std::string>, std::array<Exemplar, PoolExemplars::kOctaves>> pools_;
};

}  // namespace analyzer
