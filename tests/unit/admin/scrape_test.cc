#include "admin/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "fakes.h"
#include "tests/support/run_loop.h"

namespace admin {
namespace {

using namespace std::chrono_literals;
using support::run_until;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

struct Scene {
  World world;
  base::EventLoop loop;
  Scraper scraper{loop, world.console.sources(), 100ms};
  std::vector<Scraped> got;

  Scene() {
    world.inspector.pool_rows.resize(1);
    world.inspector.pool_rows[0].database = "app";
    world.inspector.ready_rows = {{"app", ""}};
    world.inspector.statement_metrics_rows[0].pools.push_back({"app", "alice", {}});
  }
  void scrape() {
    scraper.scrape([this](const Scraped& scraped) { got.push_back(scraped); });
  }
  void wait_for(std::size_t count) {
    ASSERT_TRUE(run_until(loop, [&] { return got.size() >= count; }, 5s));
  }
};

TEST(Scraper, BringsEverythingTogether) {
  Scene scene;
  scene.scrape();
  scene.wait_for(1);
  const Scraped& scraped = scene.got[0];
  EXPECT_THAT(scraped.missing, IsEmpty());
  EXPECT_EQ(scraped.views.size(), scraped_views().size());
  EXPECT_EQ(scraped.views.at("POOLS")->rows(), 2u) << "the console's own is one";
  ASSERT_TRUE(scraped.statements);
  EXPECT_EQ(scraped.statements->pools[0].user, "alice");
  ASSERT_TRUE(scraped.ready);
  EXPECT_EQ(scraped.version, "0.1.0");
  EXPECT_GT(scraped.process.resident_bytes, 0u);
}

TEST(Scraper, ThoseWhoAskAtTheSameTimeAreAnsweredByOneLook) {
  Scene scene;
  scene.world.inspector.later = true;
  for (int i = 0; i < 5; ++i) scene.scrape();
  const std::size_t asked = scene.world.inspector.waiting();
  EXPECT_LE(asked, scraped_views().size() + 3);
  scene.world.inspector.answer_all();
  scene.wait_for(5);
  EXPECT_THAT(scene.got[4].missing, IsEmpty());
}

TEST(Scraper, WhoDoesNotAnswerIsLeftOutAndNotAskedAgainUntilItHas) {
  Scene scene;
  scene.world.inspector.later = true;
  scene.scrape();
  const std::size_t asked = scene.world.inspector.waiting();
  scene.wait_for(1);
  EXPECT_THAT(scene.got[0].missing, Contains("POOLS"));
  EXPECT_THAT(scene.got[0].missing, Contains("statements"));
  EXPECT_FALSE(scene.got[0].statements);
  EXPECT_TRUE(scene.got[0].views.contains("CONFIG")) << "needs nobody";
  scene.scrape();
  scene.wait_for(2);
  EXPECT_EQ(scene.world.inspector.waiting(), asked) << "no further question while the first is open";
  EXPECT_EQ(scene.got[1].missing.size(), scene.got[0].missing.size());

  scene.world.inspector.answer_all();  // late answers are nobody's
  support::run_for(scene.loop, 10ms);
  EXPECT_EQ(scene.got.size(), 2u);
  scene.world.inspector.later = false;
  scene.scrape();
  scene.wait_for(3);
  EXPECT_THAT(scene.got[2].missing, IsEmpty());
}

TEST(Scraper, AnswersMayOutliveIt) {
  World world;
  world.inspector.later = true;
  base::EventLoop loop;
  {
    Scraper scraper(loop, world.console.sources());
    scraper.scrape([](const Scraped&) { FAIL(); });
  }
  world.inspector.answer_all();
  support::run_for(loop, 10ms);
}

}  // namespace
}  // namespace admin
