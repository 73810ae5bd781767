#include "admin/meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace admin {
namespace {

using namespace std::chrono_literals;

TEST(Meter, CountsSessionsCommandsAndBytes) {
  Meter meter;
  meter.opened();
  meter.opened();
  meter.closed();
  meter.received(10);
  meter.sent(20);
  meter.ran(5us);
  const ConsoleNumbers numbers = meter.read(base::TimePoint(1s));
  EXPECT_EQ(numbers.sessions, 1);
  EXPECT_EQ(numbers.total.client_login_count, 2u);
  EXPECT_EQ(numbers.total.query_count, 1u);
  EXPECT_EQ(numbers.total.xact_count, 1u);
  EXPECT_EQ(numbers.total.query_time, 5u);
  EXPECT_EQ(numbers.total.bytes_received, 10u);
  EXPECT_EQ(numbers.total.bytes_sent, 20u);
}

TEST(Meter, AveragesAreThoseOfTheLastWholePeriod) {
  Meter meter;
  meter.read(base::TimePoint(100s));
  for (int i = 0; i < 120; ++i) meter.ran(i % 2 == 0 ? 10us : 30us);
  EXPECT_EQ(meter.read(base::TimePoint(159s)).average.query_count, 0u);
  EXPECT_EQ(meter.read(base::TimePoint(160s)).average.query_count, 2u);
  EXPECT_EQ(meter.read(base::TimePoint(161s)).average.query_time, 20u);
  EXPECT_EQ(meter.read(base::TimePoint(220s)).average.query_count, 0u);
}

}  // namespace
}  // namespace admin
