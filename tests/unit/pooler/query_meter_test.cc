#include "pooler/query_meter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "analyzer/query_report.h"
#include "tests/unit/pooler/server_fixture.h"

namespace pooler {
namespace {

using std::chrono::microseconds;

std::string error_body(const std::string& state) {
  return "SERROR" + std::string(1, '\0') + "VERROR" + '\0' + "C" + state + '\0' + "Mwhy" + '\0' + '\0';
}

// A client, a server and a clock of the test's own.
class QueryMeterTest : public testing::Test {
 protected:
  QueryMeterTest() { meter_.attach(&stats_); }

  QueryMeter::Tag send(char type, const std::string& body, std::string_view text = {}, uint64_t server_parses = 0) {
    const std::string frame = message(type, body);
    QueryMeter::Said said;
    if (!text.empty()) said.text = text;
    said.server_parses = server_parses;
    return meter_.sent({type, frame.size()}, frame, said, params_, now_);
  }
  QueryMeter::Tag query(const std::string& sql) { return send('Q', sql + '\0', sql); }
  QueryMeter::Tag parse(const std::string& sql) { return send('P', std::string(1, '\0') + sql + '\0' + "\0\0", sql, 1); }
  QueryMeter::Tag bind(const std::string& sql, const std::string& portal = "") {
    return send('B', portal + '\0' + '\0', sql);
  }
  QueryMeter::Tag execute(uint32_t rows = 0, const std::string& portal = "") {
    std::string body = portal + '\0';
    for (int shift = 24; shift >= 0; shift -= 8) body += static_cast<char>(rows >> shift);
    return send('E', body);
  }
  void pass(int64_t us) { now_ += microseconds(us); }
  void complete(QueryMeter::Tag tag, const std::string& command, std::size_t index = 0) {
    meter_.answered({.tag = tag, .type = 'C', .index = index, .body = command + '\0'}, now_);
  }
  void fail(QueryMeter::Tag tag, const std::string& state, std::size_t index = 0) {
    const std::string body = error_body(state);
    meter_.answered({.tag = tag, .type = 'E', .index = index, .body = body}, now_);
  }
  void ready(wire::TxStatus status = wire::TxStatus::kIdle) { meter_.ready(status, true, now_); }

  std::map<std::string, analyzer::QueryTotals> counted() {
    std::map<std::string, analyzer::QueryTotals> all;
    for (const auto& row : stats_.snapshot().rows) all[*row.text] = row.totals;
    return all;
  }

  analyzer::StatementCache cache_;
  analyzer::LocalStatements statements_{cache_};
  analyzer::QueryStats stats_;
  const std::string database_ = "app", user_ = "alice";
  ParamsPtr params_ = intern_params({{"application_name", "test"}});
  base::TimePoint now_{std::chrono::seconds(100)};
  QueryMeter meter_{statements_, database_, user_};
};

TEST_F(QueryMeterTest, ASimpleQueryIsOneCall) {
  for (int i = 0; i < 3; ++i) {
    meter_.waited(microseconds(40));
    const auto tag = query("SELECT " + std::to_string(i));
    pass(100);
    meter_.passed(500);
    complete(tag, "SELECT 7");
    ready();
  }
  const auto all = counted();
  ASSERT_EQ(all.size(), 1u);
  const auto& totals = all.at("SELECT $1");
  EXPECT_EQ(totals.calls, 3u);
  EXPECT_EQ(totals.rows, 21u);
  EXPECT_EQ(totals.server_us, 300u);
  EXPECT_EQ(totals.wait_us, 120u);
  EXPECT_EQ(totals.bytes_out, 1500u);
  EXPECT_EQ(totals.bytes_in, 3u * (5 + 9));
  EXPECT_EQ(stats_.snapshot().rows[0].owner->application, "test");
}

TEST_F(QueryMeterTest, EachStatementOfATextIsCountedByItself) {
  const auto tag = query("SELECT 1; UPDATE t SET a = 2; SELECT 3 FROM t");
  pass(10);
  complete(tag, "SELECT 1", 0);
  pass(20);
  complete(tag, "UPDATE 5", 1);
  pass(30);
  fail(tag, "42P01", 2);
  ready();
  complete(query("SELECT 17"), "SELECT 1");
  const auto all = counted();
  EXPECT_EQ(all.at("SELECT $1").calls, 2u);
  EXPECT_EQ(all.at("UPDATE t SET a = $1").rows, 5u);
  EXPECT_EQ(all.at("UPDATE t SET a = $1").server_us, 20u);
  EXPECT_EQ(analyzer::to_text(all.at("SELECT $1 FROM t").error_classes), "42:1");
  EXPECT_EQ(all.at("SELECT $1 FROM t").server_us, 30u);
}

TEST_F(QueryMeterTest, WhatStandsBehindAnErrorHasNotRun) {
  const auto tag = query("SELECT 1; SELECT 2 FROM t; SELECT a FROM w");
  complete(tag, "SELECT 1", 0);
  fail(tag, "42P01", 1);
  ready();
  EXPECT_EQ(counted().size(), 2u);
  EXPECT_FALSE(counted().contains("SELECT a FROM w"));
}

TEST_F(QueryMeterTest, ATextThatCannotBeParsedIsOneCallWithAllItsRows) {
  const auto tag = query("SELECT 1 FOO BAR BAZ; SELECT 2");
  complete(tag, "SELECT 3", 0);
  complete(tag, "SELECT 4", 1);
  ready();
  ASSERT_EQ(counted().size(), 1u);
  EXPECT_EQ(counted().begin()->second.calls, 1u);
  EXPECT_EQ(counted().begin()->second.rows, 7u);
}

TEST_F(QueryMeterTest, ParseBindAndExecuteAreOne) {
  const auto parsed = parse("SELECT $1::int");
  EXPECT_EQ(bind("SELECT $1::int"), parsed);
  EXPECT_EQ(execute(), parsed);
  pass(50);
  complete(parsed, "SELECT 1");
  ready();
  for (int i = 0; i < 2; ++i) {
    bind("SELECT $1::int");
    complete(execute(), "SELECT 1");
    ready();
  }
  const auto totals = counted().at("SELECT $1::int");
  EXPECT_EQ(totals.calls, 3u);
  EXPECT_EQ(totals.parses, 1u);
  EXPECT_EQ(totals.server_parses, 1u);
}

TEST_F(QueryMeterTest, APipelineIsToldApartAndWhatIsSkippedIsNotCounted) {
  std::vector<QueryMeter::Tag> tags;
  for (const char* sql : {"SELECT 1", "SELECT 2 FROM t", "SELECT a, 4 FROM w", "SELECT 5 FROM u"}) {
    parse(sql);
    bind(sql);
    tags.push_back(execute());
  }
  pass(100);
  complete(tags[0], "SELECT 1");
  pass(10);
  fail(tags[1], "42P01");  // the third and the fourth are skipped
  ready();
  const auto next = query("SELECT 6 FROM v");
  pass(7);
  complete(next, "SELECT 0");
  ready();
  const auto all = counted();
  EXPECT_EQ(all.at("SELECT $1").server_us, 100u);
  EXPECT_EQ(all.at("SELECT $1 FROM t").server_us, 10u);
  EXPECT_EQ(all.at("SELECT $1 FROM t").errors, 1u);
  EXPECT_EQ(all.at("SELECT $1 FROM v").server_us, 7u);
  EXPECT_EQ(all.at("SELECT a, $1 FROM w").calls, 0u);  // parsed, and never run
  EXPECT_EQ(all.at("SELECT a, $1 FROM w").parses, 1u);
}

TEST_F(QueryMeterTest, AnErrorOfParseOrBindIsOneOfTheStatement) {
  fail(parse("SELECT nosuch"), "42703");
  ready();
  fail(bind("SELECT $1::int"), "22P02");
  ready();
  EXPECT_EQ(analyzer::to_text(counted().at("SELECT nosuch").error_classes), "42:1");
  EXPECT_EQ(counted().at("SELECT nosuch").calls, 1u);
  EXPECT_EQ(analyzer::to_text(counted().at("SELECT $1::int").error_classes), "22:1");
}

TEST_F(QueryMeterTest, PortalsThatAreReadInPartsAreOneCall) {
  bind("SELECT a FROM t", "one");
  bind("SELECT a FROM u", "two");
  for (int i = 0; i < 3; ++i) meter_.answered({.tag = execute(10, "one"), .type = 's'}, now_);
  complete(execute(10, "two"), "SELECT 2");
  complete(execute(10, "one"), "SELECT 4");
  ready();
  EXPECT_EQ(counted().at("SELECT a FROM t").calls, 1u);
  EXPECT_EQ(counted().at("SELECT a FROM t").rows, 34u);
  EXPECT_EQ(counted().at("SELECT a FROM u").rows, 2u);
  // They are gone with the transaction.
  complete(execute(0, "one"), "SELECT 1");
  ready();
  EXPECT_EQ(counted().at("a prepared statement that was not seen").calls, 1u);
}

TEST_F(QueryMeterTest, PortalsWithoutEndAreBounded) {
  for (int i = 0; i < 2000; ++i) bind("SELECT 1", "p" + std::to_string(i));
  complete(execute(0, "p7"), "SELECT 1");
  complete(execute(0, "p1999"), "SELECT 1");
  EXPECT_EQ(counted().at("SELECT $1").calls, 1u);
  EXPECT_EQ(counted().at("a prepared statement that was not seen").calls, 1u);
}

TEST_F(QueryMeterTest, CopyCountsItsData) {
  const auto tag = query("COPY t FROM STDIN");
  send('d', std::string(1000, 'x'));
  send('d', std::string(500, 'x'));
  send('c', "");
  complete(tag, "COPY 2");
  ready();
  EXPECT_EQ(counted().at("COPY t FROM STDIN").rows, 2u);
  EXPECT_EQ(counted().at("COPY t FROM STDIN").bytes_in, 5 + 18 + 1005 + 505 + 5u);
}

TEST_F(QueryMeterTest, IdlingInATransactionIsOfTheStatementBefore) {
  const auto begin = query("BEGIN");
  complete(begin, "BEGIN");
  ready(wire::TxStatus::kInTransaction);
  pass(10);
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(meter_.statements(), 2u);
  ready(wire::TxStatus::kInTransaction);
  EXPECT_EQ(meter_.current()->text(), "SELECT $1");
  pass(5000);
  complete(query("COMMIT"), "COMMIT");
  ready();
  EXPECT_EQ(meter_.statements(), 0u);
  EXPECT_EQ(meter_.current(), nullptr);
  pass(1'000'000);
  complete(query("BEGIN"), "BEGIN");
  ready(wire::TxStatus::kInTransaction);
  pass(300);
  meter_.ended(now_);
  EXPECT_EQ(counted().at("SELECT $1").idle_us, 5000u);
  EXPECT_EQ(counted().at("BEGIN").idle_us, 310u);
  EXPECT_EQ(counted().at("COMMIT").idle_us, 0u);
}

TEST_F(QueryMeterTest, BytesEndWithTheAnswer) {
  const auto one = query("SELECT 1");
  const auto two = query("SELECT 2 FROM t");
  meter_.passed(100);
  meter_.answered({.tag = one, .type = 'C', .body = "SELECT 1", .unpassed = 20}, now_);
  meter_.passed(26);
  meter_.ready(wire::TxStatus::kIdle, false, now_);  // six of these are ReadyForQuery's
  meter_.passed(50);
  meter_.answered({.tag = two, .type = 'C', .body = "SELECT 1", .unpassed = 0}, now_);
  ready();
  EXPECT_EQ(counted().at("SELECT $1").bytes_out, 120u);
  EXPECT_EQ(counted().at("SELECT $1 FROM t").bytes_out, 50u);
}

TEST_F(QueryMeterTest, ApplicationsAreFollowed) {
  complete(query("SELECT 1"), "SELECT 1");
  params_ = intern_params({{"application_name", "other"}});
  complete(query("SELECT 1"), "SELECT 1");
  ASSERT_EQ(stats_.snapshot().rows.size(), 2u);
  EXPECT_EQ(stats_.snapshot().rows[1].owner->application, "other");
}

TEST_F(QueryMeterTest, WhatIsRefusedOrLostIsAnError) {
  const std::string text = "SELECT 1; SELECT 2 FROM t";
  meter_.waited(microseconds(900));
  meter_.refused({'Q', text.size() + 6}, {.text = text}, params_, "53300", now_);
  meter_.refused({'S', 5}, {}, params_, "53300", now_);
  const auto tag = query("SELECT 3 FROM t");
  pass(60);
  meter_.lost(tag, "57P01", now_);
  meter_.lost(tag, "08006", now_);  // once is enough
  EXPECT_EQ(analyzer::to_text(counted().at("SELECT $1").error_classes), "53:1");
  EXPECT_EQ(counted().at("SELECT $1").wait_us, 900u);
  EXPECT_EQ(analyzer::to_text(counted().at("SELECT $1 FROM t").error_classes), "57:1");
  EXPECT_EQ(counted().size(), 2u);
}

TEST_F(QueryMeterTest, OffCountsNothingAndOldTagsMeanNothingAfterwards) {
  const auto before = query("SELECT 1");
  meter_.attach(nullptr);
  EXPECT_EQ(query("SELECT 1"), 0u);
  complete(before, "SELECT 1");
  meter_.attach(&stats_);
  const auto after = query("SELECT 2 FROM t");
  complete(before, "SELECT 1");
  complete(after, "SELECT 1");
  ready();
  EXPECT_EQ(counted().size(), 1u);
  EXPECT_EQ(counted().at("SELECT $1 FROM t").calls, 1u);
}

TEST_F(QueryMeterTest, WhatIsUnderWayIsNotMadeRoomOf) {
  stats_.set_limits({.rows_max = 4, .bytes_max = 1UL << 20});
  const auto tag = query("SELECT 1; SELECT 2 FROM t; SELECT 3 FROM u");
  for (int i = 0; i < 50; ++i) {
    const std::string other = "SELECT c_" + std::to_string(i);
    stats_.record(stats_.find(static_cast<uint64_t>(i) + 1, stats_.owner("app", "bob", ""), other), {.server = microseconds(1000000)});
  }
  for (std::size_t i = 0; i < 3; ++i) complete(tag, "SELECT 1", i);
  EXPECT_EQ(counted().at("SELECT $1").calls, 1u);
  EXPECT_EQ(counted().at("SELECT $1 FROM u").calls, 1u);
}

// ---- what is slow ----

class SlowMeterTest : public QueryMeterTest, public SlowListener {
 protected:
  void on_slow(const SlowCall& call) override { told_.push_back(describe(call, &hidden_)); }
  void watch(base::Duration from, bool values = false) { meter_.watch({.from = from, .limit = from, .values = values}, this); }
  // "text values queue+server error" of each that was told, and forgets them.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& one : told_)
      out.push_back((one.prepared ? "<" + one.name + "> " : "") + one.query + " " + analyzer::values_text(one) + " " +
                    std::to_string(one.queue.count()) + "+" + std::to_string(one.server.count()) + " " + one.sqlstate);
    told_.clear();
    return out;
  }
  using Told = std::vector<std::string>;

  analyzer::HiddenValues hidden_;
  std::vector<analyzer::SlowStatement> told_;
};

TEST_F(SlowMeterTest, NothingIsToldWhileNobodyListens) {
  const auto tag = query("SELECT 1");
  pass(1'000'000'000);
  complete(tag, "SELECT 1");
  meter_.watch({.from = {}, .limit = {}}, nullptr);
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(told(), Told());
}

TEST_F(SlowMeterTest, WhatTakesSoLongWithItsWaitIsTold) {
  watch(microseconds(100));
  meter_.waited(microseconds(40));
  auto tag = query("SELECT 1");
  pass(59);
  complete(tag, "SELECT 1");
  ready();
  EXPECT_EQ(told(), Told());
  meter_.waited(microseconds(40));
  tag = query("SELECT 1");
  pass(60);
  complete(tag, "SELECT 1");
  EXPECT_EQ(told(), Told{"SELECT $1  40+60 "});
  EXPECT_EQ(counted().at("SELECT $1").calls, 2u);
}

TEST_F(SlowMeterTest, ATextOfSeveralStatementsIsToldWhenAllAreDone) {
  watch(microseconds(50), true);
  meter_.waited(microseconds(7));
  auto tag = query("SELECT 1; SELECT 'b' FROM t; SELECT 3");
  pass(20);
  complete(tag, "SELECT 1", 0);
  pass(10);
  complete(tag, "SELECT 1", 1);
  EXPECT_EQ(told(), Told());
  pass(20);
  complete(tag, "SELECT 1", 2);
  EXPECT_EQ(told(), Told{"SELECT $1; SELECT $2 FROM t; SELECT $3 $1 = '1', $2 = 'b', $3 = '3' 7+50 "});
  ready();
  watch(microseconds(50));
  tag = query("SELECT 1; SELECT 2; SELECT 3");
  pass(40);
  complete(tag, "SELECT 1", 0);
  pass(20);
  fail(tag, "22012", 1);
  EXPECT_EQ(told(), Told{"SELECT $1; SELECT $2; SELECT $3 $1 = '1', $2 = '2', $3 = '3' 0+60 22012"});
  ready();
  tag = query("SELECT 1; SELECT 2");
  pass(20);
  complete(tag, "SELECT 1", 0);
  complete(tag, "SELECT 1", 1);
  EXPECT_EQ(told(), Told()) << "nothing of the text before is left";
}

TEST_F(SlowMeterTest, APreparedStatementHasItsNameAndTheValuesOfItsBind) {
  watch({}, true);
  const std::string value = std::string(3, '\0') + '\1' + 'x';
  const std::string body = std::string("\0s\0\0\0\0\1", 7) + value + std::string(2, '\0');
  send('B', body, "SELECT $1 FROM t");
  const auto tag = execute();
  pass(5);
  complete(tag, "SELECT 1");
  EXPECT_EQ(told(), Told{"<s> SELECT $1 FROM t $1 = 'x' 0+5 "});
  ready();
  complete(query("SELECT 2"), "SELECT 1");
  EXPECT_EQ(told(), Told{"SELECT $1 $1 = '2' 0+0 "}) << "nothing of the one before is left";
}

TEST_F(SlowMeterTest, PartsOfAPortalAreToldOneByOne) {
  watch(microseconds(50));
  bind("SELECT * FROM t", "p");
  auto tag = execute(10, "p");
  pass(60);
  meter_.answered({.tag = tag, .type = 's'}, now_);
  tag = execute(10, "p");
  pass(10);
  complete(tag, "SELECT 3");
  EXPECT_EQ(told(), Told{"<> SELECT * FROM t  0+60 "});
}

TEST_F(SlowMeterTest, WhoGotNoServerIsTold) {
  watch(microseconds(50));
  meter_.waited(microseconds(70));
  meter_.refused({'Q', 20}, {.text = "SELECT 1"}, params_, "53300", now_);
  EXPECT_EQ(told(), Told{"SELECT $1  70+0 53300"});
  const auto tag = query("SELECT 2");
  pass(80);
  meter_.lost(tag, "57P01", now_);
  EXPECT_EQ(told(), Told{"SELECT $1  0+80 57P01"});
}

TEST_F(SlowMeterTest, WithoutCountingNothingIsCounted) {
  meter_.attach(&stats_, false);
  watch(microseconds(50));
  parse("SELECT $1");
  bind("SELECT $1");
  const auto tag = execute();
  pass(60);
  complete(tag, "SELECT 1");
  ready(wire::TxStatus::kInTransaction);
  pass(1000);
  meter_.refused({'Q', 20}, {.text = "SELECT 1"}, params_, "53300", now_);
  meter_.parsed(20, {.text = "SELECT 1"}, params_);
  meter_.ended(now_);
  EXPECT_EQ(told(), Told{"<> SELECT $1  0+60 "});
  EXPECT_TRUE(counted().empty());
  meter_.attach(&stats_, true);
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(counted().size(), 1u);
}

// ---- traces ----

class TracedMeterTest : public QueryMeterTest, public TraceListener {
 protected:
  TracedMeterTest() {
    tracer_.configure(true, 0);
    meter_.trace(&tracer_, this);
  }
  void on_traced(const TracedCall& call) override {
    const auto text = traced_text(call);
    told_.push_back(analyzer::span_id_text(call.mark.context.span).substr(15) + ' ' + call.mark.collection + ' ' +
                    (text ? *text : "?") + ' ' + std::to_string(call.record.wait.count()) + '+' +
                    std::to_string(call.record.server.count()) + '/' + std::to_string(call.total.count()) + ' ' +
                    std::string(call.record.sqlstate) + call.owner->application);
  }
  using Told = std::vector<std::string>;
  Told told() { return std::exchange(told_, {}); }
  static std::string traceparent(char span, char flags = '1') {
    return "00-0af7651916cd43dd8448eb211c80319c-000000000000000" + std::string(1, span) + "-0" + flags;
  }
  static std::string comment(char span, char flags = '1') { return " /*traceparent='" + traceparent(span, flags) + "'*/"; }

  Tracer tracer_{1};
  Told told_;
};

TEST_F(TracedMeterTest, WhatBelongsToATraceIsTold) {
  meter_.waited(microseconds(40));
  const auto tag = query("SELECT * FROM t WHERE a = 'secret'" + comment('1'));
  pass(100);
  complete(tag, "SELECT 1");
  EXPECT_EQ(told(), Told{"1 t SELECT * FROM t WHERE a = $1 40+100/140 test"});
  ready();
  complete(query("SELECT 1"), "SELECT 1");
  ready();
  complete(query("SELECT 1" + comment('2', '0')), "SELECT 1");
  EXPECT_EQ(told(), Told{}) << "neither what has no trace nor what is not sampled";
}

TEST_F(TracedMeterTest, WhileNothingIsTracedNobodyLooks) {
  meter_.trace(nullptr, nullptr);
  complete(query("SELECT 1" + comment('1')), "SELECT 1");
  EXPECT_EQ(told(), Told{});
}

TEST_F(TracedMeterTest, EachExecutionOfAPreparedStatementIsTold) {
  const std::string sql = "SELECT $1" + comment('3');
  parse(sql);
  bind(sql);
  const auto first = execute();
  bind(sql);
  const auto second = execute();
  pass(10);
  complete(first, "SELECT 1");
  pass(5);
  fail(second, "22012");
  EXPECT_EQ(told(), (Told{"3  SELECT $1 0+10/10 test", "3  SELECT $1 0+5/15 22012test"}))
      << "the second has waited for the first, too";
  ready();
  bind("SELECT 1");
  complete(execute(), "SELECT 1");
  EXPECT_EQ(told(), Told{}) << "the portal is another's now";
}

TEST_F(TracedMeterTest, PartsOfAPortalAreToldOneByOne) {
  bind("SELECT * FROM t" + comment('4'), "p");
  auto tag = execute(10, "p");
  pass(60);
  meter_.answered({.tag = tag, .type = 's'}, now_);
  pass(1000);
  tag = execute(10, "p");
  pass(10);
  complete(tag, "SELECT 3");
  EXPECT_EQ(told(), (Told{"4 t SELECT * FROM t 0+60/60 test", "4 t SELECT * FROM t 0+10/10 test"}));
}

TEST_F(TracedMeterTest, ATextOfSeveralStatementsIsOne) {
  auto tag = query("SELECT 1; UPDATE t SET a = 2" + comment('5'));
  pass(10);
  complete(tag, "SELECT 1", 0);
  EXPECT_EQ(told(), Told{});
  pass(20);
  complete(tag, "UPDATE 5", 1);
  EXPECT_EQ(told(), Told{"5  SELECT $1; UPDATE t SET a = $1 0+30/30 test"});
  ready();
  tag = query("SELECT 1; UPDATE t SET a = 2" + comment('6'));
  pass(10);
  fail(tag, "22012", 0);
  EXPECT_EQ(told(), Told{"6  SELECT $1; UPDATE t SET a = $1 0+10/10 22012test"});
}

TEST_F(TracedMeterTest, WhatNobodyCanParseIsToldOnce) {
  const auto tag = query("SELEKT 1; SELEKT 2" + comment('7'));
  pass(10);
  fail(tag, "42601", 0);
  ready();
  EXPECT_EQ(told().size(), 1u);
}

TEST_F(TracedMeterTest, WhoGotNoServerIsTold) {
  meter_.waited(microseconds(70));
  const std::string sql = "SELECT 1" + comment('8');
  meter_.refused({'Q', 20}, {.text = sql}, params_, "08P01", now_);
  EXPECT_EQ(told(), Told{"8  SELECT $1 70+0/70 08P01test"});
  const auto tag = query(sql);
  pass(80);
  meter_.lost(tag, "57P01", now_);
  EXPECT_EQ(told(), Told{"8  SELECT $1 0+80/80 57P01test"});
}

TEST_F(TracedMeterTest, TheClientsSettingSaysItForAll) {
  params_ = intern_params({{"application_name", "test"}, {std::string(kTraceSetting), traceparent('9')}});
  complete(query("SELECT 1"), "SELECT 1");
  ready();
  complete(query("SELECT 1" + comment('a')), "SELECT 1");
  EXPECT_EQ(told(), (Told{"9  SELECT $1 0+0/0 test", "a  SELECT $1 0+0/0 test"}));
  ready();
  params_ = intern_params({{"application_name", "test"}});
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(told(), Told{});
}

TEST_F(TracedMeterTest, TheSettingHoldsWhenTracesAreSwitchedOnLater) {
  meter_.trace(nullptr, nullptr);
  params_ = intern_params({{"application_name", "test"}, {std::string(kTraceSetting), traceparent('9')}});
  complete(query("SELECT 1"), "SELECT 1");
  ready();
  meter_.trace(&tracer_, this);
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(told(), Told{"9  SELECT $1 0+0/0 test"});
}

TEST_F(TracedMeterTest, WithoutCountingNothingIsCounted) {
  meter_.attach(&stats_, false);
  complete(query("SELECT 1" + comment('b')), "SELECT 1");
  EXPECT_EQ(told().size(), 1u);
  EXPECT_TRUE(counted().empty());
}

TEST_F(TracedMeterTest, AShareBeginsTraces) {
  tracer_.configure(true, 1);
  complete(query("SELECT 1"), "SELECT 1");
  EXPECT_EQ(told(), Told{"0  SELECT $1 0+0/0 test"});
  ready();
  const auto tag = execute();
  complete(tag, "SELECT 1");
  EXPECT_EQ(told(), Told{}) << "of a cursor nothing is known";
}

}  // namespace
}  // namespace pooler
