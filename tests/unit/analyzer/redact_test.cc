#include "analyzer/redact.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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

TEST(Redact, NormalizedTextsNumberTheirValues) {
  EXPECT_EQ(normalized("SELECT  * FROM t WHERE a = 17 AND b IN ('x', 'y') -- c", 100),
            "SELECT * FROM t WHERE a = $1 AND b IN ($2, $3)");
  EXPECT_EQ(normalized("SELECT $2 + 1, $1, 'a'", 100), "SELECT $2 + $3, $1, $4");
  EXPECT_EQ(normalized("SELECT $99999999999 + 1", 100), "SELECT $99999999999 + $1");
  EXPECT_EQ(normalized("SET app.token = abc123", 100), "SET app.token = $1");
  EXPECT_EQ(normalized("SELECT f('sec", 100), "SELECT f($1");
  EXPECT_EQ(normalized("SELECT 'a\\' , secret , '", 100), "SELECT $1");
  EXPECT_EQ(normalized("", 100), "");
  EXPECT_EQ(normalized("UPDATE t SET a = a + -17, b = -2.5, c = f(-1, +3), d = a -1", 100),
            "UPDATE t SET a = a + $1, b = $2, c = f($3, $4), d = a -$5");
  EXPECT_EQ(normalized("SELECT (-a), - - 1", 100), "SELECT (-a), - $1");
}

TEST(Redact, WhatANormalizedTextLeftOutIsKnownWhereItCanBe) {
  const auto values = [](std::string_view sql) {
    std::string out;
    const Normalized all = normalized_with_values(sql, 1000);
    EXPECT_EQ(all.text, normalized(sql, 1000));
    int number = all.first;
    for (const auto& value : all.values) out += "$" + std::to_string(number++) + "=" + value.value_or("(hidden)") + ";";
    return out;
  };
  EXPECT_EQ(values("SELECT 1, 'it''s', -2.5, a - 3, ''"), "$1=1;$2=it's;$3=-2.5;$4=3;$5=;");
  EXPECT_EQ(values("SELECT $7, 'x'"), "$8=x;");
  EXPECT_EQ(values("SELECT E'a\\nb', $$c$$, B'1', 'd'\n 'e'"), "$1=E'a\\nb';$2=$$c$$;$3=B'1';$4='d'\n 'e';");
  EXPECT_EQ(values("SELECT 1, 'a\\' , secret , '"), "$1=1;$2=(hidden);") << "a string that may end elsewhere";
  EXPECT_EQ(values("SELECT 'a', 'sec"), "$1=a;$2=(hidden);");
  EXPECT_EQ(values("SET app.token = abc123"), "$1=(hidden);");
  EXPECT_EQ(values("SELECT a FROM t"), "");
}

TEST(Redact, NormalizedTextsAreBounded) {
  EXPECT_EQ(normalized("SELECT abcdef", 13), "SELECT abcdef");
  EXPECT_EQ(normalized("SELECT abcdef", 12), "SELECT ab...");
  EXPECT_EQ(normalized("SELECT äöü", 12), "SELECT ä...");
  std::string list = "SELECT 1";
  for (int i = 0; i < 100'000; ++i) list += ",1";
  const std::string shown = normalized(list, 1000);
  EXPECT_EQ(shown.size(), 1000u);
  EXPECT_TRUE(shown.starts_with("SELECT $1,$2,$3,")) << shown;
  EXPECT_TRUE(shown.ends_with("...")) << shown;
  for (std::size_t most = 0; most < 20; ++most) EXPECT_LE(normalized("SELECT 'ä', 1", most).size(), std::max<std::size_t>(most, 3));
}

}  // namespace
}  // namespace analyzer
