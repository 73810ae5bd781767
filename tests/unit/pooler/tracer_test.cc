#include "pooler/tracer.h"

#include <gtest/gtest.h>

#include <set>

#include "analyzer/query_stats.h"

namespace pooler {
namespace {

constexpr char kSampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kUnsampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

std::string with(const std::string& traceparent) { return "SELECT 1 /*traceparent='" + traceparent + "'*/"; }

TEST(Tracer, WhatItsApplicationSamplesIsTraced) {
  Tracer tracer(1);
  tracer.configure(true, 0);
  EXPECT_EQ(tracer.trace_of(with(kSampled), false, {}), analyzer::trace_context(kSampled));
  EXPECT_EQ(tracer.trace_of("SELECT 1", false, {}), std::nullopt);
}

TEST(Tracer, TheApplicationsNoIsFinal) {
  Tracer tracer(1);
  tracer.configure(true, 1);
  EXPECT_EQ(tracer.trace_of(with(kUnsampled), false, {}), std::nullopt);
  EXPECT_EQ(tracer.trace_of("SELECT 1", false, analyzer::trace_context(kUnsampled)), std::nullopt);
}

TEST(Tracer, TheCommentWinsOverTheSetting) {
  Tracer tracer(1);
  tracer.configure(true, 0);
  const auto session = analyzer::trace_context("00-11111111111111111111111111111111-2222222222222222-01");
  EXPECT_EQ(tracer.trace_of("SELECT 1", false, session), session);
  EXPECT_EQ(tracer.trace_of(with(kSampled), false, session), analyzer::trace_context(kSampled));
  EXPECT_EQ(tracer.trace_of(with("nonsense"), false, session), session);
}

TEST(Tracer, AShareOfTheOthersBeginsATrace) {
  Tracer tracer(7);
  tracer.configure(true, 0.25);
  std::set<std::string> ids;
  int traced = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto context = tracer.trace_of("SELECT 1", false, {});
    if (!context) continue;
    ++traced;
    EXPECT_TRUE(context->sampled);
    EXPECT_EQ(context->span, 0u) << "it has no parent";
    ids.insert(analyzer::trace_id_text(*context));
  }
  EXPECT_NEAR(traced, 2500, 250);
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(traced));
  tracer.configure(true, 1);
  EXPECT_TRUE(tracer.trace_of("SELECT 1", false, {}));
}

TEST(Tracer, SpansHaveNumbersOfTheirOwn) {
  Tracer tracer(1), other(2);
  std::set<uint64_t> all;
  for (int i = 0; i < 1000; ++i) {
    all.insert(tracer.new_span());
    all.insert(other.new_span());
  }
  EXPECT_EQ(all.size(), 2000u);
  EXPECT_FALSE(all.contains(0));
}

TEST(Tracer, SeveralStatementsAreOneText) {
  analyzer::QueryStats stats;
  const auto owner = stats.owner("db", "ann", "");
  auto& first = stats.find(1, owner, "SELECT 1");
  stats.hold(first);
  auto& second = stats.find(2, owner, "UPDATE t SET a = 'secret'");
  stats.hold(second);
  const analyzer::QueryRecord record;
  const TraceMark mark;
  std::vector<analyzer::QueryStats::Row*> rows{&first, &second};
  EXPECT_EQ(*traced_text({mark, first, &rows, owner, {}, record}), "SELECT $1; UPDATE t SET a = $1");
  EXPECT_EQ(traced_text({mark, first, nullptr, owner, {}, record}), first.shared_text());
  rows.assign(1000, &second);
  EXPECT_LE(traced_text({mark, first, &rows, owner, {}, record})->size(), analyzer::QueryStats::kTextShown + 3 + 2000);
}

TEST(Tracer, WhatWasNotSeenHasNoText) {
  analyzer::QueryStats stats;
  const auto owner = stats.owner("db", "ann", "");
  const analyzer::QueryRecord record;
  const TraceMark mark;
  EXPECT_EQ(traced_text({mark, stats.find(0, owner, "a prepared statement"), nullptr, owner, {}, record}), nullptr);
}

}  // namespace
}  // namespace pooler
