#include "analyzer/advice_parts.h"

#include <gtest/gtest.h>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

class PartsTest : public testing::Test {
 protected:
  PartsTest() {
    table_.schema = "public";
    table_.name = "t";
    table_.rows = 100'000;
  }
  std::size_t asked(std::string_view text) const {
    std::size_t count = 0;
    for (const std::string& one : asker_.asked) count += one.find(text) != std::string::npos;
    return count;
  }

  FakeAsker asker_;
  Measure measure_{asker_, "ext"};
  Parts parts_{measure_};
  AdviceTable table_;
};

TEST_F(PartsTest, ThePlannerIsAskedOncePerSearchPath) {
  EXPECT_DOUBLE_EQ(parts_.expected(table_, "b IS NULL", ""), 1.0 / 100'000);  // one row, says the plan
  EXPECT_DOUBLE_EQ(parts_.expected(table_, "b IS NULL", ""), 1.0 / 100'000);
  EXPECT_EQ(asked("EXPLAIN"), 1U);
  (void)parts_.expected(table_, "b IS NULL", "app");
  EXPECT_EQ(asked("EXPLAIN"), 2U);
  asker_.fails = "EXPLAIN (FORMAT JSON) SELECT FROM \"public\".\"t\" WHERE c";
  EXPECT_EQ(parts_.expected(table_, "c", ""), 1);
}

TEST_F(PartsTest, ASampleHasAsManyRowsOfEveryTable) {
  asker_.number = "0.25";
  EXPECT_EQ(parts_.sampled(table_, "b", ""), 0.25);
  EXPECT_EQ(parts_.alike(table_, "lower(b)"), 0.25);
  EXPECT_EQ(asked("TABLESAMPLE SYSTEM (30.000000)"), 2U);
  table_.rows = 10;
  (void)parts_.sampled(table_, "b", "");
  EXPECT_EQ(asked("TABLESAMPLE SYSTEM (100.000000)"), 1U);
}

TEST_F(PartsTest, WhatNoRowOfASampleHasOneBehindItMayHave) {
  asker_.number = "0";
  EXPECT_EQ(parts_.sampled(table_, "b", ""), 1.0 / Parts::kSampleRows);
}

TEST_F(PartsTest, WhatCannotBeAskedIsAllOfThem) {
  EXPECT_EQ(parts_.sampled(table_, "b", ""), 1);
  EXPECT_EQ(parts_.alike(table_, "lower(b)"), 1);
}

}  // namespace
}  // namespace analyzer
