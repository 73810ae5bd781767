#include "pooler/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pooler::PreauthTicket;
using pooler::Throttle;
using pooler::ThrottleLimits;

constexpr base::TimePoint kStart{1000s};
const Throttle::Random kNoJitter = [] { return uint64_t{0}; };
const Throttle::Random kFullJitter = [] { return UINT64_MAX; };

// ---- Before the log-in ----

TEST(Throttle, AdmitsUpToTheLimitsAndGivesPlacesBack) {
  Throttle throttle({.max_preauth = 3, .max_preauth_per_ip = 2});
  auto a = throttle.admit("10.0.0.1");
  auto b = throttle.admit("10.0.0.1");
  ASSERT_TRUE(a.ok() && b.ok());
  const auto over_address = throttle.admit("10.0.0.1");
  ASSERT_FALSE(over_address.ok());
  EXPECT_EQ(over_address.error().sqlstate, "53300");

  auto c = throttle.admit("10.0.0.2");
  ASSERT_TRUE(c.ok());
  EXPECT_FALSE(throttle.admit("10.0.0.3").ok()) << "three in all";

  a->release();
  EXPECT_EQ(throttle.counts().preauth, 2u);
  EXPECT_TRUE(throttle.admit("10.0.0.1").ok());
  EXPECT_EQ(throttle.counts().preauth, 2u) << "that ticket went at once";
  EXPECT_EQ(throttle.counts().preauth_refused, 2u);
}

TEST(Throttle, ATicketGivesItsPlaceBackExactlyOnce) {
  Throttle throttle({.max_preauth = 10, .max_preauth_per_ip = 10});
  {
    PreauthTicket outer;
    EXPECT_FALSE(outer);
    {
      auto ticket = throttle.admit("10.0.0.1");
      outer = *std::move(ticket);
    }
    EXPECT_TRUE(outer);
    EXPECT_EQ(throttle.counts().preauth, 1u);
    PreauthTicket moved = std::move(outer);
    EXPECT_EQ(throttle.counts().preauth, 1u);
    moved = PreauthTicket();
    EXPECT_EQ(throttle.counts().preauth, 0u);
    moved.release();
  }
  EXPECT_EQ(throttle.counts().preauth, 0u);
}

TEST(Throttle, CountsUnixSocketsUnderOneKey) {
  Throttle throttle({.max_preauth = 10, .max_preauth_per_ip = 1});
  auto first = throttle.admit("");
  EXPECT_TRUE(first.ok());
  EXPECT_FALSE(throttle.admit("unix").ok());
  EXPECT_TRUE(throttle.admit("127.0.0.1").ok());
}

TEST(Throttle, CountsTheAddressesOfOneIpv6CustomerAsOne) {
  Throttle throttle({.max_preauth = 10, .max_preauth_per_ip = 1});
  auto first = throttle.admit("2001:db8:1:2::1");
  EXPECT_TRUE(first.ok());
  EXPECT_FALSE(throttle.admit("2001:db8:1:2:ffff::7").ok());
  EXPECT_TRUE(throttle.admit("2001:db8:1:3::1").ok());
}

TEST(Throttle, AMappedIpv4AddressIsThatAddress) {
  Throttle throttle({.max_preauth = 10, .max_preauth_per_ip = 1});
  auto first = throttle.admit("10.0.0.1");
  EXPECT_FALSE(throttle.admit("::ffff:10.0.0.1").ok());
}

TEST(Throttle, ZeroMeansNoLimit) {
  Throttle throttle({.max_preauth = 0, .max_preauth_per_ip = 0});
  std::vector<base::Result<PreauthTicket>> tickets;
  for (int i = 0; i < 5000; ++i) tickets.push_back(throttle.admit("10.0.0.1"));
  for (const auto& ticket : tickets) EXPECT_TRUE(ticket.ok());
}

TEST(Throttle, NewLimitsHoldForWhatComesNext) {
  Throttle throttle({.max_preauth = 2, .max_preauth_per_ip = 2});
  auto a = throttle.admit("10.0.0.1");
  auto b = throttle.admit("10.0.0.1");
  throttle.configure({.max_preauth = 1, .max_preauth_per_ip = 1});
  EXPECT_EQ(throttle.counts().preauth, 2u);
  b->release();
  EXPECT_FALSE(throttle.admit("10.0.0.2").ok());
  throttle.configure({.max_preauth = 2, .max_preauth_per_ip = 1});
  EXPECT_TRUE(throttle.admit("10.0.0.2").ok());
}

TEST(Throttle, CountsRightFromManyThreads) {
  Throttle throttle({.max_preauth = 100, .max_preauth_per_ip = 10});
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&throttle, &over, t] {
      const std::string ip = "10.0.0." + std::to_string(t % 2);
      for (int i = 0; i < 5000; ++i) {
        std::vector<base::Result<PreauthTicket>> held;
        for (int j = 0; j < 8; ++j) held.push_back(throttle.admit(ip));
        if (throttle.counts().preauth > 20) over = true;
        (void)throttle.on_failure(ip, "app", kStart);
        (void)throttle.blocked(ip, "app", kStart);
        throttle.on_success(ip, "app");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(throttle.counts().preauth, 0u);
  EXPECT_EQ(throttle.counts().failures, 20000u);
}

// ---- Failed log-ins ----

TEST(Throttle, DelayDoublesWithFailuresUpToEight) {
  Throttle throttle({.fail_delay = 500ms}, kNoJitter);
  std::vector<base::Duration> delays;
  for (int i = 0; i < 6; ++i) delays.push_back(throttle.on_failure("10.0.0.1", "app", kStart));
  EXPECT_THAT(delays, testing::ElementsAre(500ms, 1s, 2s, 4s, 4s, 4s));
  EXPECT_EQ(throttle.counts().failures, 6u);
  EXPECT_EQ(throttle.counts().delayed, 6u);
}

TEST(Throttle, DelayShrinksAgainWithTime) {
  Throttle throttle({.fail_delay = 500ms}, kNoJitter);
  for (int i = 0; i < 100; ++i) (void)throttle.on_failure("10.0.0.1", "app", kStart);
  EXPECT_EQ(throttle.on_failure("10.0.0.1", "app", kStart + 20s), 2s);
  EXPECT_EQ(throttle.on_failure("10.0.0.1", "app", kStart + 300s), 500ms);
}

TEST(Throttle, JitterOnlyAddsAndAtMostAQuarter) {
  Throttle least({.fail_delay = 500ms}, kNoJitter);
  EXPECT_EQ(least.on_failure("10.0.0.1", "app", kStart), 500ms);
  Throttle random({.fail_delay = 500ms});
  bool differ = false;
  base::Duration first{};
  for (int i = 0; i < 50; ++i) {
    const auto delay = random.on_failure("10.0." + std::to_string(i) + ".1", "user" + std::to_string(i), kStart);
    EXPECT_GE(delay, 500ms);
    EXPECT_LE(delay, 625ms);
    if (i == 0) first = delay;
    differ = differ || delay != first;
  }
  EXPECT_TRUE(differ);
  Throttle most({.fail_delay = 500ms}, kFullJitter);
  EXPECT_LE(most.on_failure("10.0.0.1", "app", kStart), 625ms);
}

TEST(Throttle, GuessingAtOneUserFromManyAddressesSlowsDownToo) {
  Throttle throttle({.fail_delay = 500ms}, kNoJitter);
  base::Duration last{};
  for (int i = 0; i < 10; ++i) last = throttle.on_failure("10.0.0." + std::to_string(i), "postgres", kStart);
  EXPECT_EQ(last, 4s);
}

TEST(Throttle, ZeroDelaySwitchesDelaysAndBlocksOff) {
  Throttle throttle({.fail_delay = 0s}, kNoJitter);
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(throttle.on_failure("10.0.0.1", "app", kStart), 0s);
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "app", kStart));
  EXPECT_EQ(throttle.counts().failures, 2000u);
  EXPECT_EQ(throttle.counts().delayed, 0u);
}

// ---- Blocks ----

void fail(Throttle& throttle, int times, std::string_view ip, std::string_view user, base::TimePoint at = kStart) {
  for (int i = 0; i < times; ++i) (void)throttle.on_failure(ip, user, at);
}

TEST(Throttle, BlocksAPairAtAVeryHighRateAndOnlyThatPair) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 59, "10.0.0.1", "app");
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "app", kStart));
  fail(throttle, 1, "10.0.0.1", "app");
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "app", kStart));
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "other", kStart));
  EXPECT_EQ(throttle.counts().blocked, 1u);
}

TEST(Throttle, ABlockedPairIsTriedAgainAtTheDrainRate) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 1000, "10.0.0.1", "app");
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "app", kStart + 900ms));
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "app", kStart + 1100ms));
}

TEST(Throttle, NobodyCanLockAUserOutFromAnotherAddress) {
  Throttle throttle({}, kNoJitter);
  for (int a = 0; a < 100; ++a) fail(throttle, 100, "10.0.1." + std::to_string(a), "app");
  EXPECT_FALSE(throttle.blocked("10.0.2.1", "app", kStart));
}

TEST(Throttle, BlocksAnAddressThatTriesManyUsers) {
  Throttle throttle({}, kNoJitter);
  for (int u = 0; u < 600; ++u) fail(throttle, 1, "10.0.0.1", "user" + std::to_string(u));
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "yet another", kStart));
  EXPECT_FALSE(throttle.blocked("10.0.0.2", "yet another", kStart));
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "yet another", kStart + 1s));
}

TEST(Throttle, NeverBlocksTheUnixSocket) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 5000, "", "app");
  EXPECT_FALSE(throttle.blocked("", "app", kStart));
  EXPECT_FALSE(throttle.blocked("unix", "app", kStart));
  EXPECT_EQ(throttle.on_failure("", "app", kStart), 4s) << "delays hold there too";
}

TEST(Throttle, SuccessForgetsThePairButNotTheAddress) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 60, "10.0.0.1", "app");
  throttle.on_success("10.0.0.1", "app");
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "app", kStart));

  for (int u = 0; u < 600; ++u) fail(throttle, 1, "10.0.0.9", "user" + std::to_string(u));
  throttle.on_success("10.0.0.9", "own");
  EXPECT_TRUE(throttle.blocked("10.0.0.9", "user1", kStart));
}

TEST(Throttle, AClockThatSeemsToGoBackChangesNothing) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 60, "10.0.0.1", "app", kStart);
  fail(throttle, 1, "10.0.0.1", "app", kStart - 100s);
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "app", kStart));
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "app", kStart - 100s));
}

TEST(Throttle, ForgetsTheOldestWhenItsTablesAreFull) {
  Throttle throttle({}, kNoJitter);
  fail(throttle, 60, "10.0.0.1", "app");
  EXPECT_TRUE(throttle.blocked("10.0.0.1", "app", kStart));
  const int many = static_cast<int>(Throttle::kTableMax);
  for (int i = 0; i < many; ++i) {
    const std::string ip = "11." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    (void)throttle.on_failure(ip, "user" + std::to_string(i), kStart);
  }
  EXPECT_FALSE(throttle.blocked("10.0.0.1", "app", kStart));
}

TEST(Throttle, LongUserNamesCostNoMoreThanShortOnes) {
  Throttle throttle({}, kNoJitter);
  const std::string long_name(9000, 'u');
  fail(throttle, 60, "10.0.0.1", long_name);
  EXPECT_TRUE(throttle.blocked("10.0.0.1", long_name + "and more", kStart));
}

}  // namespace
