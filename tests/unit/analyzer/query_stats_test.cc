#include "analyzer/query_stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <string>

#include "analyzer/query_report.h"

namespace analyzer {
namespace {

using std::chrono::microseconds;

base::TimePoint at(int64_t second) { return base::TimePoint(std::chrono::seconds(second)); }

QueryRecord took(int64_t us, uint64_t rows = 1) {
  return {.rows = rows, .bytes_in = 10, .bytes_out = 100, .server = microseconds(us), .wait = microseconds(5), .ended = at(100)};
}

void run(QueryStats& stats, uint64_t fingerprint, const QueryOwnerPtr& owner, const QueryRecord& record) {
  QueryStats::Row& row = stats.find(fingerprint, owner, "SELECT " + std::to_string(fingerprint));
  stats.hold(row);
  stats.record(row, record);
  stats.release(row);
}

QueryTotals sum_of(const QuerySnapshot& snapshot) {
  QueryTotals sum;
  for (const auto& row : snapshot.rows) sum.add(row.totals);
  sum.add(snapshot.others);
  return sum;
}

TEST(QueryStats, KeepsApartWhatDiffersInStatementDatabaseUserOrApplication) {
  QueryStats stats;
  const auto a = stats.owner("app", "alice", "web");
  EXPECT_EQ(stats.owner("app", "alice", "web"), a);
  EXPECT_NE(stats.owner("app", "alic", "eweb"), a);
  for (const auto& owner : {a, stats.owner("app", "alice", "job"), stats.owner("app", "bob", "web"), stats.owner("x", "alice", "web")})
    for (uint64_t fingerprint = 1; fingerprint <= 3; ++fingerprint) run(stats, fingerprint, owner, took(10));
  EXPECT_EQ(stats.size(), 12u);
  run(stats, 3, stats.owner("app", "alice", "web"), took(20));
  EXPECT_EQ(stats.size(), 12u);
  EXPECT_EQ(stats.find(3, a, "").totals().calls, 2u);
  EXPECT_EQ(stats.find(3, a, "").totals().server_us, 30u);
}

TEST(QueryStats, ShowsNoValues) {
  QueryStats stats;
  const auto owner = stats.owner("app", "alice", "");
  EXPECT_EQ(stats.find(1, owner, "SELECT * FROM t WHERE card = '4711'").text(), "SELECT * FROM t WHERE card = $1");
  EXPECT_EQ(stats.find(1, owner, "SELECT * FROM t WHERE card = '4712'").text(), "SELECT * FROM t WHERE card = $1");
  EXPECT_LE(stats.find(2, owner, "SELECT " + std::string(1 << 20, 'x')).text().size(), QueryStats::kTextShown);
}

TEST(QueryStats, CountsCallsErrorsAndParts) {
  QueryStats stats;
  const auto owner = stats.owner("app", "alice", "");
  QueryStats::Row& row = stats.find(1, owner, "SELECT 1");
  stats.hold(row);
  stats.record(row, {.rows = 50, .bytes_in = 7, .bytes_out = 90, .server = microseconds(100), .wait = microseconds(3), .ended = at(10)});
  stats.record(row, {.call = false, .rows = 12, .bytes_in = 2, .bytes_out = 30, .server = microseconds(40), .ended = at(20)});
  stats.record(row, {.sqlstate = "23505", .server = microseconds(5), .ended = at(30)});
  stats.record(row, {.sqlstate = "23503", .server = microseconds(5), .ended = at(40)});
  stats.record(row, {.sqlstate = "40001", .server = microseconds(5), .ended = at(50)});
  stats.parsed(row, true, 0);
  stats.parsed(row, true, 1);
  stats.parsed(row, false, 1);
  stats.idled(row, microseconds(1000));
  stats.release(row);
  const QueryTotals& totals = row.totals();
  EXPECT_EQ(totals.calls, 4u);
  EXPECT_EQ(totals.errors, 3u);
  EXPECT_EQ(to_text(totals.error_classes), "23:2 40:1");
  EXPECT_EQ(totals.rows, 62u);
  EXPECT_EQ(totals.bytes_in, 9u);
  EXPECT_EQ(totals.bytes_out, 120u);
  EXPECT_EQ(totals.server_us, 155u);
  EXPECT_EQ(totals.wait_us, 3u);
  EXPECT_EQ(totals.idle_us, 1000u);
  EXPECT_EQ(totals.parses, 2u);
  EXPECT_EQ(totals.server_parses, 2u);
  EXPECT_EQ(totals.times.count(), 4u);
  EXPECT_EQ(totals.times.max(), 100u);
  EXPECT_EQ(totals.first_seen, at(10));
  EXPECT_EQ(totals.last_seen, at(50));
}

TEST(QueryStats, ClassesOfErrorsAreBounded) {
  ErrorClasses classes;
  for (char a = 'A'; a <= 'Z'; ++a)
    for (char b = 'A'; b <= 'Z'; ++b) classes.add(std::string{a, b, '0', '0', '1'});
  classes.add("", 3);
  EXPECT_EQ(classes.counts().size(), ErrorClasses::kClassesMax);
  uint64_t sum = 0;
  for (const auto& [name, count] : classes.counts()) sum += count;
  EXPECT_EQ(sum, 26u * 26u + 3u);
}

TEST(QueryStats, TheLightMakeRoomForTheHeavyAndNothingIsLost) {
  QueryStats stats({.rows_max = 100, .bytes_max = 1UL << 30});
  const auto owner = stats.owner("app", "alice", "");
  QueryTotals expected;
  const auto count = [&](uint64_t fingerprint, const QueryRecord& record) {
    run(stats, fingerprint, owner, record);
    ++expected.calls;
    expected.rows += record.rows;
    expected.server_us += static_cast<uint64_t>(record.server.count());
  };
  for (int round = 0; round < 200; ++round) {
    for (uint64_t heavy = 1; heavy <= 50; ++heavy) count(heavy, took(500, 2));
    for (uint64_t light = 0; light < 50; ++light) count(1000 + static_cast<uint64_t>(round) * 50 + light, took(10));
  }
  EXPECT_LE(stats.size(), 100u);
  const QuerySnapshot snapshot = stats.snapshot();
  const QueryTotals sum = sum_of(snapshot);
  EXPECT_EQ(sum.calls, expected.calls);
  EXPECT_EQ(sum.rows, expected.rows);
  EXPECT_EQ(sum.server_us, expected.server_us);
  EXPECT_EQ(sum.times.count(), expected.calls);
  std::map<uint64_t, uint64_t> calls;
  for (const auto& row : snapshot.rows) calls[row.fingerprint] = row.totals.calls;
  for (uint64_t heavy = 1; heavy <= 50; ++heavy) EXPECT_EQ(calls[heavy], 200u) << heavy;
  EXPECT_EQ(snapshot.others.calls, snapshot.made_room);  // each of them was called once
}

TEST(QueryStats, WhatWasHeavyOnceGoesInTheEnd) {
  QueryStats stats({.rows_max = 100, .bytes_max = 1UL << 30});
  const auto owner = stats.owner("app", "alice", "");
  run(stats, 1, owner, took(1'000'000));
  uint64_t next = 1000;
  for (int i = 0; i < 200'000; ++i) run(stats, ++next, owner, took(10));
  const auto snapshot = stats.snapshot();
  EXPECT_TRUE(std::none_of(snapshot.rows.begin(), snapshot.rows.end(), [](const auto& row) { return row.fingerprint == 1; }));
  EXPECT_EQ(sum_of(snapshot).calls, 200'001u);
}

TEST(QueryStats, WhatIsHeldStays) {
  QueryStats stats({.rows_max = 10, .bytes_max = 1UL << 30});
  const auto owner = stats.owner("app", "alice", "");
  std::vector<QueryStats::Row*> held;
  for (uint64_t i = 1; i <= 10; ++i) {
    held.push_back(&stats.find(i, owner, "SELECT 1"));
    stats.hold(*held.back());
  }
  // There is no room: it is counted all the same.
  for (uint64_t i = 100; i < 200; ++i) run(stats, i, owner, took(1'000'000));
  EXPECT_EQ(stats.size(), 10u);
  EXPECT_EQ(stats.snapshot().others.calls, 100u);
  for (uint64_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(held[i - 1]->fingerprint(), i);
    stats.record(*held[i - 1], took(1));
    stats.release(*held[i - 1]);
  }
  run(stats, 300, owner, took(1));
  EXPECT_LE(stats.size(), 10u);
  EXPECT_EQ(sum_of(stats.snapshot()).calls, 111u);
}

TEST(QueryStats, AMillionDistinctStatementsStayInBounds) {
#if defined(WEIR_SANITIZE_ADDRESS) || defined(WEIR_SANITIZE_THREAD)
  constexpr int kStatements = 50'000;  // enough for what they look for, at fifty times the price
#else
  constexpr int kStatements = 1'000'000;
#endif
  constexpr std::size_t kBytes = 4UL << 20;
  QueryStats stats({.rows_max = 5000, .bytes_max = kBytes});
  std::mt19937_64 random(42);
  uint64_t calls = 0, us = 0, most_bytes = 0, most_rows = 0;
  QueryOwnerPtr owner;
  for (int i = 0; i < kStatements; ++i) {
    if (i % 1000 == 0) owner = stats.owner("app", "alice", "job " + std::to_string(i));
    const uint64_t spent = random() % 100'000;
    QueryStats::Row& row = stats.find(random(), owner, "SELECT * FROM some_table WHERE a = 1 AND b = 'x'");
    stats.record(row, took(static_cast<int64_t>(spent)));
    ++calls;
    us += spent;
    most_bytes = std::max(most_bytes, stats.bytes());
    most_rows = std::max(most_rows, stats.size());
  }
  const auto sum = sum_of(stats.snapshot());
  EXPECT_EQ(sum.calls, calls);
  EXPECT_EQ(sum.server_us, us);
  EXPECT_EQ(sum.times.count(), calls);
  EXPECT_LE(most_rows, 5000u);
  EXPECT_LE(most_bytes, kBytes + (1U << 14));  // and the row that was too many
}

TEST(QueryStats, ClearCountsFromNothingAndKeepsWhatRuns) {
  QueryStats stats({.rows_max = 10, .bytes_max = 1UL << 30});
  const auto owner = stats.owner("app", "alice", "");
  QueryStats::Row& row = stats.find(1, owner, "SELECT 1");
  stats.hold(row);
  for (uint64_t i = 0; i < 100; ++i) run(stats, i, owner, took(10));
  stats.clear();
  EXPECT_TRUE(stats.snapshot().rows.empty());
  EXPECT_TRUE(stats.snapshot().others.empty());
  stats.record(row, took(10));
  stats.release(row);
  const auto snapshot = stats.snapshot();
  ASSERT_EQ(snapshot.rows.size(), 1u);
  EXPECT_EQ(snapshot.rows[0].fingerprint, 1u);
  EXPECT_EQ(snapshot.rows[0].totals.calls, 1u);
}

TEST(QueryStats, SmallerLimitsHoldAtOnce) {
  QueryStats stats({.rows_max = 1000, .bytes_max = 1UL << 30});
  const auto owner = stats.owner("app", "alice", "");
  for (uint64_t i = 0; i < 1000; ++i) run(stats, i, owner, took(10));
  stats.set_limits({.rows_max = 1000, .bytes_max = 100'000});
  EXPECT_LE(stats.bytes(), 100'000u);
  stats.set_limits({.rows_max = 10, .bytes_max = 100'000});
  EXPECT_LE(stats.size(), 10u);
  EXPECT_EQ(sum_of(stats.snapshot()).calls, 1000u);
}

}  // namespace
}  // namespace analyzer
