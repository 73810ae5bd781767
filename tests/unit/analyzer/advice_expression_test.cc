#include "analyzer/advice_expression.h"

#include <gtest/gtest.h>

#include "analyzer/parser.h"
#include "analyzer/skeleton.h"

namespace analyzer {
namespace {

std::string told(std::string_view expression) {
  const std::string sql = "SELECT " + std::string(expression);
  Skeleton skeleton;
  skeleton.make(sql);
  Parse parsed;
  parse(sql, skeleton, {}, parsed);
  const Node target = *(*parsed.tree.root()["stmts"].begin())["stmt"]["SelectStmt"]["targetList"].begin();
  return expression_text(target["ResTarget"]["val"].inner());
}

TEST(AdviceExpression, IsWrittenAgain) {
  EXPECT_EQ(told("lower(t.e)"), "\"lower\"(\"e\")");
  EXPECT_EQ(told("d->>'k'"), "(\"d\" ->> 'k')");
  EXPECT_EQ(told("a::date"), "(\"a\")::\"date\"");
  EXPECT_EQ(told("a + 1.5"), "(\"a\" + 1.5)");
  EXPECT_EQ(told("true"), "true");
  EXPECT_EQ(told("'x'"), "'x'");
}

TEST(AdviceExpression, IsNothingWhereMoreIsInIt) {
  for (const char* text : {"$1", "-5", "0", "(SELECT 1)", "count(*)", "sum(a) OVER ()", "a::numeric(3,2)",
                           "CASE WHEN a THEN b END", "E'a\\\\b'", "ARRAY[1]"})
    EXPECT_EQ(told(text), "") << text;
  std::string deep = "a";
  for (int i = 0; i < 40; ++i) deep = "lower(" + deep + ")";
  EXPECT_EQ(told(deep), "");
}

TEST(AdviceExpression, Patterns) {
  EXPECT_EQ(literal_prefix("abc%"), "abc");
  EXPECT_EQ(literal_prefix("%abc"), "");
  EXPECT_EQ(literal_prefix("a_c"), "a");
}

}  // namespace
}  // namespace analyzer
