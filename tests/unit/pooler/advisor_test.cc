#include "pooler/advisor.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

using namespace std::chrono_literals;

constexpr base::WallTime kNow{1'800'000'000s};

QueryRow row(uint64_t fingerprint, std::string database, std::string user, uint64_t calls, uint64_t us, base::Duration ago) {
  QueryRow made;
  made.fingerprint = fingerprint;
  made.database = std::move(database);
  made.user = std::move(user);
  made.query = "SELECT $1";
  made.totals.calls = calls;
  made.totals.server_us = us;
  made.first_seen = kNow - ago;
  return made;
}

TEST(Advisor, AWorkloadIsWhatADatabasesStatementsHaveCost) {
  const auto found =
      workloads_of({row(1, "small", "a", 1, 1000, 1h), row(1, "app", "a", 3, 30'000, 2h), row(1, "app", "b", 4, 40'000, 1h),
                    row(2, "app", "a", 9, 90'000, 1h), row(0, "", "", 5, 1'000'000, 9h)},
                   {{.fingerprint = 1, .database = "app", .samples = {{.sql = "SELECT 1"}}},
                    {.fingerprint = 1, .database = "app", .samples = {{.sql = "SELECT 2"}}}},
                   kNow);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].database, "app");
  EXPECT_DOUBLE_EQ(found[0].hours, 2);
  ASSERT_EQ(found[0].queries.size(), 1U) << "one without samples cannot be measured";
  EXPECT_EQ(found[0].queries[0].calls, 7U);
  EXPECT_DOUBLE_EQ(found[0].queries[0].total_ms, 70);
  EXPECT_EQ(found[0].queries[0].samples.size(), 2U);
  EXPECT_EQ(found[1].database, "small");
}

TEST(Advisor, ARateIsNotMadeOfAMoment) {
  const auto found = workloads_of({row(1, "app", "a", 1, 1000, 1s)}, {}, kNow);
  EXPECT_NEAR(found.at(0).hours, 1.0 / 60, 1e-9);
}

}  // namespace
}  // namespace pooler
