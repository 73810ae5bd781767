#include "analyzer/fact_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

AnalysisPtr facts_named(const std::string& name) {
  auto facts = std::make_shared<Analysis>();
  facts->statements.emplace_back().name = name;
  return facts;
}

TEST(FactTable, FindsWhatWasPut) {
  FactTable table(64, 1 << 20);
  const auto facts = facts_named("a");
  EXPECT_EQ(table.find(keyed_hash("a"), "a", 0), nullptr);
  EXPECT_EQ(table.put(keyed_hash("a"), "a", 0, facts), 0u);
  ASSERT_NE(table.find(keyed_hash("a"), "a", 0), nullptr);
  EXPECT_EQ(*table.find(keyed_hash("a"), "a", 0), facts);
  EXPECT_EQ(table.find(keyed_hash("a"), "a", 1), nullptr);  // another variant
  EXPECT_EQ(table.size(), 1u);
}

TEST(FactTable, AHashThatIsEqualIsNotEnough) {
  FactTable table(64, 1 << 20);
  const Hash128 hash = keyed_hash("a");
  table.put(hash, "a", 0, facts_named("a"));
  EXPECT_EQ(table.find(hash, "b", 0), nullptr);
  EXPECT_EQ(table.find({hash.low, hash.high + 1}, "a", 0), nullptr);
  EXPECT_EQ(table.find({0, 0}, "", 0), nullptr);  // an empty place has an empty key
}

TEST(FactTable, PuttingAgainReplaces) {
  FactTable table(64, 1 << 20);
  table.put(keyed_hash("a"), "a", 0, facts_named("one"));
  EXPECT_EQ(table.put(keyed_hash("a"), "a", 0, facts_named("two")), 1u);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ((*table.find(keyed_hash("a"), "a", 0))->statements[0].name, "two");
}

TEST(FactTable, OfFourInOnePlaceTheLeastUsedGoes) {
  FactTable table(4, 1 << 20);
  const auto hash = [](uint64_t i) { return Hash128{i, i}; };
  for (uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(table.put(hash(i), "k", 0, facts_named("x")), 0u);
  for (const uint64_t used : {1U, 3U, 4U}) EXPECT_NE(table.find(hash(used), "k", 0), nullptr);
  EXPECT_EQ(table.put(hash(5), "k", 0, facts_named("x")), 1u);
  EXPECT_EQ(table.find(hash(2), "k", 0), nullptr);
  for (const uint64_t left : {1U, 3U, 4U, 5U}) EXPECT_NE(table.find(hash(left), "k", 0), nullptr);
}

TEST(FactTable, BytesAreBounded) {
  const auto facts = facts_named("x");
  const std::size_t each = 1000 + weight_of(*facts);
  FactTable table(1024, 10 * each);
  std::size_t gone = 0;
  for (int i = 0; i < 500; ++i) {
    std::string key = std::to_string(i);
    key.resize(1000, 'k');
    gone += table.put(keyed_hash(key), key, 0, facts);
    EXPECT_LE(table.bytes(), 10 * each);
    EXPECT_NE(table.find(keyed_hash(key), key, 0), nullptr) << "the newest stays";
  }
  EXPECT_EQ(table.size(), 10u);
  EXPECT_EQ(gone, 490u);
  EXPECT_EQ(facts.use_count(), 11);  // what is forgotten is let go
  table.put(keyed_hash("y"), std::string(20 * each, 'y'), 0, facts);
  EXPECT_EQ(table.size(), 10u);  // too heavy alone: nothing had to go for it
}

}  // namespace
}  // namespace analyzer
