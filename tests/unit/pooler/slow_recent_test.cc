#include "pooler/slow_recent.h"

#include <gtest/gtest.h>

#include <memory>

namespace pooler {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

analyzer::SlowStatementPtr statement(int at) {
  auto one = std::make_shared<analyzer::SlowStatement>();
  one->ended = base::WallTime(std::chrono::seconds(at));
  return one;
}

SlowLimits limits(base::Duration limit, base::Duration from) { return {.from = from, .limit = limit}; }

TEST(SlowRecent, WhatIsSlowIsWanted) {
  SlowRecent recent;
  const SlowLimits some = limits(milliseconds(10), milliseconds(10));
  EXPECT_TRUE(recent.wanted(some, milliseconds(10)));
  EXPECT_FALSE(recent.wanted(some, microseconds(9999)));
  EXPECT_TRUE(recent.wanted(limits({}, {}), {}));
  EXPECT_FALSE(recent.wanted(SlowLimits(), std::chrono::hours(1)));
}

TEST(SlowRecent, OfTheOthersAnEvenPart) {
  for (const double rate : {0.0, 0.001, 0.01, 0.25, 0.5, 1.0}) {
    SlowRecent recent;
    recent.set_limits(0, rate);
    int wanted = 0, row = 0, longest = 0;
    for (int i = 0; i < 100'000; ++i) {
      const bool one = recent.wanted(limits(SlowLimits::kNever, {}), microseconds(5));
      wanted += one ? 1 : 0;
      longest = std::max(longest, row = one ? 0 : row + 1);
    }
    EXPECT_NEAR(wanted, rate * 100'000, 5) << rate;
    EXPECT_LE(longest * rate, 3) << rate;
  }
}

TEST(SlowRecent, AnApplicationsRhythmDoesNotMatter) {
  for (int period = 2; period < 20; ++period) {  // every so many statements are of the kind that is counted
    SlowRecent recent;
    recent.set_limits(0, 0.1);
    int wanted = 0;
    for (int i = 0; i < period * 10'000; ++i)
      if (recent.wanted(limits(SlowLimits::kNever, {}), {}) && i % period == 0) ++wanted;
    EXPECT_NEAR(wanted, 1000, 60) << period;
  }
}

TEST(SlowRecent, TheLastOnesAreRemembered) {
  SlowRecent recent;
  recent.set_limits(2, 0);
  EXPECT_EQ(recent.add(statement(1)), 1u);
  EXPECT_EQ(recent.add(statement(2)), 2u);
  EXPECT_EQ(recent.add(statement(3)), 3u);
  ASSERT_EQ(recent.rows().size(), 2u);
  EXPECT_EQ(recent.rows()[0].number, 2u);
  recent.set_limits(1, 0);
  ASSERT_EQ(recent.rows().size(), 1u);
  EXPECT_EQ(recent.rows()[0].number, 3u);
  recent.set_limits(0, 0);
  recent.add(statement(4));
  EXPECT_TRUE(recent.rows().empty());
}

TEST(SlowRecent, APlanFindsItsStatementOrNone) {
  SlowRecent recent;
  recent.set_limits(2, 0);
  for (int i = 1; i <= 3; ++i) recent.add(statement(i));
  recent.set_plan(1, "gone");
  recent.set_plan(3, "here");
  recent.set_plan(9, "never was");
  EXPECT_EQ(recent.rows()[0].plan, "");
  EXPECT_EQ(recent.rows()[1].plan, "here");
}

TEST(SlowRecent, TheNewestComeFirst) {
  std::vector<SlowRow> rows;
  for (const int at : {3, 1, 5, 2}) rows.push_back({.number = 1, .statement = statement(at)});
  rows.push_back({.number = 2, .statement = statement(3)});
  const auto sorted = newest_first(std::move(rows), 3);
  ASSERT_EQ(sorted.size(), 3u);
  EXPECT_EQ(sorted[0].statement->ended, base::WallTime(std::chrono::seconds(5)));
  EXPECT_EQ(sorted[1].number, 2u);
  EXPECT_EQ(sorted[2].number, 1u);
}

}  // namespace
}  // namespace pooler
