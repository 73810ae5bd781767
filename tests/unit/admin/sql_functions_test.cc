#include "admin/sql_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

using testing::StartsWith;

class SqlFunctions : public testing::Test, protected SqlWorld {};

TEST_F(SqlFunctions, TakeWhatTheyGive) {
  const auto all = sql_functions();
  for (const SqlFunction& function : all) {
    EXPECT_LE(function.least, function.takes.size()) << function.name;
    EXPECT_TRUE(function.gives != '0' || function.least > 0) << function.name;
  }
}

TEST_F(SqlFunctions, Aggregates) {
  EXPECT_EQ(ask("SELECT count(DISTINCT database), count(*) FILTER (WHERE cl_waiting > 0), min(cl_active), avg(cl_active) "
                "FROM pools WHERE database <> 'pgbouncer'"),
            "2|1|1|4.666666666666667");
  EXPECT_EQ(ask("SELECT string_agg(pool_mode, ',') FROM (SELECT pool_mode FROM pools WHERE database = 'app' ORDER BY 1) x"),
            "session,transaction");
  EXPECT_EQ(ask("SELECT bool_and(cl_active > 0), bool_or(cl_active > 9) FROM pools WHERE database <> 'pgbouncer'"), "t|t");
  EXPECT_EQ(ask("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x), "
                "percentile_cont(1) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (4), (10)) v(x)"),
            "3|2|10");
  EXPECT_EQ(ask("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FROM clients WHERE false"), "-");
  EXPECT_THAT(ask("SELECT percentile_cont(2) WITHIN GROUP (ORDER BY id) FROM clients"), StartsWith("22003"));
}

TEST_F(SqlFunctions, Windows) {
  EXPECT_EQ(ask("SELECT database, row_number() OVER (PARTITION BY database ORDER BY cl_active DESC), "
                "lag(cl_active) OVER (ORDER BY cl_active), sum(cl_active) OVER () FROM pools WHERE database <> 'pgbouncer' "
                "ORDER BY cl_active"),
            "app|2|-|14 app|1|1|14 shop|1|3|14");
  EXPECT_EQ(ask("SELECT rank()"), "42809 window function rank requires an OVER clause");
}

TEST_F(SqlFunctions, Scalars) {
  EXPECT_EQ(ask("SELECT lower('AbC'), upper('x'), length('a\u00e4'), abs(-3), round(2.5), round(2.345, 2), ceil(1.2), "
                "floor(-1.5), substr('abcdef', 2, 3), btrim(' x '), pg_size_pretty(1048576 * 20)"),
            "abc|X|2|3|3|2.35|2|-2|bcd|x|20 MB");
  EXPECT_EQ(ask("SELECT round(7), trunc(-1.7), length(NULL)"), "7|-1|-");
}

TEST_F(SqlFunctions, WhatIsNotInTheListCannotBeCalled) {
  for (const std::string_view call : {"load_extension('x')", "readfile('x')", "randomblob(1000000000)", "zeroblob(9)",
                                      "sqlite_version()", "weir_now()", "printf('%s', 1)", "pg_sleep(10)", "lower()",
                                      "count()", "lower('a', 'b')"}) {
    EXPECT_THAT(ask("SELECT " + std::string(call)), StartsWith("42883")) << call;
  }
}

}  // namespace
}  // namespace admin
