#include "pooler/pin_book.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace pooler {
namespace {

using namespace std::chrono_literals;

class PinBookTest : public testing::Test {
 protected:
  PinBook::Stay begin(uint64_t fingerprint, const std::string& reasons = "LOAD", const std::string& user = "alice") {
    return book_.begin("app", user, reasons, fingerprint, "LOAD 'secret'");
  }
  base::TimePoint now_{1000s};
  base::WallTime wall_{5000s};
  PinBook book_{{[this] { return now_; }, [this] { return wall_; }}};
};

TEST_F(PinBookTest, APinIsCountedWhenItBeginsAndTimedWhileItLasts) {
  PinBook::Stay stay = begin(7);
  now_ += 3s;
  auto rows = book_.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].database, "app");
  EXPECT_EQ(rows[0].user, "alice");
  EXPECT_EQ(rows[0].reasons, "LOAD");
  EXPECT_EQ(rows[0].statement, "LOAD ?");
  EXPECT_EQ(rows[0].fingerprint, 7U);
  EXPECT_EQ(rows[0].pins, 1U);
  EXPECT_EQ(rows[0].pinned, 1);
  EXPECT_EQ(rows[0].time, 3s);
  EXPECT_EQ(rows[0].last_seen, base::WallTime(5000s));
  stay.end();
  stay.end();
  now_ += 60s;
  rows = book_.rows();
  EXPECT_EQ(rows[0].pins, 1U);
  EXPECT_EQ(rows[0].pinned, 0);
  EXPECT_EQ(rows[0].time, 3s);
}

TEST_F(PinBookTest, PinsOfOneKindAddUp) {
  PinBook::Stay first = begin(7);
  now_ += 10s;
  wall_ += 10s;
  {
    const PinBook::Stay second = begin(7);
    now_ += 1s;
  }
  first = begin(7);  // the first one ends by it
  now_ += 2s;
  const auto rows = book_.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].pins, 3U);
  EXPECT_EQ(rows[0].pinned, 1);
  EXPECT_EQ(rows[0].time, 11s + 1s + 2s);
  EXPECT_EQ(rows[0].last_seen, base::WallTime(5010s));
}

TEST_F(PinBookTest, FingerprintReasonsAndUserAreToldApartAndTheLatestComesFirst) {
  (void)begin(7);
  (void)begin(8);
  (void)begin(7, "temporary objects");
  (void)begin(7, "LOAD", "bob");
  (void)begin(8);
  const auto rows = book_.rows();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].fingerprint, 8U);
  EXPECT_EQ(rows[0].pins, 2U);
  EXPECT_EQ(rows[1].user, "bob");
  EXPECT_EQ(rows[2].reasons, "temporary objects");
}

TEST_F(PinBookTest, WhatMadeRoomIsSummedUpAndStillEnds) {
  std::optional<PinBook::Stay> old = begin(1'000'000);
  now_ += 5s;
  (void)begin(1'000'001);
  for (uint64_t i = 0; i < PinBook::kRowsMax; ++i) (void)begin(i);
  auto rows = book_.rows();
  ASSERT_EQ(rows.size(), PinBook::kRowsMax + 1);
  EXPECT_EQ(rows[0].fingerprint, PinBook::kRowsMax - 1);
  EXPECT_EQ(rows.back().reasons, "others (2 rows that made room)");
  EXPECT_EQ(rows.back().pins, 2U);
  EXPECT_EQ(rows.back().pinned, 1);
  EXPECT_EQ(rows.back().time, 5s);
  now_ += 1s;
  old.reset();
  now_ += 1s;
  rows = book_.rows();
  EXPECT_EQ(rows.back().pinned, 0);
  EXPECT_EQ(rows.back().time, 6s);
}

TEST_F(PinBookTest, AStayMayOutliveTheBook) {
  auto book = std::make_unique<PinBook>();
  PinBook::Stay stay = book->begin("app", "alice", "LOAD", 1, "LOAD ?");
  book.reset();
  stay.end();
}

TEST(PinBook, CountsFromSeveralThreads) {
  PinBook book;
  const auto work = [&book] {
    for (int i = 0; i < 2000; ++i)
      (void)book.begin("app", "alice", "LOAD", static_cast<uint64_t>(i) % 1500, "LOAD ?");
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  uint64_t pins = 0;
  for (const PinCountRow& row : book.rows()) {
    pins += row.pins;
    EXPECT_EQ(row.pinned, 0);
  }
  EXPECT_EQ(pins, 4000U);
}

}  // namespace
}  // namespace pooler
