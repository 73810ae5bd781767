#include "pooler/slow_statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "analyzer/query_stats.h"

namespace pooler {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using analyzer::Kind;

const SlowLimits kText{.from = {}, .limit = {}, .values = false};
const SlowLimits kValues{.from = {}, .limit = {}, .values = true};

std::string bind_body(std::initializer_list<std::string_view> values) {
  std::string out{'\0', '\0', '\0', static_cast<char>(values.size())};
  for (const std::string_view value : values) {
    out += std::string(3, '\0') + static_cast<char>(value.size());
    out += value;
  }
  return out + std::string(2, '\0');
}

class SlowStatementTest : public testing::Test {
 protected:
  SlowStatementTest() { stats_.hold(row_); }
  ~SlowStatementTest() override { stats_.release(row_); }

  void keep(std::string_view text, const SlowLimits& limits = kValues, Kind kind = Kind::kSelect, bool cut = false) {
    kept_.keep_text(text, cut, {kind, false}, limits);
  }
  analyzer::SlowStatement told(bool shown = true) {
    return describe({row_, &kept_, false, record_}, shown ? &hidden_ : nullptr);
  }
  std::string values() { return analyzer::values_text(told()); }

  analyzer::QueryStats stats_;
  analyzer::QueryStats::Row& row_ = stats_.find(7, stats_.owner("app", "alice", "web"), "SELECT 'as it came first'");
  analyzer::QueryRecord record_{.sqlstate = "57014",
                                .rows = 3,
                                .bytes_in = 10,
                                .bytes_out = 20,
                                .server = std::chrono::milliseconds(5),
                                .wait = std::chrono::milliseconds(2)};
  analyzer::HiddenValues hidden_{{"users.email"}};
  KeptStatement kept_;
};

TEST_F(SlowStatementTest, WithoutAnythingKeptItIsAsTheStatisticsKnowIt) {
  const auto one = describe({row_, nullptr, true, record_}, &hidden_);
  EXPECT_EQ(one.query, "SELECT $1");
  EXPECT_EQ(one.database + one.user + one.application, "appaliceweb");
  EXPECT_EQ(one.fingerprint, 7u);
  EXPECT_TRUE(one.prepared);
  EXPECT_FALSE(one.has_values);
  EXPECT_EQ(one.total(), std::chrono::milliseconds(7));
  EXPECT_EQ(one.queue, std::chrono::milliseconds(2));
  EXPECT_EQ(one.rows, 3u);
  EXPECT_EQ(one.bytes_in, 10u);
  EXPECT_EQ(one.bytes_out, 20u);
  EXPECT_EQ(one.sqlstate, "57014");
}

TEST_F(SlowStatementTest, OnlyWhatIsOfUseIsKept) {
  EXPECT_FALSE(KeptStatement::worth_keeping("SELECT 1", kText));
  EXPECT_TRUE(KeptStatement::worth_keeping("SELECT 1", kValues));
  EXPECT_TRUE(KeptStatement::worth_keeping("SELECT 1 /*a='b'*/", kText));
  EXPECT_TRUE(KeptStatement::worth_keeping(std::string(3000, ' '), kText));
  keep("SELECT 1 /*traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/", kText);
  EXPECT_TRUE(kept_.text().empty());
  EXPECT_EQ(told().traceparent, "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01");
  EXPECT_EQ(told().query, "SELECT $1");
  EXPECT_FALSE(told().has_values);
}

TEST_F(SlowStatementTest, LongTextsAreToldWithTheirOwnWords) {
  const std::string text = "SELECT " + std::string(5000, 'a') + ", 'secret'";
  keep(text, kText);
  EXPECT_EQ(told(false).query, "SELECT " + std::string(5000, 'a') + ", $1");
  EXPECT_FALSE(told(false).has_values);
  keep("SELECT " + std::string(20'000, 'b') + ", 'secret'", kText);
  EXPECT_TRUE(kept_.cut());
  EXPECT_LE(told().query.size(), KeptStatement::kTextMax);
}

TEST_F(SlowStatementTest, ValuesOfBindAndOfTheText) {
  keep("SELECT * FROM t WHERE a = $1 AND b = 'x' AND c = $2");
  kept_.keep_bind(bind_body({"one", "two"}), {});
  EXPECT_EQ(told().query, "SELECT * FROM t WHERE a = $1 AND b = $3 AND c = $2");
  EXPECT_EQ(values(), "$1 = 'one', $2 = 'two', $3 = 'x'");
  EXPECT_FALSE(told(false).has_values);
}

TEST_F(SlowStatementTest, RulesHideAllOfThem) {
  keep("SELECT * FROM users WHERE email = $1 AND b = 'x'");
  kept_.keep_bind(bind_body({"one"}), {});
  EXPECT_EQ(values(), "$1 = '?', $2 = '?'");
  for (const auto& value : told().values) EXPECT_EQ(value.text, "") << "what is hidden does not travel";
}

TEST_F(SlowStatementTest, OtherStatementsThanQueriesShowNone) {
  keep("ALTER ROLE x PASSWORD 'secret'", kValues, Kind::kDdl);
  EXPECT_EQ(told().query, "ALTER ROLE x PASSWORD $1");
  EXPECT_EQ(values(), "$1 = '?'");
  keep("SELECT 'secret", kValues, Kind::kUnknown);
  EXPECT_EQ(values(), "$1 = '?'");
}

TEST_F(SlowStatementTest, OfATextThatIsNotThereToItsEndNoneIsShown) {
  keep("SELECT 'x', $1", kValues, Kind::kSelect, true);
  kept_.keep_bind(bind_body({"secret"}), {});
  EXPECT_EQ(values(), "$1 = '?', $2 = '?'");
}

TEST_F(SlowStatementTest, OfTwoBindsNoneIsShown) {
  keep("SELECT $1");
  kept_.keep_bind(bind_body({"one"}), {});
  kept_.keep_bind(bind_body({"two"}), {});
  EXPECT_EQ(values(), "$1 = '?'");
}

TEST_F(SlowStatementTest, SeveralStatementsAreOneText) {
  const std::string text = "SELECT 1; SELECT 'b', 2";
  kept_.keep_text(text, false, {Kind::kSelect, false, true}, kText);
  EXPECT_EQ(told(false).query, "SELECT $1; SELECT $2, $3") << "also where no values are wanted";
  kept_.keep_text(text, false, {Kind::kSelect, false, true}, kValues);
  EXPECT_EQ(values(), "$1 = '1', $2 = 'b', $3 = '2'");
  kept_.keep_text(text, false, {Kind::kUnknown, false, true}, kValues);
  EXPECT_EQ(values(), "$1 = '?', $2 = '?', $3 = '?'");
}

TEST_F(SlowStatementTest, TheirCostsAreSummedUp) {
  kept_.add({.rows = 1, .bytes_in = 10, .bytes_out = 20, .server = std::chrono::milliseconds(5), .wait = std::chrono::milliseconds(2)});
  const auto& sum = kept_.add({.sqlstate = "22012", .rows = 2, .bytes_out = 5, .server = std::chrono::milliseconds(1)});
  EXPECT_EQ(sum.rows, 3u);
  EXPECT_EQ(sum.bytes_in, 10u);
  EXPECT_EQ(sum.bytes_out, 25u);
  EXPECT_EQ(sum.server, std::chrono::milliseconds(6));
  EXPECT_EQ(sum.wait, std::chrono::milliseconds(2));
  EXPECT_EQ(sum.sqlstate, "22012");
  kept_.clear();
  EXPECT_EQ(kept_.add({}).rows, 0u);
}

TEST_F(SlowStatementTest, MemoryIsBoundedAndGivenBack) {
  keep("SELECT '" + std::string(1'000'000, 'x') + "'");
  kept_.keep_bind(bind_body({"a"}) + std::string(1'000'000, 'y'), std::string(1'000'000, 'z'));
  EXPECT_LE(kept_.text().size(), KeptStatement::kTextMax);
  EXPECT_LE(kept_.bind().size(), KeptStatement::kBindMax);
  EXPECT_LE(kept_.types().size(), KeptStatement::kBindMax);
  kept_.clear();
  EXPECT_TRUE(kept_.text().empty());
  EXPECT_TRUE(kept_.bind().empty());
  EXPECT_FALSE(kept_.has_bind());
  EXPECT_FALSE(kept_.cut());
}

TEST_F(SlowStatementTest, ManyValuesAreToldToABound) {
  std::string text = "SELECT 0";
  for (int i = 0; i < 1000; ++i) text += ",0";
  keep(text);
  EXPECT_EQ(told().values.size(), 200u);
}

}  // namespace
}  // namespace pooler
