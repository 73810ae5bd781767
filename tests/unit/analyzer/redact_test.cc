#include "analyzer/redact.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

TEST(Redact, EveryKindOfLiteralIsAMark) {
  EXPECT_EQ(without_values("SELECT pg_advisory_lock(42)"), "SELECT pg_advisory_lock(?)");
  EXPECT_EQ(without_values("SELECT 'a''b', E'a\\'b', $$x$$, $t$y $$ z$t$, B'1', 1.5e3, U&'x'"),
            "SELECT ?, ?, ?, ?, ?, ?, ?");
  EXPECT_EQ(without_values("CREATE TEMP TABLE t AS SELECT 'a'\n 'b' AS c"), "CREATE TEMP TABLE t AS SELECT ? AS c");
}

TEST(Redact, NamesAndParametersStay) {
  EXPECT_EQ(without_values("SELECT \"Größe\", $2 FROM t2"), "SELECT \"Größe\", $2 FROM t2");
}

TEST(Redact, CommentsAndBlanksGo) {
  EXPECT_EQ(without_values("  SELECT /* of 12 */ 1\n\n -- secret\n FROM   t "), "SELECT ? FROM t");
  EXPECT_EQ(without_values("SELECT 1 /* secret"), "SELECT ? ?");
  EXPECT_EQ(without_values(""), "");
}

TEST(Redact, WhatIsCutOffShowsNothingOfItsLastValue) {
  EXPECT_EQ(without_values("SELECT f('sec"), "SELECT f(?");
  EXPECT_EQ(without_values("SELECT f($x$sec"), "SELECT f(?");
  EXPECT_EQ(without_values("SELECT f($x"), "SELECT f(?");
  EXPECT_EQ(without_values("SELECT f(E'sec\\"), "SELECT f(?");
  EXPECT_EQ(without_values("SELECT f(123abc, 4)"), "SELECT f(?");
}

// With standard_conforming_strings off the second quote belongs to the string.
TEST(Redact, NothingIsShownBehindAStringThatMayEndElsewhere) {
  EXPECT_EQ(without_values("SELECT 'a\\' , secret , '"), "SELECT ?");
}

TEST(Redact, WhatSetGivesASettingIsNotShown) {
  EXPECT_EQ(without_values("SET app.token = abc123"), "SET app.token = ?");
  EXPECT_EQ(without_values("LOAD 'x'; set app.token to abc123"), "LOAD ?; set app.token to ?");
  EXPECT_EQ(without_values("UPDATE t SET a = b"), "UPDATE t SET a = b");
}

TEST(Redact, WhatIsNotUtf8IsAMark) {
  EXPECT_EQ(without_values("SELECT \"a\xE4\""), "SELECT \"a?\"");
  EXPECT_EQ(without_values("CREATE TEMP TABLE t\xC3"), "CREATE TEMP TABLE t?");
  EXPECT_EQ(without_values("SELECT \"\xED\xA0\x80\xF0\x80\x80\x80\""), "SELECT \"???????\"");
}

TEST(Redact, IsHardlyLongerThanTheText) {
  for (const std::string_view sql : {"SET a=b", "SET a=", "SET a to", "'", "1", ";;", "a/**/b", "set =c"})
    EXPECT_LE(without_values(sql).size(), sql.size() + 2) << sql;
}

}  // namespace
}  // namespace analyzer
