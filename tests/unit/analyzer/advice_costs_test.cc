#include "analyzer/advice_costs.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

// Plans with a LIMIT cost 3, others 3000; with an index that is pretended, both 2 or so, if the LIMIT's plan takes it.
class Planner final : public Asker {
 public:
  bool limit_takes_it = true, late = false;
  int plans = 0, joins = 0;
  base::Result<SqlRows> ask(std::string_view sql, const SqlRow& params) override {
    if (sql.find("hypopg_reset") != std::string_view::npos) pretended_ = false;
    if (sql.find("hypopg_create_index") != std::string_view::npos) {
      pretended_ = true;
      SqlRows names;
      for (const std::string& one : items_of(params.at(0).value_or(""))) names.push_back({"<" + one + ">"});
      return names;
    }
    if (!sql.starts_with("EXPLAIN")) return SqlRows{};
    ++plans;
    if (sql.find("forbidden") != std::string_view::npos)
      return base::Error{"42501", "permission denied for table o", {}, {}};
    const bool limited = sql.find("LIMIT") != std::string_view::npos;
    const bool takes_it = pretended_ && (!limited || limit_takes_it);
    const int cost = takes_it ? 2 : limited ? 3 : 3000;
    const std::string_view node = takes_it ? R"("Index Scan", "Index Name": "<i>")" : R"("Seq Scan")";
    std::string below = R"({"Node Type": "Result"})";
    for (int i = 0; i < joins; ++i) below = fmt::format(R"({{"Node Type": "Hash Join", "Plans": [{}]}})", below);
    return SqlRows{{fmt::format(
        R"([{{"Plan": {{"Node Type": {}, "Relation Name": "o", "Total Cost": {}, "Plan Rows": 1, "Plans": [{}]}}}}])", node, cost,
        below)}};
  }
  bool out_of_time() const override { return late; }

 private:
  bool pretended_ = false;
};

class AdviceCosts : public testing::Test {
 protected:
  Target target(double ms) {
    query_.calls = 10;
    query_.total_ms = 10 * ms;
    Target made{.query = &query_, .samples = {{.sql = "SELECT * FROM o WHERE t = 'x' ORDER BY id LIMIT 1"}}};
    EXPECT_EQ(costs_.measure(made), "");
    made.uses.resize(1);
    return made;
  }

  WorkQuery query_;
  Planner planner_;
  Measure measure_{planner_, "public"};
  Parts parts_{measure_};
  Costs costs_{measure_, parts_};
  Thought thought_{.candidate = {}, .definition = "i", .pretended = {"i"}};
};

TEST_F(AdviceCosts, AStatementAsFastAsItsPlanSaysIsMeasuredAsItIs) {
  std::vector<Target> targets{target(0.1)};
  costs_.doubt_limits(targets);
  EXPECT_EQ(targets[0].cost, 3);
  EXPECT_TRUE(targets[0].unlimited.empty());
  std::set<std::string> used;
  EXPECT_EQ(costs_.of(targets[0], {&thought_}, &used), 2);
  EXPECT_EQ(used, std::set<std::string>{"i"});
}

TEST_F(AdviceCosts, ALimitThatIsMetLateIsMeasuredWithoutIt) {
  std::vector<Target> targets{target(25)};
  costs_.doubt_limits(targets);
  EXPECT_EQ(targets[0].cost, 3000);
  EXPECT_EQ(costs_.of(targets[0], {}), 3000);
  EXPECT_EQ(costs_.of(targets[0], {&thought_}), 2);
}

TEST_F(AdviceCosts, AnIndexThatItsOwnPlanWouldNotTakeDoesNotHelpIt) {
  std::vector<Target> targets{target(25)};
  costs_.doubt_limits(targets);
  planner_.limit_takes_it = false;
  std::set<std::string> used;
  EXPECT_EQ(costs_.of(targets[0], {&thought_}, &used), 3000);
  EXPECT_TRUE(used.empty());
}

TEST_F(AdviceCosts, WhatWasMeasuredIsNotMeasuredAgain) {
  const Target made = target(0.1);
  EXPECT_EQ(costs_.of(made, {}), 3);
  EXPECT_EQ(planner_.plans, 1) << "without an index it was measured first";
  EXPECT_EQ(costs_.of(made, {&thought_}), 2);
  std::set<std::string> used;
  EXPECT_EQ(costs_.of(made, {&thought_}, &used), 2);
  EXPECT_EQ(used, std::set<std::string>{"i"});
  EXPECT_EQ(planner_.plans, 2);
}

TEST_F(AdviceCosts, WithoutWhatNoPlanUsedAPlanIsTheSame) {
  const Target made = target(0.1);
  const Thought other{.candidate = {}, .definition = "j", .pretended = {"j"}};
  std::set<std::string> used;
  EXPECT_EQ(costs_.of(made, {&thought_, &other}, &used), 2);
  EXPECT_EQ(used, std::set<std::string>{"i"});
  EXPECT_EQ(costs_.of(made, {&thought_}), 2);
  EXPECT_EQ(planner_.plans, 2) << "known from the one with both";
  EXPECT_EQ(costs_.of(made, {&other}), 2);
  EXPECT_EQ(planner_.plans, 3) << "what was used is not there";
}

TEST_F(AdviceCosts, WhenTimeIsUpTheLeastThatIsKnownCounts) {
  const Target made = target(0.1);
  const Thought other{.candidate = {}, .definition = "j", .pretended = {"j"}};
  EXPECT_EQ(costs_.of(made, {&thought_}), 2);
  planner_.late = true;
  std::set<std::string> used;
  EXPECT_EQ(costs_.of(made, {&other}), 3) << "nothing is known of it";
  EXPECT_EQ(costs_.of(made, {&other, &thought_}, &used), 2);
  EXPECT_EQ(used, std::set<std::string>{"i"});
  EXPECT_EQ(planner_.plans, 2);
}

TEST_F(AdviceCosts, AStatementOfManyJoinsIsMeasuredWithAFewSamples) {
  Target made{.query = &query_};
  for (int i = 0; i < 8; ++i) made.samples.push_back({.sql = fmt::format("SELECT {}", i)});
  Target joins = made;
  costs_.measure(made);
  EXPECT_EQ(made.samples.size(), 8U);
  planner_.joins = 6;
  costs_.measure(joins);
  EXPECT_EQ(joins.samples.size(), 3U);
  EXPECT_EQ(joins.plans.size(), 3U);
}

TEST_F(AdviceCosts, WhatMayNotBeReadIsTold) {
  Target made{.query = &query_, .samples = {{.sql = "SELECT forbidden"}}};
  EXPECT_EQ(costs_.measure(made), "permission denied for table o");
  EXPECT_TRUE(made.plans.empty());
}

}  // namespace
}  // namespace analyzer
