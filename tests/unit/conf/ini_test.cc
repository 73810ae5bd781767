#include "conf/ini.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::vector<std::string> entries(std::string_view text, const FixedSurroundings& around,
                                 std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const IniEntry& entry : parse_ini(text, "conf/a.ini", around, problems)) {
    out.push_back(entry.file + ":" + std::to_string(entry.line) + " [" + entry.section + "] " + entry.key +
                  "=" + entry.value);
  }
  return out;
}

TEST(Ini, EntriesCarrySectionAndPlace) {
  std::vector<Problem> problems;
  EXPECT_THAT(
      entries("; c\n# c\n[ pgbouncer ]\r\n  a = b c ; kept \n[databases]\n* = host=x\n\"a \"\"b\" = \n", {},
              problems),
      ElementsAre("conf/a.ini:4 [pgbouncer] a=b c ; kept", "conf/a.ini:6 [databases] *=host=x",
                  "conf/a.ini:7 [databases] a \"b="));
  EXPECT_TRUE(problems.empty());
}

TEST(Ini, IncludedFilesStandInTheirPlace) {
  FixedSurroundings around;
  around.files = {{"conf/b.ini", "y = 2\n[z]\n"}, {"/abs", "v = 1\n"}};
  std::vector<Problem> problems;
  EXPECT_THAT(
      entries("[s]\nx = 1\n%include b.ini\nw = 3\n%include /abs\n", around, problems),
      ElementsAre("conf/a.ini:2 [s] x=1", "conf/b.ini:1 [s] y=2", "conf/a.ini:4 [z] w=3", "/abs:1 [z] v=1"));
  EXPECT_TRUE(problems.empty());
}

TEST(Ini, CircleOfIncludesEnds) {
  FixedSurroundings around;
  around.files = {{"conf/a.ini", "%include a.ini\n"}};
  std::vector<Problem> problems;
  entries("%include a.ini\n", around, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].message, HasSubstr("nested too deep"));
}

TEST(Ini, WrongLinesAreProblems) {
  std::vector<Problem> problems;
  EXPECT_THAT(
      entries("a = 1\n[s\n[s]\nnonsense\n= 1\n\"x = 1\n%includes y\n%include none\nb=2", {}, problems),
      ElementsAre("conf/a.ini:9 [s] b=2"));
  std::vector<int> lines;
  for (const Problem& problem : problems) lines.push_back(problem.line);
  EXPECT_THAT(lines, ElementsAre(1, 2, 4, 5, 6, 7, 8));
}

TEST(ConnectionString, PairsWithQuotedValues) {
  const auto pairs = parse_connection_string("host=a  port = 5432 password='it''s a' connect_query='' x=");
  ASSERT_TRUE(pairs.ok());
  EXPECT_THAT(*pairs, ElementsAre(Pair("host", "a"), Pair("port", "5432"), Pair("password", "it's a"),
                                  Pair("connect_query", ""), Pair("x", "")));
  EXPECT_TRUE(parse_connection_string("")->empty());
}

TEST(ConnectionString, WhatIsNoPairIsRefused) {
  for (const char* text : {"host", "=x", "a=b c", "a='b"})
    EXPECT_FALSE(parse_connection_string(text).ok()) << text;
}

}  // namespace
}  // namespace conf
