#include "analyzer/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace analyzer {
namespace {

constexpr double kParts[] = {0.0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0};

// What the manual calls the nearest rank.
uint64_t exact(const std::vector<uint64_t>& sorted, double part) {
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

void expect_within_the_error(const LatencyHistogram& times, std::vector<uint64_t> values) {
  std::sort(values.begin(), values.end());
  ASSERT_EQ(times.count(), values.size());
  EXPECT_EQ(times.min(), values.front());
  EXPECT_EQ(times.max(), values.back());
  for (const double part : kParts) {
    const auto wanted = static_cast<double>(exact(values, part));
    const auto got = static_cast<double>(times.quantile(part));
    EXPECT_LE(std::abs(got - wanted), wanted * LatencyHistogram::kErrorMax) << "quantile " << part;
  }
}

template <typename Distribution>
std::vector<uint64_t> drawn(unsigned seed, std::size_t count, Distribution distribution) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> values;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(distribution(random));
    values.push_back(static_cast<uint64_t>(std::clamp(value, 0.0, static_cast<double>(LatencyHistogram::kLongest))));
  }
  return values;
}

LatencyHistogram of(const std::vector<uint64_t>& values) {
  LatencyHistogram times;
  for (const uint64_t value : values) times.record(value);
  return times;
}

TEST(LatencyHistogram, NothingIsZero) {
  const LatencyHistogram times;
  EXPECT_EQ(times.count(), 0u);
  EXPECT_EQ(times.min(), 0u);
  EXPECT_EQ(times.max(), 0u);
  EXPECT_EQ(times.quantile(0.5), 0u);
  EXPECT_EQ(times.bytes(), 0u);
}

TEST(LatencyHistogram, QuantilesAreWithinTheErrorOfAnExactSort) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    for (const std::size_t count : {1UL, 2UL, 3UL, 10UL, 1000UL, 100'000UL}) {
      SCOPED_TRACE(count);
      const std::vector<std::vector<uint64_t>> many = {
          drawn(seed, count, std::uniform_int_distribution<uint64_t>(0, 50)),
          drawn(seed, count, std::uniform_int_distribution<uint64_t>(0, LatencyHistogram::kLongest)),
          drawn(seed, count, std::lognormal_distribution<double>(6, 2)),
          drawn(seed, count, std::exponential_distribution<double>(0.0001)),
          drawn(seed, count, std::cauchy_distribution<double>(300, 20)),
      };
      for (const auto& values : many) expect_within_the_error(of(values), values);
    }
  }
}

TEST(LatencyHistogram, EveryValueOfTheFirstOctavesAndTheEdgesOfTheRest) {
  for (uint64_t value = 0; value < 4096; ++value) expect_within_the_error(of({value, value}), {value, value});
  for (unsigned bit = 12; bit < 36; ++bit)
    for (const uint64_t value : {(uint64_t{1} << bit) - 1, uint64_t{1} << bit, (uint64_t{1} << bit) + 1})
      // With others around it, so that it is not told by the least or the greatest.
      expect_within_the_error(of({0, value, LatencyHistogram::kLongest}), {0, value, LatencyHistogram::kLongest});
}

TEST(LatencyHistogram, SmallValuesAreExact) {
  std::vector<uint64_t> values = drawn(7, 1000, std::uniform_int_distribution<uint64_t>(0, 31));
  const LatencyHistogram times = of(values);
  std::sort(values.begin(), values.end());
  for (const double part : kParts) EXPECT_EQ(times.quantile(part), exact(values, part)) << part;
}

TEST(LatencyHistogram, WhatIsLongerThanTheLongestIsCountedAsThat) {
  LatencyHistogram times;
  for (int i = 0; i < 3; ++i) times.record(UINT64_MAX);
  times.record(1);
  EXPECT_EQ(times.count(), 4u);
  EXPECT_EQ(times.max(), UINT64_MAX);
  EXPECT_EQ(times.quantile(0.25), 1u);
  EXPECT_NEAR(static_cast<double>(times.quantile(0.5)), static_cast<double>(LatencyHistogram::kLongest),
              static_cast<double>(LatencyHistogram::kLongest) * LatencyHistogram::kErrorMax);
}

TEST(LatencyHistogram, MergedPartsAreTheWhole) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<uint64_t> all;
    LatencyHistogram merged;
    for (unsigned part = 0; part < 4; ++part) {
      const auto values = drawn(seed * 10 + part, 1000U * part, std::lognormal_distribution<double>(4.0 + part, 1));
      merged.merge(of(values));
      all.insert(all.end(), values.begin(), values.end());
    }
    expect_within_the_error(merged, all);
    const LatencyHistogram whole = of(all);
    for (const double part : kParts) EXPECT_EQ(merged.quantile(part), whole.quantile(part));
  }
}

TEST(LatencyHistogram, CountsUpToPowersOfTwoAreExact) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    const auto values = drawn(seed, 5000, std::lognormal_distribution<double>(7.0, 3));
    const LatencyHistogram times = of(values);
    for (unsigned power = 4; power <= 36; ++power) {
      const auto below = std::count_if(values.begin(), values.end(), [power](uint64_t v) { return v < uint64_t{1} << power; });
      EXPECT_EQ(times.count_below(power), static_cast<uint64_t>(below)) << power;
    }
  }
  EXPECT_EQ(LatencyHistogram().count_below(20), 0u);
}

TEST(LatencyHistogram, WhatCameSinceIsWhatCameSince) {
  const auto before = drawn(1, 1000, std::lognormal_distribution<double>(9.0, 1));
  const auto after = drawn(2, 1000, std::lognormal_distribution<double>(5.0, 1));
  LatencyHistogram times = of(before);
  const LatencyHistogram earlier = times;
  times.merge(of(after));
  const LatencyHistogram since = times.since(earlier);
  const LatencyHistogram alone = of(after);
  EXPECT_EQ(since.count(), 1000u);
  for (const double part : {0.5, 0.9, 0.95, 0.99}) EXPECT_EQ(since.quantile(part), alone.quantile(part)) << part;
  EXPECT_EQ(times.since(times).count(), 0u);
  EXPECT_EQ(times.since(times).quantile(0.5), 0u);
}

TEST(LatencyHistogram, RoomGoesWithTheOctavesInUse) {
  LatencyHistogram times;
  EXPECT_TRUE(times.record(100));
  EXPECT_EQ(times.bytes(), 128u);
  for (uint64_t value = 64; value < 128; ++value) EXPECT_FALSE(times.record(value));
  EXPECT_EQ(times.bytes(), 128u);
  EXPECT_TRUE(times.record(128));
  EXPECT_EQ(times.bytes(), 256u);
  for (unsigned bit = 0; bit < 64; ++bit) times.record(uint64_t{1} << bit);
  EXPECT_EQ(times.bytes(), 33u * 128u);  // the most there are
}

TEST(LatencyHistogram, WhatCameSinceIsAsIfItHadBeenAlone) {
  const unsigned seed = 20261121;
  const auto before = drawn(seed, 5000, std::lognormal_distribution<double>(6, 2));
  const auto after = drawn(seed + 1, 3000, std::lognormal_distribution<double>(9, 1));
  LatencyHistogram all = of(before);
  const LatencyHistogram earlier = all;
  all.merge(of(after));
  all.subtract(earlier);
  std::vector<uint64_t> sorted = after;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(all.count(), sorted.size());
  for (const double part : kParts) {
    const auto wanted = static_cast<double>(exact(sorted, part));
    EXPECT_LE(std::abs(static_cast<double>(all.quantile(part)) - wanted), wanted / 16) << part;
  }
  EXPECT_LE(all.min(), sorted.front());
  EXPECT_GE(all.max(), sorted.back());
}

TEST(LatencyHistogram, NothingCameSinceAndNeverLessThanNothing) {
  LatencyHistogram times = of({1, 50, 70000});
  const LatencyHistogram same = times;
  times.subtract(same);
  EXPECT_EQ(times.count(), 0u);
  EXPECT_EQ(times.max(), 0u);
  EXPECT_EQ(times.quantile(0.5), 0u);
  LatencyHistogram fewer = of({1});
  fewer.subtract(of({1, 1, 1, 900}));
  EXPECT_EQ(fewer.count(), 0u);
  LatencyHistogram from_nothing = of({7, 8});
  from_nothing.subtract({});
  EXPECT_EQ(from_nothing.count(), 2u);
  EXPECT_EQ(from_nothing.min(), 7u);
}

TEST(LatencyHistogram, BytesGiveBackWhatTheyWereMadeOf) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    LatencyHistogram times;
    const auto count = random() % 40;
    for (uint64_t k = 0; k < count; ++k) times.record(random() >> (random() % 64));
    const auto back = LatencyHistogram::from_bytes(times.to_bytes());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->count(), times.count());
    EXPECT_EQ(back->min(), times.min());
    EXPECT_EQ(back->max(), times.max());
    for (const double part : kParts) EXPECT_EQ(back->quantile(part), times.quantile(part));
  }
  EXPECT_TRUE(LatencyHistogram().to_bytes().empty());
  LatencyHistogram usual;
  for (int i = 0; i < 1'000'000; ++i) usual.record(static_cast<uint64_t>(100 + i % 60));
  EXPECT_LT(usual.to_bytes().size(), 100u);
}

TEST(LatencyHistogram, OtherBytesAreNoHistogramAndDoNoHarm) {
  std::mt19937_64 random(8);
  const std::string good = of({1, 2, 3, 1'000'000}).to_bytes();
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = i % 2 == 0 ? good : std::string(random() % 20, '\0');
    for (char& c : bytes)
      if (i % 2 == 1 || random() % 8 == 0) c = static_cast<char>(random());
    const auto back = LatencyHistogram::from_bytes(bytes);
    EXPECT_TRUE(!back || back->min() <= back->max());
  }
  EXPECT_FALSE(LatencyHistogram::from_bytes("\xff\xff"));
  EXPECT_FALSE(LatencyHistogram::from_bytes(good.substr(0, good.size() - 1)));
}

}  // namespace
}  // namespace analyzer
