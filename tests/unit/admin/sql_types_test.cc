#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

using testing::HasSubstr;

class SqlTypes : public testing::Test, protected SqlWorld {};

TEST_F(SqlTypes, ColumnsHaveTheirsAndExpressionsTheirOwn) {
  EXPECT_EQ(columns("SELECT database, cl_active, total_query_count FROM pools JOIN stats USING (database)"),
            "database:text cl_active:int4 total_query_count:numeric");
  EXPECT_EQ(columns("SELECT 1, 5000000000, 1.5, 'x', NULL, true, now(), interval '1 hour', now() - now()"),
            "?column?:int4 ?column?:int8 ?column?:float8 ?column?:text ?column?:text ?column?:bool now:timestamptz "
            "interval:interval ?column?:interval");
  EXPECT_EQ(columns("SELECT count(*), sum(cl_active), avg(cl_active), max(\"user\"), sum(total_query_count) "
                    "FROM pools JOIN stats USING (database)"),
            "count:int8 sum:int8 avg:float8 max:text sum:numeric");
  EXPECT_EQ(columns("SELECT 1 + 1, 1 / 2.0, 1 = 1, 'a' || 1, coalesce(NULL, 2), CASE WHEN true THEN 1 ELSE 2.5 END"),
            "?column?:int8 ?column?:float8 ?column?:bool ?column?:text coalesce:int4 case:float8");
}

TEST_F(SqlTypes, Casts) {
  EXPECT_EQ(ask("SELECT '12'::int8 + 1, 2.5::int4, 7::text || 'x', 'yes'::bool, CAST(3 AS float8) / 2, true::text"),
            "13|2|7x|t|1.5|true");
  EXPECT_EQ(columns("SELECT '1'::varchar(3), x::bigint FROM (SELECT '5' AS x) t"), "varchar:text x:int8");
  EXPECT_EQ(ask("SELECT 'abc'::int"), "22P02 invalid input syntax for type bigint: \"abc\"");
  EXPECT_EQ(ask("SELECT x::int FROM (SELECT 'abc' AS x) t"), "22P02 invalid input syntax for type bigint: \"abc\"");
  EXPECT_EQ(ask("SELECT 5000000000::int4"), "22003 integer out of range");
  EXPECT_EQ(ask("SELECT 1::regclass"), "42704 type \"regclass\" does not exist");
  EXPECT_EQ(ask("SELECT now()::int"), "42846 cannot cast type timestamp with time zone to integer");
}

TEST_F(SqlTypes, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(ask("SELECT 1 FROM pools WHERE cl_active"), "42804 argument of WHERE must be type boolean, not type integer");
  EXPECT_EQ(ask("SELECT 1 FROM pools WHERE database = 1"), "42883 operator does not exist: text = integer");
  EXPECT_EQ(ask("SELECT database + 1 FROM pools"), "42883 operator does not exist: text + integer");
  EXPECT_EQ(ask("SELECT cl_active FROM pools WHERE cl_active = 'x'"), "22P02 invalid input syntax for type bigint: \"x\"");
  EXPECT_EQ(ask("SELECT cl_active FROM pools WHERE cl_active = '10'"), "10");
}

TEST_F(SqlTypes, ParametersTakeTheTypeOfTheirPlace) {
  EXPECT_EQ(parameters("SELECT 1 FROM pools WHERE cl_active > $1 AND database = $2 LIMIT $3"), "int4 text int8");
  EXPECT_EQ(parameters("SELECT $1, $2::int8, $3 + 1.5, now() - $4 > interval '1s', lower($5)"),
            "text int8 float8 timestamptz text");
  EXPECT_EQ(parameters("SELECT 1 FROM pools WHERE database IN ($1, $2) AND maxwait BETWEEN $3 AND $4"),
            "text text int4 int4");
  EXPECT_EQ(parameters("SELECT $2 = 1, $1 IS NULL", {20, 0}), "int8 int4");
  EXPECT_EQ(parameters("SELECT $101"), "42P02 there is no parameter $101");
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE cl_active > $1 AND database = $2", {int64_t{1}, "app"}), "alice");
}

TEST_F(SqlTypes, Moments) {
  EXPECT_EQ(ask("SELECT id FROM clients WHERE connect_time >= '2026-11-21 03:03 UTC'::timestamptz ORDER BY id"), "3 4");
  EXPECT_EQ(ask("SELECT max(connect_time::timestamptz) - min(connect_time::timestamptz) FROM clients"), "00:03:00");
  EXPECT_EQ(ask("SELECT now(), now() - '30 seconds' < now()"), "2027-01-15 08:00:00+00|t");
  EXPECT_EQ(ask("SELECT extract(epoch FROM now()), date_trunc('day', now()), extract(epoch FROM interval '2 min') * 2"),
            "1800000000|2027-01-15 00:00:00+00|240");
  EXPECT_EQ(ask("SELECT count(*) FROM listeners WHERE now() - connected_since::timestamptz > '1h'"), "0");
  EXPECT_EQ(ask("SELECT interval '90 min' * 2, interval '1 day' / 2"), "03:00:00|12:00:00");
}

}  // namespace
}  // namespace admin
