#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

class SqlExpression : public testing::Test, protected SqlWorld {};

TEST_F(SqlExpression, Like) {
  EXPECT_EQ(ask("SELECT id FROM clients WHERE application_name LIKE 'job%' AND application_name NOT LIKE '%2' ORDER BY 1"),
            "1 4");
  EXPECT_EQ(ask("SELECT 'ABC' LIKE 'abc', 'ABC' ILIKE 'a_C', 'a%c' LIKE 'a!%c' ESCAPE '!', 'axc' LIKE 'a\\%c'"), "f|t|t|f");
  EXPECT_EQ(ask("SELECT NULL LIKE 'x'"), "-");
}

TEST_F(SqlExpression, ThreeValuedLogic) {
  EXPECT_EQ(ask("SELECT NULL::bool AND false, NULL::bool OR true, NOT NULL::bool, NULL = NULL, 1 IS NULL, NULL IS NULL"),
            "f|t|-|-|f|t");
  EXPECT_EQ(ask("SELECT (1 = 2) IS FALSE, NULL::bool IS UNKNOWN, true IS NOT TRUE, 1 IS DISTINCT FROM NULL"), "t|t|f|t");
}

TEST_F(SqlExpression, NumbersBehaveAsInPostgresql) {
  EXPECT_EQ(ask("SELECT 7 / 2, -7 / 2, 7 % 3, 7 / 2.0, 2 * 3 + 1, -(-3)"), "3|-3|1|3.5|7|3");
  EXPECT_EQ(ask("SELECT 1 / 0"), "22012 division by zero");
  EXPECT_EQ(ask("SELECT 9223372036854775807 + 1"), "22003 bigint out of range");
  EXPECT_EQ(ask("SELECT total_query_time / total_query_count > 14 FROM stats WHERE database = 'app'"), "t");
}

TEST_F(SqlExpression, CaseCoalesceAndFriends) {
  EXPECT_EQ(ask("SELECT CASE cl_active WHEN 1 THEN 'one' WHEN 3 THEN 'three' ELSE 'many' END FROM pools "
                "WHERE database <> 'pgbouncer' ORDER BY cl_active"),
            "one three many");
  EXPECT_EQ(ask("SELECT CASE WHEN false THEN 1 END, nullif(1, 1), greatest(1, NULL, 3), least(2, 1)"), "-|-|3|1");
  EXPECT_EQ(ask("SELECT 2 IN (1, 2), 3 NOT IN (1, 2), 'alice' IN (SELECT \"user\" FROM pools), 2 BETWEEN 1 AND 3"),
            "t|t|t|t");
}

TEST_F(SqlExpression, WhoAsks) {
  EXPECT_EQ(ask("SELECT current_user, session_user, current_database()"), "watcher|watcher|pgbouncer");
  EXPECT_EQ(columns("SELECT current_user, current_catalog"), "current_user:text current_catalog:text");
}

TEST_F(SqlExpression, NoTextOfAStatementReachesSqliteAsItStands) {
  EXPECT_EQ(ask("SELECT 'it''s; DROP', $$a'b$$, E'a\\'b', \"user\" FROM pools WHERE \"user\" = 'bob'''"), "");
  EXPECT_EQ(ask("SELECT 'it''s', $$a'b$$, E'a\\'b'"), "it's|a'b|a'b");
  EXPECT_EQ(columns("SELECT 1 AS \"x\"\"y\", 2 AS \"c1\""), "x\"y:int4 c1:int4");
  EXPECT_EQ(ask("SELECT \"c1\" FROM (SELECT 1 AS \"a b\", 2 AS \"c1\") \"weir_pools\""), "2");
}

// What the walk writes stays as long as what it read, however it is nested.
TEST_F(SqlExpression, TheTranslationOfNestedStatementsStaysSmall) {
  std::string cases = "1", groups = "SELECT 1 AS x";
  for (int i = 0; i < 40; ++i) {
    cases = "CASE " + cases + " WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 END";
    groups = "SELECT (" + groups + ") AS x GROUP BY 1";
  }
  for (const std::string& sql : {"SELECT " + cases, groups}) {
    const auto query = translate(sql, context);
    ASSERT_TRUE(query.ok()) << base::to_text(query.error());
    EXPECT_LT(query->sql.size(), 20 * sql.size());
  }
}

}  // namespace
}  // namespace admin
