#include "pooler/stats_book.h"

#include <gtest/gtest.h>

#include "base/offload.h"
#include "pooler/auth_query.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"

namespace pooler {
namespace {

using std::chrono::seconds;

TEST(Average, CountsArePerSecondAndTimesAreMeans) {
  Totals before, after;
  before.query_count = 100;
  before.query_time = 1000;
  after.query_count = 160;
  after.query_time = 7000;
  after.xact_count = 30;
  after.xact_time = 90;
  after.bytes_sent = 6000;
  after.server_assignment_count = 3;
  after.wait_time = 12;
  const Totals result = average(before, after, seconds(60));
  EXPECT_EQ(result.query_count, 1U);
  EXPECT_EQ(result.query_time, 100U);  // 6000 us over 60 queries
  EXPECT_EQ(result.xact_time, 3U);
  EXPECT_EQ(result.bytes_sent, 100U);
  EXPECT_EQ(result.wait_time, 4U);
}

TEST(Average, NothingHappenedIsZeroAndNoDivision) {
  Totals same;
  same.query_count = 5;
  same.query_time = 50;
  EXPECT_EQ(average(same, same, seconds(60)).query_time, 0U);
  EXPECT_EQ(average(same, same, seconds(0)).query_count, 0U);
}

TEST(Average, AddSumsEveryCounter) {
  Totals one{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  Totals sum = one;
  add(sum, one);
  EXPECT_EQ(sum.server_assignment_count, 2U);
  EXPECT_EQ(sum.xact_count, 4U);
  EXPECT_EQ(sum.query_count, 6U);
  EXPECT_EQ(sum.bytes_received, 8U);
  EXPECT_EQ(sum.bytes_sent, 10U);
  EXPECT_EQ(sum.xact_time, 12U);
  EXPECT_EQ(sum.query_time, 14U);
  EXPECT_EQ(sum.wait_time, 16U);
  EXPECT_EQ(sum.client_parse_count, 18U);
  EXPECT_EQ(sum.server_parse_count, 20U);
  EXPECT_EQ(sum.bind_count, 22U);
  EXPECT_EQ(sum.client_login_count, 24U);
}

class StatsBookTest : public testing::Test {
 protected:
  StatsBookTest() { runtime_.loops.push_back(&loop_); }
  std::shared_ptr<Pool> pool(const std::string& database, const std::string& user, uint64_t queries) {
    auto made = std::make_shared<Pool>(runtime_, database, user);
    made->stats(0).queries.add(queries);
    return made;
  }

  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  base::TimePoint start_{};
  StatsBook book_{start_};
};

TEST_F(StatsBookTest, APoolThatIsGoneKeepsItsTotals) {
  auto gone = pool("app", "a", 10);
  const auto stays = pool("app", "b", 5);
  book_.sample({gone, stays}, 1);
  gone.reset();
  const auto rows = book_.rows({stays}, 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].total.query_count, 15U);
  EXPECT_EQ(book_.rows({stays}, 1)[0].total.query_count, 15U);  // counted once
}

TEST_F(StatsBookTest, AveragesAreThoseOfTheLastPeriod) {
  const auto only = pool("app", "a", 100);
  EXPECT_EQ(book_.end_period({only}, 1, start_ + seconds(10)).query_count, 10U);
  EXPECT_EQ(book_.rows({only}, 1)[0].average.query_count, 10U);
  only->stats(0).queries.add(40);
  EXPECT_EQ(book_.rows({only}, 1)[0].average.query_count, 10U);  // not before the period ends
  EXPECT_EQ(book_.end_period({only}, 1, start_ + seconds(20)).query_count, 4U);
  EXPECT_EQ(book_.rows({only}, 1)[0].average.query_count, 4U);
}

TEST_F(StatsBookTest, ThePeriodsSummaryIsOverAllDatabases) {
  const auto one = pool("app", "a", 100), two = pool("other", "a", 50);
  EXPECT_EQ(book_.end_period({one, two}, 1, start_ + seconds(10)).query_count, 15U);
}

}  // namespace
}  // namespace pooler
