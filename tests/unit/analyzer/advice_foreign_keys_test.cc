// That the SQL finds the right foreign keys is for tests/integration/test_advice.py to say.
#include "analyzer/advice_foreign_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace analyzer {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

SqlRow row(std::string oid, std::string column, std::string table = "child", std::string rows = "100000",
           std::string deletes = "720") {
  return {oid, "public", table, column, "k" + oid, "parent", deletes, "1000", rows, "500", "4", "-0.5", "2", "integer"};
}

TEST(AdviceForeignKeys, OneWithSeveralColumnsIsOneIndex) {
  const auto advice = foreign_key_advice("app", {row("1", "a"), row("1", "b"), row("2", "c", "other", "50000")}, {});
  ASSERT_THAT(advice, SizeIs(2));
  EXPECT_EQ(advice[0].shape.table, "child");
  EXPECT_EQ(keys_text(advice[0].shape), "\"a\", \"b\"");
  EXPECT_EQ(advice[0].model, "rule");
  EXPECT_EQ(advice[0].database, "app");
  EXPECT_EQ(advice[0].why, "foreign key k1: each row deleted from parent looks for its rows here, 720 so far");
  EXPECT_THAT(advice[0].details, IsEmpty());
  // 360 deletes an hour, each through 100,000 rows of 0.13 us.
  EXPECT_NEAR(advice[0].saves_ms_per_hour, 4680, 1);
  EXPECT_NEAR(advice[0].write_ms_per_hour, 2.5, 0.01);
  EXPECT_NEAR(advice[1].saves_ms_per_hour, 2340, 1);
}

TEST(AdviceForeignKeys, WhatSavesTheMostComesFirst) {
  const auto advice = foreign_key_advice("app", {row("1", "a", "small", "100"), row("2", "a", "large", "1e6")}, {});
  ASSERT_THAT(advice, SizeIs(2));
  EXPECT_EQ(advice[0].shape.table, "large");
}

TEST(AdviceForeignKeys, WhatAStatementWantsTooIsLeftToThatOne) {
  Advice measured;
  measured.shape = {.schema = "public", .table = "child", .keys = {key_on("b"), key_on("a"), key_on("z")}};
  EXPECT_THAT(foreign_key_advice("app", {row("1", "a"), row("1", "b")}, {measured}), IsEmpty());
  EXPECT_THAT(foreign_key_advice("app", {row("1", "a"), row("1", "z")}, {measured}), SizeIs(1));
  EXPECT_THAT(foreign_key_advice("app", {row("1", "a", "other")}, {measured}), SizeIs(1));
  measured.shape.predicate = "a > 5";
  EXPECT_THAT(foreign_key_advice("app", {row("1", "a"), row("1", "b")}, {measured}), SizeIs(1));
}

TEST(AdviceForeignKeys, TwoOnTheSameColumnsWantOneIndex) {
  EXPECT_THAT(foreign_key_advice("app", {row("1", "a"), row("2", "a")}, {}), SizeIs(1));
}

TEST(AdviceForeignKeys, RowsOfAnotherFormAreLeftOut) {
  SqlRow nameless = row("3", "a");
  nameless[3].reset();
  EXPECT_THAT(foreign_key_advice("app", {{"1", "a"}, {}, nameless}, {}), IsEmpty());
  SqlRow strange = row("4", "a");
  strange[6] = "many";
  strange[12].reset();
  ASSERT_THAT(foreign_key_advice("app", {strange}, {}), SizeIs(1));
  EXPECT_EQ(foreign_key_advice("app", {strange}, {})[0].saves_ms_per_hour, 0);
}

}  // namespace
}  // namespace analyzer
