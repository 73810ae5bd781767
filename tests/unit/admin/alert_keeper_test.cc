#include "admin/alert_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/run_loop.h"

namespace admin {
namespace {

using support::run_until;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

struct World {
  base::EventLoop loop;
  base::Offload threads{"test", 2};
  analyzer::QueryStats stats;
  analyzer::QueryOwnerPtr owner = stats.owner("shop", "app", "api");
  double wait = 0;
  int asked_queries = 0, asked_gauges = 0;
  uint64_t number = 0;
  bool busy = false;
  std::vector<std::string> told;
  conf::Config config;
  AlertKeeper keeper{loop,
                     {.queries =
                          [this](std::function<void(std::vector<pooler::QueryCount>)> done) {
                            ++asked_queries;
                            done({{0, ++number, stats.snapshot()}});
                          },
                      .gauges =
                          [this](std::function<void(std::vector<AlertGauge>)> done) {
                            ++asked_gauges;
                            done({{conf::AlertMetric::kPoolWait, "shop", "app", wait, "shop/app"}});
                          },
                      .aside = [this](std::function<void()> work) { return !busy && threads.run(std::move(work)); },
                      .tell =
                          [this](const AlertEvent& event) {
                            told.push_back(event.rule->settings.name + " " + std::string(name_of(event.status.state)));
                          }}};

  World() { config.alerting.interval = 20ms; }
  void rule(const std::string& name, conf::AlertMetric metric, const std::string& above) {
    conf::Alert& alert = config.alerts[name];
    alert.metric = metric;
    alert.above = above;
    alert.hold = 0s;
    alert.window = 1h;
    config.finish();
  }
  void run(int times, std::string_view sqlstate = "") {
    for (int i = 0; i < times; ++i) {
      auto& row = stats.find(7, owner, "SELECT 1");
      stats.record(row, {.sqlstate = sqlstate, .server = 1ms, .ended = base::now()});
    }
  }
  bool until(const std::function<bool()>& so) { return run_until(loop, so); }
  std::string state(std::size_t rule = 0) {
    const auto rows = keeper.rows();
    return rule < rows.size() ? std::string(name_of(rows[rule].status.state)) : "";
  }
};

TEST(AlertKeeper, WithoutRulesItAsksForNothing) {
  World world;
  world.keeper.configure(world.config);
  support::run_for(world.loop, 60ms);
  EXPECT_EQ(world.asked_queries + world.asked_gauges, 0);
  EXPECT_THAT(world.keeper.rows(), IsEmpty());
}

TEST(AlertKeeper, WhatWasCountedBeforeTheRuleIsNotOfItsWindow) {
  World world;
  world.run(1000, "22012");
  world.rule("errors", conf::AlertMetric::kErrorRate, "50%");
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.asked_queries >= 3; }));
  EXPECT_EQ(world.state(), "inactive");
  EXPECT_EQ(world.keeper.rows()[0].status.reading.value, std::nullopt);
  world.run(30);
  EXPECT_TRUE(world.until([&] { return world.keeper.rows()[0].status.reading.value == 0.0; }));
  world.run(90, "22012");
  EXPECT_TRUE(world.until([&] { return world.state() == "firing"; }));
  EXPECT_DOUBLE_EQ(*world.keeper.rows()[0].status.reading.value, 75);
  EXPECT_TRUE(world.until([&] { return !world.told.empty(); }));
  EXPECT_THAT(world.told, ElementsAre("errors firing"));
}

TEST(AlertKeeper, RulesAboutPoolsDoNotAskWorkers) {
  World world;
  world.rule("wait", conf::AlertMetric::kPoolWait, "1s");
  world.wait = 1500;
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.state() == "firing"; }));
  EXPECT_EQ(world.asked_queries, 0);
  world.wait = 0;
  EXPECT_TRUE(world.until([&] { return world.state() == "resolved"; }));
}

TEST(AlertKeeper, AReloadKeepsRulesThatAreAsTheyWereAndResolvesThoseThatAreGone) {
  World world;
  world.rule("a", conf::AlertMetric::kPoolWait, "1s");
  world.rule("b", conf::AlertMetric::kPoolWait, "1s");
  world.wait = 1500;
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.state(1) == "firing"; }));
  const auto since = world.keeper.rows()[0].status.since;
  world.config.alerts.erase("b");
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.keeper.rows().size() == 1; }));
  EXPECT_EQ(world.keeper.rows()[0].status.since, since);
  world.config.alerts.clear();
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.keeper.rows().empty(); }));
  EXPECT_TRUE(world.until([&] { return world.told.size() == 4; }));
  EXPECT_THAT(world.told, ElementsAre("a firing", "b firing", "b resolved", "a resolved"));
  const int asked = world.asked_gauges;
  support::run_for(world.loop, 60ms);
  EXPECT_EQ(world.asked_gauges, asked) << "nothing is looked at any more";
}

TEST(AlertKeeper, ALookThatFindsNoThreadIsDoneLater) {
  World world;
  world.busy = true;
  world.wait = 1500;
  world.rule("a", conf::AlertMetric::kPoolWait, "1s");
  world.keeper.configure(world.config);
  EXPECT_TRUE(world.until([&] { return world.asked_gauges >= 3; }));
  EXPECT_THAT(world.keeper.rows(), IsEmpty());
  world.busy = false;
  EXPECT_TRUE(world.until([&] { return world.state() == "firing"; }));
}

}  // namespace
}  // namespace admin
