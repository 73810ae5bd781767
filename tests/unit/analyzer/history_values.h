#pragma once
// What tests of the history are made of: statistics that count, moments, a folder that goes away.

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/history_rows.h"
#include "analyzer/query_stats.h"

namespace analyzer::support {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-history-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// 2026-11-17 10:00 UTC, a Tuesday, and later.
inline base::WallTime tuesday(base::Duration later = {}) {
  return std::chrono::sys_days(std::chrono::year(2026) / 11 / 17) + hours(10) + later;
}

inline QueryTotals totals(uint64_t calls, uint64_t us_each) {
  QueryTotals sum;
  sum.calls = calls;
  sum.rows = 2 * calls;
  sum.bytes_in = 10 * calls;
  sum.bytes_out = 100 * calls;
  sum.server_us = calls * us_each;
  sum.wait_us = 3 * calls;
  for (uint64_t i = 0; i < calls; ++i) sum.times.record(us_each);
  return sum;
}

inline HistoryQuery query(uint64_t fingerprint, QueryTotals sum, std::string application = "web") {
  static const auto text = [](uint64_t number) { return "SELECT " + std::to_string(number); };
  return {fingerprint, std::make_shared<const QueryOwner>(QueryOwner{"app", "alice", std::move(application)}),
          std::make_shared<const std::string>(text(fingerprint)), std::move(sum)};
}

inline HistoryInterval interval(base::WallTime at, std::vector<HistoryQuery> rows, QueryTotals others = {}) {
  return {.at = at, .length = minutes(1), .queries = {std::move(rows), std::move(others)}, .pools = {}};
}

template <typename Row>
std::vector<Row> all(base::Result<HistoryCursorPtr<Row>> cursor) {
  std::vector<Row> rows;
  EXPECT_TRUE(cursor.ok()) << base::to_text(cursor.error());
  if (!cursor.ok()) return rows;
  for (;;) {
    const auto more = (*cursor)->next();
    EXPECT_TRUE(more.ok()) << base::to_text(more.error());
    if (!more.ok() || !*more) return rows;
    rows.push_back((*cursor)->row());
  }
}

inline uint64_t calls_of(const std::vector<HistoryQueryRow>& rows) {
  uint64_t sum = 0;
  for (const HistoryQueryRow& row : rows) sum += row.totals.calls;
  return sum;
}

}  // namespace analyzer::support
