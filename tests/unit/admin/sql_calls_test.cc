#include "admin/sql_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace admin {
namespace {

// The functions as SQLite sees them; what SELECT makes of them is in sql_functions_test.cc.
class SqlCalls : public testing::Test {
 protected:
  SqlCalls() {
    EXPECT_TRUE(prepare_sql_memory());
    EXPECT_EQ(sqlite3_open(":memory:", &database_), SQLITE_OK);
    EXPECT_TRUE(add_sql_functions(database_, run_));
  }
  ~SqlCalls() override { sqlite3_close(database_); }

  std::string call(const std::string& expression) {
    run_.error.reset();
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, ("SELECT " + expression).c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_);
    std::string text = "-";
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
      text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return run_.error ? run_.error->sqlstate : text;
  }

  std::atomic<bool> stop_ = false;
  SqlBudget budget_{stop_, base::now() + std::chrono::hours(1), 1 << 20};
  SqlRun run_{.budget = budget_, .now = base::WallTime(std::chrono::microseconds(42))};
  sqlite3* database_ = nullptr;
};

TEST_F(SqlCalls, NullGoesInAndNullComesOut) {
  EXPECT_EQ(call("weir_add(NULL, 1)"), "-");
  EXPECT_EQ(call("weir_like('a', NULL, '')"), "-");
  EXPECT_EQ(call("weir_greatest(NULL, 2, 1)"), "2");
  EXPECT_EQ(call("weir_least(NULL, NULL)"), "-");
  EXPECT_EQ(call("weir_amount(NULL, 'LIMIT')"), "-1");
}

TEST_F(SqlCalls, ErrorsAreKept) {
  EXPECT_EQ(call("weir_int8('x')"), "22P02");
  EXPECT_EQ(call("weir_int8(1e300)"), "22003");
  EXPECT_EQ(call("weir_quotient(1, 0)"), "22012");
  EXPECT_EQ(call("weir_quotient(-9223372036854775807 - 1, -1)"), "22003");
  EXPECT_EQ(call("weir_modulo(-9223372036854775807 - 1, -1)"), "0");
  EXPECT_EQ(call("weir_multiply(9223372036854775807, 2)"), "22003");
  EXPECT_EQ(call("weir_substr('a', 1, -1)"), "22011");
}

TEST_F(SqlCalls, NowIsTheStatements) { EXPECT_EQ(call("weir_now()"), "42"); }

TEST_F(SqlCalls, AMomentThatNeverWasIsNull) { EXPECT_EQ(call("weir_timestamptz('')"), "-"); }

}  // namespace
}  // namespace admin
