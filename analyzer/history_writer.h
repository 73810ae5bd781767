#pragma once
// The history's writing: an interval into the file, and room for the next one.
//
// Hours and days grow with each minute, so nothing has to be worked out later and a restart goes on where it was. What
// was removed of a step is remembered: before that moment the coarser step stands for it, and what comes late (a clock
// that was set back) goes there alone, so that nothing is told twice.

#include <cstddef>
#include <cstdint>

#include "analyzer/history_db.h"
#include "analyzer/history_rows.h"
#include "base/clock.h"
#include "base/result.h"

namespace analyzer {

struct HistoryLimits {
  base::Duration keep_minutes = std::chrono::hours(48);
  base::Duration keep_hours = std::chrono::hours(31 * 24);
  base::Duration keep_days = std::chrono::hours(400 * 24);
  int64_t size_max = int64_t{256} << 20;
  // Kinds of statements, and pools, in a minute; hours and days have at most twice as many.
  std::size_t rows_max = 200;
};

// Inside of a transaction. What is there of that moment already is added to.
base::Status write_interval(HistoryDb& db, const HistoryInterval& interval, std::size_t rows_max);

// Removes what is too old, then the oldest until no more than `bytes` are used: minutes, by the hour; then hours, by the
// day; then days. At last, of the newest hour and day the lightest kinds are summed, half of them at a time.
base::Status make_room(HistoryDb& db, const HistoryLimits& limits, base::WallTime now, int64_t bytes);

// From where on a step is complete: before it, the coarser one stands for it.
base::Result<base::WallTime> complete_from(HistoryDb& db, HistoryStep step);

// So many times rows_max, and the lightest go on as one, until rows_max are left.
inline constexpr std::size_t kFoldAt = 2;

}  // namespace analyzer
