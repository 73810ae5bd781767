#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

pooler::QueryRow query_row() {
  pooler::QueryRow row;
  row.fingerprint = 0xabc;
  row.query = "SELECT $1";
  row.database = "appdb";
  row.user = "app";
  row.application = "psql";
  row.totals.calls = 4;
  row.totals.errors = 3;
  row.totals.rows = 2;
  row.totals.server_us = 10'500;
  row.totals.wait_us = 250;
  row.totals.idle_us = 1000;
  row.totals.bytes_in = 77;
  row.totals.bytes_out = 88;
  row.totals.parses = 5;
  row.totals.server_parses = 1;
  row.totals.error_classes.add("23505", 2);
  row.totals.error_classes.add("40001");
  row.totals.times.record(500);
  row.totals.times.record(10'000);
  row.p50_us = 510;
  row.p75_us = 9'900;
  row.p95_us = row.p99_us = 10'000;
  row.first_seen = base::WallTime(1'763'694'880s);
  row.last_seen = base::WallTime(1'763'694'881s);
  return row;
}

pooler::ActivityRow activity(uint64_t id, std::string state, bool active, bool in_transaction) {
  pooler::ActivityRow row;
  row.id = id;
  row.database = "appdb";
  row.user = "app";
  row.application_name = "psql";
  row.state = std::move(state);
  row.active = active;
  row.in_transaction = in_transaction;
  row.age = 1500us;
  row.transaction_age = 2s;
  row.statements = 3;
  row.fingerprint = 0xdef;
  row.query = "SELECT $1";
  row.server_pid = 42;
  return row;
}

TEST(QueryViews, QueriesShowWhatTheyCost) {
  World world;
  world.inspector.query_rows = {query_row()};
  Client root(world);
  EXPECT_THAT(root.query("SHOW QUERIES"),
              HasSubstr("D(0000000000000abc|SELECT $1|appdb|app|psql|4|3|2|10.5|2.625|0.51|9.9|10|10|0.5|10|0.25|1|77|88|"
                        "5|1|23:2 40:1|2025-11-21 03:14:40+00|2025-11-21 03:14:41+00) C(SHOW)"));
}

TEST(QueryViews, NoCallsIsNoMean) {
  World world;
  world.inspector.query_rows = {pooler::QueryRow()};
  Client root(world);
  EXPECT_THAT(root.query("SHOW QUERIES"), HasSubstr("D(|||||0|0|0|0|0|0|"));
}

TEST(QueryViews, ActiveQueriesAndTransactionsAreTwoSidesOfIt) {
  World world;
  world.inspector.activity_rows = {activity(16, "active", true, false), activity(17, "idle in transaction", false, true)};
  Client root(world);
  const std::string active = root.query("SHOW ACTIVE_QUERIES");
  EXPECT_THAT(active, HasSubstr("D(16|appdb|app|psql|active|1.5|-|3|0000000000000def|SELECT $1|42)"));
  EXPECT_THAT(active, Not(HasSubstr("idle in transaction")));
  const std::string open = root.query("SHOW TRANSACTIONS");
  EXPECT_THAT(open, HasSubstr("D(17|appdb|app|psql|idle in transaction|1.5|2000|3|0000000000000def|SELECT $1|42)"));
  EXPECT_THAT(open, Not(HasSubstr("D(16")));
}

TEST(QueryViews, ResetQueriesIsACommandOfItsOwn) {
  World world;
  Client root(world);
  EXPECT_THAT(root.query("RESET QUERIES"), HasSubstr("C(RESET)"));
  EXPECT_THAT(root.query("reset application_name"), HasSubstr("C(RESET)"));
  EXPECT_THAT(root.query("RESET stats"), HasSubstr("C(RESET)"));
  EXPECT_EQ(world.operations.calls, std::vector<std::string>{"reset_queries"});
  EXPECT_THAT(root.query("RESET QUERIES now"), HasSubstr("42601"));
}

}  // namespace
}  // namespace admin
