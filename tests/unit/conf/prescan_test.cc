#include "conf/prescan.h"

#include <gtest/gtest.h>

namespace conf {
namespace {

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Prescan, KeysAndBracketsHaveALimit) {
  EXPECT_FALSE(prescan("a" + repeated(".a", kMaxNesting) + " = 1"));
  EXPECT_TRUE(prescan("a" + repeated(".a", kMaxNesting + 1) + " = 1"));
  EXPECT_FALSE(prescan("x = " + repeated("[", kMaxNesting) + repeated("]", kMaxNesting)));
  EXPECT_TRUE(prescan("x = " + repeated("[", kMaxNesting + 1)));
  EXPECT_TRUE(prescan("\"a\"" + repeated(".'a'", kMaxNesting + 1)));
  EXPECT_TRUE(prescan("x = {a" + repeated(" . a", kMaxNesting + 1)));
}

TEST(Prescan, StringsAndCommentsDoNotCount) {
  const std::string dots(1000, '.');
  for (const std::string& text :
       {"x = \"" + dots + "\"", "x = '" + dots + "'", "x = \"\"\"\n" + dots + "\n\"\"\"",
        "x = '''\n" + dots + "'" + dots + "'''", "# " + dots, "x = \"\\\"" + dots + "\""}) {
    EXPECT_FALSE(prescan(text)) << text.substr(0, 20);
  }
  EXPECT_FALSE(prescan("x = [" + repeated("1.5, ", 1000) + "]"));
}

TEST(Prescan, PlaceIsThatOfTheFirstTooMany) {
  const auto deep = prescan("a = '''\n\n'''\nx = " + repeated("[", kMaxNesting + 1));
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->line, 4);
  EXPECT_EQ(deep->column, 4 + kMaxNesting + 1);
}

TEST(Prescan, EndsInsideAnything) {
  for (const char* text : {"\"", "\"\\", "'", "\"\"\"", "'''a''", "#", "[", "a."})
    EXPECT_FALSE(prescan(text));
}

TEST(Prescan, SectionNeedsAName) {
  for (const char* bad : {"[$x]", "x = 1\n  [ !a]", "[[=]]", "[\xc3\xbc]", "[[[a]]]", "[.a]", "[\n"}) {
    const auto found = prescan(bad);
    ASSERT_TRUE(found) << bad;
    EXPECT_EQ(found->message, "a section's name is made of letters, digits, _ and -, or stands in quotes");
  }
  for (const char* good :
       {"[a]", "[[ a ]]", "[ \"$\" ]", "['$']", "[]", "[", "x = [\n[$]\n]", "x = '''\n[$]'''"}) {
    EXPECT_FALSE(prescan(good)) << good;
  }
}

TEST(Prescan, BytesThatTomlForbidsAreFound) {
  for (const std::string_view bad :
       {std::string_view("\0", 1), std::string_view("\x01"), std::string_view("\x7f"),
        std::string_view("\xff"), std::string_view("\xc3"), std::string_view("\r")}) {
    const auto found = prescan("a = 1\nb = '" + std::string(bad) + "'");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->line, 2);
    EXPECT_EQ(found->column, 6);
  }
  EXPECT_FALSE(prescan("a\t= 1\r\nb = '\xc3\xbc'\n"));
}

TEST(Prescan, AByteOrderMarkHidesNothing) {
  EXPECT_TRUE(prescan("\xEF\xBB\xBF[ +\t ").has_value());
  EXPECT_FALSE(prescan("\xEF\xBB\xBF[weir]\n").has_value());
}

}  // namespace
}  // namespace conf
