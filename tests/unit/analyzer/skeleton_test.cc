// Texts that share a skeleton, and texts that must not.

#include "analyzer/skeleton.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace analyzer {
namespace {

std::string skeleton_of(std::string_view sql, bool standard_conforming_strings = true) {
  Skeleton skeleton;
  skeleton.make(sql, standard_conforming_strings);
  return std::string(skeleton.bytes());
}

TEST(Skeleton, IsTheTokensWithoutLiterals) {
  EXPECT_EQ(skeleton_of("SELECT  a, \"B\" FROM t -- c\nWHERE x = 'y' AND z=1.5e3"),
            "select a , \"B\" from t where x = $ and z = $ ");
  EXPECT_EQ(skeleton_of("select $1, $12"), "select $ , $ 12");
  EXPECT_EQ(skeleton_of("SELECT n'x', E'y' 'z'"), "select nchar $ , $ $ ");
  EXPECT_EQ(skeleton_of(""), "");
  EXPECT_EQ(skeleton_of("; ;"), "");
}

TEST(Skeleton, ListsInParenthesesHaveNoLength) {
  const std::vector<std::vector<std::string_view>> same = {
      {"SELECT 1 WHERE a IN (1)", "SELECT 2 WHERE a IN (1, 2)", "select 3 where a in ('x',-2,+3.5,NULL,true)"},
      {"INSERT INTO t VALUES (1,'a'),(2,'b')", "INSERT INTO t VALUES (1),(2),(3)", "INSERT INTO t VALUES (NULL,-1),(2,$$x$$),(1,2)"},
      {"SELECT x IN ((1,2))", "SELECT x IN ((1,2),(3,4))", "SELECT x IN ((1,2),(3,4),(5,6),(7,8))"},
      {"SELECT ARRAY[1,2]", "SELECT ARRAY[1]"},
      {"SELECT f(a, 1, 2, b)", "SELECT f(a, 1, b)"},
      {"SELECT 1;", "SELECT 1", ";SELECT 1;;"},
      {"SELECT f($1, $2, $3)", "SELECT f($3, $1)"},
  };
  for (const auto& texts : same) {
    for (const auto text : texts) EXPECT_EQ(skeleton_of(text), skeleton_of(texts[0])) << text;
  }
}

TEST(Skeleton, WhatIsMoreThanALiteralStays) {
  const std::vector<std::pair<std::string_view, std::string_view>> different = {
      {"SELECT 1", "SELECT 1, 2"},
      {"SELECT a IN (1, 2 + 3)", "SELECT a IN (1 + 3)"},
      {"SELECT a IN (1, 2::int)", "SELECT a IN (2::int)"},
      {"SELECT f(1, -2::int)", "SELECT f(1, 2::int)"},
      {"VALUES (1)", "VALUES (1), (2)"},  // where the list ends only a parser knows
      {"VALUES (1), (2) ", "VALUES (1), (a)"},
      {"SELECT x IS NULL", "SELECT x IS TRUE"},
      {"SELECT \"a\"", "SELECT \"A\""},
      {"SELECT a < b", "SELECT a <b> c"},
      {"SELECT a - - b", "SELECT a -- b"},
      {"SELECT n'a'", "SELECT n 'a'"},
      {"SELECT ARRAY[[1],[2]]", "SELECT ARRAY[[1],[2],[3]]"},
      {"SELECT current_time(1)", "SELECT current_time(2)"},
      {"SELECT x::float(24)", "SELECT x::float(25)"},  // float4 and float8
      {"SELECT $1", "SELECT $2"},
      {"SELECT $1", "SELECT 1"},
      {"SELECT ((1),(2)) + 1", "SELECT ((1)) + (2)"},
  };
  for (const auto& [a, b] : different) EXPECT_NE(skeleton_of(a), skeleton_of(b)) << a << " / " << b;
}

TEST(Skeleton, CountsTokensOutsideOfLists) {
  Skeleton skeleton;
  std::string list = "SELECT x IN (1";
  for (int i = 0; i < 100'000; ++i) list += ", 2";
  skeleton.make(list + ")");
  EXPECT_EQ(skeleton.tokens(), 6u);
  std::string rows = "INSERT INTO t VALUES (1, 2)";
  for (int i = 0; i < 100'000; ++i) rows += ", (3, 'x')";
  skeleton.make(rows);
  EXPECT_EQ(skeleton.tokens(), 11u);
  std::string sum = "SELECT 1";
  for (int i = 0; i < 1000; ++i) sum += "+1";
  skeleton.make(sum);
  EXPECT_EQ(skeleton.tokens(), 2002u);
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "(1,(";
  skeleton.make(nested);
  EXPECT_EQ(skeleton.tokens(), 4000u);
  for (int i = 0; i < 1000; ++i) nested += "))";
  skeleton.make(nested);
  EXPECT_GE(skeleton.tokens(), 5000u);  // the brackets are still there
}

TEST(Skeleton, SaysWhatItSaw) {
  Skeleton skeleton;
  skeleton.make(" ((Select 1");
  EXPECT_EQ(skeleton.first_word(), "select");
  skeleton.make("\"select\" 1");
  EXPECT_EQ(skeleton.first_word(), "");
  skeleton.make("SELECT $3, $12, $5");
  EXPECT_EQ(skeleton.parameters(), 12);
  EXPECT_TRUE(skeleton.sound() && !skeleton.multiple() && !skeleton.backslash() && !skeleton.empty());
  skeleton.make("SELECT 1; SELECT 2");
  EXPECT_TRUE(skeleton.multiple());
  skeleton.make("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);");
  EXPECT_FALSE(skeleton.multiple());
  skeleton.make("SELECT '\\'");
  EXPECT_TRUE(skeleton.backslash());
  for (const auto* unsound : {"SELECT 'x", "SELECT 1a", "SELECT U&\"a\" UESCAPE '!'", "SELECT $70000", "SELECT {"}) {
    skeleton.make(unsound);
    EXPECT_FALSE(skeleton.sound()) << unsound;
  }
  skeleton.make(std::string_view("SELECT 'a\0b'", 12));
  EXPECT_FALSE(skeleton.sound());
  skeleton.make("");
  EXPECT_TRUE(skeleton.empty());
}

TEST(Skeleton, IsTheSameForOldStringsWithoutBackslashes) {
  EXPECT_EQ(skeleton_of("SELECT 'a', 'b''c'", true), skeleton_of("SELECT 'a', 'b''c'", false));
}

TEST(Skeleton, ItsMemoryIsUsedAgainForShorterAndLongerTexts) {
  Skeleton skeleton;
  for (const std::size_t size : {10u, 10'000u, 3u, 200'000u, 1u}) {
    const std::string text = "SELECT " + std::string(size, 'a') + ",b,n'',n''";
    skeleton.make(text);
    EXPECT_EQ(skeleton.bytes().size(), size + 32) << size;
  }
}

}  // namespace
}  // namespace analyzer
