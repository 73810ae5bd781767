#pragma once
// SlowRecent: which statements are told of, and the last ones that were, for the console. One worker's. Pure.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "analyzer/slow_log.h"
#include "base/clock.h"
#include "pooler/slow_statement.h"

namespace pooler {

struct SlowRow {
  uint64_t number = 0;  // of this worker's, from 1
  analyzer::SlowStatementPtr statement{};
  std::string plan{};   // what the server would do, or why that is not known; empty: nobody has asked
};

class SlowRecent {
 public:
  // `rows_max`: how many are remembered. `sample_rate`: which part of those that are not slow is told of.
  void set_limits(std::size_t rows_max, double sample_rate);

  // Is one told of that took so long? Every one that is slow; of the others an even part, in no rhythm that an
  // application could have.
  bool wanted(const SlowLimits& limits, base::Duration took);
  // Returns its number.
  uint64_t add(analyzer::SlowStatementPtr statement);
  // If it is still remembered.
  void set_plan(uint64_t number, std::string plan);
  // From the oldest.
  std::vector<SlowRow> rows() const { return {rows_.begin(), rows_.end()}; }

 private:
  std::deque<SlowRow> rows_;
  std::size_t rows_max_ = 0;
  double sample_rate_ = 0;
  uint64_t looked_at_ = 0;  // for a sample
  uint64_t last_ = 0;
};

// The newest first, and so many at most.
std::vector<SlowRow> newest_first(std::vector<SlowRow> rows, std::size_t rows_max);

}  // namespace pooler
