#include "analyzer/advice_samples.h"

#include <gtest/gtest.h>

#include <string>

namespace analyzer {
namespace {

void see(SampleStore& store, uint64_t fingerprint, const std::string& sql) {
  if (const auto place = store.wants(fingerprint, "app")) store.put(fingerprint, "app", *place, {.sql = sql});
}

TEST(AdviceSamples, TheFirstAreKeptAndLaterOnesByChance) {
  SampleStore store(1 << 20);
  for (int i = 0; i < 10'000; ++i) see(store, 1, std::to_string(i));
  const auto kinds = store.snapshot();
  ASSERT_EQ(kinds.size(), 1U);
  ASSERT_EQ(kinds[0].samples.size(), SampleStore::kSamplesOfKind);
  int late = 0;
  for (const Sample& sample : kinds[0].samples) late += sample.sql.size() > 3 ? 1 : 0;
  EXPECT_GE(late, 4) << "nearly all were seen later than the first thousand";
}

TEST(AdviceSamples, DatabasesAreApart) {
  SampleStore store(1 << 20);
  store.put(1, "a", 0, {.sql = "x"});
  store.put(1, "b", 0, {.sql = "y"});
  EXPECT_EQ(store.snapshot().size(), 2U);
}

TEST(AdviceSamples, MemoryIsBounded) {
  SampleStore store(64 << 10);
  for (uint64_t i = 0; i < 1000; ++i) see(store, i, std::string(1000, 'x'));
  EXPECT_LE(store.bytes(), 64U << 10U);
  const auto kinds = store.snapshot();
  ASSERT_FALSE(kinds.empty());
  EXPECT_EQ(kinds.front().fingerprint, 999U);
  store.put(5000, "app", 0, {.sql = std::string(SampleStore::kBytesOfSample + 1, 'x')});
  EXPECT_EQ(store.snapshot().front().fingerprint, 999U) << "too long";
}

TEST(AdviceSamples, NothingIsKeptWhileItIsOff) {
  SampleStore store(0);
  EXPECT_FALSE(store.wants(1, "app"));
  store.set_limit(1 << 20);
  see(store, 1, "x");
  EXPECT_EQ(store.snapshot().size(), 1U);
  store.set_limit(0);
  EXPECT_TRUE(store.snapshot().empty());
  EXPECT_EQ(store.bytes(), 0U);
}

}  // namespace
}  // namespace analyzer
