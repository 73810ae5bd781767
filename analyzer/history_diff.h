#pragma once
// HistoryDiff: what was counted between two looks at statistics that only ever grow, made room or began again.
//
//   diff.take(worker, number, worker_stats.snapshot());   // as often as one likes
//   HistoryQueries minute = diff.drain(200);              // what came since the last drain
//
// Nothing is counted twice, nothing is lost and nothing is less than zero: a row that made room goes on in the others of
// its snapshot, one that came back has another serial, and one RESET is a `cleared` more. What a RESET sweeps away is
// counted if a snapshot was taken right before it. Pure; of one thread at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/history_rows.h"
#include "analyzer/query_stats.h"

namespace analyzer {

class HistoryDiff {
 public:
  // Kinds of statements between two drains; what is more goes to the others. Workers have 5,000 each by default.
  static constexpr std::size_t kKindsMax = 50'000;
  explicit HistoryDiff(std::size_t kinds_max = kKindsMax) : kinds_max_(kinds_max) {}

  // Of one `part` a later snapshot has the larger number; an earlier one that comes late has nothing new.
  void take(std::size_t part, uint64_t number, QuerySnapshot snapshot);

  HistoryQueries drain(std::size_t rows_max);
  // Times by database and user of what the next drain() will give; what made room is in none of them.
  std::map<std::pair<std::string, std::string>, LatencyHistogram> times() const;

 private:
  struct Part {
    uint64_t number = 0, cleared = 0;
    std::unordered_map<uint64_t, QueryTotals> rows;  // by serial
    QueryTotals others;
  };
  void add(const QuerySnapshot::Row& row, QueryTotals totals);

  const std::size_t kinds_max_;
  std::vector<Part> parts_;
  std::unordered_map<std::string, HistoryQuery> kinds_;
  QueryTotals others_;
};

}  // namespace analyzer
