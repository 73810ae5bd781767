#include "pooler/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace pooler {
namespace {

using namespace std::chrono_literals;
using conf::GuardPer;
using conf::StatementShape;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr base::TimePoint kNow{1'000'000s};
constexpr base::WallTime kWall{1'763'694'880s};

GuardFacts fact(uint64_t fingerprint, analyzer::Shapes shapes = 0) { return {fingerprint, 0, shapes, true}; }
constexpr analyzer::Shapes bit(analyzer::Shape shape) { return static_cast<analyzer::Shapes>(shape); }

const GuardOwner kAlice{"app", "alice", "web"};
const GuardOwner kBob{"app", "bob", "batch-7"};

// Rules as a file has them.
class GuardTest : public testing::Test {
 protected:
  conf::Guard& rule(const std::string& name) {
    conf::Guard& guard = settings_[name];
    guard.name = name;
    return guard;
  }
  void load() { rules_ = GuardRules::make(settings_, rules_, kWall); }
  GuardVerdict ask(const std::vector<GuardFacts>& statements, const GuardOwner& owner = kAlice, base::TimePoint now = kNow,
                   const std::vector<GuardSlot>& held = {}) {
    if (!rules_) load();
    return judge(rules_->about(owner), statements, owner, held, now, kWall + 5s);
  }
  // "": let pass.
  std::string state(const std::vector<GuardFacts>& statements, const GuardOwner& owner = kAlice,
                    base::TimePoint now = kNow) {
    const GuardVerdict verdict = ask(statements, owner, now);
    return verdict.error ? verdict.error->sqlstate : "";
  }
  GuardRow row(const std::string& name) {
    for (GuardRow& row : rules_->rows())
      if (row.name == name) return row;
    ADD_FAILURE() << name;
    return {};
  }

  GuardRules::Settings settings_;
  GuardRulesPtr rules_;
};

TEST_F(GuardTest, NoRulesAreNothing) { EXPECT_EQ(GuardRules::make({}, nullptr, kWall), nullptr); }

TEST_F(GuardTest, DeniesWhatHasTheShapeAndSaysWhy) {
  conf::Guard& guard = rule("no-mass-delete");
  guard.shape = {StatementShape::kDeleteWithoutWhere, StatementShape::kTruncate};
  guard.deny = true;
  EXPECT_EQ(state({fact(1)}), "");
  EXPECT_EQ(state({fact(1, bit(analyzer::Shape::kUpdateWithoutWhere))}), "");
  const GuardVerdict verdict = ask({fact(1, bit(analyzer::Shape::kDeleteWithoutWhere) | bit(analyzer::Shape::kCopy))});
  ASSERT_TRUE(verdict.error);
  EXPECT_EQ(*verdict.error, (base::Error{"42501", "statement refused by guard \"no-mass-delete\"",
                                         "Its shape is delete_without_where.",
                                         "Say with WHERE which rows are meant; WHERE true if it is all of them."}));
  EXPECT_EQ(verdict.by->name(), "no-mass-delete");
  const auto truncate = ask({fact(1, bit(analyzer::Shape::kTruncate))}).error;
  EXPECT_THAT(truncate->detail, HasSubstr("truncate"));
  EXPECT_THAT(truncate->hint, HasSubstr("Ask whoever"));
  const GuardRow counted = row("no-mass-delete");
  EXPECT_EQ(counted.matched, 2U);
  EXPECT_EQ(counted.refused, 2U);
  EXPECT_EQ(counted.would_have_refused, 0U);
  EXPECT_EQ(counted.action, "deny");
  EXPECT_EQ(counted.matches, "shape=delete_without_where,truncate");
  EXPECT_EQ(counted.since, kWall);
  EXPECT_EQ(counted.last_matched, kWall + 5s);
  EXPECT_EQ(counted.last_refused, kWall + 5s);
}

TEST_F(GuardTest, EachShapeOfTheSettingsIsOneOfTheAnalyzers) {
  for (int i = 0; i <= static_cast<int>(StatementShape::kLockTable); ++i) {
    conf::Guard guard;
    guard.shape = {static_cast<StatementShape>(i)};
    guard.deny = true;
    const GuardRule made(guard, kWall);
    for (int b = 0; b <= 8; ++b)
      EXPECT_EQ(made.matches(fact(1, static_cast<analyzer::Shapes>(1U << b))), b == i) << i << " " << b;
  }
}

TEST_F(GuardTest, EverythingThatIsSaidMustHold) {
  conf::Guard& guard = rule("r");
  guard.database = {"app", "other"};
  guard.user = {"bob"};
  guard.application_name = {"cron", "batch*"};
  guard.fingerprint = {"00000000000000ab", "00000000000000CD"};
  guard.shape = {StatementShape::kDdl};
  guard.deny = true;
  const analyzer::Shapes ddl = bit(analyzer::Shape::kDdl);
  EXPECT_EQ(state({fact(0xab, ddl)}, kBob), "42501");
  EXPECT_EQ(state({fact(0xcd, ddl)}, {"other", "bob", "cron"}), "42501");
  EXPECT_EQ(state({fact(0xcd, ddl)}, {"other", "bob", "batch"}), "42501");
  EXPECT_EQ(state({fact(0xee, ddl)}, kBob), "");
  EXPECT_EQ(state({fact(0xab)}, kBob), "");
  EXPECT_EQ(state({fact(0xab, ddl)}, {"third", "bob", "cron"}), "");
  EXPECT_EQ(state({fact(0xab, ddl)}, {"app", "alice", "cron"}), "");
  EXPECT_EQ(state({fact(0xab, ddl)}, {"app", "bob", "cronos"}), "");
  EXPECT_EQ(state({fact(0xab, ddl)}, {"app", "bob", ""}), "");
  EXPECT_EQ(row("r").matches,
            "database=app,other user=bob application_name=cron,batch* fingerprint=00000000000000ab,00000000000000CD "
            "shape=ddl");
}

TEST_F(GuardTest, ExecuteIsWhatItRunsAndPrepareIsOnlyDenied) {
  conf::Guard& deny = rule("deny");
  deny.fingerprint = {"00000000000000ab"};
  deny.deny = true;
  conf::Guard& rate = rule("rate");
  rate.rate_limit = 1;
  EXPECT_EQ(state({{0x1, 0xab, 0, true}}), "42501");
  EXPECT_EQ(state({{0xab, 0, 0, false}}), "42501");
  EXPECT_EQ(row("rate").matched, 0U) << "what is denied uses nothing up";
  EXPECT_EQ(state({{0x2, 0, 0, false}}), "");
  EXPECT_EQ(row("rate").matched, 0U) << "nothing runs";
  EXPECT_EQ(state({{0x2, 0x3, 0, true}}), "");
  EXPECT_EQ(state({{0x2, 0x3, 0, true}}), "53400");
  EXPECT_EQ(state({{0, 0, 0, true}}, kAlice, kNow + 1s), "") << "fingerprint 0 is no fingerprint";
}

TEST_F(GuardTest, OneStatementOfSeveralIsEnough) {
  conf::Guard& guard = rule("r");
  guard.shape = {StatementShape::kDrop};
  guard.deny = true;
  EXPECT_EQ(state({fact(1), fact(2, bit(analyzer::Shape::kDrop)), fact(3, bit(analyzer::Shape::kDrop))}), "42501");
  EXPECT_EQ(row("r").matched, 2U);
  EXPECT_EQ(row("r").refused, 2U);
  EXPECT_EQ(state({fact(1), fact(2)}), "");
}

TEST_F(GuardTest, ADryRunCountsAndLetsPass) {
  conf::Guard& deny = rule("deny");
  deny.shape = {StatementShape::kDrop};
  deny.deny = deny.dry_run = true;
  conf::Guard& rate = rule("rate");
  rate.rate_limit = 2;
  rate.dry_run = true;
  conf::Guard& concurrency = rule("concurrency");
  concurrency.concurrency = 1;
  concurrency.dry_run = true;
  std::vector<GuardVerdict> running;
  for (int i = 0; i < 5; ++i) {
    running.push_back(ask({fact(1, bit(analyzer::Shape::kDrop))}));
    EXPECT_FALSE(running.back().error);
  }
  EXPECT_EQ(row("deny").would_have_refused, 5U);
  EXPECT_EQ(row("rate").would_have_refused, 3U);
  EXPECT_EQ(row("concurrency").would_have_refused, 4U) << "those that would not have run hold no place";
  for (const char* name : {"deny", "rate", "concurrency"}) {
    EXPECT_EQ(row(name).refused, 0U);
    EXPECT_EQ(row(name).matched, 5U);
    EXPECT_TRUE(row(name).dry_run);
  }
}

TEST_F(GuardTest, RatesAreCountedApartAsTheRuleSays) {
  const GuardOwner other{"other", "alice", "web"};
  struct Case {
    GuardPer per;
    // Alice asks again: herself, on another database, bob, another statement.
    std::string again, on_other, by_bob, another;
  };
  for (const auto& one : std::vector<Case>{{GuardPer::kRule, "53400", "53400", "53400", "53400"},
                                           {GuardPer::kDatabase, "53400", "", "53400", "53400"},
                                           {GuardPer::kUser, "53400", "53400", "", "53400"},
                                           {GuardPer::kApplicationName, "53400", "53400", "", "53400"},
                                           {GuardPer::kFingerprint, "53400", "53400", "53400", ""}}) {
    settings_.clear();
    rules_.reset();
    conf::Guard& guard = rule("r");
    guard.rate_limit = 1;
    guard.rate_period = 1h;
    guard.per = one.per;
    EXPECT_EQ(state({fact(1)}), "");
    EXPECT_EQ(state({fact(1)}), one.again);
    EXPECT_EQ(state({fact(1)}, other), one.on_other);
    EXPECT_EQ(state({fact(1)}, kBob), one.by_bob);
    EXPECT_EQ(state({fact(2)}), one.another);
  }
}

TEST_F(GuardTest, ARateSaysHowLongToWait) {
  conf::Guard& guard = rule("api");
  guard.rate_limit = 100;
  guard.rate_period = 1min;
  guard.rate_burst = 1;
  guard.per = GuardPer::kApplicationName;
  EXPECT_EQ(state({fact(1)}), "");
  EXPECT_EQ(*ask({fact(1)}).error,
            (base::Error{"53400", "statement refused by guard \"api\": more statements than 100 in 1min",
                         "The limit is for each application_name.", "Try again in 600ms."}));
  EXPECT_EQ(ask({fact(1)}, kAlice, kNow + 599'500us).error->hint, "Try again in 1ms.");
  EXPECT_EQ(state({fact(1)}, kAlice, kNow + 600ms), "");
  EXPECT_THAT(ask({fact(1), fact(2)}, kAlice, kNow + 1h).error->hint, HasSubstr("send them one by one"));
  EXPECT_EQ(row("api").limit, "100 in 1min, 1 at once per application_name");
  EXPECT_EQ(row("api").keys, 1U);
}

TEST_F(GuardTest, EachStatementOfAMessageTakesAToken) {
  rule("r").rate_limit = 3;
  EXPECT_EQ(state({fact(1), fact(2)}), "");
  EXPECT_EQ(state({fact(1), fact(2)}), "53400");
  EXPECT_EQ(state({fact(1)}), "") << "a refusal takes none";
  EXPECT_EQ(state({fact(1)}), "53400");
  EXPECT_EQ(row("r").matched, 6U);
  EXPECT_EQ(row("r").refused, 3U);
}

TEST_F(GuardTest, WhatAnotherRuleRefusesUsesNothing) {
  rule("a-rate").rate_limit = 1;
  rule("b-concurrency").concurrency = 2;
  conf::Guard& last = rule("c-rate");
  last.rate_limit = 1;
  last.rate_period = 1h;
  GuardVerdict first = ask({fact(1)});
  EXPECT_FALSE(first.error);
  EXPECT_EQ(first.slots.size(), 1U);
  const GuardVerdict second = ask({fact(1)}, kAlice, kNow + 1s);
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.by->name(), "c-rate");
  EXPECT_THAT(second.slots, IsEmpty());
  const GuardVerdict third = ask({fact(1)}, kAlice, kNow + 1s);
  EXPECT_EQ(third.by->name(), "c-rate") << "the second has given back its token, and its place";
}

TEST_F(GuardTest, SoManyRunAtATime) {
  conf::Guard& guard = rule("reports");
  guard.concurrency = 2;
  guard.per = GuardPer::kUser;
  std::vector<GuardVerdict> running;
  running.push_back(ask({fact(1)}));
  running.push_back(ask({fact(2), fact(3)}));
  EXPECT_EQ(running.back().slots.size(), 1U) << "a client runs one statement at a time";
  EXPECT_EQ(*ask({fact(1)}).error, (base::Error{"53400", "statement refused by guard \"reports\": 2 run already",
                                                "The limit is for each user.", "Try again when one of them is done."}));
  running.push_back(ask({fact(1)}, kBob));
  EXPECT_FALSE(running.back().error);
  EXPECT_EQ(row("reports").keys, 2U);
  EXPECT_EQ(row("reports").limit, "2 per user");
  // Whoever runs one already is not counted again.
  const GuardVerdict more = ask({fact(1)}, kAlice, kNow, running.front().slots);
  EXPECT_FALSE(more.error);
  EXPECT_THAT(more.slots, IsEmpty());
  running.erase(running.begin());
  EXPECT_EQ(state({fact(1)}), "");
  running.clear();
  EXPECT_EQ(row("reports").keys, 0U);
}

TEST_F(GuardTest, TimeoutsAreToldAndRefuseNothing) {
  conf::Guard& guard = rule("slow");
  guard.query_timeout = 1500ms;
  guard.fingerprint = {"00000000000000ab"};
  conf::Guard& tried = rule("tried");
  tried.query_timeout = 1s;
  tried.dry_run = true;
  GuardVerdict verdict = ask({fact(0xab)});
  EXPECT_FALSE(verdict.error);
  ASSERT_EQ(verdict.timeouts.size(), 2U);
  EXPECT_EQ(verdict.timeouts[0]->name(), "slow");
  EXPECT_EQ(verdict.timeouts[1]->name(), "tried");
  EXPECT_EQ(ask({fact(1)}).timeouts.size(), 1U);
  EXPECT_EQ(row("slow").limit, "1500ms");
  EXPECT_EQ(row("slow").action, "query_timeout");
  EXPECT_EQ(row("slow").matched, 1U);
  EXPECT_EQ(row("slow").refused, 0U);
}

TEST_F(GuardTest, AReloadKeepsWhatHasNotChanged) {
  rule("kept").rate_limit = 1;
  rule("changed").rate_limit = 5;
  EXPECT_EQ(state({fact(1)}), "");
  const GuardRulesPtr before = rules_;
  rule("changed").rate_limit = 6;
  rule("new").rate_limit = 7;
  rules_ = GuardRules::make(settings_, before, kWall + 1h);
  EXPECT_EQ(row("kept").matched, 1U);
  EXPECT_EQ(row("kept").since, kWall);
  EXPECT_EQ(row("changed").matched, 0U);
  EXPECT_EQ(row("changed").since, kWall + 1h);
  EXPECT_EQ(row("new").since, kWall + 1h);
  EXPECT_EQ(state({fact(1)}), "53400") << "its bucket is still empty";
  settings_.clear();
  load();
  EXPECT_EQ(rules_, nullptr);
}

TEST_F(GuardTest, APlaceOutlivesTheRulesItWasTakenUnder) {
  rule("r").concurrency = 1;
  {
    const GuardVerdict verdict = ask({fact(1)});
    rules_.reset();
    settings_.clear();
  }
  rule("r").concurrency = 1;
  EXPECT_EQ(state({fact(1)}), "");
}

TEST_F(GuardTest, WorkersShareOneLimit) {
  conf::Guard& guard = rule("r");
  guard.rate_limit = 500;
  guard.rate_period = 24h;
  load();
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back([rules = rules_] {
      const auto mine = rules->about(kAlice);
      for (int n = 0; n < 400; ++n) (void)judge(mine, {fact(1)}, kAlice, {}, kNow, kWall);
    });
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(row("r").matched, 1600U);
  EXPECT_EQ(row("r").refused, 1100U);
}

}  // namespace
}  // namespace pooler
