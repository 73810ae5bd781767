#include "analyzer/lint_facts.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace analyzer {
namespace {

TEST(LintFacts, RemembersOfValuesWhatRulesNeed) {
  LintFacts facts;
  facts.look({.text = "SELECT a FROM t WHERE b LIKE '%x' LIMIT 10 OFFSET 50", .rows = 3});
  facts.look({.text = "SELECT a FROM t WHERE b LIKE 'y%' LIMIT 10 OFFSET 5000", .rows = 7});
  EXPECT_EQ(facts.text(), "SELECT a FROM t WHERE b LIKE $1 LIMIT $2 OFFSET $3");
  EXPECT_EQ(facts.parameter(1).wild_first, 1u);
  EXPECT_EQ(facts.parameter(1).numbers, 0u);
  EXPECT_TRUE(facts.parameter(2).always_same);
  EXPECT_EQ(facts.parameter(3).number_min, 50);
  EXPECT_EQ(facts.parameter(3).number_max, 5000);
  EXPECT_FALSE(facts.parameter(3).always_same);
  EXPECT_EQ(facts.rows_max(), 7u);
  EXPECT_EQ(facts.parameter(4).seen, 0u);
  EXPECT_EQ(facts.parameter(0).seen, 0u);
}

TEST(LintFacts, BoundValuesComeBeforeThoseOfTheText) {
  LintFacts facts;
  const std::array<std::optional<std::string>, 2> values{std::optional<std::string>("{1,2,3}"), std::nullopt};
  const std::array<uint32_t, 2> types{1016, 25};
  facts.look({.text = "SELECT a FROM t WHERE b = ANY($1) AND c = $2 AND d = 7", .prepared = true, .values = values, .types = types});
  EXPECT_EQ(facts.parameter(1).elements_max, 3u);
  EXPECT_EQ(facts.parameter(1).type, 1016u);
  EXPECT_EQ(facts.parameter(2).nulls, 1u);
  EXPECT_EQ(facts.parameter(3).number_max, 7);
  EXPECT_EQ(facts.prepared(), 1u);
}

TEST(LintFacts, KeepsNoValue) {
  LintFacts facts;
  facts.look({.text = "SELECT a FROM t WHERE secret = 'hunter2' AND n = 123456"});
  EXPECT_EQ(facts.text().find("hunter2"), std::string::npos);
  EXPECT_EQ(facts.text(), "SELECT a FROM t WHERE secret = $1 AND n = $2");
}

TEST(LintFacts, ListsAreShort) {
  std::string list = "SELECT a FROM t WHERE b IN (1";
  for (int i = 2; i <= 1000; ++i) list += ", " + std::to_string(i);
  LintFacts facts;
  facts.look({.text = list + ") AND c = 5"});
  EXPECT_EQ(facts.text(), "SELECT a FROM t WHERE b IN ($1) AND c = $1001");
  EXPECT_EQ(facts.list_max(), 1000u);
  uint32_t longest = 0;
  EXPECT_EQ(with_short_lists("f($1, $2) AND a IN ($3, $4, b)", longest), "f($1, $2) AND a IN ($3, $4, b)");
  EXPECT_EQ(longest, 2u);
}

TEST(LintFacts, ATextThatIsTooLongIsNotKept) {
  LintFacts facts;
  facts.look({.text = "SELECT " + std::string(1 << 20, 'x')});
  EXPECT_EQ(facts.text(), "");
  EXPECT_EQ(facts.calls(), 1u);
}

TEST(LintFacts, CountsDifferentValues) {
  for (const int different : {1, 10, 100, 300}) {
    LintFacts facts;
    for (int i = 0; i < 3000; ++i) facts.count({.value_hash = static_cast<uint64_t>(i % different) * 0x9e3779b97f4a7c15U >> 7U});
    EXPECT_NEAR(facts.distinct(), different, 0.2 * different + 1) << different;
  }
}

TEST(LintFacts, CountsCallsInLongRuns) {
  LintFacts facts;
  for (int run = 0; run < 2; ++run)
    for (uint32_t i = 1; i <= 60; ++i) facts.count({.run = i});
  EXPECT_EQ(facts.in_long_runs(), 120u);
  for (uint32_t i = 1; i < 50; ++i) facts.count({.run = i});
  EXPECT_EQ(facts.in_long_runs(), 120u);
}

TEST(LintFacts, WorkersAreBroughtTogether) {
  LintFacts one, other;
  one.look({.text = "SELECT a FROM t LIMIT 5", .rows = 5});
  other.look({.text = "SELECT a FROM t LIMIT 9", .rows = 9});
  one.merge(other);
  EXPECT_EQ(one.calls(), 2u);
  EXPECT_EQ(one.rows_max(), 9u);
  EXPECT_EQ(one.parameter(1).number_min, 5);
  EXPECT_EQ(one.parameter(1).number_max, 9);
  EXPECT_FALSE(one.parameter(1).always_same);
}

TEST(LintBook, HoldsTheStatementsThatRanLast) {
  LintBook book;
  for (uint64_t i = 0; i < LintBook::kStatementsMax + 10; ++i) book.of(i, "app").count({});
  EXPECT_EQ(book.size(), LintBook::kStatementsMax);
  EXPECT_EQ(book.of(5, "app").calls(), 0u);
  EXPECT_EQ(book.of(LintBook::kStatementsMax, "app").calls(), 1u);
  EXPECT_EQ(book.of(LintBook::kStatementsMax, "other").calls(), 0u);
  const auto entries = book.snapshot();
  EXPECT_EQ(entries.front().database, "other");
  EXPECT_EQ(entries.front().fingerprint, LintBook::kStatementsMax);
}

}  // namespace
}  // namespace analyzer
