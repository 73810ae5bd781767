#include "analyzer/history_diff.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using std::chrono::microseconds;

class HistoryDiffTest : public testing::Test {
 protected:
  void run(QueryStats& stats, uint64_t fingerprint, int64_t us = 100, const char* application = "web") {
    auto& row = stats.find(fingerprint, stats.owner("app", "alice", application), "SELECT " + std::to_string(fingerprint));
    stats.record(row, {.rows = 1, .server = microseconds(us), .ended = base::TimePoint(microseconds(++clock_))});
    ++ran_;
    ran_us_ += static_cast<uint64_t>(us);
  }
  void take(QueryStats& stats, std::size_t part = 0) { diff_.take(part, ++number_, stats.snapshot()); }
  HistoryQueries drain(std::size_t rows_max = 100) {
    HistoryQueries got = diff_.drain(rows_max);
    for (const HistoryQuery& row : got.rows) told(row.totals);
    told(got.others);
    return got;
  }
  void told(const QueryTotals& totals) {
    told_ += totals.calls;
    told_us_ += totals.server_us;
    told_times_ += totals.times.count();
  }
  void expect_all_told() {
    EXPECT_EQ(told_, ran_);
    EXPECT_EQ(told_us_, ran_us_);
    EXPECT_EQ(told_times_, ran_);
  }

  HistoryDiff diff_;
  int64_t clock_ = 0;
  uint64_t number_ = 0, ran_ = 0, ran_us_ = 0, told_ = 0, told_us_ = 0, told_times_ = 0;
};

TEST_F(HistoryDiffTest, AMinuteIsWhatCameInIt) {
  QueryStats stats;
  for (int i = 0; i < 10; ++i) run(stats, 1, 50);
  run(stats, 2, 7000);
  take(stats);
  auto minute = drain();
  ASSERT_EQ(minute.rows.size(), 2u);
  EXPECT_EQ(minute.rows[0].fingerprint, 2u);  // the heaviest first
  EXPECT_EQ(minute.rows[1].totals.calls, 10u);
  EXPECT_EQ(minute.rows[1].totals.times.quantile(0.5), 50u);
  EXPECT_EQ(*minute.rows[1].text, "SELECT $1");

  for (int i = 0; i < 3; ++i) run(stats, 1, 9);
  take(stats);
  minute = drain();
  ASSERT_EQ(minute.rows.size(), 1u);
  EXPECT_EQ(minute.rows[0].totals.calls, 3u);
  EXPECT_EQ(minute.rows[0].totals.server_us, 27u);
  EXPECT_EQ(minute.rows[0].totals.times.quantile(0.99), 9u);

  take(stats);
  EXPECT_TRUE(drain().rows.empty());
  expect_all_told();
}

TEST_F(HistoryDiffTest, WorkersAreOne) {
  QueryStats one, two;
  run(one, 1);
  run(two, 1);
  run(two, 1, 10, "job");
  take(one, 0);
  take(two, 1);
  const auto minute = drain();
  ASSERT_EQ(minute.rows.size(), 2u);
  EXPECT_EQ(minute.rows[0].totals.calls, 2u);
  EXPECT_EQ(minute.rows[1].owner->application, "job");
  expect_all_told();
}

TEST_F(HistoryDiffTest, AResetLosesNothingAndGivesNothingTwice) {
  QueryStats stats;
  for (int i = 0; i < 10; ++i) run(stats, 1);
  take(stats);
  drain();
  for (int i = 0; i < 4; ++i) run(stats, 1);
  take(stats);  // what RESET does first
  stats.clear();
  for (int i = 0; i < 20; ++i) run(stats, 1);  // more than there was: only `cleared` tells
  take(stats);
  const auto minute = drain();
  ASSERT_EQ(minute.rows.size(), 1u);
  EXPECT_EQ(minute.rows[0].totals.calls, 24u);
  expect_all_told();
}

TEST_F(HistoryDiffTest, WithoutALookBeforeItAResetIsStillNoNegativeNumber) {
  QueryStats stats;
  for (int i = 0; i < 10; ++i) run(stats, 1);
  take(stats);
  drain();
  stats.clear();
  for (int i = 0; i < 3; ++i) run(stats, 1);
  take(stats);
  const auto minute = drain();
  ASSERT_EQ(minute.rows.size(), 1u);
  EXPECT_EQ(minute.rows[0].totals.calls, 3u);
  EXPECT_EQ(minute.rows[0].totals.times.count(), 3u);
  EXPECT_TRUE(minute.others.empty());
}

TEST_F(HistoryDiffTest, ASnapshotThatComesLateHasNothingNew) {
  QueryStats stats;
  run(stats, 1);
  const auto early = stats.snapshot();
  run(stats, 1);
  diff_.take(0, 2, stats.snapshot());
  diff_.take(0, 1, early);
  EXPECT_EQ(drain().rows.at(0).totals.calls, 2u);
  stats.clear();
  diff_.take(0, 3, stats.snapshot());
  diff_.take(0, 2, early);
  EXPECT_TRUE(drain().rows.empty());
}

TEST_F(HistoryDiffTest, WhatMakesRoomAndComesBackIsCountedOnce) {
  QueryStats stats({.rows_max = 20});
  std::mt19937_64 random(11);
  uint64_t made_room = 0;
  for (int minute = 0; minute < 50; ++minute) {
    for (int i = 0; i < 200; ++i) run(stats, 1 + random() % 60, static_cast<int64_t>(random() % 1000));
    if (minute % 3 != 0) {
      take(stats);
      made_room = std::max(made_room, stats.snapshot().made_room);
      if (minute % 7 == 0) stats.clear();
    }
    if (minute % 2 == 0) {
      drain();
      EXPECT_LE(told_, ran_);
    }
  }
  take(stats);
  drain();
  EXPECT_GT(made_room, 0u);
  expect_all_told();
}

TEST_F(HistoryDiffTest, OnlySoManyRowsAndTheRestIsOneSum) {
  QueryStats stats;
  for (uint64_t fingerprint = 1; fingerprint <= 30; ++fingerprint) run(stats, fingerprint, static_cast<int64_t>(fingerprint));
  take(stats);
  const auto minute = drain(10);
  ASSERT_EQ(minute.rows.size(), 10u);
  EXPECT_EQ(minute.rows.back().fingerprint, 21u);
  EXPECT_EQ(minute.others.calls, 20u);
  EXPECT_EQ(minute.others.server_us, 210u);
  expect_all_told();
}

TEST_F(HistoryDiffTest, KindsBetweenTwoDrainsAreBounded) {
  HistoryDiff diff(5);
  QueryStats stats;
  for (uint64_t fingerprint = 1; fingerprint <= 8; ++fingerprint) run(stats, fingerprint);
  diff.take(0, 1, stats.snapshot());
  const auto minute = diff.drain(100);
  EXPECT_EQ(minute.rows.size(), 5u);
  EXPECT_EQ(minute.others.calls, 3u);
}

TEST_F(HistoryDiffTest, TimesAreKnownByDatabaseAndUser) {
  QueryStats stats;
  run(stats, 1, 10);
  run(stats, 2, 30, "job");
  take(stats);
  const auto times = diff_.times();
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times.begin()->first, std::pair(std::string("app"), std::string("alice")));
  EXPECT_EQ(times.begin()->second.count(), 2u);
}

TEST_F(HistoryDiffTest, TimeIdledAfterTheLastCallIsNotLost) {
  QueryStats stats;
  run(stats, 1);
  take(stats);
  drain();
  stats.idled(stats.find(1, stats.owner("app", "alice", "web"), ""), microseconds(77));
  take(stats);
  const auto minute = drain();
  ASSERT_EQ(minute.rows.size(), 1u);
  EXPECT_EQ(minute.rows[0].totals.idle_us, 77u);
  EXPECT_EQ(minute.rows[0].totals.calls, 0u);
}

}  // namespace
}  // namespace analyzer
