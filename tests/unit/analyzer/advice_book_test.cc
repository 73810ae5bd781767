#include "analyzer/advice_book.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

using namespace std::chrono_literals;

constexpr base::WallTime kNow{1'800'000'000s};

Advice on(const std::string& column, double saves = 10) {
  Advice advice;
  advice.database = "app";
  advice.shape = {.schema = "public", .table = "t", .keys = {key_on(column)}};
  advice.id = advice_id("app", advice.shape);
  advice.saves_ms_per_hour = saves;
  return advice;
}

AdviceResult result(std::vector<Advice> advice, std::vector<IndexShape> existing = {}) {
  AdviceResult out;
  out.advice = std::move(advice);
  out.existing = std::move(existing);
  return out;
}

TEST(AdviceBook, ASecondLookConfirms) {
  AdviceBook book;
  book.enter("app", result({on("a", 5), on("b", 9)}), kNow);
  ASSERT_EQ(book.all().size(), 2U);
  EXPECT_EQ(book.all()[0].shape.keys[0].text, "b") << "what saves the most first";
  EXPECT_EQ(book.all()[0].status, AdviceStatus::kNew);
  book.enter("app", result({on("a")}), kNow + 1h);
  const auto all = book.all();
  EXPECT_EQ(all[0].status, AdviceStatus::kConfirmed);
  EXPECT_EQ(all[0].first_seen, kNow);
  EXPECT_EQ(all[0].last_confirmed, kNow + 1h);
  EXPECT_EQ(all[1].status, AdviceStatus::kNew);
}

TEST(AdviceBook, WhatIsMissedThreeTimesGoes) {
  AdviceBook book;
  book.enter("app", result({on("a")}), kNow);
  book.enter("app", result({}), kNow + 1h);
  book.enter("other", result({}), kNow + 2h);
  AdviceResult late = result({});
  late.truncated = true;  // it has not looked at everything
  book.enter("app", late, kNow + 3h);
  book.enter("app", result({}), kNow + 4h);
  EXPECT_EQ(book.all().size(), 1U);
  book.enter("app", result({}), kNow + 5h);
  EXPECT_TRUE(book.all().empty());
}

TEST(AdviceBook, AnIndexThatDoesTheSameMakesItCreated) {
  AdviceBook book;
  book.enter("app", result({on("a")}), kNow);
  IndexShape there = on("a").shape;
  there.keys.push_back(key_on("z"));
  book.enter("app", result({}, {there}), kNow + 1h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kCreated);
  book.enter("app", result({}, {there}), kNow + 2h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kCreated);
  book.enter("app", result({on("a")}), kNow + 3h);  // dropped, and missed
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kNew);
}

TEST(AdviceBook, DismissedStaysDismissed) {
  AdviceBook book;
  book.enter("app", result({on("a", 99), on("b", 1)}), kNow);
  EXPECT_FALSE(book.dismiss("nothing"));
  EXPECT_TRUE(book.dismiss(on("a").id));
  book.enter("app", result({on("a", 99), on("b", 1)}), kNow + 1h);
  const auto all = book.all();
  EXPECT_EQ(all.at(1).status, AdviceStatus::kDismissed) << "last, whatever it saves";
  EXPECT_EQ(all.at(0).status, AdviceStatus::kConfirmed);
}

}  // namespace
}  // namespace analyzer
