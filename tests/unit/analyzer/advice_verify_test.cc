#include "analyzer/advice_verify.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

using namespace std::chrono_literals;

LatencyHistogram times(int count, uint64_t us, int others = 0, uint64_t others_us = 0) {
  LatencyHistogram out;
  for (int i = 0; i < count; ++i) out.record(us);
  for (int i = 0; i < others; ++i) out.record(others_us);
  return out;
}

TEST(AdviceVerify, FewCallsSayNothing) {
  EXPECT_EQ(effect_of(times(9, 1000), times(500, 10), 2h), std::nullopt);
  EXPECT_EQ(effect_of(times(10, 1000), times(199, 10), 1min), std::nullopt);
  EXPECT_EQ(effect_of(times(10, 1000), times(19, 10), 2h), std::nullopt);
  EXPECT_EQ(effect_of({}, {}, 2h), std::nullopt);
  EXPECT_TRUE(effect_of(times(10, 1000), times(200, 10), 0s));
  EXPECT_TRUE(effect_of(times(10, 1000), times(20, 10), 1h));
}

TEST(AdviceVerify, SaysWhatBecameOfIt) {
  EXPECT_EQ(effect_of(times(100, 10'000), times(200, 6'000), 1h), IndexEffect::kFaster);
  EXPECT_EQ(effect_of(times(100, 10'000), times(200, 9'000), 1h), IndexEffect::kSame);
  EXPECT_EQ(effect_of(times(100, 10'000), times(200, 11'500), 1h), IndexEffect::kSame);
  EXPECT_EQ(effect_of(times(100, 10'000), times(200, 14'000), 1h), IndexEffect::kSlower);
}

TEST(AdviceVerify, TheSlowestCallsCountToo) {
  EXPECT_EQ(effect_of(times(90, 1'000, 10, 500'000), times(190, 1'000, 10, 90'000), 1h), IndexEffect::kFaster);
}

TEST(AdviceVerify, WhatNoClockCanTellIsNotSlower) {
  EXPECT_EQ(effect_of(times(100, 50), times(200, 90), 1h), IndexEffect::kSame);
}

TEST(AdviceVerify, IsToldInMilliseconds) {
  EXPECT_EQ(effect_text(times(10, 16), times(20, 31)), "p50 0.02 -> 0.03 ms, p95 0.02 -> 0.03 ms; 10 calls before, 20 since");
}

}  // namespace
}  // namespace analyzer
