#include "analyzer/query_report.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace analyzer {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

const Clocks kClocks{base::TimePoint(seconds(1000)), base::WallTime(seconds(1'700'000'000))};

void run(QueryStats& stats, uint64_t fingerprint, const std::string& application, int64_t us, int64_t second) {
  const auto owner = stats.owner("app", "alice", application);
  stats.record(stats.find(fingerprint, owner, "SELECT " + std::to_string(fingerprint)),
               {.rows = 1, .server = microseconds(us), .ended = base::TimePoint(seconds(second))});
}

std::vector<QuerySummary> report(std::vector<const QueryStats*> workers, std::size_t rows_max = 100) {
  std::vector<QuerySnapshot> parts;
  for (const QueryStats* stats : workers) parts.push_back(stats->snapshot());
  return summarize(std::move(parts), rows_max, kClocks);
}

TEST(QueryReport, WorkersAreOneList) {
  QueryStats one, two;
  run(one, 7, "web", 100, 900);
  run(one, 7, "web", 300, 950);
  run(two, 7, "web", 200, 800);
  run(two, 7, "job", 5, 990);
  run(one, 8, "web", 1000, 960);
  const auto rows = report({&one, &two});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fingerprint, 8u);  // what took the most
  EXPECT_EQ(rows[1].fingerprint, 7u);
  EXPECT_EQ(rows[1].application, "web");
  EXPECT_EQ(rows[1].database, "app");
  EXPECT_EQ(rows[1].user, "alice");
  EXPECT_EQ(rows[1].query, "SELECT $1");
  EXPECT_EQ(rows[1].totals.calls, 3u);
  EXPECT_EQ(rows[1].totals.server_us, 600u);
  EXPECT_EQ(rows[1].totals.times.min(), 100u);
  EXPECT_EQ(rows[1].p99_us, 300u);
  EXPECT_NEAR(static_cast<double>(rows[1].p50_us), 200, 200 * LatencyHistogram::kErrorMax);
  EXPECT_EQ(rows[1].first_seen, kClocks.wall_now - seconds(200));
  EXPECT_EQ(rows[1].last_seen, kClocks.wall_now - seconds(50));
  EXPECT_EQ(rows[2].application, "job");
}

TEST(QueryReport, WhatIsTooManyIsInTheSum) {
  QueryStats one({.rows_max = 20, .bytes_max = 1UL << 30}), two;
  uint64_t calls = 0;
  for (uint64_t i = 0; i < 100; ++i, ++calls) run(one, i, "web", static_cast<int64_t>(i), 900);
  for (uint64_t i = 0; i < 50; ++i, ++calls) run(two, i, "web", 1'000'000 + static_cast<int64_t>(i), 900);
  const auto rows = report({&one, &two}, 10);
  ASSERT_EQ(rows.size(), 11u);
  uint64_t sum = 0;
  for (const auto& row : rows) sum += row.totals.calls;
  EXPECT_EQ(sum, calls);
  EXPECT_EQ(rows.back().fingerprint, 0u);
  EXPECT_EQ(rows.back().database, "");
  EXPECT_TRUE(rows.back().query.starts_with("others (")) << rows.back().query;
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(rows[i].fingerprint, 49 - i);
}

uint64_t calls(const std::vector<PoolTotals>& pools, std::string_view database, std::string_view user) {
  for (const PoolTotals& pool : pools)
    if (pool.database == database && pool.user == user) return pool.totals.calls;
  return 0;
}

TEST(QueryReport, WhatAPoolHasCostNeverGoesBack) {
  // Rows make room and are reset; the sums of pools go on, as those of one who counted along.
  QueryStats one({.rows_max = 20}), two({.rows_max = 20});
  std::map<std::string, uint64_t> counted;
  uint64_t before = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    QueryStats& stats = turn % 3 == 0 ? one : two;
    const std::string user = turn % 5 == 0 ? "bob" : "alice";
    const auto owner = stats.owner("app", user, "web" + std::to_string(turn % 7));
    stats.record(stats.find(static_cast<uint64_t>(turn % 137) + 1, owner, "SELECT 1"),
                 {.sqlstate = turn % 10 == 0 ? "22012" : "", .rows = 2, .server = microseconds(turn)});
    ++counted[user];
    if (turn % 400 == 399) stats.clear();
    if (turn % 50 != 0) continue;
    const auto pools = totals_by_pool({one.snapshot(), two.snapshot()});
    ASSERT_EQ(calls(pools, "app", "alice"), counted["alice"]);
    ASSERT_EQ(calls(pools, "app", "bob"), counted["bob"]);
    ASSERT_GE(pools[0].totals.times.count(), before);
    before = pools[0].totals.times.count();
    EXPECT_EQ(pools[0].totals.times.count(), pools[0].totals.calls);
    EXPECT_EQ(pools[0].totals.rows, 2 * pools[0].totals.calls);
  }
}

TEST(QueryReport, PoolsThatCannotBeToldApartAreOneWithoutAName) {
  QueryStats stats({.rows_max = 1});
  const auto alice = stats.owner("app", "alice", ""), bob = stats.owner("app", "bob", "");
  QueryStats::Row& held = stats.find(1, alice, "SELECT 1");
  stats.hold(held);
  stats.record(stats.find(2, bob, "SELECT 2"), {});  // no room: the only row is held
  stats.record(held, {});
  for (int again = 0; again < 2; ++again) {
    const auto pools = totals_by_pool({stats.snapshot()});
    EXPECT_EQ(calls(pools, "app", "alice"), 1u);
    EXPECT_EQ(calls(pools, "", ""), 1u);
    stats.clear();
  }
  stats.release(held);

  QueryStats many({.rows_max = 10});
  for (std::size_t i = 0; i < QueryStats::kPoolsMax + 50; ++i)
    many.record(many.find(1, many.owner("app", "user" + std::to_string(i), ""), "SELECT 1"), {});
  many.clear();
  const auto pools = totals_by_pool({many.snapshot()});
  EXPECT_LE(pools.size(), QueryStats::kPoolsMax + 1);
  uint64_t sum = 0;
  for (const PoolTotals& pool : pools) sum += pool.totals.calls;
  EXPECT_EQ(sum, QueryStats::kPoolsMax + 50);
}

TEST(QueryReport, NothingIsNothing) {
  QueryStats one;
  (void)one.find(1, one.owner("app", "alice", ""), "SELECT 1");  // sent, and not answered yet
  EXPECT_TRUE(report({&one}).empty());
  EXPECT_TRUE(report({}).empty());
}

TEST(QueryReport, ClassesOfErrorsAreReadBack) {
  ErrorClasses classes;
  classes.add("23505", 12);
  classes.add("40001", 1);
  EXPECT_EQ(to_text(error_classes_of(to_text(classes))), "23:12 40:1");
  for (const char* other : {"", "2", "23", "23:", "23:x", ":::", "23:99999999999999999999999"})
    EXPECT_EQ(to_text(error_classes_of(other)), "") << other;
  EXPECT_EQ(to_text(error_classes_of("23:1 40")), "23:1");
}

}  // namespace
}  // namespace analyzer
