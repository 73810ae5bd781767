#include "pooler/history_keeper.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "analyzer/query_stats.h"
#include "tests/support/run_loop.h"

namespace pooler {
namespace {

using std::chrono::seconds;

TEST(HistoryKeeper, AnIntervalIsTheOneThatEndsNow) {
  constexpr base::Duration kMinute = seconds(60);
  const base::WallTime full(seconds(600));
  for (const int beside : {0, 1, 5, -1, -20}) EXPECT_EQ(ended_at(full + seconds(beside), kMinute), base::WallTime(seconds(540)));
  EXPECT_EQ(ended_at(full + seconds(31), kMinute), full);
  EXPECT_EQ(until_end(full, kMinute), kMinute);
  EXPECT_EQ(until_end(full + seconds(10), kMinute), seconds(50));
  EXPECT_EQ(until_end(full - seconds(1), kMinute), seconds(61));  // that one is done already
  for (int second = 0; second < 600; ++second) EXPECT_GE(until_end(full + seconds(second), kMinute), kMinute / 2);
}

class HistoryKeeperTest : public testing::Test {
 protected:
  HistoryKeeperTest() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-keeper-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    settings_.path = (folder_ / "history").string();
    settings_.interval = seconds(1);
  }
  ~HistoryKeeperTest() override {
    keeper_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void start() {
    keeper_.emplace(loop_, settings_,
                    HistoryKeeper::Asks{.queries =
                                            [this](std::function<void(std::vector<QueryCount>)> done) {
                                              ++asked_;
                                              if (answers_) done(counts());
                                            },
                                        .pools = [this] { return looks_; }});
    keeper_->start();
  }
  std::vector<QueryCount> counts() {
    std::vector<QueryCount> list;
    list.push_back({0, ++number_, stats_.snapshot()});
    return list;
  }
  void run(int calls) {
    for (int i = 0; i < calls; ++i)
      stats_.record(stats_.find(1, stats_.owner("app", "alice", "web"), "SELECT 1"),
                    {.server = std::chrono::microseconds(500), .ended = base::now()});
  }
  uint64_t told(std::optional<analyzer::HistoryStep> step = {}) {
    uint64_t calls = 0;
    auto cursor = keeper_->reader()->queries({.step = step}, seconds(5));
    while (cursor.ok()) {
      const auto more = (*cursor)->next();
      if (!more.ok() || !*more) break;
      calls += (*cursor)->row().totals.calls;
    }
    return calls;
  }
  bool wait_for(uint64_t calls) {
    return support::run_until(loop_, [&] { return told() == calls; });
  }

  std::filesystem::path folder_;
  base::EventLoop loop_;
  conf::History settings_;
  analyzer::QueryStats stats_;
  std::vector<analyzer::PoolLook> looks_;
  uint64_t number_ = 0;
  int asked_ = 0;
  bool answers_ = true;
  std::optional<HistoryKeeper> keeper_;
};

TEST_F(HistoryKeeperTest, EachIntervalIsWrittenAndTheLastOneTooWhenItEnds) {
  auto pool = std::make_shared<int>(0);
  looks_.push_back({.database = "app", .user = "alice", .pool = pool, .active = 2, .servers = 3, .queries = 5});
  start();
  run(3);
  ASSERT_TRUE(wait_for(3));
  run(4);
  keeper_->take(counts());  // RESET QUERIES
  stats_.clear();
  run(10);
  ASSERT_TRUE(wait_for(17));
  EXPECT_EQ(told(analyzer::HistoryStep::kDay), 17u);
  run(2);
  keeper_->finish(counts());
  EXPECT_EQ(told(), 19u);
  EXPECT_EQ(keeper_->reader()->state().state, "writing");

  auto cursor = keeper_->reader()->pools({.step = analyzer::HistoryStep::kDay}, seconds(5));
  ASSERT_TRUE(cursor.ok());
  uint64_t queries = 0, times = 0;
  while (*(*cursor)->next()) {
    queries += (*cursor)->row().pool.queries;
    times += (*cursor)->row().pool.times.count();
    EXPECT_EQ((*cursor)->row().pool.user, "alice");
  }
  EXPECT_EQ(queries, 5u);
  EXPECT_EQ(times, 19u);
}

TEST_F(HistoryKeeperTest, AWorkerThatDoesNotAnswerIsNotAskedAgainAndNothingIsLost) {
  answers_ = false;
  start();
  run(3);
  support::run_for(loop_, std::chrono::milliseconds(3500));
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(told(), 0u);
  keeper_->finish(counts());
  EXPECT_EQ(told(), 3u);
}

TEST_F(HistoryKeeperTest, ATextIsGivenToTheNextOne) {
  std::vector<std::string> given;
  const auto ask = [&] { keeper_->kept("advice", [&](std::string text) { given.push_back(std::move(text)); }); };
  start();
  ask();  // there is none yet
  keeper_->keep("advice", "what was known");
  ask();
  ASSERT_TRUE(support::run_until(loop_, [&] { return !given.empty(); }));
  for (int i = 0; i < 5; ++i) keeper_->keep("advice", fmt::format("and then {}", i));
  keeper_->finish({});  // however much is in line
  keeper_.reset();
  start();
  ask();
  ASSERT_TRUE(support::run_until(loop_, [&] { return given.size() == 2; }));
  EXPECT_EQ(given, (std::vector<std::string>{"what was known", "and then 4"}));
}

}  // namespace
}  // namespace pooler
