#include "pooler/traces.h"

#include <gtest/gtest.h>

#include <thread>

namespace pooler {
namespace {

analyzer::StatementTracePtr trace(uint64_t span) {
  auto made = std::make_unique<analyzer::StatementTrace>();
  made->span = span;
  return made;
}

TEST(Traces, WhatWorkersPutIsTakenOnce) {
  Traces traces;
  traces.set_workers(2);
  traces.configure(10, 10);
  EXPECT_TRUE(traces.put(0, trace(1)));
  EXPECT_TRUE(traces.put(1, trace(2)));
  EXPECT_TRUE(traces.put(0, trace(3)));
  EXPECT_EQ(traces.waiting(), 3u);
  const auto taken = traces.take(10);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[0]->span, 1u);
  EXPECT_EQ(taken[1]->span, 3u);
  EXPECT_EQ(taken[2]->span, 2u);
  EXPECT_TRUE(traces.take(10).empty());
}

TEST(Traces, NoMoreAreTakenThanAreAskedFor) {
  Traces traces;
  traces.set_workers(2);
  traces.configure(10, 10);
  for (uint64_t i = 1; i <= 6; ++i) traces.put(i % 2, trace(i));
  EXPECT_EQ(traces.take(2).size(), 2u);
  EXPECT_EQ(traces.waiting(), 4u);
  EXPECT_EQ(traces.take(3).size(), 3u);
  EXPECT_EQ(traces.take(3).size(), 1u);
}

TEST(Traces, WhatFindsNoRoomIsDroppedAndCounted) {
  Traces traces;
  traces.set_workers(2);
  traces.configure(2, 10);
  EXPECT_TRUE(traces.put(0, trace(1)));
  EXPECT_TRUE(traces.put(1, trace(2)));
  EXPECT_FALSE(traces.put(0, trace(3)));
  EXPECT_EQ(traces.counts().dropped, 1u);
  EXPECT_EQ(traces.counts().waiting, 2u);
  (void)traces.take(1);
  EXPECT_TRUE(traces.put(0, trace(4)));
}

TEST(Traces, AFullBatchIsAnnouncedOnce) {
  Traces traces;
  int ready = 0;
  traces.set_workers(1);
  traces.when_ready([&ready] { ++ready; });
  traces.configure(10, 2);
  traces.put(0, trace(1));
  EXPECT_EQ(ready, 0);
  traces.put(0, trace(2));
  traces.put(0, trace(3));
  EXPECT_EQ(ready, 1);
}

TEST(Traces, WhatBecameOfThemIsCounted) {
  Traces traces;
  traces.sent(false);
  traces.sent(true);
  traces.lost(5, "connection refused");
  TraceCounts counts = traces.counts();
  EXPECT_EQ(counts.requests, 2u);
  EXPECT_EQ(counts.retries, 1u);
  EXPECT_EQ(counts.lost, 5u);
  EXPECT_EQ(counts.failure, "connection refused");
  const auto failed_at = counts.failed_at;
  EXPECT_NE(failed_at, base::WallTime{});
  traces.exported(3, 1, "");
  counts = traces.counts();
  EXPECT_EQ(counts.exported, 3u);
  EXPECT_EQ(counts.rejected_spans, 1u);
  EXPECT_EQ(counts.failure, "");
  EXPECT_EQ(counts.failed_at, failed_at);
}

TEST(Traces, ManyWorkersAndOneTakerLoseNothing) {
  constexpr std::size_t kWorkers = 4;
  constexpr uint64_t kEach = 2000;
  Traces traces;
  traces.set_workers(kWorkers);
  traces.configure(100, 10);
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < kWorkers; ++worker)
    workers.emplace_back([&traces, worker] {
      for (uint64_t i = 0; i < kEach; ++i) traces.put(worker, trace(1));
    });
  std::size_t taken = 0;
  while (taken + traces.counts().dropped < kWorkers * kEach) taken += traces.take(7).size();
  for (auto& worker : workers) worker.join();
  taken += traces.take(1000).size();
  EXPECT_EQ(taken + traces.counts().dropped, kWorkers * kEach);
  EXPECT_EQ(traces.waiting(), 0u);
}

}  // namespace
}  // namespace pooler
