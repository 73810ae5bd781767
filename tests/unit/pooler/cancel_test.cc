#include "pooler/cancel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pooler {
namespace {

TEST(CancelKeys, AKeyLeadsToItsClient) {
  CancelKeys keys(0);
  const auto key = keys.add(3, 42, wire::kProtocol30);
  const auto found = keys.find(key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->worker, 3);
  EXPECT_EQ(found->client, 42U);
}

TEST(CancelKeys, TheSecretIsAsLongAsTheProtocolAllows) {
  CancelKeys keys(0);
  EXPECT_EQ(keys.add(0, 1, wire::kProtocol30).secret().size(), 4U);
  EXPECT_EQ(keys.add(0, 2, wire::kProtocol32).secret().size(), 32U);
}

TEST(CancelKeys, AWrongSecretOrAPartOfOneFindsNobody) {
  CancelKeys keys(0);
  const auto key = keys.add(0, 1, wire::kProtocol32);
  const std::string secret(key.secret());
  for (std::size_t i = 0; i < secret.size(); ++i) {
    std::string wrong = secret;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    EXPECT_FALSE(keys.find(wire::CancelKey(key.pid(), wrong))) << i;
    EXPECT_FALSE(keys.find(wire::CancelKey(key.pid(), secret.substr(0, i)))) << i;
  }
  EXPECT_FALSE(keys.find(wire::CancelKey(key.pid(), secret + '\0')));
  EXPECT_FALSE(keys.find(wire::CancelKey(key.pid() ^ 1U, secret)));
  EXPECT_TRUE(keys.find(key));
}

TEST(CancelKeys, ARemovedKeyFindsNobody) {
  CancelKeys keys(0);
  const auto key = keys.add(0, 1, wire::kProtocol30);
  keys.remove(key);
  EXPECT_FALSE(keys.find(key));
  keys.remove(key);
}

TEST(CancelKeys, PidsAreDistinctPositiveAndNotCounted) {
  CancelKeys keys(0);
  std::set<uint32_t> pids;
  int close_to_the_last = 0;
  uint32_t last = 0;
  for (uint64_t client = 0; client < 2000; ++client) {
    const auto key = keys.add(0, client, wire::kProtocol30);
    EXPECT_GT(static_cast<int32_t>(key.pid()), 0);
    EXPECT_TRUE(pids.insert(key.pid()).second);
    if (key.pid() - last < 1000) ++close_to_the_last;
    last = key.pid();
  }
  EXPECT_LT(close_to_the_last, 10) << "the next one can be guessed";
}

TEST(CancelKeys, TheKeyNamesItsPeer) {
  for (const int peer : {1, 2, 255, 256, 9999, 16383}) {
    CancelKeys keys(peer);
    const auto key = keys.add(0, 1, wire::kProtocol32);
    EXPECT_EQ(CancelKeys::peer_of(key), peer);
    EXPECT_GT(static_cast<int32_t>(key.pid()), 0);
    EXPECT_TRUE(keys.find(key));
  }
}

TEST(CancelKeys, AKeyIsPassedOnThreeTimesAndStillLeadsToItsClient) {
  for (const auto version : {wire::kProtocol30, wire::kProtocol32}) {
    CancelKeys keys(7);
    const auto key = keys.add(2, 42, version);
    auto travelling = key;
    for (int hop = 1; hop <= 3; ++hop) {
      auto next = CancelKeys::passed_on(travelling);
      ASSERT_TRUE(next) << hop;
      EXPECT_EQ(next->pid(), key.pid());
      EXPECT_NE(next->secret(), travelling.secret());
      EXPECT_EQ(next->secret().size(), key.secret().size());
      travelling = *next;
      const auto found = keys.find(travelling);
      ASSERT_TRUE(found) << hop;
      EXPECT_EQ(found->client, 42U);
    }
    EXPECT_FALSE(CancelKeys::passed_on(travelling)) << "for ever round";
  }
  EXPECT_FALSE(CancelKeys::passed_on(wire::CancelKey()));
}

TEST(CancelKeys, WithPeersEveryBitButTheHopsIsSecret) {
  CancelKeys keys(7);
  const auto key = keys.add(0, 1, wire::kProtocol30);
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::string wrong(key.secret());
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(keys.find(wire::CancelKey(key.pid(), wrong)).has_value(), bit == 24 || bit == 25) << bit;
  }
}

TEST(CancelKeys, ManyThreadsMayUseThem) {
  CancelKeys keys(0);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 1000; ++i) {
        const auto key = keys.add(t, i, wire::kProtocol30);
        const auto found = keys.find(key);
        if (!found || found->worker != t || found->client != i) ++wrong;
        keys.remove(key);
        if (keys.find(key)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

struct Counted final : base::Deferred {
  explicit Counted(int& its_count) : count(its_count) { ++count; }
  ~Counted() override { --count; }
  int& count;
};

TEST(CancelFlights, AreThereUntilTheyAreTakenOrTheirLoopEnds) {
  int alive = 0;
  base::EventLoop one, other;
  CancelFlights flights;
  for (base::EventLoop* loop : {&one, &one, &other}) flights.keep(*loop, std::make_unique<Counted>(alive));
  auto mine = std::make_unique<Counted>(alive);
  Counted& taken = *mine;
  flights.keep(one, std::move(mine));
  EXPECT_EQ(alive, 4);
  EXPECT_EQ(flights.take(taken).get(), &taken);
  EXPECT_EQ(alive, 3);
  flights.end(one);
  EXPECT_EQ(alive, 1);
  flights.end(one);
  flights.end(other);
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace pooler
