#include "pooler/slow_recent.h"

#include <algorithm>
#include <utility>

namespace pooler {

void SlowRecent::set_limits(std::size_t rows_max, double sample_rate) {
  rows_max_ = rows_max;
  sample_rate_ = sample_rate;
  while (rows_.size() > rows_max_) rows_.pop_front();
}

bool SlowRecent::wanted(const SlowLimits& limits, base::Duration took) {
  if (took >= limits.limit) return true;
  if (took < limits.from || sample_rate_ <= 0) return false;
  // Multiples of the golden ratio fall evenly between 0 and 1 (Weyl), so many statements give just that part of them.
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15U;
  const uint64_t place = ++looked_at_ * kGolden;
  return static_cast<double>(place >> 11U) * 0x1p-53 < sample_rate_;
}

uint64_t SlowRecent::add(analyzer::SlowStatementPtr statement) {
  const uint64_t number = ++last_;
  if (rows_max_ == 0) return number;
  if (rows_.size() >= rows_max_) rows_.pop_front();
  rows_.push_back({.number = number, .statement = std::move(statement)});
  return number;
}

void SlowRecent::set_plan(uint64_t number, std::string plan) {
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), number,
                                      [](const SlowRow& row, uint64_t wanted) { return row.number < wanted; });
  if (found != rows_.end() && found->number == number) found->plan = std::move(plan);
}

std::vector<SlowRow> newest_first(std::vector<SlowRow> rows, std::size_t rows_max) {
  std::stable_sort(rows.begin(), rows.end(), [](const SlowRow& a, const SlowRow& b) {
    return std::pair(a.statement->ended, a.number) > std::pair(b.statement->ended, b.number);
  });
  if (rows.size() > rows_max) rows.resize(rows_max);
  return rows;
}

}  // namespace pooler
