#include "analyzer/history_pools.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

struct World {
  std::shared_ptr<int> pool = std::make_shared<int>(0);
  PoolLook look(uint64_t active, uint64_t waiting, uint64_t queries) const {
    return {.database = "app", .user = "alice", .pool = pool, .active = active, .waiting = waiting, .servers = 5, .idle = 5 - active,
            .longest_wait_us = waiting * 100, .transactions = queries / 2, .queries = queries, .wait_us = queries * 10};
  }
};

TEST(HistoryPools, LooksAreSummedAndTheirMostKept) {
  World world;
  HistoryPools pools;
  pools.look({world.look(1, 0, 10)});
  pools.look({world.look(4, 3, 30)});
  pools.look({world.look(2, 1, 35)});
  auto rows = pools.drain(10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].looks, 3u);
  EXPECT_EQ(rows[0].active, 7u);
  EXPECT_EQ(rows[0].active_max, 4u);
  EXPECT_EQ(rows[0].waiting_max, 3u);
  EXPECT_EQ(rows[0].longest_wait_us, 300u);
  EXPECT_EQ(rows[0].queries, 35u);
  EXPECT_EQ(rows[0].wait_us, 350u);

  pools.look({world.look(0, 0, 36)});
  rows = pools.drain(10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].queries, 1u);  // since then
  EXPECT_EQ(rows[0].active_max, 0u);
  EXPECT_TRUE(pools.drain(10).empty());
}

TEST(HistoryPools, AnotherPoolOfTheSameNameCountsFromNothing) {
  World world;
  HistoryPools pools;
  pools.look({world.look(0, 0, 100)});
  world.pool = std::make_shared<int>(0);
  pools.look({world.look(0, 0, 150)});
  EXPECT_EQ(pools.drain(10).at(0).queries, 250u);
  pools.look({});
  pools.look({});
  EXPECT_TRUE(pools.drain(10).empty());
  pools.look({world.look(0, 0, 5)});  // forgotten meanwhile
  EXPECT_EQ(pools.drain(10).at(0).queries, 5u);
}

TEST(HistoryPools, TooManyAreOne) {
  World world;
  HistoryPools pools;
  std::vector<PoolLook> looks;
  for (uint64_t i = 0; i < 10; ++i) {
    looks.push_back(world.look(1, 0, i));
    looks.back().user = "user" + std::to_string(i);
  }
  pools.look(looks);
  const auto rows = pools.drain(3);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].user, "user9");
  EXPECT_EQ(rows[3].database, "");
  EXPECT_EQ(rows[3].looks, 7u);
  EXPECT_EQ(rows[3].queries, 0u + 1 + 2 + 3 + 4 + 5 + 6);
}

}  // namespace
}  // namespace analyzer
