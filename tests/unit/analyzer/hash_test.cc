#include "analyzer/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace analyzer {
namespace {

TEST(Hash, IsTheSameForTheSameTextAndDiffersOtherwise) {
  EXPECT_EQ(keyed_hash("SELECT 1"), keyed_hash(std::string("SELECT ") + "1"));
  std::set<uint64_t> low;
  std::set<uint64_t> high;
  for (int i = 0; i < 10'000; ++i) {
    const Hash128 hash = keyed_hash("SELECT " + std::to_string(i));
    low.insert(hash.low);
    high.insert(hash.high);
  }
  EXPECT_EQ(low.size(), 10'000u);
  EXPECT_EQ(high.size(), 10'000u);
}

TEST(Hash, TakesTextsOfEveryLength) {
  std::set<uint64_t> seen;
  std::string text;
  for (int i = 0; i < 1000; ++i, text += 'a') seen.insert(keyed_hash(text).high);
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Hash, ThePlainOneIsTheSameEverywhere) {
  EXPECT_EQ(plain_hash(""), 0x2d06800538d394c2ULL);  // XXH3's own test vector
  EXPECT_NE(plain_hash("a"), plain_hash("b"));
}

TEST(Hash, TheKeyedOneIsOfThisProcess) {
  // Another key than none: 64 bits of both agree once in 2^64 runs.
  EXPECT_NE(keyed_hash("SELECT 1").low, plain_hash("SELECT 1"));
}

}  // namespace
}  // namespace analyzer
