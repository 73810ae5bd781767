#include "admin/metric_bounds.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace admin {
namespace {

using namespace std::chrono_literals;
using Numbers = TopStatements::Numbers;

pooler::QueryRow row(uint64_t fingerprint, uint64_t calls, uint64_t us, std::string user = "alice",
                     std::string application = "") {
  pooler::QueryRow one;
  one.fingerprint = fingerprint;
  one.query = "SELECT " + std::to_string(fingerprint);
  one.database = "app";
  one.user = std::move(user);
  one.application = std::move(application);
  one.totals.calls = calls;
  one.totals.server_us = us;
  return one;
}

// The pools' sum beside rows that are all there is.
pooler::StatementMetrics of(std::vector<pooler::QueryRow> rows, uint64_t gone_calls = 0) {
  pooler::StatementMetrics metrics;
  metrics.pools.push_back({"app", "alice", {}});
  for (const auto& one : rows) metrics.pools[0].totals.add(one.totals);
  metrics.pools[0].totals.calls += gone_calls;
  metrics.queries = std::move(rows);
  return metrics;
}

base::TimePoint at(base::Duration time) { return base::TimePoint(1h) + time; }

TEST(LabelBound, TheFirstKeepTheirNames) {
  LabelBound bound(2);
  using Labels = LabelBound::Labels;
  EXPECT_EQ(bound({"app", "alice"}), (Labels{"app", "alice"}));
  EXPECT_EQ(bound({"", ""}), (Labels{"(other)", "(other)"})) << "what could not be told apart takes no place";
  EXPECT_EQ(bound({"app", "bob"}), (Labels{"app", "bob"}));
  EXPECT_EQ(bound({"other", "carol"}), (Labels{"(other)", "(other)"}));
  EXPECT_EQ(bound({"app", "alice"}), (Labels{"app", "alice"}));
}

TEST(TopStatements, TheOnesThatTakeTheMostTimeAreShownAndTheOthersAreOne) {
  TopStatements top;
  const auto report = top.update(of({row(3, 1, 30), row(1, 5, 100), row(2, 9, 200), row(0, 7, 900)}), 2, at(0s));
  ASSERT_EQ(report.statements.size(), 2u);
  EXPECT_EQ(report.statements[0].fingerprint, 1u);
  EXPECT_EQ(report.statements[0].numbers[TopStatements::kCalls], 5u) << "from the start, where nothing was shown before";
  EXPECT_EQ(report.statements[0].query, "SELECT 1");
  EXPECT_EQ(report.statements[1].fingerprint, 2u);
  EXPECT_EQ(report.others[TopStatements::kCalls], 8u);
  EXPECT_EQ(report.others[TopStatements::kServerUs], 930u);
}

TEST(TopStatements, ApplicationsOfOneUserAreOneStatement) {
  TopStatements top;
  const auto report = top.update(of({row(1, 5, 100, "alice", "web"), row(1, 2, 50, "alice", "job"), row(1, 1, 1, "bob")}), 9, at(0s));
  ASSERT_EQ(report.statements.size(), 2u);
  EXPECT_EQ(report.statements[0].numbers[TopStatements::kCalls], 7u);
  EXPECT_EQ(report.statements[1].user, "bob");
}

TEST(TopStatements, WhoComesLaterLeavesItsPastInTheSumAndWhoGoesTakesItsCountsThere) {
  TopStatements top;
  top.update(of({row(1, 5, 100), row(2, 9, 10)}), 1, at(0s));
  auto report = top.update(of({row(1, 5, 100), row(2, 10, 1000)}), 1, at(30s));
  EXPECT_EQ(report.statements[0].fingerprint, 1u) << "not yet a minute";
  EXPECT_EQ(report.others[TopStatements::kCalls], 10u);
  report = top.update(of({row(1, 6, 100), row(2, 11, 1000)}), 1, at(60s));
  ASSERT_EQ(report.statements.size(), 1u);
  EXPECT_EQ(report.statements[0].fingerprint, 2u);
  EXPECT_EQ(report.statements[0].numbers[TopStatements::kCalls], 0u);
  EXPECT_EQ(report.others[TopStatements::kCalls], 17u);
  report = top.update(of({row(1, 6, 100), row(2, 15, 2000)}), 1, at(61s));
  EXPECT_EQ(report.statements[0].numbers[TopStatements::kCalls], 4u);
  EXPECT_EQ(report.others[TopStatements::kCalls], 17u);
}

TEST(TopStatements, WhatIsResetOrMadeRoomGoesToTheSum) {
  TopStatements top;
  top.update(of({row(1, 5, 100)}), 2, at(0s));
  auto report = top.update(of({row(1, 1, 10)}, 5), 2, at(1s));  // reset, and run once since
  EXPECT_TRUE(report.statements.empty());
  EXPECT_EQ(report.others[TopStatements::kCalls], 6u);
  report = top.update(of({row(1, 3, 30)}, 5), 2, at(61s));
  ASSERT_EQ(report.statements.size(), 1u);
  EXPECT_EQ(report.statements[0].numbers[TopStatements::kCalls], 0u);
  EXPECT_EQ(report.others[TopStatements::kCalls], 8u);
}

TEST(TopStatements, AnotherMaximumHoldsAtOnce) {
  TopStatements top;
  EXPECT_EQ(top.update(of({row(1, 5, 100), row(2, 5, 50)}), 2, at(0s)).statements.size(), 2u);
  const auto report = top.update(of({row(1, 5, 100), row(2, 5, 50)}), 0, at(1s));
  EXPECT_TRUE(report.statements.empty());
  EXPECT_EQ(report.others[TopStatements::kCalls], 10u);
}

// Whatever happens to rows: no series goes back while it is there, the sum never does, and all of them are all there is.
TEST(TopStatements, CountersOnlyGrowAndTheirSumIsTheWhole) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TopStatements top;
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> rows;  // fingerprint: calls, time
    uint64_t gone = 0, others_before = 0;
    std::map<uint64_t, uint64_t> shown_before;
    for (int turn = 0; turn < 200; ++turn) {
      for (int i = 0; i < 20; ++i) {
        auto& one = rows[random() % 30 + 1];
        one.first += 1;
        one.second += random() % 1000;
      }
      if (random() % 4 == 0) {  // makes room
        const auto victim = std::next(rows.begin(), static_cast<std::ptrdiff_t>(random() % rows.size()));
        gone += victim->second.first;
        rows.erase(victim);
      }
      if (random() % 50 == 0) {  // is reset
        for (auto& [fingerprint, one] : rows) gone += std::exchange(one.first, 0), one.second = 0;
      }
      std::vector<pooler::QueryRow> list;
      uint64_t whole = gone;
      for (const auto& [fingerprint, one] : rows) {
        list.push_back(row(fingerprint, one.first, one.second));
        whole += one.first;
      }
      const auto report = top.update(of(std::move(list), gone), 5, at(std::chrono::seconds(turn * 17)));
      ASSERT_LE(report.statements.size(), 5u);
      uint64_t sum = report.others[TopStatements::kCalls];
      ASSERT_GE(sum, others_before);
      others_before = sum;
      std::map<uint64_t, uint64_t> shown;
      for (const auto& statement : report.statements) {
        const uint64_t calls = statement.numbers[TopStatements::kCalls];
        sum += calls;
        shown[statement.fingerprint] = calls;
        const auto before = shown_before.find(statement.fingerprint);
        // One that was lost and found within one turn begins again, as any counter may.
        if (before != shown_before.end() && calls != 0) {
          ASSERT_GE(calls, before->second);
        }
      }
      shown_before = std::move(shown);
      ASSERT_EQ(sum, whole);
    }
  }
}

}  // namespace
}  // namespace admin
