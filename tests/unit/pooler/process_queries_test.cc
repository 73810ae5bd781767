// Statistics of statements over all workers.
#include <algorithm>

#include "pooler/slow_log.h"
#include "pooler/traces.h"
#include "tests/unit/pooler/process_fixture.h"

namespace pooler {
namespace {

class ProcessQueriesTest : public ProcessFixture {
 protected:
  // As if a client on that worker had run it.
  void run(int worker, uint64_t fingerprint, int64_t us) {
    Worker& place = *workers_[static_cast<std::size_t>(worker)];
    std::atomic<bool> done{false};
    place.loop().post([&place, &done, fingerprint, us] {
      auto& stats = place.counted_queries();
      stats.record(stats.find(fingerprint, stats.owner("app", "alice", "web"), "SELECT 1"),
                   {.server = std::chrono::microseconds(us), .ended = base::now()});
      done = true;
    });
    ASSERT_TRUE(support::run_until(main_, [&] { return done.load(); }));
  }
};

TEST_F(ProcessQueriesTest, AllWorkersAreOneList) {
  run(0, 1, 100);
  run(1, 1, 50);
  run(1, 2, 1000);
  const auto all = rows(&Process::queries);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].fingerprint, 2u);
  EXPECT_EQ(all[1].totals.calls, 2u);
  EXPECT_EQ(all[1].totals.server_us, 150u);
  EXPECT_EQ(all[1].database, "app");
  EXPECT_EQ(all[1].query, "SELECT $1");
  EXPECT_LT(base::wall_now() - all[1].last_seen, std::chrono::seconds(30));
  EXPECT_GE(base::wall_now(), all[1].last_seen);
}

TEST_F(ProcessQueriesTest, ResetIsForAllOfThem) {
  run(0, 1, 100);
  run(1, 1, 100);
  std::optional<base::Status> said;
  process_->reset_queries([&](base::Status status) { said = std::move(status); });
  ASSERT_TRUE(support::run_until(main_, [&] { return said.has_value(); }));
  EXPECT_TRUE(said->ok());
  EXPECT_TRUE(rows(&Process::queries).empty());
}

TEST_F(ProcessQueriesTest, SlowOnesOfAllWorkersComeNewestFirst) {
  for (const int at : {1, 2, 3}) {
    Worker& place = *workers_[static_cast<std::size_t>(at % 2)];
    std::atomic<bool> done{false};
    place.loop().post([&place, &done, at] {
      auto one = std::make_shared<analyzer::SlowStatement>();
      one->ended = base::WallTime(std::chrono::seconds(at));
      place.slow_recent().add(std::move(one));
      done = true;
    });
    ASSERT_TRUE(support::run_until(main_, [&] { return done.load(); }));
  }
  const auto all = rows(&Process::slow_queries);
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(all[i].statement->ended, base::WallTime(std::chrono::seconds(3 - i)));
}

TEST_F(ProcessQueriesTest, TheSlowLogSaysWhatBecameOfThem) {
  EXPECT_EQ(rows(&Process::slow_log).size(), 1u) << "also where there is none";
  SlowLog log;
  runtime_.slow_log = &log;
  ASSERT_TRUE(log.configure({.file = "", .rate_max = 1}).ok());
  EXPECT_TRUE(log.admit(base::TimePoint(std::chrono::seconds(5))));
  EXPECT_FALSE(log.admit(base::TimePoint(std::chrono::seconds(5))));
  EXPECT_EQ(rows(&Process::slow_log).at(0).over_rate, 1u);
  runtime_.slow_log = nullptr;
}

TEST_F(ProcessQueriesTest, TracesSayWhatBecameOfThem) {
  EXPECT_EQ(rows(&Process::traces).size(), 1u) << "also where there are none";
  Traces traces;
  runtime_.traces = &traces;
  traces.lost(3, "gone");
  EXPECT_EQ(rows(&Process::traces).at(0).counts.lost, 3u);
  EXPECT_EQ(rows(&Process::traces).at(0).endpoint, "");
  runtime_.traces = nullptr;
}

TEST_F(ProcessQueriesTest, EachWorkerHasExemplars) {
  for (const int worker : {0, 1}) {
    Worker& place = *workers_[static_cast<std::size_t>(worker)];
    std::atomic<bool> done{false};
    place.loop().post([&place, &done] {
      place.exemplars().put("app", "alice", {{1, 2, 3, true}, 100, {}});
      done = true;
    });
    ASSERT_TRUE(support::run_until(main_, [&] { return done.load(); }));
  }
  const auto all = rows(&Process::exemplars);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].octaves[7].us, 100u);
}

TEST_F(ProcessQueriesTest, WhatAResetSweepsAwayIsShownBefore) {
  run(0, 1, 100);
  run(1, 2, 50);
  std::vector<QueryCount> shown;
  process_->before_reset([&](std::vector<QueryCount> counts) { shown = std::move(counts); });
  std::optional<base::Status> said;
  process_->reset_queries([&](base::Status status) { said = std::move(status); });
  ASSERT_TRUE(support::run_until(main_, [&] { return said.has_value(); }));
  ASSERT_EQ(shown.size(), 2u);
  std::optional<std::vector<QueryCount>> after;
  process_->count_queries([&](std::vector<QueryCount> counts) { after = std::move(counts); });
  ASSERT_TRUE(support::run_until(main_, [&] { return after.has_value(); }));
  for (const QueryCount& count : shown) {
    EXPECT_EQ(count.snapshot.rows.size(), 1u);
    for (const QueryCount& later : *after) {
      if (later.worker != count.worker) continue;
      EXPECT_GT(later.number, count.number);
      EXPECT_GT(later.snapshot.cleared, count.snapshot.cleared);
      EXPECT_TRUE(later.snapshot.rows.empty());
    }
  }
}

TEST_F(ProcessQueriesTest, PoolsAreLookedAtWithoutAskingWorkers) { EXPECT_TRUE(process_->look_at_pools().empty()); }

TEST_F(ProcessQueriesTest, NobodyIsActiveWhoIsLoggingIn) {
  const base::Fd one = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  EXPECT_TRUE(rows(&Process::activity).empty());
}

}  // namespace
}  // namespace pooler
