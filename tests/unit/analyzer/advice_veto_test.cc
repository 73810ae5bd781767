#include "analyzer/advice_veto.h"

#include <gtest/gtest.h>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

class VetoTest : public testing::Test {
 protected:
  VetoTest() { table_.rows = 1000; }
  bool plausible(std::vector<IndexKey> keys, std::string predicate = {}) {
    Candidate candidate;
    candidate.shape = {.schema = "public", .table = "t", .keys = std::move(keys), .predicate = std::move(predicate)};
    rows_ = table_.rows;
    return vetoes_.objection(candidate, table_, rows_).empty();
  }

  FakeAsker asker_;
  Measure measure_{asker_, "ext"};
  Parts parts_{measure_};
  Vetoes vetoes_{measure_, parts_};
  AdviceTable table_;
  double rows_ = 0;
};

TEST_F(VetoTest, PlainColumnsNeedNoQuestion) {
  EXPECT_TRUE(plausible({key_on("a")}));
  EXPECT_TRUE(asker_.asked.empty());
}

TEST_F(VetoTest, APartialIndexIsForFewRows) {
  EXPECT_TRUE(plausible({key_on("a")}, "\"b\" IS NULL"));  // one row, says the plan
  EXPECT_DOUBLE_EQ(rows_, 1);
  table_.rows = 4;
  EXPECT_FALSE(plausible({key_on("a")}, "\"c\" IS NULL"));
}

TEST_F(VetoTest, AnExpressionThatNobodyCanReadIsNone) {
  EXPECT_FALSE(plausible({{.text = "lower(\"e\")", .expression = true}}));  // no answer
  const auto asked = asker_.asked.size();
  EXPECT_FALSE(plausible({{.text = "lower(\"e\")", .expression = true}}));
  EXPECT_EQ(asker_.asked.size(), asked) << "asked once";
  asker_.number = "0.001";
  EXPECT_TRUE(plausible({{.text = "upper(\"e\")", .expression = true}}));
  asker_.number = "0.5";
  EXPECT_FALSE(plausible({{.text = "left(\"e\", 1)", .expression = true}}));
}

TEST_F(VetoTest, AFunctionThatMayNotBeIndexedIsNotRun) {
  asker_.refuses = "dangerous";
  asker_.number = "0.001";
  EXPECT_FALSE(plausible({{.text = "dangerous(\"e\")", .expression = true}}));
  for (const std::string& asked : asker_.asked) EXPECT_EQ(asked.find("TABLESAMPLE"), std::string::npos) << asked;
}

}  // namespace
}  // namespace analyzer
