#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(ViewsGuards, ShowsEachRuleAndWhatItHasDone) {
  World world;
  pooler::GuardRow row;
  row.name = "api";
  row.matches = "user=alice shape=ddl";
  row.action = "rate_limit";
  row.limit = "100 in 1s per user";
  row.dry_run = true;
  row.matched = 30;
  row.refused = 0;
  row.would_have_refused = 7;
  row.keys = 2;
  row.since = base::WallTime(1'763'694'880s);
  row.last_matched = base::WallTime(1'763'694'881s);
  world.inspector.guard_rows = {row};
  Client root(world);
  const std::string shown = root.query("SHOW GUARDS");
  EXPECT_THAT(shown, HasSubstr("D(api|user=alice shape=ddl|rate_limit|100 in 1s per user|1|30|0|7|2|2025-11-21 "));
  EXPECT_THAT(shown, HasSubstr("C(SHOW)"));
  EXPECT_THAT(root.query("SELECT name, would_have_refused FROM guards WHERE dry_run = 1"), HasSubstr("D(api|7)"));
}

}  // namespace
}  // namespace admin
