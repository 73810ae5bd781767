#include "pooler/channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pooler {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pointee;
using testing::UnorderedElementsAre;

constexpr base::Duration kLinger = 5s;
const base::Error kBroken{"22021", "broken", "", ""};

std::vector<std::string> in_short(const Channels::Answers& answers) {
  std::vector<std::string> out;
  for (const auto& one : answers)
    out.push_back(std::to_string(one.who) + "/" + std::to_string(one.token) + " " +
                  (one.status.ok() ? "ok" : one.status.error().sqlstate));
  return out;
}

class ChannelsTest : public testing::Test {
 protected:
  std::string next() { return channels_.next(now_, kLinger).value_or("nothing"); }
  void ask(Channels::Who who, uint64_t token, std::vector<std::string> names) {
    ASSERT_TRUE(channels_.ask({.who = who, .token = token, .channels = std::move(names)}).ok());
  }
  void listens(Channels::Who who, std::vector<std::string> names) {
    ask(who, 99, std::move(names));
    ASSERT_NE(next(), "nothing");
    (void)channels_.succeeded();
  }

  base::TimePoint now_{};
  Channels channels_{1000};
};

TEST_F(ChannelsTest, WhoAskedHearsFromTheAnswerOn) {
  ask(1, 7, {"a", "b"});
  EXPECT_EQ(next(), R"(LISTEN "a";LISTEN "b")");
  EXPECT_EQ(channels_.listeners("a"), nullptr);
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/7 ok"));
  EXPECT_THAT(channels_.listeners("a"), Pointee(ElementsAre(1)));
  EXPECT_EQ(next(), "nothing");
}

TEST_F(ChannelsTest, AChannelThatIsListenedToIsAskedForAgainSoThatTheAnswerMarksThePoint) {
  listens(1, {"a"});
  ask(2, 8, {"a"});
  EXPECT_EQ(next(), R"(LISTEN "a")");
  EXPECT_THAT(channels_.listeners("a"), Pointee(ElementsAre(1)));
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("2/8 ok"));
  EXPECT_THAT(channels_.listeners("a"), Pointee(ElementsAre(1, 2)));
}

TEST_F(ChannelsTest, AMarkAloneIsAnEmptyStatement) {
  ask(1, 3, {});
  EXPECT_EQ(next(), "");
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/3 ok"));
}

TEST_F(ChannelsTest, ThoseWhoAskTogetherShareAStatement) {
  ask(1, 1, {"a"});
  ask(2, 2, {"b", "a"});
  EXPECT_EQ(next(), R"(LISTEN "a";LISTEN "b")");
  ask(3, 3, {"c"});  // while that runs
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/1 ok", "2/2 ok"));
  EXPECT_EQ(next(), R"(LISTEN "c")");
}

TEST_F(ChannelsTest, NamesAreQuoted) {
  ask(1, 1, {R"(we"ird; --)"});
  EXPECT_EQ(next(), R"(LISTEN "we""ird; --")");
}

TEST_F(ChannelsTest, AFailureInCompanyIsFoundOutOneByOne) {
  ask(1, 1, {"good"});
  ask(2, 2, {"bad"});
  ask(3, 3, {"fine"});
  (void)next();
  EXPECT_THAT(in_short(channels_.failed(kBroken)), ElementsAre());
  EXPECT_EQ(next(), R"(LISTEN "good")");
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/1 ok"));
  EXPECT_EQ(next(), R"(LISTEN "bad")");
  EXPECT_THAT(in_short(channels_.failed(kBroken)), ElementsAre("2/2 22021"));
  EXPECT_EQ(next(), R"(LISTEN "fine")");
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("3/3 ok"));
  EXPECT_EQ(channels_.listeners("bad"), nullptr);
}

TEST_F(ChannelsTest, WhoLeavesHearsNothingMore) {
  listens(1, {"a", "b"});
  listens(2, {"a"});
  channels_.leave(1, "a", now_);
  EXPECT_THAT(channels_.listeners("a"), Pointee(ElementsAre(2)));
  channels_.leave_all(1, now_);
  EXPECT_EQ(channels_.listeners("b"), nullptr);
  EXPECT_TRUE(channels_.anybody());
  channels_.leave(2, "a", now_);
  EXPECT_FALSE(channels_.anybody());
}

TEST_F(ChannelsTest, WhatWasLeftBeforeItsAnswerIsAnsweredAndNotHeard) {
  ask(1, 1, {"a", "b"});
  (void)next();
  channels_.leave(1, "a", now_);
  ask(1, 2, {"c"});
  channels_.leave(1, "c", now_);
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/1 ok"));
  EXPECT_EQ(channels_.listeners("a"), nullptr);
  EXPECT_THAT(channels_.listeners("b"), Pointee(ElementsAre(1)));
  EXPECT_EQ(next(), "");
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre("1/2 ok"));
  EXPECT_EQ(channels_.listeners("c"), nullptr);
}

TEST_F(ChannelsTest, AChannelThatNobodyWantsIsKeptForAWhileAndThenLeft) {
  listens(1, {"a"});
  channels_.leave(1, "a", now_);
  now_ += 4s;
  EXPECT_EQ(next(), "nothing");
  now_ += 1s;
  EXPECT_EQ(next(), R"(UNLISTEN "a")");
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre());
  EXPECT_EQ(channels_.size(), 0u);
  EXPECT_TRUE(channels_.idle());
}

TEST_F(ChannelsTest, AChannelThatIsWantedAgainInTimeStays) {
  listens(1, {"a"});
  channels_.forget(1, now_);
  now_ += 4s;
  listens(2, {"a"});
  now_ += 10s;
  EXPECT_EQ(next(), "nothing");
}

TEST_F(ChannelsTest, AfterALossEverythingIsListenedToAgainBeforeAnythingElse) {
  listens(1, {"a", "b"});
  listens(2, {"c"});
  channels_.leave(2, "c", now_);
  ask(3, 3, {"d"});
  EXPECT_THAT(in_short(channels_.on_lost(kBroken)), ElementsAre());
  channels_.on_connected();
  const std::string again = next();
  EXPECT_TRUE(again == R"(LISTEN "a";LISTEN "b")" || again == R"(LISTEN "b";LISTEN "a")") << again;
  EXPECT_TRUE(channels_.restoring());
  EXPECT_THAT(in_short(channels_.succeeded()), ElementsAre());
  EXPECT_FALSE(channels_.restoring());
  EXPECT_EQ(next(), R"(LISTEN "d")");
  EXPECT_FALSE(channels_.restoring());
}

TEST_F(ChannelsTest, WhoLeavesWhileTheConnectionIsLostIsNotRestored) {
  listens(1, {"a"});
  (void)channels_.on_lost(kBroken);
  channels_.on_connected();
  channels_.leave(1, "a", now_);
  EXPECT_EQ(next(), "nothing");
  EXPECT_EQ(channels_.size(), 0u);
}

TEST_F(ChannelsTest, ManyChannelsAreRestoredInSeveralStatements) {
  std::vector<std::string> names;
  for (int i = 0; i < 900; ++i) names.push_back("channel_number_" + std::to_string(i) + std::string(20, 'x'));
  listens(1, names);
  (void)channels_.on_lost(kBroken);
  channels_.on_connected();
  std::size_t statements = 0, texts = 0;
  for (std::string sql = next(); sql != "nothing"; sql = next()) {
    EXPECT_TRUE(channels_.restoring());
    ++texts;
    for (std::size_t at = 0; (at = sql.find("LISTEN ", at)) != std::string::npos; ++at) ++statements;
    (void)channels_.succeeded();
  }
  EXPECT_EQ(statements, 900u);
  EXPECT_GT(texts, 3u);
}

TEST_F(ChannelsTest, ARequestSurvivesOneLostConnectionAndIsBlamedForTheSecond) {
  ask(1, 1, {"a"});
  (void)next();
  EXPECT_THAT(in_short(channels_.on_lost(kBroken)), ElementsAre());
  channels_.on_connected();
  EXPECT_EQ(next(), R"(LISTEN "a")");
  EXPECT_THAT(in_short(channels_.on_lost(kBroken)), ElementsAre("1/1 22021"));
}

TEST_F(ChannelsTest, WithoutAConnectionAllWhoAskAreToldAndThoseWhoListenStay) {
  listens(1, {"a"});
  ask(2, 2, {"b"});
  (void)next();
  ask(3, 3, {"c"});
  EXPECT_THAT(in_short(channels_.fail_all(kBroken)), UnorderedElementsAre("2/2 22021", "3/3 22021"));
  EXPECT_FALSE(channels_.asked());
  EXPECT_TRUE(channels_.anybody());
}

TEST_F(ChannelsTest, OneWhoIsForgottenIsNotAsked) {
  ask(1, 1, {"a"});
  channels_.forget(1, now_);
  EXPECT_TRUE(channels_.idle());
  EXPECT_EQ(next(), "nothing");
  ask(1, 2, {"a"});
  (void)next();
  channels_.forget(1, now_);
  (void)channels_.succeeded();
  EXPECT_EQ(channels_.listeners("a"), nullptr);
  EXPECT_FALSE(channels_.anybody());
}

TEST_F(ChannelsTest, TooManyChannelsAreRefusedAndPlaceIsGivenBack) {
  std::vector<std::string> names;
  for (int i = 0; i < 999; ++i) names.push_back(std::to_string(i));
  ask(1, 1, names);
  EXPECT_EQ(channels_.ask({.who = 2, .token = 2, .channels = {"x", "y"}}).error().sqlstate, "53400");
  ask(2, 3, {"x"});
  EXPECT_FALSE(channels_.ask({.who = 2, .token = 4, .channels = {"z"}}).ok());
  channels_.leave(2, "x", now_);
  ask(2, 5, {"z"});
  (void)channels_.fail_all(kBroken);
  ask(1, 6, names);
  (void)next();
  (void)channels_.succeeded();
  EXPECT_EQ(channels_.size(), 999u);
  EXPECT_FALSE(channels_.ask({.who = 2, .token = 7, .channels = {"x", "y"}}).ok());
  channels_.leave_all(1, now_);
  now_ += 1min;
  for (std::string sql = next(); sql != "nothing"; sql = next()) (void)channels_.succeeded();
  ask(2, 8, names);
}

TEST(ChannelName, IsCutWherePostgresqlCutsIt) {
  EXPECT_EQ(channel_name("short"), "short");
  EXPECT_EQ(channel_name(std::string(63, 'a')), std::string(63, 'a'));
  EXPECT_EQ(channel_name(std::string(64, 'a')), std::string(63, 'a'));
  EXPECT_EQ(channel_name(std::string(62, 'a') + "ä"), std::string(62, 'a'));
  EXPECT_EQ(channel_name(std::string(61, 'a') + "äb"), std::string(61, 'a') + "ä");
  EXPECT_EQ(channel_name(std::string(60, 'a') + "\xF0\x9F\x98\x80" "b"), std::string(60, 'a'));
  EXPECT_EQ(channel_name(std::string(80, '\x80')), std::string(63, '\x80'));
}

}  // namespace
}  // namespace pooler
