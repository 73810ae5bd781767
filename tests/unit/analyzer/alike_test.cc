// What is found without tokens is what would have been found with them.

#include "analyzer/alike.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace analyzer {
namespace {

std::string skeleton_of(std::string_view sql) {
  Skeleton skeleton;
  skeleton.make(sql, true);
  return std::string(skeleton.bytes());
}

struct Texts {
  AlikeTexts alike;
  Skeleton skeleton;

  AnalysisPtr put(std::string_view sql, uint8_t variant = 0) {
    auto facts = std::make_shared<const Analysis>();
    skeleton.make(sql, true);
    alike.put(sql, variant, skeleton.values(), facts);
    return facts;
  }
  bool finds(std::string_view sql, const AnalysisPtr& facts, uint8_t variant = 0) {
    const AnalysisPtr* found = alike.find(sql, variant);
    return found != nullptr && *found == facts;
  }
};

TEST(AlikeTexts, NumbersAndPlainStringsMayDiffer) {
  Texts texts;
  const AnalysisPtr facts = texts.put("UPDATE t SET a = 17, b = 'x y' WHERE id = 3;");
  for (const std::string_view same : {
           "UPDATE t SET a = 17, b = 'x y' WHERE id = 3;", "UPDATE t SET a = 0, b = '' WHERE id = 12345678901234567890;",
           "UPDATE t SET a = 1, b = 'where -- /* \n' WHERE id = 3;", "UPDATE t SET a = 1, b = '\xc3\xa4' WHERE id = 3;"}) {
    EXPECT_TRUE(texts.finds(same, facts)) << same;
  }
}

TEST(AlikeTexts, NothingElseMay) {
  Texts texts;
  const AnalysisPtr facts = texts.put("UPDATE t SET a = 17, b = 'x y' WHERE id = 3;");
  for (const std::string_view other : {
           "UPDATE t SET a = 17, b = 'x y' WHERE id = 3", "UPDATE t SET a = 17, b = 'x y' WHERE id = 3;;",
           "UPDATE t SET a = 17, c = 'x y' WHERE id = 3;", "UPDATE t SET a = 17, b = 'x' 'y' WHERE id = 3;",
           "UPDATE t SET a = 17, b = 'x''y' WHERE id = 3;", "UPDATE t SET a = 17, b = 'x\\y' WHERE id = 3;",
           "UPDATE t SET a = , b = 'x y' WHERE id = 3;", "UPDATE t SET a = -17, b = 'x y' WHERE id = 3;",
           "UPDATE t SET a = 17.5, b = 'x y' WHERE id = 3;", "UPDATE t SET a = 17a, b = 'x y' WHERE id = 3;",
           "UPDATE t SET a = '17', b = 'x y' WHERE id = 3;", "UPDATE t SET a = 17, b = 5 WHERE id = 3;",
           "UPDATE t SET a = 17, b = 'x y WHERE id = 3;", "UPDATE t SET a = 17, b = 'x y' WHERE id = ",
           "UPDATE t SET a = 17, b = 'x y'", "UPDATE t SET a = 17"}) {
    EXPECT_FALSE(texts.finds(other, facts)) << other;
  }
  EXPECT_FALSE(texts.finds(std::string_view("UPDATE t SET a = 17, b = 'x\0y' WHERE id = 3;", 44), facts));
  EXPECT_FALSE(texts.finds("UPDATE t SET a = 17, b = 'x y' WHERE id = 3;", facts, 1));
}

// A number that says which type is meant, a parameter, a name with digits, a string of another kind: no values.
TEST(AlikeTexts, WhatIsNoValueStays) {
  const std::pair<std::string_view, std::string_view> pairs[] = {
      {"SELECT a::float(24) FROM t", "SELECT a::float(25) FROM t"}, {"SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = $2"},
      {"SELECT column_1 FROM t", "SELECT column_2 FROM t"},         {"SELECT abcdefghij, E'a'", "SELECT abcdefghij, E'b'"},
      {"SELECT abcdefghij, $$a$$", "SELECT abcdefghij, $$b$$"},     {"SELECT abcdefghij, 1.5", "SELECT abcdefghij, 2.5"},
      {"SELECT abcdefghij, 'a''b'", "SELECT abcdefghij, 'a''c'"},   {"SELECT abcdefghij, \"1\"", "SELECT abcdefghij, \"2\""},
      {"SELECT abcdefghij -- 1", "SELECT abcdefghij -- 2"}};
  for (const auto& [one, other] : pairs) {
    Texts texts;
    const AnalysisPtr facts = texts.put(one);
    EXPECT_TRUE(texts.finds(one, facts)) << one;
    EXPECT_FALSE(texts.finds(other, facts)) << other;
  }
}

TEST(AlikeTexts, TooShortOrTooLongIsNotKept) {
  Texts texts;
  const std::string longest = "SELECT a FROM t WHERE b = '" + std::string(AlikeTexts::kTextMax - 28, 'x') + "'";
  EXPECT_TRUE(texts.finds(longest, texts.put(longest)));
  EXPECT_EQ(texts.alike.find("SELECT a FROM t WHERE b = '" + std::string(AlikeTexts::kTextMax, 'x') + "'", 0), nullptr);
  texts.put("SELECT 1");
  EXPECT_EQ(texts.alike.find("SELECT 1", 0), nullptr);
  texts.put("");
  EXPECT_EQ(texts.alike.find("", 0), nullptr);
}

// With more values than are counted only the very same text is alike.
TEST(AlikeTexts, ManyValues) {
  Texts texts;
  std::string many = "SELECT * FROM t WHERE a IN (0";
  for (std::size_t i = 1; i <= Skeleton::kValuesMax; ++i) many += ", " + std::to_string(i);
  const AnalysisPtr facts = texts.put(many + ")");
  EXPECT_TRUE(texts.finds(many + ")", facts));
  EXPECT_FALSE(texts.finds(many + "0)", facts));
}

TEST(AlikeTexts, ThoseThatComeOftenStay) {
  Texts texts;
  const std::string often = "SELECT a FROM some_table WHERE id = ";
  const AnalysisPtr facts = texts.put(often + "1");
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(texts.finds(often + std::to_string(i), facts)) << i;
    texts.put("SELECT a FROM some_other_table_" + std::to_string(i));
  }
  for (int i = 1000; i < 1100; ++i) texts.put("SELECT a FROM some_other_table_" + std::to_string(i));
  EXPECT_FALSE(texts.finds(often + "1", facts));  // no longer asked for
}

// Whatever is done to a text: if it is found, its skeleton is that of the text that was put in.
TEST(AlikeTexts, AgreesWithTheSkeleton) {
  const std::string_view seeds[] = {
      "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;",
      "INSERT INTO t VALUES (1, 'one', NULL), (2, 'two', -3), (4, 'x''y', 5.5)",
      "SELECT * FROM t WHERE a IN (1, 2, 3) AND b = 'x' OR c LIKE 'a%' LIMIT 10 OFFSET 20",
      "SELECT a::float(24), b[1:2], 'x'\n'y', E'\\n', $1, $$1$$ FROM t1 WHERE n'x' = 'a' -- 5",
      "UPDATE t SET a = a+1, b = 1 - -2 /* 3 */ WHERE c = '5'::int AND d = interval(3) '7'",
      "WITH x AS (SELECT 1..2, 1.e3, 0x1f, 1_000) SELECT current_time(1) FROM x WHERE 'a' 'b'"};
  const std::string_view pieces[] = {"0", "17", "9", "'", "''", "\\", "a", " ", ".", "$", "-", "\n", "e1", "(", "x", "1.5", "--", "/*"};
  std::mt19937 random(7);
  const auto pick = [&random](std::size_t of) { return static_cast<std::size_t>(random() % of); };
  std::size_t found = 0;
  for (int round = 0; round < 60000; ++round) {
    const std::string_view seed = seeds[pick(std::size(seeds))];
    Texts texts;
    const AnalysisPtr facts = texts.put(seed);
    std::string changed(seed);
    for (std::size_t times = 1 + pick(3); times > 0; --times) {
      const std::size_t at = pick(changed.size());
      if (pick(2) == 0) {
        // Where a value is, mostly.
        const auto values = texts.skeleton.values();
        const std::size_t near = values.empty() ? at : std::min<std::size_t>(values[pick(values.size())].at + pick(2), changed.size());
        changed.replace(near, pick(2), pieces[pick(std::size(pieces))]);
      } else {
        changed.replace(at, pick(3), pieces[pick(std::size(pieces))]);
      }
      if (changed.empty()) changed = "x";
    }
    if (!texts.finds(changed, facts)) continue;
    ++found;
    ASSERT_EQ(skeleton_of(changed), skeleton_of(seed)) << changed;
    Skeleton now;
    now.make(changed, true);
    ASSERT_EQ(now.sound(), texts.skeleton.sound()) << changed;
    ASSERT_EQ(now.backslash(), texts.skeleton.backslash()) << changed;
  }
  EXPECT_GT(found, 2000U);
}

}  // namespace
}  // namespace analyzer
