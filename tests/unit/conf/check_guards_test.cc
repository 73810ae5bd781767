#include "conf/check_guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> found(const Guard& guard, const std::string& name = "rule") {
  Config config;
  config.guards[name] = guard;
  config.finish();
  std::vector<std::string> out;
  for (const Finding& finding : check_guards(config)) {
    const bool problem = finding.severity == Finding::Severity::kProblem;
    out.push_back((problem ? "" : "warning ") + finding.section + "." + finding.key + ": " + finding.message);
  }
  return out;
}

Guard denying() {
  Guard guard;
  guard.shape = {StatementShape::kTruncate};
  guard.deny = true;
  return guard;
}

Guard limiting() {
  Guard guard;
  guard.rate_limit = 10;
  return guard;
}

TEST(CheckGuards, GoodRulesPass) {
  EXPECT_THAT(found(denying()), IsEmpty());
  EXPECT_THAT(found(limiting()), IsEmpty()) << "a limit for everything is a rule";
  Guard guard = limiting();
  guard.rate_burst = 30;
  guard.rate_period = std::chrono::minutes(1);
  guard.per = GuardPer::kFingerprint;
  guard.fingerprint = {"0123456789abcdef", "0123456789ABCDEF"};
  guard.application_name = {"batch", "cron*", "*"};
  EXPECT_THAT(found(guard), IsEmpty());
  Guard timeout;
  timeout.query_timeout = std::chrono::seconds(1);
  EXPECT_THAT(found(timeout), IsEmpty());
  Guard concurrency;
  concurrency.concurrency = 1;
  concurrency.per = GuardPer::kUser;
  EXPECT_THAT(found(concurrency), IsEmpty());
}

TEST(CheckGuards, ExactlyOneActionIsAsked) {
  Guard nothing;
  nothing.user = {"alice"};
  EXPECT_THAT(found(nothing), ElementsAre("guards.rule.: exactly one of deny, query_timeout, rate_limit and concurrency "
                                          "says what a guard does: none is set"));
  Guard both = denying();
  both.concurrency = 3;
  EXPECT_THAT(found(both), ElementsAre(HasSubstr("guards.rule.concurrency: exactly one of")));
  both.rate_limit = 3;
  EXPECT_THAT(found(both), ElementsAre(AllOf(HasSubstr("guards.rule.rate_limit: "), HasSubstr("3 are set"))));
}

TEST(CheckGuards, ADenialOfEverythingIsAMistake) {
  Guard guard;
  guard.deny = true;
  EXPECT_THAT(found(guard), ElementsAre(HasSubstr("guards.rule.deny: deny without a condition")));
  guard.dry_run = true;
  EXPECT_THAT(found(guard), ElementsAre(HasSubstr("deny without a condition")));
}

TEST(CheckGuards, NamesAreReadable) {
  EXPECT_THAT(found(denying(), "no-mass_delete2"), IsEmpty());
  EXPECT_THAT(found(denying(), "two words"), ElementsAre(HasSubstr("guards.\"two words\".: a guard's name")));
  EXPECT_THAT(found(denying(), "é"), ElementsAre(HasSubstr("a guard's name")));
  EXPECT_THAT(found(denying(), std::string(63, 'x')), IsEmpty());
  EXPECT_THAT(found(denying(), std::string(64, 'x')), ElementsAre(HasSubstr("a guard's name")));
}

TEST(CheckGuards, FingerprintsAreAsTheConsolePrintsThem) {
  for (const char* bad : {"123", "0123456789abcdeg", "0123456789abcdef0", "0000000000000000", "0x23456789abcdef"}) {
    Guard guard = denying();
    guard.fingerprint = {"0123456789abcdef", bad};
    EXPECT_THAT(found(guard), ElementsAre(AllOf(HasSubstr("guards.rule.fingerprint: "), HasSubstr(bad))));
  }
}

TEST(CheckGuards, AStarStandsAtTheEnd) {
  for (const char* bad : {"*x", "a*b", "**"}) {
    Guard guard = denying();
    guard.application_name = {bad};
    EXPECT_THAT(found(guard), ElementsAre(HasSubstr("guards.rule.application_name: "))) << bad;
  }
}

TEST(CheckGuards, WhatHasNoEffectIsSaid) {
  Guard guard = denying();
  guard.rate_burst = 3;
  guard.rate_period = std::chrono::seconds(2);
  guard.per = GuardPer::kUser;
  EXPECT_THAT(found(guard), ElementsAre("warning guards.rule.rate_burst: rate_burst has no effect without rate_limit",
                                        "warning guards.rule.rate_period: rate_period has no effect without rate_limit",
                                        "warning guards.rule.per: per has no effect without rate_limit or concurrency"));
}

}  // namespace
}  // namespace conf
