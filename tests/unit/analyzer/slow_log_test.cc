#include "analyzer/slow_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/text.h"

namespace analyzer {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using What = SlowStatement::Value::What;

SlowStatement example() {
  SlowStatement one;
  one.ended = base::WallTime(std::chrono::seconds(1'795'284'001) + milliseconds(7));
  one.database = "app";
  one.user = "alice";
  one.application = "web";
  one.client = "10.0.0.7";
  one.server_pid = 4711;
  one.fingerprint = 0xab54a98ceb1f0adULL;
  one.query = "SELECT * FROM t WHERE id = $1";
  one.queue = microseconds(12'345);
  one.server = microseconds(1'519'772);
  one.rows = 3;
  one.bytes_in = 40;
  one.bytes_out = 250;
  return one;
}

// A line of it.
std::string line(std::string_view text) {
  std::string out = "2026-11-21 18:00:01.007 UTC [4711]: user=alice,db=app,app=web,client=10.0.0.7 ";
  out += text;
  out += '\n';
  return out;
}

TEST(SlowLog, ReadsAsPostgresWritesIt) {
  std::string expected = line("LOG:  duration: 1532.117 ms  statement: SELECT * FROM t WHERE id = $1");
  expected += line("CONTEXT:  queue: 12.345 ms, server: 1519.772 ms, rows: 3, bytes: 250, fingerprint: 0ab54a98ceb1f0ad");
  EXPECT_EQ(slow_text(example()), expected);
}

TEST(SlowLog, PreparedStatementsHaveTheirNameAndValues) {
  SlowStatement one = example();
  one.prepared = true;
  EXPECT_THAT(slow_text(one), HasSubstr("ms  execute <unnamed>: SELECT"));
  EXPECT_THAT(slow_text(one), Not(HasSubstr("DETAIL")));
  one.name = "stmt_1";
  one.has_values = true;
  EXPECT_THAT(slow_text(one), Not(HasSubstr("DETAIL"))) << "there are none";
  one.values = {{1, What::kShown, "it's"}, {2, What::kNull}, {3, What::kHidden, "secret"}};
  EXPECT_THAT(slow_text(one), HasSubstr("ms  execute stmt_1: SELECT"));
  EXPECT_THAT(slow_text(one), HasSubstr(line("DETAIL:  parameters: $1 = 'it''s', $2 = NULL, $3 = '?'")));
  EXPECT_THAT(slow_text(one), Not(HasSubstr("secret")));
  EXPECT_THAT(slow_json(one), Not(HasSubstr("secret")));
}

TEST(SlowLog, ValuesThatMayNotBeShownAreNot) {
  SlowStatement one = example();
  one.values = {{1, What::kShown, "secret"}};
  for (const auto& text : {slow_text(one), slow_json(one), slow_summary(one)}) EXPECT_THAT(text, Not(HasSubstr("secret")));
  one.has_values = true;
  EXPECT_THAT(slow_summary(one), Not(HasSubstr("secret"))) << "the common log never has any";
}

TEST(SlowLog, FurtherLinesBeginWithATab) {
  SlowStatement one = example();
  one.query = "SELECT \"a\nb\",\r\n\t\"c\"";
  EXPECT_THAT(slow_text(one), HasSubstr("statement: SELECT \"a\n\tb\",\n\t\t\"c\"\n2026"));
  one.has_values = true;
  one.values = {{1, What::kShown, "x\nLOG:  forged"}};
  EXPECT_THAT(slow_text(one), HasSubstr("$1 = 'x\n\tLOG:  forged'\n"));
}

TEST(SlowLog, NoByteTripsATerminalOrAReader) {
  SlowStatement one = example();
  one.query = "SELECT \"\x1b[2J\xe4\x7f\"";
  one.application = "a\nb\x01";
  one.user = "a\tb";
  one.client = "x\r";
  one.prepared = true;
  one.name = "n\n\x02";
  one.has_values = true;
  one.values = {{1, What::kShown, std::string("a\0b", 3)}};
  const std::string text = slow_text(one);
  for (const char c : text) EXPECT_TRUE(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) << text;
  EXPECT_TRUE(base::valid_utf8(text));
  std::size_t lines = 0, at = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; at = end + 1, end = text.find('\n', at)) {
    ++lines;
    EXPECT_TRUE(text.compare(at, 4, "2026") == 0 || text[at] == '\t') << text;
  }
  EXPECT_EQ(lines, 4u) << text;
  EXPECT_TRUE(base::valid_utf8(slow_json(one)));
  EXPECT_EQ(slow_json(one).find('\n'), slow_json(one).size() - 1);
}

TEST(SlowLog, LongValuesAreCutAtACharacter) {
  SlowStatement one = example();
  one.has_values = true;
  std::string value(SlowStatement::kValueShown - 1, 'x');
  value += "äöü";
  one.values = {{1, What::kShown, value}};
  EXPECT_THAT(values_text(one), HasSubstr("xx...'"));
  EXPECT_TRUE(base::valid_utf8(values_text(one)));
  EXPECT_LE(values_text(one).size(), SlowStatement::kValueShown + 20);
  EXPECT_THAT(slow_json(one), HasSubstr("xx...\""));
}

TEST(SlowLog, ErrorsAndTracesAreInTheContext) {
  SlowStatement one = example();
  one.sqlstate = "57014";
  one.traceparent = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";
  EXPECT_THAT(slow_text(one), HasSubstr(", error: 57014, traceparent: 00-5bd66ef5095369c7b0d1f8f4bd33716a-"));
  EXPECT_THAT(slow_summary(one), HasSubstr("error: 57014"));
}

TEST(SlowLog, JsonHasEveryKeyInEveryLine) {
  SlowStatement one = example();
  EXPECT_EQ(slow_json(one),
            "{\"ts\":\"2026-11-21T18:00:01.007Z\",\"fp\":\"0ab54a98ceb1f0ad\",\"db\":\"app\",\"user\":\"alice\",\"app\":\"web\","
            "\"client\":\"10.0.0.7\",\"server_pid\":4711,\"traceparent\":null,\"queue_ms\":12.345,\"server_ms\":1519.772,"
            "\"total_ms\":1532.117,\"rows\":3,\"bytes_in\":40,\"bytes\":250,\"error\":null,\"prepared\":false,\"name\":null,"
            "\"query\":\"SELECT * FROM t WHERE id = $1\",\"parameters\":null}\n");
  one.prepared = true;
  one.name = "s\"1\\";
  one.sqlstate = "22012";
  one.fingerprint = 0;
  one.has_values = true;
  one.values = {{1, What::kShown, "a\n\xff"}, {2, What::kNull}, {3, What::kHidden}};
  const std::string json = slow_json(one);
  EXPECT_THAT(json, HasSubstr("\"fp\":null"));
  EXPECT_THAT(json, HasSubstr("\"error\":\"22012\",\"prepared\":true,\"name\":\"s\\\"1\\\\\""));
  EXPECT_THAT(json, HasSubstr("\"parameters\":[{\"n\":1,\"value\":\"a\\u000a\\ufffd\"},{\"n\":2,\"value\":null},"
                              "{\"n\":3,\"hidden\":true}]}"));
}

TEST(SlowLog, WhatIsMissingIsSaid) {
  const base::WallTime at = example().ended;
  EXPECT_EQ(missing_text(at, 17, "too many"),
            "2026-11-21 18:00:01.007 UTC [0]: user=,db=,app=,client= LOG:  slow log: 17 statements are missing here: too many\n");
  EXPECT_EQ(missing_json(at, 17, "too many"), "{\"ts\":\"2026-11-21T18:00:01.007Z\",\"missing\":17,\"why\":\"too many\"}\n");
}

}  // namespace
}  // namespace analyzer
