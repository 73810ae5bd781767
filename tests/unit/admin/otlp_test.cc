#include "admin/otlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

analyzer::StatementTrace traced() {
  analyzer::StatementTrace trace;
  trace.context = {0x0af7651916cd43ddU, 0x8448eb211c80319cU, 0xb7ad6b7169203331U, true};
  trace.span = 0x1122334455667788U;
  trace.ended = base::WallTime(1'763'694'880s);
  trace.total = 3500us;
  trace.server = 2500us;
  trace.owner = std::make_shared<const analyzer::QueryOwner>(analyzer::QueryOwner{"shop", "ann", "web"});
  trace.query = std::make_shared<const std::string>("SELECT * FROM orders WHERE note = $1");
  trace.operation = "SELECT";
  trace.collection = "orders";
  trace.fingerprint = 0xabc;
  trace.rows = 3;
  trace.client = "10.0.0.7";
  trace.server_address = "db.example.com";
  trace.server_port = 5433;
  trace.server_pid = 42;
  return trace;
}

std::string json(const analyzer::StatementTrace& trace) {
  OtlpBody body({.service = "weir", .version = "0.1", .pid = 7});
  body.add(trace);
  return body.finish();
}

TEST(Otlp, AStatementIsASpanWithItsTimeAsChildren) {
  analyzer::StatementTrace trace = traced();
  trace.wait = 1000us;
  EXPECT_EQ(
      json(trace),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"weir"}},)"
      R"({"key":"service.version","value":{"stringValue":"0.1"}},{"key":"process.pid","value":{"intValue":"7"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"weir","version":"0.1"},"spans":[)"
      R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"1122334455667788","parentSpanId":"b7ad6b7169203331",)"
      R"("flags":769,"name":"SELECT orders","kind":2,)"
      R"("startTimeUnixNano":"1763694879996500000","endTimeUnixNano":"1763694880000000000","attributes":[)"
      R"({"key":"db.system.name","value":{"stringValue":"postgresql"}},)"
      R"({"key":"db.namespace","value":{"stringValue":"shop"}},)"
      R"({"key":"db.query.summary","value":{"stringValue":"SELECT orders"}},)"
      R"({"key":"db.operation.name","value":{"stringValue":"SELECT"}},)"
      R"({"key":"db.collection.name","value":{"stringValue":"orders"}},)"
      R"({"key":"db.query.text","value":{"stringValue":"SELECT * FROM orders WHERE note = $1"}},)"
      R"({"key":"server.address","value":{"stringValue":"db.example.com"}},{"key":"server.port","value":{"intValue":"5433"}},)"
      R"({"key":"client.address","value":{"stringValue":"10.0.0.7"}},{"key":"weir.user","value":{"stringValue":"ann"}},)"
      R"({"key":"weir.application_name","value":{"stringValue":"web"}},)"
      R"({"key":"weir.fingerprint","value":{"stringValue":"0000000000000abc"}},{"key":"weir.rows","value":{"intValue":"3"}},)"
      R"({"key":"weir.server_pid","value":{"intValue":"42"}}]},)"
      R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"147113494d63fbf9","parentSpanId":"1122334455667788",)"
      R"("flags":257,"name":"wait for a server","kind":1,)"
      R"("startTimeUnixNano":"1763694879996500000","endTimeUnixNano":"1763694879997500000","attributes":[]},)"
      R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"57ecde5bc26e0e37","parentSpanId":"1122334455667788",)"
      R"("flags":257,"name":"SELECT orders","kind":3,)"
      R"("startTimeUnixNano":"1763694879997500000","endTimeUnixNano":"1763694880000000000","attributes":[)"
      R"({"key":"db.system.name","value":{"stringValue":"postgresql"}},)"
      R"({"key":"db.namespace","value":{"stringValue":"shop"}},)"
      R"({"key":"db.query.summary","value":{"stringValue":"SELECT orders"}},)"
      R"({"key":"db.operation.name","value":{"stringValue":"SELECT"}},)"
      R"({"key":"db.collection.name","value":{"stringValue":"orders"}},)"
      R"({"key":"server.address","value":{"stringValue":"db.example.com"}},{"key":"server.port","value":{"intValue":"5433"}}]}]}]}]})"
      "\n");
}

TEST(Otlp, WhatTookNoTimeIsNoChild) {
  EXPECT_THAT(json(traced()), Not(HasSubstr("wait for a server")));
  analyzer::StatementTrace refused = traced();
  refused.server = 0us;
  refused.wait = 3500us;
  refused.sqlstate = "08P01";
  refused.server_address.clear();
  EXPECT_THAT(json(refused), HasSubstr("wait for a server"));
  EXPECT_THAT(json(refused), Not(HasSubstr("\"kind\":3")));
  EXPECT_THAT(json(refused), Not(HasSubstr("server.address")));
}

TEST(Otlp, AnErrorIsItsCodeAlone) {
  analyzer::StatementTrace failed = traced();
  failed.sqlstate = "23505";
  const std::string text = json(failed);
  EXPECT_THAT(text, HasSubstr(R"({"key":"db.response.status_code","value":{"stringValue":"23505"}},)"
                              R"({"key":"error.type","value":{"stringValue":"23505"}})"));
  EXPECT_THAT(text, HasSubstr(R"("status":{"code":2})"));
  EXPECT_THAT(json(traced()), Not(HasSubstr("status")));
}

TEST(Otlp, ARootHasNoParent) {
  analyzer::StatementTrace root = traced();
  root.context.span = 0;
  EXPECT_THAT(json(root), HasSubstr(R"("spanId":"1122334455667788","flags":257,)"));
}

TEST(Otlp, ABatchSaysHowManyStatementsItHas) {
  analyzer::StatementTrace batch = traced();
  batch.operation = "BATCH";
  batch.collection.clear();
  batch.statements = 3;
  EXPECT_THAT(json(batch), HasSubstr(R"("name":"BATCH")"));
  EXPECT_THAT(json(batch), HasSubstr(R"({"key":"db.operation.batch.size","value":{"intValue":"3"}})"));
}

TEST(Otlp, WhatIsNotKnownIsLeftOut) {
  analyzer::StatementTrace bare;
  bare.context = {1, 2, 3, true};
  bare.span = 4;
  const std::string text = json(bare);
  EXPECT_THAT(text, HasSubstr(R"("name":"postgresql")"));
  for (const char* absent : {"db.namespace", "db.operation.name", "db.query.text", "weir.user", "weir.fingerprint", "client."})
    EXPECT_THAT(text, Not(HasSubstr(absent))) << absent;
}

TEST(Otlp, ForeignBytesMakeNoOtherJson) {
  analyzer::StatementTrace trace = traced();
  trace.collection = "a\"b\xff\n";
  EXPECT_THAT(json(trace), HasSubstr(R"("name":"SELECT a\"b\ufffd\u000a")"));
}

TEST(Otlp, ManyAreOneBody) {
  OtlpBody body({.service = "weir", .version = "0.1"});
  EXPECT_TRUE(body.empty());
  EXPECT_THAT(OtlpBody(body).finish(), testing::EndsWith("\"spans\":[]}]}]}\n"));
  body.add(traced());
  const std::size_t one = body.size();
  body.add(traced());
  EXPECT_EQ(body.statements(), 2u);
  EXPECT_GT(body.size(), one);
  EXPECT_THAT(body.finish(), StartsWith("{\"resourceSpans\":["));
}

}  // namespace
}  // namespace admin
