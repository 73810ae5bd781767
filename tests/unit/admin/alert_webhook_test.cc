#include "admin/alert_webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/run_loop.h"

namespace admin {
namespace {

using support::run_until;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

// What would have been posted, and the answers that it gets in turn.
struct World {
  base::EventLoop loop;
  std::vector<base::PostRequest> posted;
  std::vector<base::PostOutcome> answers;  // the last one goes on
  bool full = false, hold = false;
  std::vector<base::Outbox::Done> held;
  AlertWebhook webhook{loop, [this](base::PostRequest request, base::Outbox::Done done) {
                         if (full) return false;
                         posted.push_back(std::move(request));
                         if (hold) held.push_back(std::move(done));
                         else done(answers.at(std::min(posted.size(), answers.size()) - 1));
                         return true;
                       }};
  conf::Alerting settings;

  World() {
    settings.webhook_url = conf::Secret("http://me:s3cret@127.0.0.1:9/t0ken");
    settings.webhook_retry = 10ms;
    settings.webhook_retry_max = 20ms;
    settings.webhook_attempts = 3;
    answers = {{.status = 200}};
  }
  void configure() { webhook.configure(settings); }
  void tell(AlertState state, const std::string& name = "slow") {
    conf::Alert alert;
    alert.name = name;
    alert.metric = conf::AlertMetric::kP95;
    alert.above = "1s";
    AlertEvent event{make_rule(alert), AlertState::kInactive, {}};
    event.status.state = state;
    webhook.tell(event);
  }
  // Which alerts were posted, in which state.
  std::vector<std::string> heard() const {
    std::vector<std::string> out;
    for (const auto& request : posted) {
      const auto word = [&request](std::string_view before) {
        const auto begin = request.body.find(before) + before.size();
        return request.body.substr(begin, request.body.find('"', begin) - begin);
      };
      out.push_back(word("\"alertname\":\"") + " " + word("\"truncatedAlerts\":0,\"status\":\""));
    }
    return out;
  }
};

TEST(AlertWebhook, PostsWhatFiresAndWhatIsResolvedInOrder) {
  World world;
  world.settings.webhook_token = conf::Secret("t0ken");
  world.configure();
  world.tell(AlertState::kPending);
  world.tell(AlertState::kFiring);
  world.tell(AlertState::kInactive);
  world.tell(AlertState::kResolved);
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 2; }));
  EXPECT_THAT(world.heard(), ElementsAre("slow firing", "slow resolved"));
  EXPECT_EQ(world.posted[0].url, "http://me:s3cret@127.0.0.1:9/t0ken");
  EXPECT_EQ(world.posted[0].type, "application/json");
  EXPECT_THAT(world.posted[0].headers, ElementsAre("Authorization: Bearer t0ken"));
  const AlertingRow row = world.webhook.row();
  EXPECT_EQ(row.state, "idle");
  EXPECT_EQ(row.webhook, "http://127.0.0.1:9");
  EXPECT_EQ(row.waiting, 0u);
  EXPECT_EQ(row.retries, 0u);
  EXPECT_NE(row.last_sent_at, base::WallTime{});
}

TEST(AlertWebhook, TriesAgainAndTheNextOneWaits) {
  World world;
  world.answers = {{.error = "connection refused"}, {.status = 503}, {.status = 200}};
  world.configure();
  world.tell(AlertState::kFiring, "a");
  world.tell(AlertState::kFiring, "b");
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 2; }));
  EXPECT_THAT(world.heard(), ElementsAre("a firing", "a firing", "a firing", "b firing"));
  EXPECT_EQ(world.webhook.row().retries, 2u);
  EXPECT_EQ(world.webhook.row().given_up, 0u);
  EXPECT_EQ(world.webhook.row().last_error, "it answers 503");
}

TEST(AlertWebhook, GivesUpAfterSoManyAttemptsAndAtOnceWhatIsRefused) {
  World world;
  world.answers = {{.status = 500}, {.status = 500}, {.status = 500}, {.status = 401}, {.status = 200}};
  world.configure();
  for (const char* name : {"a", "b", "c"}) world.tell(AlertState::kFiring, name);
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 1; }));
  EXPECT_THAT(world.heard(), ElementsAre("a firing", "a firing", "a firing", "b firing", "c firing"));
  EXPECT_EQ(world.webhook.row().given_up, 2u);
}

TEST(AlertWebhook, TooManyInLineDropTheOldestButNotTheOneUnderWay) {
  World world;
  world.settings.webhook_queue = 2;
  world.hold = true;
  world.configure();
  for (const char* name : {"a", "b", "c", "d"}) world.tell(AlertState::kFiring, name);
  EXPECT_EQ(world.webhook.row().dropped, 2u);
  EXPECT_EQ(world.webhook.row().waiting, 2u);
  world.hold = false;
  world.held.at(0)({.status = 200});
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 2; }));
  EXPECT_THAT(world.heard(), ElementsAre("a firing", "d firing"));
}

TEST(AlertWebhook, AFullOutboxIsTriedAgain) {
  World world;
  world.full = true;
  world.configure();
  world.tell(AlertState::kFiring);
  EXPECT_EQ(world.webhook.row().state, "retrying");
  world.full = false;
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 1; }));
}

TEST(AlertWebhook, AReloadChangesWhereItGoesAndAlsoThatItDoes) {
  World world;
  world.answers = {{.error = "connection refused"}, {.status = 200}};
  world.settings.webhook_retry = world.settings.webhook_retry_max = 1h;
  world.configure();
  world.tell(AlertState::kFiring);
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().state == "retrying"; }));
  EXPECT_EQ(world.webhook.row().last_error, "connection refused");
  world.settings.webhook_url = conf::Secret("https://other.example/");
  world.configure();
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 1; }));
  EXPECT_EQ(world.posted.back().url, "https://other.example/");

  world.hold = true;
  world.tell(AlertState::kResolved);
  world.settings.webhook_url.reset();
  world.configure();
  EXPECT_EQ(world.webhook.row().state, "off");
  EXPECT_EQ(world.webhook.row().dropped, 1u);
  world.held.at(0)({.status = 500});
  support::run_for(world.loop, 20ms);
  EXPECT_EQ(world.webhook.row().state, "off") << "an answer that comes too late";
  world.tell(AlertState::kFiring);
  EXPECT_EQ(world.posted.size(), 3u);
}

TEST(AlertWebhook, WhatAServerAsksForIsWaitedFor) {
  World world;
  world.answers = {{.status = 429, .retry_after = 300ms}, {.status = 200}};
  world.settings.webhook_retry_max = 200ms;
  world.configure();
  const auto began = base::now();
  world.tell(AlertState::kFiring);
  EXPECT_TRUE(run_until(world.loop, [&] { return world.webhook.row().sent == 1; }));
  EXPECT_GE(base::now() - began, 200ms) << "up to webhook_retry_max";
}

TEST(AlertWebhook, DelaysDoubleUpToTheirMost) {
  EXPECT_EQ(retry_delay(1, 1s, 120s), 1s);
  EXPECT_EQ(retry_delay(2, 1s, 120s), 2s);
  EXPECT_EQ(retry_delay(7, 1s, 120s), 64s);
  EXPECT_EQ(retry_delay(8, 1s, 120s), 120s);
  EXPECT_EQ(retry_delay(1000, 1s, 120s), 120s);
  EXPECT_EQ(retry_delay(1, 5s, 1s), 1s);
  for (const int again : {0, 408, 429, 500, 503, 599}) EXPECT_TRUE(worth_a_retry(again)) << again;
  for (const int never : {301, 400, 401, 404, 413}) EXPECT_FALSE(worth_a_retry(never)) << never;
}

}  // namespace
}  // namespace admin
