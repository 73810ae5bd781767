#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

#include "conf/diff.h"

namespace admin {
namespace {

using testing::HasSubstr;

TEST(ConfigViews, SettingsAreSortedByKey) {
  World world;
  world.config = {{"query_timeout", "5", "0", true}, {"listen_port", "6432", "6432", false}};
  Client client(world);
  EXPECT_THAT(client.query("SHOW CONFIG"),
              HasSubstr("D(listen_port|6432|6432|no) D(query_timeout|5|0|yes) C(SHOW)"));
}

TEST(ConfigViews, StateIsOneOfThree) {
  World world;
  Client client(world);
  EXPECT_THAT(client.query("SHOW STATE"), HasSubstr("D(active|yes) D(paused|no) D(suspended|no)"));
  world.inspector.run_state = pooler::Inspector::RunState::kPaused;
  EXPECT_THAT(client.query("SHOW STATE"), HasSubstr("D(active|no) D(paused|yes) D(suspended|no)"));
  world.inspector.run_state = pooler::Inspector::RunState::kSuspended;
  EXPECT_THAT(client.query("SHOW STATE"), HasSubstr("D(active|no) D(paused|no) D(suspended|yes)"));
}

TEST(ConfigViews, VersionIsOneThatToolsParseAndWeirHasItsOwn) {
  World world;
  Client client(world);
  EXPECT_EQ(client.query("SHOW VERSION"), "T(version:text) D(PgBouncer 1.25.2) C(SHOW) Z(I)");
  EXPECT_EQ(client.query("SHOW WEIR_VERSION"), "T(version:text) D(Weir 0.1.0) C(SHOW) Z(I)");
}

}  // namespace
}  // namespace admin
