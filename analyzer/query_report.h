#pragma once
// What all workers have counted, as one list: the rows that the console and others show.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/query_stats.h"
#include "base/clock.h"

namespace analyzer {

struct QuerySummary {
  uint64_t fingerprint = 0;
  std::string query;  // without values
  std::string database, user, application;
  QueryTotals totals;
  uint64_t p50_us = 0, p75_us = 0, p95_us = 0, p99_us = 0;
  base::WallTime first_seen{}, last_seen{};
};

// The two clocks at one moment.
struct Clocks {
  base::TimePoint now{};
  base::WallTime wall_now{};
};

// From the one that took servers the most time to the least. Above `rows_max` the rest is added to the sum of those that
// had made room before, which, if there is any, stands at the end and has no fingerprint. Pure.
std::vector<QuerySummary> summarize(std::vector<QuerySnapshot> parts, std::size_t rows_max, const Clocks& clocks);

// What each pool has cost since the start, whatever was reset or made room; by database and user. Pure.
std::vector<PoolTotals> totals_by_pool(const std::vector<QuerySnapshot>& parts);

// "22:3 40:1": how many errors of which class.
std::string to_text(const ErrorClasses& classes);
// And back. What is no such text counts nothing.
ErrorClasses error_classes_of(std::string_view text);

}  // namespace analyzer
