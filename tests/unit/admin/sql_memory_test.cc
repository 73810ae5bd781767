#include "admin/sql_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <thread>

namespace admin {
namespace {

class SqlMemory : public testing::Test {
 protected:
  SqlMemory() { EXPECT_TRUE(prepare_sql_memory()); }
  std::atomic<bool> stop = false;
  const base::TimePoint later = base::now() + std::chrono::hours(1);
};

TEST_F(SqlMemory, IsCountedAndGivenBack) {
  SqlBudget budget(stop, later, 10'000);
  const SqlBudget::Here here(budget);
  void* memory = sqlite3_malloc(4000);
  ASSERT_NE(memory, nullptr);
  EXPECT_LE(budget.bytes_left(), 6000);
  memory = sqlite3_realloc(memory, 8000);
  ASSERT_NE(memory, nullptr);
  EXPECT_LE(budget.bytes_left(), 2000);
  EXPECT_EQ(sqlite3_malloc(4000), nullptr);
  EXPECT_TRUE(budget.spent());
  sqlite3_free(memory);
  EXPECT_EQ(budget.bytes_left(), 10'000);
}

TEST_F(SqlMemory, OtherUsersOfSqliteDoNotNotice) {
  SqlBudget budget(stop, later, 10);
  {
    const SqlBudget::Here here(budget);
    std::thread([] {
      void* memory = sqlite3_malloc(100'000);
      EXPECT_NE(memory, nullptr);
      sqlite3_free(memory);
    }).join();
    EXPECT_EQ(sqlite3_malloc(100), nullptr);
  }
  void* memory = sqlite3_malloc(100);
  EXPECT_NE(memory, nullptr);
  sqlite3_free(memory);
}

TEST_F(SqlMemory, WhatIsDoneForOthersInTheMiddleIsNotCounted) {
  SqlBudget budget(stop, later, 1000);
  const SqlBudget::Here here(budget);
  {
    const SqlBudget::Outside outside;
    void* memory = sqlite3_malloc(100'000);
    EXPECT_NE(memory, nullptr);
    sqlite3_free(memory);
  }
  EXPECT_EQ(budget.bytes_left(), 1000);
  EXPECT_FALSE(budget.spent());
  EXPECT_EQ(sqlite3_malloc(2000), nullptr);
  EXPECT_TRUE(budget.spent());
}

TEST_F(SqlMemory, EndsWithTheTimeAndWithTheWish) {
  SqlBudget late(stop, base::now(), 1000);
  EXPECT_FALSE(late.go_on());
  EXPECT_TRUE(late.late());
  EXPECT_FALSE(late.may_take(1));
  SqlBudget unwanted(stop, later, 1000);
  EXPECT_TRUE(unwanted.may_take(1));
  stop = true;
  EXPECT_FALSE(unwanted.may_take(1));
  EXPECT_FALSE(unwanted.go_on());
  EXPECT_FALSE(unwanted.late());
}

}  // namespace
}  // namespace admin
