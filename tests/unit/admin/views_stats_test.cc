#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;

// Different in every member, so that a counter under a wrong name shows.
pooler::Totals numbered(uint64_t base) {
  return {.server_assignment_count = base + 1,
          .xact_count = base + 2,
          .query_count = base + 3,
          .bytes_received = base + 4,
          .bytes_sent = base + 5,
          .xact_time = base + 6,
          .query_time = base + 7,
          .wait_time = base + 8,
          .client_parse_count = base + 9,
          .server_parse_count = base + 10,
          .bind_count = base + 11,
          .client_login_count = base + 12};
}

TEST(StatsViews, PutEachCounterUnderItsName) {
  World world;
  world.inspector.stats_rows = {{"appdb", numbered(100), numbered(200)}};
  Client client(world);
  EXPECT_THAT(client.query("SHOW STATS"),
              HasSubstr("D(appdb|101|102|103|104|105|106|107|108|109|110|111|201|202|203|204|205|206|207|208|209|"
                        "210|211)"));
  EXPECT_THAT(client.query("SHOW STATS_TOTALS"), HasSubstr("D(appdb|101|102|103|104|105|106|107|108|109|110|111)"));
  EXPECT_THAT(client.query("SHOW STATS_AVERAGES"),
              HasSubstr("D(appdb|201|202|203|204|205|206|207|208|209|210|211)"));
}

TEST(StatsViews, CountTheConsoleAsTheDatabasePgbouncer) {
  World world;
  world.inspector.stats_rows = {{"zebra", {}, {}}, {"appdb", {}, {}}};
  Client client(world);
  client.query("SHOW VERSION; SHOW VERSION");
  const std::string answer = client.query("SHOW STATS_TOTALS");
  EXPECT_THAT(answer, HasSubstr("D(pgbouncer|0|2|2|"));
  EXPECT_LT(answer.find("D(appdb"), answer.find("D(pgbouncer"));
  EXPECT_LT(answer.find("D(pgbouncer"), answer.find("D(zebra"));
}

TEST(StatsViews, TotalsAddUpCountsAndWeighMeans) {
  World world;
  pooler::Totals first, second;
  first.query_count = 1;
  first.query_time = 100;
  second.query_count = 3;
  second.query_time = 500;
  world.inspector.stats_rows = {{"a", first, first}, {"b", second, second}};
  Client client(world);
  const std::string answer = client.query("SHOW TOTALS");
  EXPECT_THAT(answer, HasSubstr("D(total_query_count|4)"));
  EXPECT_THAT(answer, HasSubstr("D(total_query_time|600)"));
  EXPECT_THAT(answer, HasSubstr("D(avg_query_count|4)"));
  EXPECT_THAT(answer, HasSubstr("D(avg_query_time|400)"));  // (1 * 100 + 3 * 500) / 4
}

TEST(StatsViews, TotalsHaveTheNamesOfPgBouncerInItsOrder) {
  World world;
  Client client(world);
  const std::string answer = client.query("SHOW TOTALS");
  std::size_t at = 0;
  for (std::string prefix : {"total_", "avg_"}) {
    for (std::string name : {"server_assignment_count", "xact_count", "query_count", "client_bytes", "server_bytes",
                             "xact_time", "query_time", "wait_time", "ps_client_parse_count",
                             "ps_server_parse_count", "ps_bind_count"}) {
      const std::size_t found = answer.find("D(" + prefix + name + "|", at);
      ASSERT_NE(found, std::string::npos) << prefix << name;
      at = found;
    }
  }
}

}  // namespace
}  // namespace admin
