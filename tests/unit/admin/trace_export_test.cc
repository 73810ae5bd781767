#include "admin/trace_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>

namespace admin {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A collector in this process: it answers what it was told to, then 200.
struct Collector {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<base::PostRequest> requests;
  std::deque<base::PostOutcome> answers;
  bool full = false;

  TraceExporter::Post post() {
    return [this](base::PostRequest request, const base::Outbox::Done& done) {
      base::PostOutcome answer{.status = 200, .error = {}, .answer = "{}"};
      {
        const std::lock_guard lock(mutex);
        if (full) return false;
        requests.push_back(std::move(request));
        if (!answers.empty()) {
          answer = answers.front();
          answers.pop_front();
        }
        came.notify_all();
      }
      done(answer);
      return true;
    };
  }
};

struct Scene {
  pooler::Traces traces;
  Collector collector;
  conf::Traces settings;
  TraceExporter exporter{traces, collector.post(), "0.1", 1ms};

  Scene() {
    traces.set_workers(1);
    settings.endpoint = "http://127.0.0.1:4318/v1/traces";
    settings.flush_interval = 5ms;
  }
  void put(uint64_t span = 1, std::size_t text = 0) {
    auto trace = std::make_unique<analyzer::StatementTrace>();
    trace->context = {1, 2, 3, true};
    trace->span = span;
    if (text > 0) trace->query = std::make_shared<const std::string>(text, 'x');
    traces.put(0, std::move(trace));
  }
  pooler::TraceCounts counts_when(const std::function<bool(const pooler::TraceCounts&)>& reached) {
    const auto until = base::now() + 10s;
    while (!reached(traces.counts()) && base::now() < until) std::this_thread::sleep_for(1ms);
    return traces.counts();
  }
};

TEST(TraceExporter, SendsWhatWasTraced) {
  Scene scene;
  scene.settings.token = conf::Secret("abc");
  scene.settings.headers = conf::Secret("x-tenant=one");
  scene.settings.service_name = "pool-1";
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto counts = scene.counts_when([](const auto& now) { return now.exported == 1; });
  EXPECT_EQ(counts.exported, 1u);
  EXPECT_EQ(counts.requests, 1u);
  EXPECT_EQ(counts.waiting, 0u);
  const base::PostRequest& request = scene.collector.requests.at(0);
  EXPECT_EQ(request.url, "http://127.0.0.1:4318/v1/traces");
  EXPECT_EQ(request.type, "application/json");
  EXPECT_THAT(request.headers, ElementsAre("Authorization: Bearer abc", "x-tenant: one"));
  EXPECT_EQ(request.deadline, 10s);
  EXPECT_THAT(request.body, HasSubstr("pool-1"));
  EXPECT_THAT(request.body, HasSubstr("\"spanId\":\"0000000000000001\""));
}

TEST(TraceExporter, AFullBatchGoesAtOnce) {
  Scene scene;
  scene.settings.flush_interval = 300s;
  scene.settings.batch_size = 2;
  scene.exporter.configure(scene.settings);
  for (uint64_t i = 1; i <= 5; ++i) scene.put(i);
  EXPECT_GE(scene.counts_when([](const auto& now) { return now.exported >= 4; }).exported, 4u) << "one may be left over";
}

TEST(TraceExporter, MoreThanABatchIsSeveral) {
  Scene scene;
  scene.settings.batch_size = 2;
  scene.traces.configure(10, 10);
  for (uint64_t i = 1; i <= 5; ++i) scene.put(i);
  scene.exporter.configure(scene.settings);
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.exported == 5; }).exported, 5u);
  EXPECT_EQ(scene.collector.requests.size(), 3u);
}

TEST(TraceExporter, NoBodyIsLongerThanItMayBe) {
  Scene scene;
  scene.traces.configure(1000, 1000);
  for (uint64_t i = 1; i <= 9; ++i) scene.put(i, TraceExporter::kBodyMax / 4);
  scene.exporter.configure(scene.settings);
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.exported == 9; }).exported, 9u);
  EXPECT_EQ(scene.collector.requests.size(), 3u);
  for (const auto& request : scene.collector.requests) EXPECT_LT(request.body.size(), 2 * TraceExporter::kBodyMax);
}

TEST(TraceExporter, WhatMayBeSentAgainIs) {
  Scene scene;
  scene.collector.answers = {{.status = 503}, {.status = 0, .error = "connection refused"}, {.status = 429}};
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto counts = scene.counts_when([](const auto& now) { return now.exported == 1; });
  EXPECT_EQ(counts.exported, 1u);
  EXPECT_EQ(counts.requests, 4u);
  EXPECT_EQ(counts.retries, 3u);
  EXPECT_EQ(counts.lost, 0u);
  EXPECT_EQ(counts.failure, "");
}

TEST(TraceExporter, WhatIsRefusedForGoodIsLostAndCounted) {
  Scene scene;
  scene.collector.answers = {{.status = 400, .error = {}, .answer = "{\"message\":\"no\"}\n"}};
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto counts = scene.counts_when([](const auto& now) { return now.lost == 1; });
  EXPECT_EQ(counts.lost, 1u);
  EXPECT_EQ(counts.requests, 1u);
  EXPECT_EQ(counts.failure, "the collector answered 400: {\"message\":\"no\"}");
  EXPECT_NE(counts.failed_at, base::WallTime{});
}

TEST(TraceExporter, ACollectorThatStaysAwayIsGivenUp) {
  Scene scene;
  for (int i = 0; i <= TraceExporter::kRetries; ++i)
    scene.collector.answers.push_back({.status = 0, .error = "connection refused"});
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto counts = scene.counts_when([](const auto& now) { return now.lost == 1; });
  EXPECT_EQ(counts.lost, 1u);
  EXPECT_EQ(counts.failure, "connection refused");
  EXPECT_EQ(counts.requests, static_cast<uint64_t>(TraceExporter::kRetries) + 1);
  scene.put();
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.exported == 1; }).failure, "") << "all is well again";
}

TEST(TraceExporter, NobodyWaitsForAnHour) {
  Scene scene;
  scene.collector.answers = {{.status = 503, .error = {}, .answer = {}, .retry_after = 3600s}};
  scene.exporter.configure(scene.settings);
  scene.put();
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.lost == 1; }).lost, 1u);
}

TEST(TraceExporter, AFullOutboxIsLikeACollectorThatIsAway) {
  Scene scene;
  scene.collector.full = true;
  scene.exporter.configure(scene.settings);
  scene.put();
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.lost == 1; }).failure, "the outbox is full");
}

TEST(TraceExporter, WhatACollectorDidNotKeepIsCounted) {
  Scene scene;
  scene.collector.answers = {{.status = 200, .error = {}, .answer = R"({"partialSuccess":{"rejectedSpans":"2"}})"}};
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto counts = scene.counts_when([](const auto& now) { return now.exported == 1; });
  EXPECT_EQ(counts.rejected_spans, 2u);
  EXPECT_THAT(counts.failure, HasSubstr("rejectedSpans"));
}

TEST(TraceExporter, SwitchedOffItSendsNothing) {
  Scene scene;
  scene.exporter.configure(scene.settings);
  scene.settings.endpoint.clear();
  scene.exporter.configure(scene.settings);
  scene.put();
  EXPECT_EQ(scene.counts_when([](const auto& now) { return now.lost == 1; }).lost, 1u);
  EXPECT_THAT(scene.collector.requests, IsEmpty());
}

TEST(TraceExporter, TheEndSendsWhatWaits) {
  Scene scene;
  scene.settings.flush_interval = 300s;
  scene.exporter.configure(scene.settings);
  scene.put();
  scene.exporter.finish(5s);
  EXPECT_EQ(scene.traces.counts().exported, 1u);
}

TEST(TraceExporter, TheEndDoesNotWaitForACollectorThatIsAway) {
  Scene scene;
  scene.settings.flush_interval = 300s;
  for (int i = 0; i < 10; ++i) scene.collector.answers.push_back({.status = 503, .error = {}, .answer = {}, .retry_after = 20s});
  scene.exporter.configure(scene.settings);
  scene.put();
  const auto began = base::now();
  scene.exporter.finish(5s);
  EXPECT_LT(base::now() - began, 5s);
  EXPECT_EQ(scene.traces.counts().lost, 1u);
}

TEST(TraceExporter, WhatAnAnswerSays) {
  for (const int status : {0, 429, 502, 503, 504}) EXPECT_TRUE(may_retry({.status = status})) << status;
  for (const int status : {200, 301, 400, 401, 404, 413, 500, 501}) EXPECT_FALSE(may_retry({.status = status})) << status;
  EXPECT_EQ(rejected_spans(""), 0u);
  EXPECT_EQ(rejected_spans("{}"), 0u);
  EXPECT_EQ(rejected_spans("{\"partialSuccess\":{\"rejectedSpans\" : 12 }}"), 12u);
  EXPECT_EQ(rejected_spans("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"x\"}}"), 3u);
  EXPECT_EQ(rejected_spans("\"rejectedSpans\""), 0u);
}

}  // namespace
}  // namespace admin
