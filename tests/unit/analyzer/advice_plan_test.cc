#include "analyzer/advice_plan.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

TEST(AdvicePlan, IsRead) {
  const auto plan = read_plan(R"([{"Plan": {"Node Type": "Hash Join", "Total Cost": 123.45, "Plan Rows": 7, "Plans": [
    {"Node Type": "Seq Scan", "Relation Name": "o", "Schema": "public", "Total Cost": 99.5, "Plan Rows": 3},
    {"Node Type": "Bitmap Heap Scan", "Relation Name": "u", "Total Cost": 1.0, "Plan Rows": 1, "Plans": [
      {"Node Type": "Bitmap Index Scan", "Index Name": "<13>btree_u_a", "Total Cost": 0.5, "Plan Rows": 1}]}]}}])");
  ASSERT_TRUE(plan);
  EXPECT_DOUBLE_EQ(plan->cost, 123.45);
  EXPECT_DOUBLE_EQ(plan->rows, 7);
  EXPECT_EQ(plan->joined, 1);
  EXPECT_TRUE(plan->uses("<13>btree_u_a"));
  EXPECT_FALSE(plan->uses("u_pkey"));
  EXPECT_EQ(plan->scan_of("o"), "Seq Scan");
  EXPECT_EQ(plan->scan_of("u"), "Bitmap Heap Scan, Bitmap Index Scan using <13>btree_u_a");
  EXPECT_EQ(plan->scan_of("nowhere"), "");
  EXPECT_DOUBLE_EQ(plan->scans.at(0).cost, 99);
}

TEST(AdvicePlan, IsNothingWhereItIsNone) {
  for (const char* text : {"", "[]", "{}", "[1]", "[{\"Plan\"", "null"}) EXPECT_FALSE(read_plan(text)) << text;
}

}  // namespace
}  // namespace analyzer
