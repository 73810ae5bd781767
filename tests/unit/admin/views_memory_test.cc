#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;

TEST(MemoryViews, ListsHaveAllRowsInOrderAndCountTheConsole) {
  World world;
  world.inspector.list_rows = {{"used_clients", 7}, {"databases", 2}, {"something_else", 1}};
  Client client(world);
  EXPECT_EQ(client.query("SHOW LISTS"),
            "T(list:text,items:int4) D(databases|3) D(users|1) D(peers|0) D(pools|1) D(peer_pools|0) "
            "D(free_clients|0) D(used_clients|7) D(login_clients|0) D(free_servers|0) D(used_servers|0) "
            "D(dns_names|0) D(dns_zones|0) D(dns_queries|0) D(dns_pending|0) C(SHOW) Z(I)");
}

TEST(MemoryViews, ShowMemoryAndNames) {
  World world;
  world.inspector.mem_rows = {{"client_cache", 608, 1, 49, 30400}};
  world.inspector.dns_rows = {{"db.example", 15, "10.0.0.1:0"}};
  Client client(world);
  EXPECT_THAT(client.query("SHOW MEM"), HasSubstr("D(client_cache|608|1|49|30400)"));
  EXPECT_THAT(client.query("SHOW DNS_HOSTS"), HasSubstr("D(db.example|15|10.0.0.1:0)"));
  EXPECT_EQ(client.query("SHOW DNS_ZONES"), "T(zonename:text,serial:int8,count:int4) C(SHOW) Z(I)");
}

}  // namespace
}  // namespace admin
