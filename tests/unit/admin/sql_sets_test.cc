#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

class SqlSets : public testing::Test, protected SqlWorld {};

TEST_F(SqlSets, OperatorsAndTheirOrder) {
  EXPECT_EQ(ask("SELECT 1 UNION SELECT 1"), "1");
  EXPECT_EQ(ask("SELECT 1 UNION ALL SELECT 1"), "1 1");
  EXPECT_EQ(ask("VALUES (1), (2) EXCEPT SELECT 2"), "1");
  // INTERSECT binds tighter, and parentheses hold.
  EXPECT_EQ(ask("SELECT 1 UNION SELECT 2 INTERSECT SELECT 2 ORDER BY 1"), "1 2");
  EXPECT_EQ(ask("(SELECT 1 UNION SELECT 2) INTERSECT SELECT 2"), "2");
  EXPECT_EQ(ask("SELECT 3 EXCEPT (SELECT 3 EXCEPT SELECT 3)"), "3");
  EXPECT_EQ(ask("(SELECT id FROM clients ORDER BY id DESC LIMIT 1) UNION ALL SELECT 9 ORDER BY id"), "4 9");
}

TEST_F(SqlSets, ColumnsAreNamedByTheFirstAndTypedByAll) {
  EXPECT_EQ(columns("SELECT 1 AS a UNION SELECT 2.5 AS b"), "a:float8");
  EXPECT_EQ(columns("SELECT NULL AS a UNION SELECT 'x'"), "a:text");
  EXPECT_EQ(columns("VALUES (1, 'x'), (5000000000, NULL)"), "column1:int8 column2:text");
  EXPECT_EQ(columns("SELECT 1 UNION SELECT true"), "42804 UNION types integer and boolean cannot be matched");
  EXPECT_EQ(columns("SELECT 1 UNION SELECT 1, 2"), "42601 each UNION query must have the same number of columns");
  EXPECT_EQ(columns("VALUES (1), (1, 2)"), "42601 VALUES lists must all be the same length");
}

TEST_F(SqlSets, ValuesInOrder) { EXPECT_EQ(ask("VALUES (2, 'b'), (1, 'a') ORDER BY column1 LIMIT 1"), "1|a"); }

}  // namespace
}  // namespace admin
