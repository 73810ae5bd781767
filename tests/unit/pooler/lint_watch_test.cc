#include "pooler/lint_watch.h"

#include <gtest/gtest.h>

#include <string>

namespace pooler {
namespace {

using analyzer::Kind;
using std::chrono::milliseconds;

class LintWatchTest : public testing::Test {
 protected:
  // One answered statement of the client.
  void run(uint64_t fingerprint, std::string_view sql, uint64_t rows = 1, Kind kind = Kind::kSelect,
           std::string_view sqlstate = "", bool several = false) {
    auto& row = stats_.find(fingerprint, stats_.owner("app", "alice", "web"), sql);
    KeptStatement kept;
    kept.keep_text(sql, false, {kind, false, several}, {.from = {}, .limit = {}, .values = true});
    now_ += milliseconds(4);
    const analyzer::QueryRecord record{.sqlstate = sqlstate, .rows = rows, .server = milliseconds(3), .ended = now_};
    watch_.add({row, &kept, false, record}, false, {});
  }

  analyzer::QueryStats stats_;
  LintBooks books_;
  LintWatch watch_{7, books_};
  base::TimePoint now_{std::chrono::hours(1)};
};

TEST_F(LintWatchTest, FactsAndLoopsAreEntered) {
  for (int round = 0; round < 3; ++round) {
    run(1, "SELECT id FROM users", 12);
    for (int i = 0; i < 12; ++i) run(2, "SELECT a FROM b WHERE c = " + std::to_string(100 * round + i));
    now_ += std::chrono::seconds(1);
  }
  watch_.end({});
  const auto loops = books_.loops.snapshot();
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].fingerprint, 2u);
  EXPECT_EQ(loops[0].source, 1u);
  EXPECT_EQ(loops[0].calls, 36u);
  EXPECT_EQ(loops[0].query, "SELECT a FROM b WHERE c = $1");
  const auto& facts = books_.facts.of(2, "app");
  EXPECT_EQ(facts.calls(), 36u);
  EXPECT_EQ(facts.parameter(1).number_min, 0);
  EXPECT_NEAR(facts.distinct(), 36, 4);
}

TEST_F(LintWatchTest, WhatFailedOrWasOneOfSeveralIsNotLookedAt) {
  run(3, "SELECT x", 0, Kind::kSelect, "42703");
  run(4, "SELECT 1; SELECT 2", 2, Kind::kSelect, "", true);
  EXPECT_EQ(books_.facts.size(), 0u);
}

TEST_F(LintWatchTest, AClientThatRestsHasFinishedItsLoop) {
  run(1, "SELECT id FROM users", 12);
  for (int i = 0; i < 12; ++i) run(2, "SELECT a FROM b WHERE c = " + std::to_string(i));
  watch_.end_if_idle(now_ + milliseconds(10), {});
  EXPECT_EQ(books_.loops.size(), 0u);
  watch_.end_if_idle(now_ + milliseconds(500), {});
  EXPECT_EQ(books_.loops.size(), 1u);
  books_.clear();
  EXPECT_EQ(books_.loops.size() + books_.facts.size(), 0u);
}

TEST(LintWatch, LimitsComeFromTheSettings) {
  conf::Advice settings;
  settings.n_plus_one_calls = 5;
  settings.n_plus_one_gap = milliseconds(50);
  settings.n_plus_one_time = milliseconds(7);
  const auto limits = loop_limits(settings);
  EXPECT_EQ(limits.calls, 5u);
  EXPECT_EQ(limits.gap, milliseconds(50));
  EXPECT_EQ(limits.time, milliseconds(7));
}

}  // namespace
}  // namespace pooler
