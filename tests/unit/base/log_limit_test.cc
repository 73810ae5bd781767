#include "base/log_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace base {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint kStart{100s};

TEST(LogLimit, lets_a_burst_through_and_swallows_the_rest_of_the_period) {
  LogLimit limit(2, 10s);
  EXPECT_TRUE(limit.allow("a", kStart));
  EXPECT_TRUE(limit.allow("a", kStart + 1s));
  EXPECT_FALSE(limit.allow("a", kStart + 2s));
  EXPECT_TRUE(limit.allow("b", kStart + 2s));
}

TEST(LogLimit, tells_once_what_was_swallowed_when_the_period_is_over) {
  LogLimit limit(1, 10s);
  limit.allow("a", kStart);
  limit.allow("a", kStart);
  limit.allow("a", kStart);
  limit.allow("b", kStart);
  EXPECT_TRUE(limit.expire(kStart + 9s).empty());
  EXPECT_EQ(limit.expire(kStart + 10s), (std::vector<LogLimit::Swallowed>{{"a", 2}}));
  EXPECT_TRUE(limit.empty());
  EXPECT_TRUE(limit.allow("a", kStart + 11s));
}

TEST(LogLimit, a_period_with_nothing_swallowed_starts_anew_by_itself) {
  LogLimit limit(1, 10s);
  EXPECT_TRUE(limit.allow("a", kStart));
  EXPECT_TRUE(limit.allow("a", kStart + 10s));
  EXPECT_FALSE(limit.allow("a", kStart + 11s));
}

TEST(LogLimit, more_keys_than_it_watches_are_let_through_and_take_no_memory) {
  LogLimit limit(1, 10s);
  for (std::size_t i = 0; i < LogLimit::kKeysMax; ++i) limit.allow(std::to_string(i), kStart);
  EXPECT_TRUE(limit.allow("new", kStart));
  EXPECT_TRUE(limit.allow("new", kStart));
  EXPECT_FALSE(limit.allow("0", kStart));
}

}  // namespace
}  // namespace base
