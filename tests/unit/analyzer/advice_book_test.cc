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
  for (IndexShape& shape : existing) out.existing.push_back({.shape = std::move(shape), .name = "there_is"});
  return out;
}

// The one statement of this workload has run so often, each time so long.
Workload work(const std::string& database, std::vector<std::pair<int, uint64_t>> calls = {}) {
  Workload out{.database = database, .queries = {}};
  WorkQuery& query = out.queries.emplace_back();
  query.fingerprint = 7;
  for (const auto& [times, us] : calls)
    for (int i = 0; i < times; ++i) query.times.record(us);
  return out;
}

TEST(AdviceBook, ASecondLookConfirms) {
  AdviceBook book;
  book.enter(work("app"), result({on("a", 5), on("b", 9)}), kNow);
  ASSERT_EQ(book.all().size(), 2U);
  EXPECT_EQ(book.all()[0].shape.keys[0].text, "b") << "what saves the most first";
  EXPECT_EQ(book.all()[0].status, AdviceStatus::kNew);
  book.enter(work("app"), result({on("a")}), kNow + 1h);
  const auto all = book.all();
  EXPECT_EQ(all[0].status, AdviceStatus::kConfirmed);
  EXPECT_EQ(all[0].first_seen, kNow);
  EXPECT_EQ(all[0].last_confirmed, kNow + 1h);
  EXPECT_EQ(all[1].status, AdviceStatus::kNew);
}

TEST(AdviceBook, WhatIsMissedThreeTimesIsStaleAndGoesADayLater) {
  AdviceBook book;
  book.enter(work("app"), result({on("a")}), kNow);
  book.enter(work("app"), result({}), kNow + 1h);
  book.enter(work("other"), result({}), kNow + 2h);
  AdviceResult late = result({});
  late.truncated = true;  // it has not looked at everything
  book.enter(work("app"), late, kNow + 3h);
  book.enter(work("app"), result({}), kNow + 4h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kNew);
  book.enter(work("app"), result({}), kNow + 5h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kStale);
  book.enter(work("app"), result({on("b")}), kNow + 23h);
  ASSERT_EQ(book.all().size(), 2U);
  EXPECT_EQ(book.all().at(1).status, AdviceStatus::kStale) << "last";
  book.enter(work("app"), result({on("a"), on("b")}), kNow + 23h + 30min);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kConfirmed) << "found again";
  for (int look = 1; look <= 3; ++look) book.enter(work("app"), result({on("b")}), kNow + 24h + look * 1h);
  EXPECT_EQ(book.all().size(), 2U);
  book.enter(work("app"), result({on("b")}), kNow + 48h);
  EXPECT_EQ(book.all().size(), 1U);
}

TEST(AdviceBook, AnIndexThatDoesTheSameMakesItCreated) {
  AdviceBook book;
  book.enter(work("app"), result({on("a")}), kNow);
  IndexShape there = on("a").shape;
  there.keys.push_back(key_on("z"));
  book.enter(work("app"), result({}, {there}), kNow + 1h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kCreated);
  book.enter(work("app"), result({}, {there}), kNow + 2h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kCreated);
  book.enter(work("app"), result({on("a")}), kNow + 3h);  // dropped, and missed
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kNew);
}

struct Created {
  AdviceBook book;
  explicit Created(std::vector<std::pair<int, uint64_t>> before) {
    Advice advice = on("a");
    advice.details.emplace_back().fingerprint = 7;
    book.enter(work("app", before), result({advice}), kNow);
    book.enter(work("app", before), result({}, {on("a").shape}), kNow + 1h);
    EXPECT_EQ(book.all().at(0).status, AdviceStatus::kCreated);
    EXPECT_EQ(book.all().at(0).effect, "");
  }
  Advice after(std::vector<std::pair<int, uint64_t>> calls, base::WallTime at = kNow + 90min) {
    book.enter(work("app", std::move(calls)), result({}, {on("a").shape}), at);
    return book.all().at(0);
  }
};

TEST(AdviceBook, WhatIsFasterSinceIsVerified) {
  Created f({{50, 20'000}});
  EXPECT_EQ(f.after({{50, 20'000}, {150, 500}}).status, AdviceStatus::kCreated) << "not often enough yet";
  const Advice verified = f.after({{50, 20'000}, {250, 500}});
  EXPECT_EQ(verified.status, AdviceStatus::kVerified);
  EXPECT_TRUE(verified.effect.ends_with("; 50 calls before, 250 since")) << verified.effect;
  EXPECT_EQ(verified.note, "");
  EXPECT_EQ(f.after({{50, 20'000}, {300, 500}}).status, AdviceStatus::kVerified);
}

TEST(AdviceBook, FewCallsSufficeAfterAnHour) {
  Created f({{50, 20'000}});
  EXPECT_EQ(f.after({{50, 20'000}, {20, 500}}, kNow + 119min).status, AdviceStatus::kCreated);
  EXPECT_EQ(f.after({{50, 20'000}, {20, 500}}, kNow + 2h).status, AdviceStatus::kVerified);
}

TEST(AdviceBook, WhatTakesAsLongIsOfNoEffect) {
  Created f({{50, 20'000}});
  const Advice same = f.after({{50, 20'000}, {250, 19'000}});
  EXPECT_EQ(same.status, AdviceStatus::kNoEffect);
  EXPECT_NE(same.effect, "");
}

TEST(AdviceBook, WhatIsSlowerSinceSaysHowToGoBack) {
  Created f({{50, 20'000}});
  const Advice slower = f.after({{50, 20'000}, {250, 30'000}});
  EXPECT_EQ(slower.status, AdviceStatus::kRegressed);
  EXPECT_EQ(slower.note, "statement 0000000000000007 is slower since: DROP INDEX CONCURRENTLY \"public\".\"there_is\";");
}

TEST(AdviceBook, AStatementThatItIsNotForMayNotGetSlowerEither) {
  AdviceBook book;
  const auto calls = [](int readings, uint64_t reads_us, int writings, uint64_t writes_us) {
    Workload out = work("app", {{50, 20'000}, {readings, reads_us}});
    WorkQuery& other = out.queries.emplace_back();
    other.fingerprint = 8;
    for (int i = 0; i < 50; ++i) other.times.record(1000);
    for (int i = 0; i < writings; ++i) other.times.record(writes_us);
    return out;
  };
  Advice advice = on("a");
  advice.details.push_back({.fingerprint = 7});
  advice.others = {8};
  book.enter(calls(0, 0, 0, 0), result({advice}), kNow);
  book.enter(calls(0, 0, 0, 0), result({}, {advice.shape}), kNow + 1h);
  book.enter(calls(250, 500, 250, 1000), result({}, {advice.shape}), kNow + 2h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kVerified);
  book.enter(calls(250, 500, 900, 3000), result({}, {advice.shape}), kNow + 3h);
  EXPECT_EQ(book.all().at(0).status, AdviceStatus::kRegressed);
  EXPECT_TRUE(book.all().at(0).note.starts_with("statement 0000000000000008 is slower since: ")) << book.all().at(0).note;
}

TEST(AdviceBook, CountsThatBeganAgainAreAllSince) {
  Created f({{500, 20'000}});
  EXPECT_EQ(f.after({{250, 500}}).status, AdviceStatus::kVerified);
}

TEST(AdviceBook, AnIndexThatIsDroppedAgainIsAdvisedAnew) {
  Created f({{50, 20'000}});
  EXPECT_EQ(f.after({{50, 20'000}, {250, 500}}).status, AdviceStatus::kVerified);
  f.book.enter(work("app"), result({on("a")}), kNow + 3h);
  EXPECT_EQ(f.book.all().at(0).status, AdviceStatus::kNew);
  EXPECT_EQ(f.book.all().at(0).effect, "");
}

TEST(AdviceBook, DismissedStaysDismissed) {
  AdviceBook book;
  book.enter(work("app"), result({on("a", 99), on("b", 1)}), kNow);
  EXPECT_FALSE(book.dismiss("nothing"));
  EXPECT_TRUE(book.dismiss(on("a").id));
  book.enter(work("app"), result({on("a", 99), on("b", 1)}), kNow + 1h);
  const auto all = book.all();
  EXPECT_EQ(all.at(1).status, AdviceStatus::kDismissed) << "last, whatever it saves";
  EXPECT_EQ(all.at(0).status, AdviceStatus::kConfirmed);
}

}  // namespace
}  // namespace analyzer
