#include "analyzer/history_rows.h"

#include <gtest/gtest.h>

#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using support::tuesday;

TEST(HistoryRows, HoursAndDaysBeginWhereUtcHasThem) {
  const auto time = tuesday(std::chrono::seconds(3725));
  EXPECT_EQ(begin_of(HistoryStep::kMinute, time), time);
  EXPECT_EQ(begin_of(HistoryStep::kHour, time), tuesday(std::chrono::hours(1)));
  EXPECT_EQ(begin_of(HistoryStep::kDay, time), tuesday(-std::chrono::hours(10)));
  EXPECT_EQ(begin_of(HistoryStep::kHour, base::WallTime(std::chrono::seconds(-1))), base::WallTime(std::chrono::hours(-1)));
}

TEST(HistoryRows, EachStepHasAName) {
  EXPECT_EQ(name_of(HistoryStep::kMinute), "minute");
  EXPECT_EQ(name_of(HistoryStep::kHour), "hour");
  EXPECT_EQ(name_of(HistoryStep::kDay), "day");
}

}  // namespace
}  // namespace analyzer
