#include "conf/nesting.h"

#include <gtest/gtest.h>

namespace conf {
namespace {

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Nesting, KeysAndBracketsHaveALimit) {
  EXPECT_FALSE(find_deep_nesting("a" + repeated(".a", kMaxNesting) + " = 1"));
  EXPECT_TRUE(find_deep_nesting("a" + repeated(".a", kMaxNesting + 1) + " = 1"));
  EXPECT_FALSE(find_deep_nesting("x = " + repeated("[", kMaxNesting) + repeated("]", kMaxNesting)));
  EXPECT_TRUE(find_deep_nesting("x = " + repeated("[", kMaxNesting + 1)));
  EXPECT_TRUE(find_deep_nesting("\"a\"" + repeated(".'a'", kMaxNesting + 1)));
  EXPECT_TRUE(find_deep_nesting("x = {a" + repeated(" . a", kMaxNesting + 1)));
}

TEST(Nesting, StringsAndCommentsDoNotCount) {
  const std::string dots(1000, '.');
  for (const std::string& text : {"x = \"" + dots + "\"", "x = '" + dots + "'", "x = \"\"\"\n" + dots + "\n\"\"\"",
                                  "x = '''\n" + dots + "'" + dots + "'''", "# " + dots, "x = \"\\\"" + dots + "\""}) {
    EXPECT_FALSE(find_deep_nesting(text)) << text.substr(0, 20);
  }
  EXPECT_FALSE(find_deep_nesting("x = [" + repeated("1.5, ", 1000) + "]"));
}

TEST(Nesting, PlaceIsThatOfTheFirstTooMany) {
  const auto deep = find_deep_nesting("a = '''\n\n'''\n" + repeated("[", kMaxNesting + 1));
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->line, 4);
  EXPECT_EQ(deep->column, kMaxNesting + 1);
}

TEST(Nesting, EndsInsideAnything) {
  for (const char* text : {"\"", "\"\\", "'", "\"\"\"", "'''a''", "#", "[", "a."}) EXPECT_FALSE(find_deep_nesting(text));
}

}  // namespace
}  // namespace conf
