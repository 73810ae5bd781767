#include "analyzer/lint_text.h"

#include <gtest/gtest.h>

#include "analyzer/lint_scope.h"
#include "analyzer/redact.h"

namespace analyzer {
namespace {

TEST(LintText, ReadsTextsWithoutValues) {
  for (const std::string_view sql :
       {"SELECT interval '1 day', date '2024-01-01', timestamp with time zone '2024-01-01 00:00', '5'::varchar(10)",
        "SELECT a::char(3), b::float(24), c::numeric(10, 2) FROM t WHERE d > now() - interval '90' day",
        "SELECT extract(year FROM x), jsonb '{}' FROM t LIMIT 5 OFFSET 10", "INSERT INTO t VALUES (-1, 'x', NULL, true)"}) {
    LintText text;
    EXPECT_TRUE(text.read(normalized(sql, 2048))) << normalized(sql, 2048);
  }
}

TEST(LintText, ShowsWhatItHasRead) {
  LintText text;
  ASSERT_TRUE(text.read("SELECT a FROM t WHERE b > now() - interval $1 AND (c + 1) * 2 = f(x, (y)) AND d IN ($2)"));
  const auto conditions = conditions_of(text.statement());
  ASSERT_EQ(conditions.size(), 3u);
  EXPECT_EQ(text.slice(conditions[0]), "b > now() - interval $1");
  EXPECT_EQ(text.slice(conditions[1]), "(c + 1) * 2 = f(x, (y))");
  EXPECT_EQ(text.slice(conditions[2]), "d IN ($2)");
}

TEST(LintText, RefusesWhatIsNoSingleStatement) {
  LintText text;
  for (const std::string_view sql : {"", "SELECT 1; SELECT 2", "SELECT FROM WHERE", "SELECT a FROM t WHERE ..."})
    EXPECT_FALSE(text.read(sql)) << sql;
}

TEST(LintText, SurvivesHostileTexts) {
  const auto repeated = [](std::string_view head, std::string_view piece, std::size_t times, std::string_view tail = "") {
    std::string out(head);
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out.append(tail);
  };
  LintText text;
  EXPECT_FALSE(text.read(repeated("SELECT 1", "+1", 100'000)));
  EXPECT_FALSE(text.read(repeated("SELECT ", "(", 50'000, "1")));
  EXPECT_FALSE(text.read(std::string(1 << 20, 'x')));
  EXPECT_FALSE(text.read(std::string("SELECT 1\0x", 10)));
  EXPECT_TRUE(text.read(repeated("SELECT 1", "+a", 3000, " FROM t")));
  EXPECT_LE(text.slice(text.statement()).size(), 310u);
}

}  // namespace
}  // namespace analyzer
