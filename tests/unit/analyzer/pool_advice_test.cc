#include "analyzer/pool_advice.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Load {
  double per_second = 100, held_ms = 10, wait_ms = 0;
  int busy = 1, waiting = 0, size = 20, reserve = 0;
  base::Duration longest{}, timeout = seconds(120);
};

// What is said after a hundred seconds of this.
PoolAdvice advice_for(const Load& load, int looks = 21) {
  PoolAdvisor advisor;
  for (int i = 0; i < looks; ++i) {
    PoolMoment moment;
    moment.database = "app";
    moment.user = "web";
    moment.at = base::TimePoint(seconds(1000 + 5 * i));
    moment.transactions = static_cast<uint64_t>(load.per_second * 5 * i);
    moment.held_us = static_cast<uint64_t>(static_cast<double>(moment.transactions) * load.held_ms * 1000);
    moment.wait_us = static_cast<uint64_t>(static_cast<double>(moment.transactions) * load.wait_ms * 1000);
    moment.busy = load.busy;
    moment.waiting = load.waiting;
    moment.longest_wait = load.longest;
    moment.size = load.size;
    moment.reserve = load.reserve;
    moment.query_wait_timeout = load.timeout;
    advisor.look(moment);
  }
  const auto all = advisor.advice();
  EXPECT_EQ(all.size(), 1u);
  return all.front();
}

TEST(PoolAdvice, ErlangsFormula) {
  // From tables: 10 erlangs on 12 servers wait with a chance of 0.449, on average 0.449 / 2 of what each takes.
  EXPECT_NEAR(erlang_wait_ms(12, 10, 1), 0.2246, 0.001);
  EXPECT_NEAR(erlang_wait_ms(1, 0.5, 1), 1.0, 0.001);  // M/M/1: load / (1 - load)
  EXPECT_GT(erlang_wait_ms(10, 10, 1), 1e6);
  EXPECT_EQ(erlang_wait_ms(3, 0, 1), 0);
}

TEST(PoolAdvice, LittlesLawSaysHowManyAreBusy) {
  const PoolAdvice advice = advice_for({.per_second = 200, .held_ms = 25, .busy = 6, .size = 10});
  EXPECT_NEAR(advice.busy, 5, 0.01);
  EXPECT_NEAR(advice.transactions_per_second, 200, 0.01);
  EXPECT_NEAR(advice.held_ms, 25, 0.01);
  EXPECT_EQ(advice.change, "");
  EXPECT_EQ(advice.suggested_size, 10);
}

TEST(PoolAdvice, APoolThatIsTooSmallGrows) {
  const PoolAdvice advice = advice_for({.per_second = 400, .held_ms = 10, .wait_ms = 60, .busy = 4, .waiting = 30, .size = 4});
  EXPECT_GT(advice.suggested_size, 4);
  EXPECT_LE(advice.suggested_size, 8) << "not more than twice at a time";
  EXPECT_LT(advice.wait_after_ms, 1);
  EXPECT_TRUE(advice.change.starts_with("default_pool_size 4 -> ")) << advice.change;
}

TEST(PoolAdvice, APoolThatNobodyNeedsShrinks) {
  const PoolAdvice advice = advice_for({.per_second = 100, .held_ms = 10, .busy = 3, .size = 100});
  EXPECT_LT(advice.suggested_size, 10);
  EXPECT_GE(advice.suggested_size, 4) << "as many as were busy, and one";
  EXPECT_NE(advice.change.find("connections fewer"), std::string::npos) << advice.change;
}

TEST(PoolAdvice, BurstsGetAReserve) {
  PoolAdvisor advisor;
  for (int i = 0; i < 21; ++i) {
    PoolMoment moment;
    moment.at = base::TimePoint(seconds(1000 + 5 * i));
    moment.transactions = static_cast<uint64_t>(500 * i);
    moment.held_us = moment.transactions * 10'000;
    moment.wait_us = moment.transactions * 5000;
    moment.busy = i == 10 ? 10 : 1;
    moment.waiting = i == 10 ? 4 : 0;
    moment.size = 10;
    moment.query_wait_timeout = seconds(120);
    advisor.look(moment);
  }
  const PoolAdvice advice = advisor.advice().front();
  EXPECT_EQ(advice.suggested_size, 10);
  EXPECT_EQ(advice.suggested_reserve, 4);
}

TEST(PoolAdvice, WaitingWithoutAnEndGetsATimeout) {
  const PoolAdvice advice = advice_for({.per_second = 400, .held_ms = 10, .wait_ms = 60, .busy = 4, .waiting = 30, .size = 4,
                                        .longest = milliseconds(700), .timeout = base::Duration{}});
  EXPECT_EQ(advice.suggested_timeout_ms, 3000);
  EXPECT_NE(advice.change.find("query_wait_timeout off -> 3 s"), std::string::npos) << advice.change;
}

TEST(PoolAdvice, LittleWasSeen) {
  EXPECT_EQ(advice_for({}, 2).change, "not enough was seen yet");
  EXPECT_EQ(advice_for({.per_second = 0.1}).change, "not enough was seen yet");
  EXPECT_EQ(PoolAdvisor().advice().size(), 0u);
}

TEST(PoolAdvice, ThePoolsAreBounded) {
  PoolAdvisor advisor;
  for (std::size_t i = 0; i < PoolAdvisor::kPoolsMax + 50; ++i) {
    PoolMoment moment;
    moment.database = std::to_string(i);
    advisor.look(moment);
  }
  EXPECT_EQ(advisor.advice().size(), PoolAdvisor::kPoolsMax);
}

}  // namespace
}  // namespace analyzer
