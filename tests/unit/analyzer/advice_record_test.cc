#include "analyzer/advice_record.h"

#include <gtest/gtest.h>

#include "analyzer/advice_book.h"

namespace analyzer {
namespace {

constexpr base::WallTime kNow{std::chrono::microseconds(1'800'000'000'000'001)};

AdviceRecord record() {
  AdviceEntry entry;
  Advice& advice = entry.advice;
  advice.database = "app";
  advice.shape = {.schema = "public", .table = "it's \"odd\"", .keys = {key_on("a"), {.text = "lower(b)", .expression = true}}};
  advice.shape.keys[0].descending = true;
  advice.shape.include = {"c"};
  advice.shape.predicate = "d IS NULL";
  advice.id = advice_id("app", advice.shape);
  advice.why = "a (equality)";
  advice.model = "hypopg";
  advice.saves_ms_per_hour = 0.1;
  advice.cost_before = 1e9;
  advice.bytes = int64_t{1} << 40;
  advice.confidence = Confidence::kHigh;
  advice.status = AdviceStatus::kVerified;
  advice.first_seen = advice.last_confirmed = kNow;
  advice.details.push_back({.fingerprint = ~uint64_t{0}, .query = "SELECT '\xE2\x82\xAC' -- \n", .calls = 7, .samples = 3});
  entry.before[~uint64_t{0}].record(1234);
  entry.since.emplace()[5].record(1);
  entry.misses = 2;
  return {.entries = {entry}, .dismissed = {"one", "two"}};
}

TEST(AdviceRecord, ComesBackAsItWas) {
  const AdviceRecord written = record();
  const auto read = read_record(record_text(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->dismissed, written.dismissed);
  ASSERT_EQ(read->entries.size(), 1U);
  const AdviceEntry& entry = read->entries[0];
  const Advice &advice = entry.advice, &wanted = written.entries[0].advice;
  EXPECT_EQ(advice.shape, wanted.shape);
  EXPECT_EQ(advice.id, wanted.id);
  EXPECT_EQ(advice.saves_ms_per_hour, wanted.saves_ms_per_hour);
  EXPECT_EQ(advice.cost_before, wanted.cost_before);
  EXPECT_EQ(advice.bytes, wanted.bytes);
  EXPECT_EQ(advice.confidence, wanted.confidence);
  EXPECT_EQ(advice.status, wanted.status);
  EXPECT_EQ(advice.first_seen, wanted.first_seen);
  ASSERT_EQ(advice.details.size(), 1U);
  EXPECT_EQ(advice.details[0].fingerprint, ~uint64_t{0});
  EXPECT_EQ(advice.details[0].query, wanted.details[0].query);
  EXPECT_EQ(entry.misses, 2);
  EXPECT_EQ(entry.before.at(~uint64_t{0}).max(), 1234U);
  ASSERT_TRUE(entry.since);
  EXPECT_TRUE(entry.since->empty()) << "the next process counts from nothing";
}

TEST(AdviceRecord, NothingIsReadOfAnythingElse) {
  const std::string good = record_text(record());
  ASSERT_TRUE(read_record(good));
  for (const std::string& bad : {std::string(), std::string("[]"), std::string("{}"), std::string("[\"weir advice 1\",[[],[]]]"),
                                 std::string("[\"weir advice 2\",[[[]],[]]]"), std::string("[\"weir advice 2\"]"), good + "x"})
    EXPECT_FALSE(read_record(bad)) << bad;
  // Cut anywhere, or with another byte anywhere, it is read or it is not.
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(read_record(good.substr(0, i))) << i;
    std::string other = good;
    other[i] = '7';
    (void)read_record(other);
  }
}

TEST(AdviceRecord, ABookGoesOnWithTheOneBefore) {
  AdviceBook book;
  book.restore(record(), kNow + std::chrono::days(29));
  ASSERT_EQ(book.all().size(), 1U);
  EXPECT_EQ(book.all()[0].status, AdviceStatus::kVerified);
  EXPECT_EQ(record_text(book.record()), record_text(record()));
  AdviceRecord dismissed = record();
  dismissed.dismissed.insert(dismissed.entries[0].advice.id);
  dismissed.entries[0].advice.why = "not this one";
  book.restore(dismissed, kNow);
  EXPECT_EQ(book.all()[0].status, AdviceStatus::kDismissed);
  EXPECT_EQ(book.all()[0].why, "a (equality)") << "what this process knows wins";
}

TEST(AdviceRecord, WhatWasNotFoundForAMonthIsForgottenButNotThatItWasDismissed) {
  AdviceBook book;
  book.restore(record(), kNow + std::chrono::days(30));
  EXPECT_TRUE(book.all().empty());
  EXPECT_EQ(book.record().dismissed, record().dismissed);
}

}  // namespace
}  // namespace analyzer
