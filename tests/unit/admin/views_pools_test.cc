#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

#include "conf/diff.h"

namespace admin {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(PoolViews, ShowEveryNumberOfAPool) {
  World world;
  world.inspector.pool_rows = {{.database = "appdb",
                                .user = "app",
                                .cl_active = 1,
                                .cl_waiting = 2,
                                .cl_active_cancel_req = 3,
                                .cl_waiting_cancel_req = 4,
                                .sv_active = 5,
                                .sv_active_cancel = 6,
                                .sv_being_canceled = 7,
                                .sv_idle = 8,
                                .sv_used = 9,
                                .sv_tested = 10,
                                .sv_login = 11,
                                .maxwait = 2'000'345us,
                                .pool_mode = "transaction",
                                .load_balance_hosts = ""}};
  Client client(world);
  EXPECT_THAT(client.query("SHOW POOLS"), HasSubstr("D(appdb|app|1|2|3|4|5|6|7|8|9|10|11|2|345|transaction|-)"));
}

TEST(PoolViews, CountTheConsoleItself) {
  World world;
  Client one(world);
  {
    Client two(world);
    EXPECT_THAT(one.query("SHOW POOLS"), HasSubstr("D(pgbouncer|pgbouncer|2|0|0|0|0|0|0|0|0|0|0|0|0|statement|-)"));
  }
  EXPECT_THAT(one.query("SHOW POOLS"), HasSubstr("D(pgbouncer|pgbouncer|1|"));
}

TEST(PoolViews, ShowDatabasesWithNothingForWhatIsNotSet) {
  World world;
  world.config = {{"listen_port", "6432", "6432", false}};
  world.inspector.database_rows = {{.name = "appdb",
                                    .host = "10.0.0.1",
                                    .port = 5432,
                                    .database = "app",
                                    .force_user = std::nullopt,
                                    .pool_size = 20,
                                    .min_pool_size = 1,
                                    .reserve_pool_size = 2,
                                    .server_lifetime = 1h,
                                    .pool_mode = std::nullopt,
                                    .load_balance_hosts = "round-robin",
                                    .max_connections = 30,
                                    .current_connections = 3,
                                    .max_client_connections = 40,
                                    .current_client_connections = 4,
                                    .paused = true,
                                    .disabled = false}};
  Client client(world);
  const std::string answer = client.query("SHOW DATABASES");
  EXPECT_THAT(answer, HasSubstr("D(appdb|10.0.0.1|5432|app|-|20|1|2|3600|-|round-robin|30|3|40|4|1|0)"));
  EXPECT_THAT(answer, HasSubstr("D(pgbouncer|-|6432|pgbouncer|pgbouncer|2|0|0|0|statement|-|0|0|0|1|0|0)"));
}

TEST(PoolViews, ShowUsersWithTextForSizes) {
  World world;
  world.inspector.user_rows = {{.name = "app",
                                .pool_size = 5,
                                .reserve_pool_size = std::nullopt,
                                .pool_mode = "session",
                                .max_user_connections = 1,
                                .current_connections = 2,
                                .max_user_client_connections = 3,
                                .current_client_connections = 4}};
  Client client(world);
  const std::string answer = client.query("SHOW USERS");
  EXPECT_THAT(answer, HasSubstr("D(app|5||session|1|2|3|4)"));
  EXPECT_THAT(answer, HasSubstr("D(pgbouncer|||-|0|0|0|0)"));
}

TEST(PoolViews, ShowPeers) {
  World world;
  world.inspector.peer_rows = {{1, "/run/weir", 0, 100}, {2, "", 6432, 0}};
  world.inspector.peer_pool_rows = {{1, 2, 3, 4, 5}};
  Client client(world);
  EXPECT_THAT(client.query("SHOW PEERS"), HasSubstr("D(1|/run/weir|0|100) D(2|-|6432|0)"));
  EXPECT_THAT(client.query("SHOW PEER_POOLS"), HasSubstr("D(1|2|3|4|5)"));
}

}  // namespace
}  // namespace admin
