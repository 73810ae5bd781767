#include "pooler/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pooler {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart{1000s};

struct Member final : Spender {
  std::atomic<int> freed{0};  // from any thread
  int asked_to_shed = 0;
  bool has_idle = false;
  void budget_freed() override { ++freed; }
  bool shed_idle() override {
    ++asked_to_shed;
    return has_idle;
  }
};

struct BudgetTest : testing::Test {
  Budgets budgets;
  std::shared_ptr<Member> a = std::make_shared<Member>(), b = std::make_shared<Member>(), c = std::make_shared<Member>();
};

TEST_F(BudgetTest, OneNameIsOneBudgetWhoseLimitIsTheLastOneSet) {
  const auto first = budgets.get("host", 2);
  const auto again = budgets.get("host", 5);
  EXPECT_EQ(first, again);
  EXPECT_EQ(first->limit(), 5);
  EXPECT_NE(first, budgets.get("other", 2));
}

TEST_F(BudgetTest, TakesUpToTheLimitAndNoFurther) {
  const auto host = budgets.get("host", 2);
  EXPECT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, a, kStart));
  EXPECT_EQ(host->used(), 2);
  budgets.give_back({host});
  EXPECT_TRUE(budgets.take({host}, a, kStart));
}

TEST_F(BudgetTest, NoLimitIsNone) {
  const auto host = budgets.get("host", 0);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(budgets.take({host}, a, kStart));
}

TEST_F(BudgetTest, TakesOneOfEachOrNone) {
  const auto user = budgets.get("user", 5), host = budgets.get("host", 1);
  ASSERT_TRUE(budgets.take({user, host}, a, kStart));
  EXPECT_FALSE(budgets.take({user, host}, a, kStart));
  EXPECT_EQ(user->used(), 1);
}

TEST_F(BudgetTest, TheLongestWaitIsServedFirstWhateverTheOrderOfAsking) {
  const auto host = budgets.get("host", 1);
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart + 20ms));
  EXPECT_FALSE(budgets.take({host}, c, kStart + 10ms));
  budgets.give_back({host});
  EXPECT_EQ(c->freed.load(), 1);
  EXPECT_EQ(b->freed.load(), 0);
}

TEST_F(BudgetTest, WhoGotSomethingIsNoLongerWaiting) {
  const auto host = budgets.get("host", 1);
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  EXPECT_TRUE(host->contended());
  budgets.give_back({host});
  EXPECT_TRUE(budgets.take({host}, b, kStart));
  EXPECT_FALSE(host->contended());
  budgets.give_back({host});
  EXPECT_EQ(b->freed.load(), 1) << "only the first time";
}

TEST_F(BudgetTest, AskingAgainIsOneWishNotTwo) {
  const auto host = budgets.get("host", 1);
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  budgets.forget(b.get());
  EXPECT_FALSE(host->contended());
}

TEST_F(BudgetTest, SomebodyWithAnIdleConnectionIsAskedToCloseIt) {
  const auto host = budgets.get("host", 1);
  budgets.join({host}, a);
  budgets.join({host}, b);
  a->has_idle = true;
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  EXPECT_EQ(a->asked_to_shed, 1);
  EXPECT_EQ(b->asked_to_shed, 0) << "not the one who asks";
}

TEST_F(BudgetTest, OneIdleConnectionIsEnough) {
  const auto host = budgets.get("host", 2);
  for (const auto& member : {a, b, c}) {
    budgets.join({host}, member);
    member->has_idle = true;
  }
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  ASSERT_TRUE(budgets.take({host}, b, kStart));
  EXPECT_FALSE(budgets.take({host}, c, kStart));
  EXPECT_EQ(a->asked_to_shed + b->asked_to_shed, 1);
}

TEST_F(BudgetTest, JoiningTwiceIsJoiningOnce) {
  const auto host = budgets.get("host", 1);
  budgets.join({host}, a);
  budgets.join({host}, a);
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  EXPECT_EQ(a->asked_to_shed, 1);
}

TEST_F(BudgetTest, TheOldestWishIsThatOfOthersForWhatIsFull) {
  const auto host = budgets.get("host", 1), other = budgets.get("other", 1);
  EXPECT_FALSE(budgets.oldest_want({host}, a.get()));
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart + 5ms));
  EXPECT_EQ(budgets.oldest_want({host}, a.get()), kStart + 5ms);
  EXPECT_FALSE(budgets.oldest_want({host}, b.get())) << "its own does not count";
  EXPECT_FALSE(budgets.oldest_want({other}, a.get()));
}

TEST_F(BudgetTest, TheDeadWantNothing) {
  const auto host = budgets.get("host", 1);
  ASSERT_TRUE(budgets.take({host}, a, kStart));
  EXPECT_FALSE(budgets.take({host}, b, kStart));
  EXPECT_FALSE(budgets.take({host}, c, kStart + 1ms));
  b.reset();
  EXPECT_EQ(budgets.oldest_want({host}, a.get()), kStart + 1ms);
  budgets.give_back({host});
  EXPECT_EQ(c->freed.load(), 1);
}

TEST_F(BudgetTest, AWishThatCannotBeFulfilledIsPassedOver) {
  const auto host = budgets.get("host", 1), user = budgets.get("user", 1);
  ASSERT_TRUE(budgets.take({host, user}, a, kStart));
  EXPECT_FALSE(budgets.take({host, user}, b, kStart));
  EXPECT_FALSE(budgets.take({host}, c, kStart + 1s));
  budgets.give_back({host});
  EXPECT_EQ(b->freed.load(), 0) << "its user has no room yet";
  EXPECT_EQ(c->freed.load(), 1);
}

TEST_F(BudgetTest, TakenAnywayCountsAboveTheLimit) {
  const auto host = budgets.get("host", 1);
  budgets.take_anyway({host});
  budgets.take_anyway({host});
  EXPECT_EQ(host->used(), 2);
  EXPECT_FALSE(budgets.take({host}, a, kStart));
}

TEST_F(BudgetTest, ManyThreadsNeverHoldMoreThanTheLimit) {
  const auto host = budgets.get("host", 3);
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto self = std::make_shared<Member>();
      for (int i = 0; i < 2000; ++i) {
        if (!budgets.take({host}, self, kStart)) continue;
        const int now = ++held;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --held;
        budgets.give_back({host});
      }
      budgets.forget(self.get());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_GT(most.load(), 0);
  EXPECT_EQ(host->used(), 0);
  EXPECT_FALSE(host->contended());
}

}  // namespace
}  // namespace pooler
