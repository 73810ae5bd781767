#pragma once
// What the history keeps and gives back: plain values, for those who fill it, the file, and those who read it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/query_stats.h"
#include "base/clock.h"
#include "base/result.h"

namespace analyzer {

// How long the moments are that a row is about. A minute is as long as the setting `interval` says.
enum class HistoryStep { kMinute, kHour, kDay };
inline constexpr HistoryStep kHistorySteps[] = {HistoryStep::kMinute, HistoryStep::kHour, HistoryStep::kDay};
std::string_view name_of(HistoryStep step);  // minute, hour, day
// The moment of that step in which `time` lies begins here; of a minute it is `time` itself.
base::WallTime begin_of(HistoryStep step, base::WallTime time);

// ---- One interval, on its way into the file ----

// What one kind of statement did.
struct HistoryQuery {
  uint64_t fingerprint = 0;
  QueryOwnerPtr owner;
  std::shared_ptr<const std::string> text;
  QueryTotals totals;
};

struct HistoryQueries {
  std::vector<HistoryQuery> rows;  // the heaviest first
  QueryTotals others;              // all that have no row
};

// What a pool did and how it was, over some looks at it.
struct HistoryPool {
  std::string database{}, user{};
  uint64_t looks = 0;
  // Summed over the looks, and the most of them.
  uint64_t active = 0, active_max = 0;    // clients, those in line not included
  uint64_t waiting = 0, waiting_max = 0;  // clients in line
  uint64_t servers = 0, servers_max = 0;  // connections, in use or not
  uint64_t idle = 0;                      // of these
  uint64_t longest_wait_us = 0;           // that somebody in line had waited at one of the looks
  uint64_t transactions = 0, queries = 0, wait_us = 0;
  LatencyHistogram times{};  // of the statements of that database and user, in microseconds
};

struct HistoryInterval {
  base::WallTime at{};       // where it begins
  base::Duration length{};   // that was counted in it
  HistoryQueries queries;
  std::vector<HistoryPool> pools;
};

// ---- Back from the file ----

struct HistoryMoment {
  HistoryStep step = HistoryStep::kMinute;
  base::WallTime at{};
  base::Duration length{};
};

struct HistoryQueryRow {
  HistoryMoment moment;
  uint64_t fingerprint = 0;
  std::string query, database, user, application;
  bool others = false;         // the sum of those without a row
  base::WallTime first_at{};   // where this fingerprint is met first in the history
  QueryTotals totals;
};

struct HistoryPoolRow {
  HistoryMoment moment;
  HistoryPool pool;
};

// Which moments: each once in the finest step that there still is, or all of one step.
struct HistorySearch {
  std::optional<HistoryStep> step{};
  // Not before, and not after: rows beyond them may come all the same.
  base::WallTime from = base::WallTime::min(), until = base::WallTime::max();
};

struct HistoryState {
  std::string state{};  // off, opening, writing, failing
  std::string path{};
  int64_t bytes = 0, bytes_max = 0;
  base::WallTime oldest{}, newest{};
  uint64_t written = 0;  // intervals since the start
  uint64_t waiting = 0;  // that could not be written yet
  uint64_t lost = 0;     // that never will be
  std::string last_error{};
  base::WallTime last_error_at{};
};

// Reads rows while it lives, the newest moments first. Others that want the file wait until it is gone.
template <typename Row>
class HistoryCursor {
 public:
  virtual ~HistoryCursor() = default;
  virtual base::Result<bool> next() = 0;  // false: that was all
  virtual const Row& row() const = 0;
};
template <typename Row>
using HistoryCursorPtr = std::unique_ptr<HistoryCursor<Row>>;

class HistoryReader {
 public:
  virtual ~HistoryReader() = default;
  // On a thread that may wait; 55006 after `patience` in line for the file.
  virtual base::Result<HistoryCursorPtr<HistoryQueryRow>> queries(const HistorySearch& search,
                                                                  base::Duration patience) = 0;
  virtual base::Result<HistoryCursorPtr<HistoryPoolRow>> pools(const HistorySearch& search, base::Duration patience) = 0;
  // Any thread, at once.
  virtual HistoryState state() const = 0;
};

}  // namespace analyzer
