#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

pooler::SocketRow client(uint64_t id, std::string reasons) {
  pooler::SocketRow row;
  row.user = "app";
  row.database = "appdb";
  row.state = "active";
  row.id = id;
  row.application_name = "psql";
  if (reasons.empty()) return row;
  row.link_id = 255;
  row.pin_reasons = std::move(reasons);
  row.pin_statement = "SELECT pg_advisory_lock(?)";
  row.pin_fingerprint = 0xabc;
  row.pinned = 90'500ms;
  row.pinned_to_pid = 77;
  return row;
}

TEST(PinViews, PinsAreTheClientsThatKeepTheirServers) {
  World world;
  world.inspector.client_rows = {client(16, "advisory locks"), client(17, "")};
  Client root(world);
  const std::string answer = root.query("SHOW PINS");
  EXPECT_THAT(answer, HasSubstr("D(16|0x10|appdb|app|psql|advisory locks|90|SELECT pg_advisory_lock(?)|"
                                "0000000000000abc|255|0xff|77) C(SHOW)"));
}

TEST(PinViews, ExtendedClientsSayWhetherTheyArePinned) {
  World world;
  world.inspector.client_rows = {client(16, "temporary objects"), client(17, "")};
  Client root(world);
  const std::string answer = root.query("SHOW CLIENTS_EXTENDED");
  EXPECT_THAT(answer, HasSubstr("|16|temporary objects|90|SELECT pg_advisory_lock(?)|0000000000000abc)"));
  EXPECT_THAT(answer, HasSubstr("|17||-||)"));
  EXPECT_THAT(root.query("SHOW CLIENTS"), Not(HasSubstr("temporary objects")));
}

TEST(PinViews, PinCountsShowWhatIsCounted) {
  World world;
  world.inspector.pin_count_rows = {{.database = "appdb", .user = "app", .reasons = "LOAD", .statement = "LOAD ?",
                                     .fingerprint = 1, .pins = 3, .pinned = 2, .time = 5s,
                                     .last_seen = base::WallTime(1'795'230'880s)}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW PIN_COUNTS"),
              HasSubstr("D(appdb|app|0000000000000001|LOAD|3|2|5000000|2026-11-21 03:14:40 UTC|LOAD ?)"));
}

TEST(PinViews, TheStatementCacheIsOneRow) {
  World world;
  world.inspector.statement_cache_rows = {{1, 2, 3, 4, 5, 6, 7}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW STATEMENT_CACHE"), HasSubstr(" D(1|2|3|4|5|6|7) C(SHOW)"));
}

TEST(PinViews, ListenersShowTheirConnections) {
  World world;
  world.inspector.listen_rows = {{"appdb", "app", "UTF8", "listening", 2, 3, base::WallTime(1'795'230'880s), 99, 10, 30,
                                  1, 4, "was away"}};
  Client root(world);
  EXPECT_THAT(root.query("SHOW LISTENERS"),
              HasSubstr("D(appdb|app|UTF8|listening|2|3|2026-11-21 03:14:40 UTC|99|10|30|1|4|was away)"));
}

}  // namespace
}  // namespace admin
