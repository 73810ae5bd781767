#include "pooler/guard_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pooler {
namespace {

using namespace std::chrono_literals;
using base::Duration;
using base::TimePoint;

constexpr TimePoint kStart{1'000'000s};

TEST(TokenBucket, IsFullAtFirstAndFillsEvenly) {
  const Rate rate{10, 1s, 10};
  TokenBucket bucket;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bucket.take(rate, 1, kStart), 0us) << i;
  EXPECT_EQ(bucket.take(rate, 1, kStart), 100ms);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 99ms), 1ms);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 100ms), 0us);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 100ms), 100ms);
  EXPECT_EQ(bucket.take(rate, 3, kStart + 300ms), 100ms);
  EXPECT_EQ(bucket.take(rate, 2, kStart + 300ms), 0us);
}

TEST(TokenBucket, NeverHoldsMoreThanItsBurst) {
  const Rate rate{10, 1s, 3};
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(rate, 3, kStart), 0us);
  EXPECT_EQ(bucket.take(rate, 3, kStart + 24h), 0us);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 24h), 100ms);
  EXPECT_EQ(bucket.take(rate, 4, kStart + 48h), TokenBucket::kNever);
  EXPECT_EQ(bucket.take(rate, 3, kStart + 48h), 0us) << "what could never be given has taken nothing";
}

TEST(TokenBucket, CountsExactlyWhatDoesNotDivide) {
  // Three a second, asked every millisecond for a thousand seconds: three thousand, and the one it began with.
  const Rate rate{3, 1s, 1};
  TokenBucket bucket;
  int taken = 0;
  for (int ms = 0; ms <= 1'000'000; ++ms)
    if (bucket.take(rate, 1, kStart + std::chrono::milliseconds(ms)) == 0us) ++taken;
  // A bucket of one is full for the rest of the millisecond in which it fills, and loses that: 334 ms each.
  EXPECT_EQ(taken, 1 + 1'000'000 / 334);
  // With room for two nothing is lost.
  TokenBucket larger;
  const Rate two{3, 1s, 2};
  taken = 0;
  for (int ms = 0; ms <= 1'000'000; ++ms)
    if (larger.take(two, 1, kStart + std::chrono::milliseconds(ms)) == 0us) ++taken;
  EXPECT_EQ(taken, 2 + 3000);
}

TEST(TokenBucket, WhoeverWaitsAsLongAsItSaysGetsIt) {
  for (const Rate rate : {Rate{7, 1s, 3}, Rate{1'000'000, 1ms, 1'000'000}, Rate{1, 24h, 5}, Rate{999'983, 24h, 1'000'000}}) {
    TokenBucket bucket;
    TimePoint now = kStart;
    EXPECT_EQ(bucket.take(rate, rate.burst, now), 0us);
    for (int64_t n : {int64_t{1}, rate.burst}) {
      const Duration wait = bucket.take(rate, n, now);
      EXPECT_GT(wait, 0us);
      EXPECT_GT(bucket.take(rate, n, now + wait - 1us), 0us);
      EXPECT_EQ(bucket.take(rate, n, now + wait), 0us);
      now += wait;
    }
  }
}

TEST(TokenBucket, ATimeThatGoesBackGivesNothing) {
  const Rate rate{10, 1s, 1};
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(rate, 1, kStart), 0us);
  EXPECT_EQ(bucket.take(rate, 1, kStart - 50ms), 100ms);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 50ms), 50ms);
  EXPECT_EQ(bucket.take(rate, 1, kStart - 1h), 50ms);
  EXPECT_EQ(bucket.take(rate, 1, kStart + 100ms), 0us);
}

TEST(TokenBucket, TakesBackWhatWasTakenInVain) {
  const Rate rate{10, 1s, 3};
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(rate, 3, kStart), 0us);
  bucket.give_back(rate, 2);
  EXPECT_EQ(bucket.take(rate, 2, kStart), 0us);
  EXPECT_EQ(bucket.take(rate, 1, kStart), 100ms);
  bucket.give_back(rate, 100);
  EXPECT_EQ(bucket.take(rate, 3, kStart), 0us);
  EXPECT_EQ(bucket.take(rate, 1, kStart), 100ms);
}

TEST(RateTable, KeepsKeysApart) {
  RateTable table({1, 1s, 1});
  EXPECT_EQ(table.take("alice", 1, kStart), 0us);
  EXPECT_EQ(table.take("alice", 1, kStart), 1s);
  EXPECT_EQ(table.take("bob", 1, kStart), 0us);
  table.give_back("alice", 1);
  EXPECT_EQ(table.take("alice", 1, kStart), 0us);
  table.give_back("nobody", 1);
  EXPECT_EQ(table.size(), 2U);
}

TEST(RateTable, ForgetsWhatWasUsedLeastRecently) {
  RateTable table({1, 1h, 1});
  EXPECT_EQ(table.take("old", 1, kStart), 0us);
  EXPECT_EQ(table.take("used", 1, kStart), 0us);
  for (std::size_t i = 0; i < RateTable::kKeysMax - 1; ++i) {
    EXPECT_GT(table.take("used", 1, kStart), 0us);
    EXPECT_EQ(table.take(std::to_string(i), 1, kStart), 0us);
  }
  EXPECT_EQ(table.size(), RateTable::kKeysMax);
  EXPECT_GT(table.take("used", 1, kStart), 0us);
  EXPECT_EQ(table.take("old", 1, kStart), 0us) << "it made room, and begins anew";
}

TEST(RateTable, ALimitOfNIsNForAllThreads) {
  RateTable table({1, 24h, 1000});
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&table, &taken] {
      for (int i = 0; i < 1000; ++i)
        if (table.take("k", 1, kStart) == 0us) ++taken;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 1000);
}

TEST(RunningTable, LetsSoManyRunForEachKey) {
  using Begun = RunningTable::Begun;
  RunningTable table;
  EXPECT_EQ(table.begin("a", 2), Begun::kYes);
  EXPECT_EQ(table.begin("a", 2), Begun::kYes);
  EXPECT_EQ(table.begin("a", 2), Begun::kFull);
  EXPECT_EQ(table.begin("b", 2), Begun::kYes);
  table.end("a");
  EXPECT_EQ(table.begin("a", 2), Begun::kYes);
  EXPECT_EQ(table.begin("a", 1), Begun::kFull);
  table.end("a");
  table.end("a");
  table.end("a");
  table.end("nobody");
  EXPECT_EQ(table.size(), 1U) << "keys that nothing runs for are not kept";
  EXPECT_EQ(table.begin("a", 1), Begun::kYes);
}

TEST(RunningTable, BeyondItsBoundNothingIsRefused) {
  using Begun = RunningTable::Begun;
  RunningTable table;
  for (std::size_t i = 0; i < RunningTable::kKeysMax; ++i) ASSERT_EQ(table.begin(std::to_string(i), 1), Begun::kYes);
  EXPECT_EQ(table.begin("one more", 1), Begun::kUncounted);
  EXPECT_EQ(table.begin("1", 1), Begun::kFull);
  EXPECT_EQ(table.size(), RunningTable::kKeysMax);
}

}  // namespace
}  // namespace pooler
