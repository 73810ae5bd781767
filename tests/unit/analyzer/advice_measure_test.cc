#include "analyzer/advice_measure.h"

#include <gtest/gtest.h>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

TEST(AdviceMeasure, ArraysAreQuoted) {
  EXPECT_EQ(array_text({}), "{}");
  EXPECT_EQ(array_text({"a", "b\"c\\"}), "{\"a\",\"b\\\"c\\\\\"}");
}

TEST(AdviceMeasure, EverythingHappensReadOnly) {
  FakeAsker asker;
  Measure measure(asker, "ext");
  ASSERT_TRUE(measure.ask("", "SELECT 1", {}).ok());
  ASSERT_TRUE(measure.ask("", "SELECT 2", {}).ok());
  ASSERT_TRUE(measure.plan({.sql = "SELECT 3", .search_path = "mine"}).ok());
  ASSERT_TRUE(measure.plan({.sql = "SELECT 4"}).ok());
  measure.end();
  EXPECT_EQ(asker.asked, (std::vector<std::string>{
                             "BEGIN READ ONLY", "SELECT pg_catalog.set_config('search_path', $1, true) ()", "SELECT 1",
                             "SELECT 2", "SELECT pg_catalog.set_config('search_path', $1, true) (mine)",
                             "EXPLAIN (FORMAT JSON) SELECT 3", "SET LOCAL search_path TO DEFAULT",
                             "EXPLAIN (FORMAT JSON) SELECT 4", "ROLLBACK"}));
}

TEST(AdviceMeasure, AnErrorEndsTheTransaction) {
  FakeAsker asker;
  asker.fails = "boom";
  Measure measure(asker, "ext");
  EXPECT_FALSE(measure.ask(std::nullopt, "boom", {}).ok());
  EXPECT_EQ(asker.asked.back(), "ROLLBACK");
  ASSERT_TRUE(measure.ask(std::nullopt, "SELECT 1", {}).ok());
}

TEST(AdviceMeasure, TheSameIndexesAreNotMadeTwice) {
  FakeAsker asker;
  Measure measure(asker, "ext");
  ASSERT_TRUE(measure.pretend({"CREATE INDEX a"}).ok());
  const auto asked = asker.asked.size();
  ASSERT_TRUE(measure.pretend({"CREATE INDEX a"}).ok());
  EXPECT_EQ(asker.asked.size(), asked);
  EXPECT_EQ(measure.name_of("CREATE INDEX a"), "<CREATE INDEX a>");
  EXPECT_EQ(measure.name_of("CREATE INDEX b"), "");
  ASSERT_TRUE(measure.pretend({}).ok());
  EXPECT_EQ(measure.name_of("CREATE INDEX a"), "");
}

TEST(AdviceMeasure, ManyAreMadeAtOnceWithoutThoseThatAreRefused) {
  FakeAsker asker;
  Measure measure(asker, "ext");
  ASSERT_TRUE(measure.pretend({"CREATE INDEX a", "CREATE INDEX \"b\""}).ok());
  EXPECT_EQ(asker.asked.size(), 4U) << "BEGIN, the path, reset, and both";
  EXPECT_EQ(measure.name_of("CREATE INDEX \"b\""), "<CREATE INDEX \"b\">");
  asker.refuses = "bad";
  ASSERT_TRUE(measure.pretend({"CREATE INDEX a", "CREATE INDEX bad", "CREATE INDEX c"}).ok());
  EXPECT_EQ(measure.name_of("CREATE INDEX a"), "<CREATE INDEX a>");
  EXPECT_EQ(measure.name_of("CREATE INDEX bad"), "");
  EXPECT_EQ(measure.name_of("CREATE INDEX c"), "<CREATE INDEX c>");
  const auto asked = asker.asked.size();
  ASSERT_TRUE(measure.pretend({"CREATE INDEX bad", "CREATE INDEX c"}).ok());
  EXPECT_EQ(asker.asked.size(), asked + 2) << "refused once, it is not asked for again";
}

}  // namespace
}  // namespace analyzer
