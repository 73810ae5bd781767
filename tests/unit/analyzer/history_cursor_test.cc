#include "analyzer/history_cursor.h"

#include <gtest/gtest.h>

#include "analyzer/history_writer.h"
#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using namespace support;

class HistoryCursorTest : public testing::Test {
 protected:
  HistoryCursorTest() : db_(HistoryDb::open({.path = folder_ / "history"})) {
    for (int minute = 0; minute < 5; ++minute)
      EXPECT_TRUE(write_interval(*db_, interval(tuesday(minutes(minute)), {query(1, totals(1, 100)), query(2, totals(2, 10))}), 10).ok());
  }
  Folder folder_;
  base::Result<HistoryDb> db_;
};

TEST_F(HistoryCursorTest, ARowIsWhatWasWritten) {
  const auto rows = all(read_queries(*db_, {.from = tuesday(minutes(4))}));
  ASSERT_EQ(rows.size(), 2u);
  const auto& row = rows[rows[0].fingerprint == 2 ? 0 : 1];
  EXPECT_EQ(row.moment.at, tuesday(minutes(4)));
  EXPECT_EQ(row.moment.length, minutes(1));
  EXPECT_EQ(row.query, "SELECT 2");
  EXPECT_EQ(row.database, "app");
  EXPECT_EQ(row.user, "alice");
  EXPECT_EQ(row.application, "web");
  EXPECT_EQ(row.first_at, tuesday());
  EXPECT_EQ(row.totals.calls, 2u);
  EXPECT_EQ(row.totals.rows, 4u);
  EXPECT_EQ(row.totals.bytes_in, 20u);
  EXPECT_EQ(row.totals.server_us, 20u);
  EXPECT_EQ(row.totals.wait_us, 6u);
  EXPECT_EQ(row.totals.times.quantile(0.99), 10u);
}

TEST_F(HistoryCursorTest, OnlyTheMomentsThatWereAskedFor) {
  EXPECT_EQ(all(read_queries(*db_, {.from = tuesday(minutes(1)), .until = tuesday(minutes(3))})).size(), 6u);
  EXPECT_EQ(all(read_queries(*db_, {.from = tuesday(minutes(9))})).size(), 0u);
  EXPECT_EQ(all(read_queries(*db_, {.from = tuesday(minutes(3)), .until = tuesday(minutes(1))})).size(), 0u);
  EXPECT_EQ(all(read_queries(*db_, {.step = HistoryStep::kHour})).size(), 2u);
  EXPECT_EQ(all(read_pools(*db_, {})).size(), 0u);
}

TEST_F(HistoryCursorTest, TwoCursorsDoNotDisturbEachOther) {
  auto one = read_queries(*db_, {}), two = read_queries(*db_, {.step = HistoryStep::kDay});
  ASSERT_TRUE(*(*one)->next());
  EXPECT_EQ(all(std::move(two)).size(), 2u);
  EXPECT_EQ(all(std::move(one)).size(), 9u);
}

TEST_F(HistoryCursorTest, TimesThatAreNoneAreEmpty) {
  ASSERT_TRUE(db_->run("UPDATE queries SET times = x'ffff', error_classes = 'nonsense'").ok());
  for (const auto& row : all(read_queries(*db_, {}))) {
    EXPECT_EQ(row.totals.times.count(), 0u);
    EXPECT_GT(row.totals.calls, 0u);
  }
}

}  // namespace
}  // namespace analyzer
