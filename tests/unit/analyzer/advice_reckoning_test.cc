#include "analyzer/advice_reckoning.h"

#include "tests/unit/analyzer/advice_asker.h"
#include "tests/unit/analyzer/advice_support.h"

namespace analyzer {
namespace {

Plan scanning(double cost, double scan) {
  Plan plan{.cost = cost, .scans = {}};
  plan.scans.push_back({.schema = {}, .relation = "o", .node = "Seq Scan", .index = {}, .cost = scan});
  return plan;
}

TEST(AdviceReckoning, AScanIsReplacedInItsPlan) {
  EXPECT_EQ(cost_with(scanning(5000, 4000), "o", 100), 1100);
  EXPECT_EQ(cost_with(scanning(50, 4000), "o", 10), 10);             // a LIMIT: at most all of it
  EXPECT_EQ(cost_with(scanning(50, 4000), "o", 100), std::nullopt);  // and that would be more
  EXPECT_EQ(cost_with(scanning(5000, 4000), "o", 2000), std::nullopt);
  EXPECT_EQ(cost_with(scanning(5000, 4000), "u", 100), std::nullopt);
  Plan twice = scanning(5000, 4000);
  twice.scans.push_back(twice.scans.front());
  EXPECT_EQ(cost_with(twice, "o", 100), std::nullopt);
  Plan indexed = scanning(5000, 4000);
  indexed.scans.front().node = "Index Scan";
  EXPECT_EQ(cost_with(indexed, "o", 100), std::nullopt);
}

TEST(AdviceReckoning, FewRowsAreCheapAndManyAreNot) {
  const AdviceCatalog known = advice_support::catalog();
  const AdviceTable& o = known.tables[0];
  EXPECT_LT(gin_cost(o, 10, false), 100);
  EXPECT_LT(gin_cost(o, 10, false), gin_cost(o, 10, true));
  EXPECT_GT(gin_cost(o, 50'000, false), 2000);
  EXPECT_NEAR(brin_cost(o, 0.1, 10'000), 3570, 1);  // a tenth, and the blocks at both ends
  EXPECT_NEAR(brin_cost(o, 1, 10'000), 10'010, 1);
}

TEST(AdviceReckoning, ABtreeFindsRowsByWhatItsKeysAreAskedFor) {
  const AdviceCatalog known = advice_support::catalog();
  const auto by = [&](std::vector<std::string> keys, std::string_view where, std::string predicate = {}) {
    IndexShape shape{.schema = "public", .table = "o", .keys = {}, .predicate = std::move(predicate)};
    for (std::string& key : keys) shape.keys.push_back(key_on(std::move(key)));
    return condition_by(shape, advice_support::uses(known, "SELECT * FROM o WHERE " + std::string(where)).at(0));
  };
  EXPECT_EQ(by({"a", "b"}, "b = 2 AND a = 1"), R"("a" = 1 AND "b" = 2)");
  EXPECT_EQ(by({"a", "b"}, "b > 2 AND b < 9 AND a IN (1, 2)"), R"("a" IN (1, 2) AND "b" > 2 AND "b" < 9)");
  EXPECT_EQ(by({"b", "a"}, "b > 2 AND a = 1"), R"("b" > 2)");
  EXPECT_EQ(by({"c", "a"}, "a = 1"), "");
  EXPECT_EQ(by({"id"}, "t = 'x'", "\"t\" = 'x'"), "\"t\" = 'x'");
  EXPECT_LT(btree_cost(known.tables[0], 10), 50);
  EXPECT_GT(btree_cost(known.tables[0], 50'000), 3000) << "every page of it";
}

TEST(AdviceReckoning, RowsThatMatchAreCountedInASampleOnce) {
  const AdviceCatalog known = advice_support::catalog();
  FakeAsker asker;
  asker.number = "0.001";
  Measure measure(asker, "public");
  Parts parts(measure);
  Reckoning reckoning(parts);
  const auto cost = [&](std::string_view sql, std::size_t candidate = 0) {
    const TableUse use = advice_support::uses(known, sql).at(0);
    return reckoning.cost(candidates_of(use, "gin_trgm_ops").at(candidate), use, "app", scanning(4000, 4000));
  };
  EXPECT_NEAR(cost("SELECT * FROM o WHERE d @> '{\"k\": 1}'").value_or(0), 25 + 0.5 + 200 + 2, 0.1);
  const auto asked = [&](std::string_view text) {
    return std::count_if(asker.asked.begin(), asker.asked.end(),
                         [text](const std::string& one) { return one.find(text) != std::string::npos; });
  };
  EXPECT_EQ(asked("WHERE \"d\" @> '{\"k\": 1}'"), 1);
  EXPECT_EQ(asked("TABLESAMPLE SYSTEM (30.000000)"), 1);
  EXPECT_TRUE(cost("SELECT * FROM o WHERE d @> '{\"k\": 1}'", 1));
  EXPECT_EQ(asked("WHERE \"d\" @> '{\"k\": 1}'"), 1);
  asker.number = "0.5";
  EXPECT_FALSE(cost("SELECT * FROM o WHERE d @> '{}'"));
}

TEST(AdviceReckoning, WhatCannotBeAskedHelpsNothing) {
  const AdviceCatalog known = advice_support::catalog();
  FakeAsker asker;
  Measure measure(asker, "public");
  Parts parts(measure);
  Reckoning reckoning(parts);
  const TableUse use = advice_support::uses(known, "SELECT * FROM o WHERE e ILIKE '%abc%'").at(0);
  EXPECT_FALSE(reckoning.cost(candidates_of(use, "gin_trgm_ops").at(0), use, "", scanning(4000, 4000)));
}

}  // namespace
}  // namespace analyzer
