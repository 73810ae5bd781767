#include "conf/check_traces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

std::vector<std::string> found(const Traces& traces) {
  Config config;
  config.traces = traces;
  config.finish();
  std::vector<std::string> out;
  for (const Finding& finding : check_traces(config)) {
    const bool problem = finding.severity == Finding::Severity::kProblem;
    out.push_back((problem ? "" : "warning ") + finding.section + "." + finding.key + ": " + finding.message);
  }
  return out;
}

Traces to(const std::string& endpoint) {
  Traces traces;
  traces.endpoint = endpoint;
  return traces;
}

TEST(CheckTraces, NothingIsWrongWithWhatIsNotSet) { EXPECT_THAT(found({}), IsEmpty()); }

TEST(CheckTraces, ACollectorIsAnHttpUrl) {
  for (const char* good : {"http://127.0.0.1:4318/v1/traces", "https://otel.example.com/v1/traces", "http://[::1]:4318/v1/traces",
                           "http://collector:4318/v1/traces"})
    EXPECT_THAT(found(to(good)), IsEmpty()) << good;
  for (const char* bad : {"127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://", "http:///v1/traces", "http://:4318/",
                          "http://user:secret@host/v1/traces", "http://host/v1 traces", "http://host/\nv1"})
    EXPECT_THAT(found(to(bad)), ElementsAre(HasSubstr("traces.endpoint: endpoint "))) << bad;
}

TEST(CheckTraces, WhatGoesIntoARequestCannotEndItsLine) {
  Traces traces = to("https://otel.example.com/v1/traces");
  for (const char* bad : {"", "two words", "a\nb"}) {
    traces.token = Secret(bad);
    EXPECT_THAT(found(traces), ElementsAre(HasSubstr("traces.token: token must be"))) << bad;
  }
  traces.token.reset();
  for (const char* bad : {"api-key", "api key=1", "=1", "api-key=a\r\nX: 1", "ok=1,bad"}) {
    traces.headers = Secret(bad);
    EXPECT_THAT(found(traces), ElementsAre(HasSubstr("traces.headers: headers must be"))) << bad;
    EXPECT_THAT(found(traces).front(), Not(HasSubstr("api"))) << "it may be a secret";
  }
}

TEST(CheckTraces, HeadersAreReadAsOpenTelemetryHasThem) {
  EXPECT_THAT(http_headers("").value(), IsEmpty());
  EXPECT_THAT(http_headers("api-key=abc= , x-tenant = one").value(),
              ElementsAre(Pair("api-key", "abc="), Pair("x-tenant", "one")));
}

TEST(CheckTraces, ABatchFitsIntoTheQueue) {
  Traces traces;
  traces.batch_size = 100;
  traces.queue_max = 99;
  EXPECT_THAT(found(traces), ElementsAre("traces.batch_size: batch_size (100) must not be more than queue_max (99)"));
}

TEST(CheckTraces, AServiceHasAName) {
  Traces traces;
  traces.service_name.clear();
  EXPECT_THAT(found(traces), ElementsAre(HasSubstr("traces.service_name: service_name is empty")));
}

TEST(CheckTraces, ASampleOfNothingIsPointedOut) {
  Traces traces;
  traces.sample = 0.5;
  EXPECT_THAT(found(traces), ElementsAre("warning traces.sample: sample has no effect without endpoint"));
}

TEST(CheckTraces, ASecretThatLeavesTheMachineInTheOpenIsPointedOut) {
  Traces traces = to("http://otel.example.com/v1/traces");
  EXPECT_THAT(found(traces), IsEmpty());
  traces.token = Secret("abc");
  EXPECT_THAT(found(traces), ElementsAre(HasSubstr("warning traces.endpoint: the token")));
  traces.endpoint = "http://localhost:4318/v1/traces";
  EXPECT_THAT(found(traces), IsEmpty());
  traces.endpoint = "https://otel.example.com/v1/traces";
  EXPECT_THAT(found(traces), IsEmpty());
}

}  // namespace
}  // namespace conf
