#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(TraceViews, SayWhatBecameOfTracedStatements) {
  World world;
  world.inspector.traces_rows = {{.endpoint = "http://127.0.0.1:4318/v1/traces",
                                  .counts = {.waiting = 1,
                                             .exported = 2,
                                             .dropped = 3,
                                             .lost = 4,
                                             .requests = 6,
                                             .retries = 7,
                                             .rejected_spans = 5,
                                             .failure = "connection refused",
                                             .failed_at = base::WallTime(1'763'694'880s)}}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW TRACES"), HasSubstr("D(http://127.0.0.1:4318/v1/traces|1|2|3|4|5|6|7|connection refused|2025-"));
}

TEST(TraceViews, TheyAreATable) {
  World world;
  world.inspector.traces_rows = {{.endpoint = {}, .counts = {.exported = 40, .lost = 2}}};
  Client root(world);
  EXPECT_THAT(root.query("SELECT exported + lost, failed_at IS NULL FROM traces"), HasSubstr("D(42|t)"));
}

}  // namespace
}  // namespace admin
