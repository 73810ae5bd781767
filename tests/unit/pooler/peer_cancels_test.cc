#include "pooler/peer_cancels.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pooler {
namespace {

using Counts = PeerCancels::Counts;

TEST(PeerCancels, AsManyGoAsThePeersPoolSizeAllowsAndTheOthersFollowInTurn) {
  PeerCancels all;
  std::vector<int> turns;
  std::vector<PeerCancels::Entry> entries;
  for (int n = 0; n < 4; ++n) entries.push_back(all.enter(7, 2, [n, &turns] { turns.push_back(n); }));
  EXPECT_TRUE(entries[0].may_go && entries[1].may_go);
  EXPECT_FALSE(entries[2].may_go || entries[3].may_go);
  EXPECT_EQ(all.counts(7), (Counts{.in_line = 2, .dialling = 2, .sent = 0}));
  entries[0].place->sent();
  EXPECT_EQ(all.counts(7), (Counts{.in_line = 2, .dialling = 1, .sent = 1}));
  entries[0].place.reset();
  EXPECT_EQ(turns, std::vector{2});
  EXPECT_EQ(all.counts(7), (Counts{.in_line = 1, .dialling = 2, .sent = 0}));
  entries[1].place.reset();
  EXPECT_EQ(turns, (std::vector{2, 3}));
  entries.clear();
  EXPECT_EQ(all.counts(7), Counts{});
}

TEST(PeerCancels, OneThatGivesUpInLineIsPassedOver) {
  PeerCancels all;
  std::vector<int> turns;
  auto first = all.enter(1, 1, [] {});
  auto second = all.enter(1, 1, [&] { turns.push_back(2); });
  auto third = all.enter(1, 1, [&] { turns.push_back(3); });
  second.place.reset();
  EXPECT_TRUE(turns.empty());
  first.place.reset();
  EXPECT_EQ(turns, std::vector{3});
}

TEST(PeerCancels, ALargerPoolSizeLetsMoreGoAtTheNextChance) {
  PeerCancels all;
  std::vector<int> turns;
  auto first = all.enter(1, 1, [] {});
  auto second = all.enter(1, 1, [&] { turns.push_back(2); });
  auto third = all.enter(1, 3, [&] { turns.push_back(3); });
  EXPECT_FALSE(third.may_go) << "it would overtake the second";
  first.place.reset();
  EXPECT_EQ(turns, (std::vector{2, 3}));
}

TEST(PeerCancels, PeersDoNotShareALine) {
  PeerCancels all;
  auto busy = all.enter(1, 1, [] {});
  auto waits = all.enter(1, 1, [] {});
  auto other = all.enter(2, 1, [] {});
  EXPECT_TRUE(other.may_go);
  EXPECT_EQ(all.counts(2), (Counts{.in_line = 0, .dialling = 1, .sent = 0}));
}

TEST(PeerCancels, ManyThreadsMayUseThem) {
  PeerCancels all;
  std::atomic<int> going{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        std::atomic<bool> turn{false};
        auto entry = all.enter(1, 2, [&turn] { turn = true; });
        while (!entry.may_go && !turn) std::this_thread::yield();
        const int now = ++going;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        entry.place->sent();
        --going;
        entry.place.reset();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), 2);
  EXPECT_EQ(all.counts(1), Counts{});
}

}  // namespace
}  // namespace pooler
