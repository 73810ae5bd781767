#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

std::shared_ptr<analyzer::SlowStatement> slow() {
  auto one = std::make_shared<analyzer::SlowStatement>();
  one->ended = base::WallTime(1'763'694'880s);
  one->database = "appdb";
  one->user = "app";
  one->application = "web";
  one->client = "10.0.0.7";
  one->server_pid = 42;
  one->fingerprint = 0xabc;
  one->query = "SELECT $1";
  one->queue = 500us;
  one->server = 1500ms;
  one->rows = 3;
  one->bytes_in = 77;
  one->bytes_out = 88;
  return one;
}

TEST(SlowViews, SlowQueriesShowWhereTheTimeWent) {
  World world;
  world.inspector.slow_rows = {{.number = 1, .statement = slow()}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW SLOW_QUERIES"),
              HasSubstr("|1500.5|0.5|1500|0000000000000abc|SELECT $1|-|appdb|app|web|10.0.0.7|-|3|77|88|-|-|42|-) "
                        "C(SHOW)"));
}

TEST(SlowViews, ValuesErrorsAndPlansAreThereWhereTheyAreKnown) {
  World world;
  auto one = slow();
  one->has_values = true;
  one->values = {{1, analyzer::SlowStatement::Value::What::kShown, "a"},
                 {2, analyzer::SlowStatement::Value::What::kHidden, "secret"}};
  one->name = "s1";
  one->sqlstate = "57014";
  one->traceparent = "00-a-b-01";
  world.inspector.slow_rows = {{.number = 1, .statement = one, .plan = "Result"}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW SLOW_QUERIES"),
              HasSubstr("|SELECT $1|$1 = 'a', $2 = '?'|appdb|app|web|10.0.0.7|s1|3|77|88|57014|00-a-b-01|42|Result)"));
}

TEST(SlowViews, TheyAreATable) {
  World world;
  world.inspector.slow_rows = {{.number = 1, .statement = slow()}};
  Client root(world);
  EXPECT_THAT(root.query("SELECT sum(server_ms), max(user) FROM slow_queries WHERE sqlstate IS NULL"),
              HasSubstr("D(1500|app)"));
}

TEST(SlowViews, TheLogSaysWhatIsMissing) {
  World world;
  world.inspector.slow_log_rows = {
      {.target = "slow.log", .written = 1, .over_rate = 2, .queue_full = 3, .lost = 4, .failure = "No space left on device"}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW SLOW_LOG"), HasSubstr("D(slow.log|1|2|3|4|No space left on device)"));
}

}  // namespace
}  // namespace admin
