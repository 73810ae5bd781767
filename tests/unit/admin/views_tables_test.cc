#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;

TEST(ConsoleTables, AreListedWithTheirHelp) {
  World world;
  Client client(world, pooler::ConsoleRole::kStats);
  const std::string tables = client.query("SHOW TABLES");
  EXPECT_THAT(tables, HasSubstr("D(pools|17|stats_users|Clients and servers of each pool"));
  EXPECT_THAT(tables, HasSubstr("D(fds|15|admin_users|"));
  EXPECT_THAT(tables, HasSubstr("D(settings|4|stats_users|"));
  EXPECT_THAT(tables, HasSubstr("D(tables|4|"));
}

TEST(ConsoleTables, ColumnsOfOneOrOfAll) {
  World world;
  Client client(world, pooler::ConsoleRole::kStats);
  EXPECT_EQ(client.query("SHOW COLUMNS FROM lists"),
            "T(table_name:text,column_name:text,data_type:text,description:text) "
            "D(lists|list|text|Name of the list.) D(lists|items|int4|Its length.) C(SHOW) Z(I)");
  EXPECT_THAT(client.query("SHOW COLUMNS"), HasSubstr("D(settings|default|text|"));
  EXPECT_EQ(client.query("SHOW COLUMNS FROM list"), "E(ERROR 42P01) Z(I)");
  EXPECT_EQ(client.query("SHOW COLUMNS FROM"), "E(ERROR 42601) Z(I)");
  EXPECT_EQ(client.query("SHOW POOLS FROM lists"), "E(ERROR 42601) Z(I)");
  EXPECT_THAT(client.query("SELECT column_name FROM columns WHERE table_name = 'mem' AND data_type = 'int4'"),
              HasSubstr("D(size) D(used) D(free) D(memtotal) C(SELECT 4)"));
}

}  // namespace
}  // namespace admin
