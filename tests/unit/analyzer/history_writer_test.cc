#include "analyzer/history_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "analyzer/history_cursor.h"
#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using namespace support;

class HistoryWriterTest : public testing::Test {
 protected:
  HistoryWriterTest() : db_(HistoryDb::open({.path = folder_ / "history"})) {}

  void write(const HistoryInterval& interval) {
    const auto status = db_->transaction([&] { return write_interval(*db_, interval, rows_max_); });
    ASSERT_TRUE(status.ok()) << base::to_text(status.error());
  }
  void make_room(base::WallTime now, int64_t bytes = int64_t{1} << 40) {
    const auto status = analyzer::make_room(*db_, limits_, now, bytes);
    ASSERT_TRUE(status.ok()) << base::to_text(status.error());
  }
  std::vector<HistoryQueryRow> rows(const HistorySearch& search = {}) { return all(read_queries(*db_, search)); }
  std::size_t count(HistoryStep step) { return rows({.step = step}).size(); }
  int64_t number(const char* sql) {
    const auto asked = db_->prepare(sql);
    EXPECT_TRUE(asked.ok() && *(*asked)->step());
    return (*asked)->number(0);
  }

  Folder folder_;
  base::Result<HistoryDb> db_;
  std::size_t rows_max_ = 100;
  HistoryLimits limits_{.keep_minutes = hours(2), .keep_hours = hours(48), .keep_days = hours(24 * 10)};
};

TEST_F(HistoryWriterTest, HoursAndDaysAreTheSumsOfTheirMinutes) {
  for (int minute = 0; minute < 150; ++minute)
    write(interval(tuesday(minutes(minute)), {query(1, totals(2, 100)), query(2, totals(1, 5000 + 100 * static_cast<uint64_t>(minute)))}));
  EXPECT_EQ(count(HistoryStep::kMinute), 300u);
  const auto hourly = rows({.step = HistoryStep::kHour});
  ASSERT_EQ(hourly.size(), 6u);
  EXPECT_EQ(hourly.front().moment.at, tuesday(hours(2)));
  EXPECT_EQ(hourly.front().moment.length, minutes(30));
  std::map<uint64_t, QueryTotals> first_hour;
  for (const auto& row : hourly)
    if (row.moment.at == tuesday()) first_hour[row.fingerprint] = row.totals;
  EXPECT_EQ(first_hour[1].calls, 120u);
  EXPECT_EQ(first_hour[1].bytes_out, 12000u);
  EXPECT_EQ(first_hour[2].calls, 60u);
  // The quantile of an hour is that of its calls, not of its minutes' quantiles.
  EXPECT_NEAR(static_cast<double>(first_hour[2].times.quantile(0.5)), 7900, 7900.0 / 16);
  const auto daily = rows({.step = HistoryStep::kDay});
  ASSERT_EQ(daily.size(), 2u);
  EXPECT_EQ(calls_of(daily), 450u);
  EXPECT_EQ(daily[0].moment.length, minutes(150));
}

TEST_F(HistoryWriterTest, AMomentThatIsThereIsAddedTo) {
  auto one = totals(3, 10);
  one.errors = 2;
  one.error_classes.add("23505", 2);
  write(interval(tuesday(), {query(1, one)}));
  write(interval(tuesday(), {query(1, one), query(1, totals(1, 10), "job")}));
  const auto minute = rows({.step = HistoryStep::kMinute});
  ASSERT_EQ(minute.size(), 2u);
  const auto& web = minute[minute[0].application == "web" ? 0 : 1];
  EXPECT_EQ(web.totals.calls, 6u);
  EXPECT_EQ(web.totals.error_classes.counts().at(0).second, 4u);
  EXPECT_EQ(web.moment.length, minutes(2));
}

TEST_F(HistoryWriterTest, EachMomentIsToldOnceInTheFinestStepThereIs) {
  for (int hour = 0; hour < 80; ++hour)
    for (int minute = 0; minute < 60; minute += 10) {
      write(interval(tuesday(hours(hour) + minutes(minute)), {query(1, totals(1, 10))}));
    }
  EXPECT_EQ(calls_of(rows()), 480u);
  make_room(tuesday(hours(80)));
  EXPECT_EQ(calls_of(rows()), 480u);
  std::map<HistoryStep, int> steps;
  base::WallTime before = base::WallTime::max();
  for (const auto& row : rows()) {
    ++steps[row.moment.step];
    EXPECT_LT(row.moment.at, before) << "the newest first, and none twice";
    before = row.moment.at;
  }
  EXPECT_EQ(steps[HistoryStep::kMinute], 12);  // two hours
  EXPECT_GT(steps[HistoryStep::kHour], 46);
  EXPECT_GE(steps[HistoryStep::kDay], 1);
  const auto some = rows({.from = tuesday(hours(70)), .until = tuesday(hours(79))});
  EXPECT_EQ(some.back().moment.at, tuesday(hours(70)));
  EXPECT_LE(some.front().moment.at, tuesday(hours(79)));
}

TEST_F(HistoryWriterTest, AClockThatWasSetBackTellsNothingTwice) {
  for (int hour = 0; hour < 10; ++hour) write(interval(tuesday(hours(hour)), {query(1, totals(1, 10))}));
  make_room(tuesday(hours(10)));
  write(interval(tuesday(hours(1)), {query(1, totals(5, 10))}));  // its minutes are gone
  write(interval(tuesday(hours(9)), {query(1, totals(7, 10))}));
  EXPECT_EQ(calls_of(rows()), 22u);
}

TEST_F(HistoryWriterTest, WhatIsTooOldGoesAndItsTextsWithIt) {
  write(interval(tuesday(), {query(1, totals(1, 10)), query(2, totals(1, 10))}));
  write(interval(tuesday(hours(24 * 20)), {query(2, totals(1, 10))}));
  make_room(tuesday(hours(24 * 20)));
  EXPECT_EQ(rows().size(), 1u);
  EXPECT_EQ(number("SELECT count(*) FROM texts"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM queries WHERE step = 2"), 1);
}

TEST_F(HistoryWriterTest, OthersAreARowOfTheirOwn) {
  write(interval(tuesday(), {query(1, totals(1, 10))}, totals(40, 3)));
  const auto minute = rows({.step = HistoryStep::kMinute});
  ASSERT_EQ(minute.size(), 2u);
  const auto& others = minute[minute[0].others ? 0 : 1];
  EXPECT_TRUE(others.others);
  EXPECT_EQ(others.query, "others");
  EXPECT_EQ(others.totals.calls, 40u);
  EXPECT_EQ(others.database, "");
}

TEST_F(HistoryWriterTest, AnHourHasAtMostTwiceAsManyKindsAndTheHeavyStay) {
  rows_max_ = 10;
  uint64_t ran = 0;
  for (int minute = 0; minute < 30; ++minute) {
    std::vector<HistoryQuery> kinds{query(1, totals(1, 100000))};
    for (int i = 0; i < 9; ++i) kinds.push_back(query(static_cast<uint64_t>(100 + 9 * minute + i), totals(1, 10)));
    ran += 10;
    write(interval(tuesday(minutes(minute)), std::move(kinds)));
  }
  const auto hourly = rows({.step = HistoryStep::kHour});
  EXPECT_LE(hourly.size(), 2 * rows_max_ + 1);
  EXPECT_EQ(calls_of(hourly), ran);
  bool heavy = false;
  for (const auto& row : hourly) heavy = heavy || (row.fingerprint == 1 && row.totals.calls == 30);
  EXPECT_TRUE(heavy);
  EXPECT_EQ(calls_of(rows({.step = HistoryStep::kDay})), ran);
}

TEST_F(HistoryWriterTest, PoolsAreSummedAndFoldedToo) {
  rows_max_ = 3;
  for (int minute = 0; minute < 4; ++minute) {
    HistoryInterval one = interval(tuesday(minutes(minute)), {});
    for (int user = 0; user < 10; ++user) {
      HistoryPool pool;
      pool.database = "app";
      pool.user = "user" + std::to_string(user);
      pool.looks = 1;
      pool.active = 2;
      pool.active_max = static_cast<uint64_t>(minute);
      pool.queries = static_cast<uint64_t>(user);
      pool.times.record(100);
      one.pools.push_back(std::move(pool));
    }
    write(one);
  }
  const auto hourly = all(read_pools(*db_, {.step = HistoryStep::kHour}));
  EXPECT_LE(hourly.size(), 2 * rows_max_ + 1);
  uint64_t queries = 0, looks = 0, most = 0, times = 0;
  for (const auto& row : hourly) {
    queries += row.pool.queries;
    looks += row.pool.looks;
    most = std::max(most, row.pool.active_max);
    times += row.pool.times.count();
  }
  EXPECT_EQ(queries, 180u);
  EXPECT_EQ(looks, 40u);
  EXPECT_EQ(most, 3u);
  EXPECT_EQ(times, 40u);
}

TEST_F(HistoryWriterTest, BytesAreBoundedAndTheOldestMinutesGoFirst) {
  std::mt19937_64 random(3);
  constexpr int64_t kBytes = 1 << 20;
  const std::string padding(300, 'x');
  for (int minute = 0; minute < 400; ++minute) {
    std::vector<HistoryQuery> kinds;
    for (int i = 0; i < 10; ++i) {
      kinds.push_back(query(random(), totals(1, 10)));
      kinds.back().text = std::make_shared<const std::string>(padding + std::to_string(random()));
    }
    write(interval(tuesday(minutes(minute)), std::move(kinds)));
    make_room(tuesday(minutes(minute)), kBytes);
    EXPECT_LE(db_->bytes_used(), kBytes);
  }
  const auto left = rows();
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.front().moment.at, tuesday(minutes(399)));
  EXPECT_GT(rows({.step = HistoryStep::kDay}).size(), 0u);
}

}  // namespace
}  // namespace analyzer
