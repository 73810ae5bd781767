#include "analyzer/history_rows.h"

#include <chrono>

namespace analyzer {

std::string_view name_of(HistoryStep step) {
  switch (step) {
    case HistoryStep::kMinute: return "minute";
    case HistoryStep::kHour: return "hour";
    case HistoryStep::kDay: return "day";
  }
  return "";
}

base::WallTime begin_of(HistoryStep step, base::WallTime time) {
  if (step == HistoryStep::kHour) return std::chrono::floor<std::chrono::hours>(time);
  if (step == HistoryStep::kDay) return std::chrono::floor<std::chrono::days>(time);
  return time;
}

}  // namespace analyzer
