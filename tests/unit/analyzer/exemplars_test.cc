#include "analyzer/exemplars.h"

#include <gtest/gtest.h>

#include <chrono>

namespace analyzer {
namespace {

Exemplar exemplar(uint64_t us, uint64_t span, int second) {
  return {{1, 2, span, true}, us, base::WallTime(std::chrono::seconds(second))};
}

TEST(Exemplars, TheLastOneOfEachOctaveStays) {
  Exemplars exemplars;
  exemplars.put("app", "ann", exemplar(100, 1, 1));
  exemplars.put("app", "ann", exemplar(127, 2, 2));
  exemplars.put("app", "ann", exemplar(128, 3, 3));
  const auto pools = exemplars.snapshot();
  ASSERT_EQ(pools.size(), 1u);
  EXPECT_EQ(pools[0].octaves[7], exemplar(127, 2, 2));
  EXPECT_EQ(pools[0].octaves[8], exemplar(128, 3, 3));
  EXPECT_FALSE(pools[0].octaves[9].known());
}

TEST(Exemplars, PoolsAreKeptApart) {
  Exemplars exemplars;
  exemplars.put("app", "ann", exemplar(100, 1, 1));
  exemplars.put("app", "bob", exemplar(100, 2, 1));
  const auto pools = exemplars.snapshot();
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].user, "ann");
  EXPECT_EQ(pools[1].octaves[7].context.span, 2u);
  exemplars.clear();
  EXPECT_TRUE(exemplars.snapshot().empty());
}

TEST(Exemplars, ABucketHasTheLatestOfItsOctaves) {
  Exemplars exemplars;
  exemplars.put("app", "ann", exemplar(0, 1, 5));
  exemplars.put("app", "ann", exemplar(100, 2, 1));
  exemplars.put("app", "ann", exemplar(200, 3, 9));
  const auto pool = exemplars.snapshot().front();
  EXPECT_EQ(pool.last_between(0, 7)->context.span, 1u);
  EXPECT_EQ(pool.last_between(7, 8)->context.span, 3u);
  EXPECT_EQ(pool.last_between(8, 9), nullptr);
  EXPECT_EQ(pool.last_between(0, 26)->context.span, 3u);
}

TEST(Exemplars, WhatTookLongestHasAPlaceToo) {
  Exemplars exemplars;
  exemplars.put("app", "ann", exemplar(UINT64_MAX, 1, 1));
  EXPECT_EQ(exemplars.snapshot().front().last_between(26, 64)->context.span, 1u);
}

TEST(Exemplars, ThereIsABound) {
  Exemplars exemplars;
  for (std::size_t i = 0; i < Exemplars::kPoolsMax + 10; ++i)
    exemplars.put(std::to_string(i), "ann", exemplar(1, 1, 1));
  EXPECT_EQ(exemplars.snapshot().size(), Exemplars::kPoolsMax);
}

}  // namespace
}  // namespace analyzer
