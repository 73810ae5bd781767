#include "pooler/sentry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/pooler/client_messages.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using Say = Sentry::Say;
using ::testing::HasSubstr;

// A client, its statements and a clock of the test's own.
class SentryTest : public testing::Test {
 protected:
  conf::Guard& rule(const std::string& name) {
    conf::Guard& guard = settings_[name];
    guard.name = name;
    return guard;
  }
  void deny(conf::StatementShape shape) {
    conf::Guard& guard = rule("deny");
    guard.shape = {shape};
    guard.deny = true;
  }
  void load() {
    rules_ = GuardRules::make(settings_, rules_, {});
    sentry_.follow(rules_);
  }
  Say ask(std::string_view bytes, const ReplyQueue* replies = nullptr) {
    const auto header = *wire::peek_frame(bytes);
    return sentry_.ask({header, bytes, names_, follows_names_, params_, replies}, now_, {});
  }
  Say ask_ahead(std::string_view bytes) {
    const auto header = *wire::peek_frame(bytes);
    return sentry_.ask_ahead({header, bytes, names_, follows_names_, params_, nullptr}, now_, {});
  }
  // Asked, and sent if it may pass.
  Say pass(std::string_view bytes, const ReplyQueue* replies = nullptr) {
    const Say say = ask(bytes, replies);
    if (say == Say::kPass) sentry_.passed(bytes.front());
    return say;
  }
  // A client that knows its statements, as Translator leaves it.
  void prepare(const std::string& name, const std::string& sql) {
    const std::string body = sql + '\0' + std::string(2, '\0');
    if (name.empty())
      names_.unnamed = std::make_shared<const Unnamed>(Unnamed{body, {}});
    else
      names_.add(name, intern_statement(body));
  }
  uint64_t matched(const std::string& name) {
    for (const GuardRow& row : rules_->rows())
      if (row.name == name) return row.matched;
    return 0;
  }
  std::string fingerprint(const std::string& sql) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(statements_.get(sql, true)->fingerprint));
    return text;
  }

  analyzer::StatementCache cache_;
  analyzer::LocalStatements statements_{cache_};
  GuardRules::Settings settings_;
  GuardRulesPtr rules_;
  ClientStatements names_;
  ParamsPtr params_ = intern_params({{"application_name", "web"}});
  bool follows_names_ = true;
  base::TimePoint now_{1'000'000s};
  std::string database_ = "app", user_ = "alice";
  Sentry sentry_{statements_, database_, user_};
};

TEST_F(SentryTest, WithoutRulesEverythingPasses) {
  EXPECT_EQ(ask(query("DROP TABLE t")), Say::kPass);
  load();
  EXPECT_EQ(ask(query("DROP TABLE t")), Say::kPass);
  deny(conf::StatementShape::kDrop);
  settings_["deny"].user = {"bob"};
  load();
  EXPECT_EQ(ask(query("DROP TABLE t")), Say::kPass);
  EXPECT_EQ(ask(query("DROP TABLE t").substr(0, 8)), Say::kPass) << "nothing of it is needed";
}

TEST_F(SentryTest, QueriesAreReadAsAWhole) {
  deny(conf::StatementShape::kDrop);
  load();
  const std::string message = query("SELECT 1; DROP TABLE t");
  for (std::size_t size = wire::kHeaderSize; size < message.size(); ++size)
    EXPECT_EQ(ask(message.substr(0, size)), Say::kMore) << size;
  const std::string more = message + query("SELECT 1");
  EXPECT_EQ(ask(more), Say::kRefuse);
  EXPECT_EQ(sentry_.error().sqlstate, "42501");
  EXPECT_EQ(sentry_.refused_by().name(), "deny");
  EXPECT_EQ(sentry_.text(), "SELECT 1; DROP TABLE t");
  EXPECT_EQ(ask(query("SELECT 'DROP TABLE t'") + message), Say::kPass);
}

TEST_F(SentryTest, WhatIsTooLongIsNotReadButCounted) {
  deny(conf::StatementShape::kDrop);
  rule("rate").rate_limit = 1;
  load();
  const std::string message = query("DROP TABLE t -- " + std::string(5 << 20, 'x'));
  EXPECT_EQ(pass(message.substr(0, 100)), Say::kPass);
  EXPECT_EQ(pass(message.substr(0, 100)), Say::kRefuse);
  EXPECT_EQ(sentry_.refused_by().name(), "rate");
}

TEST_F(SentryTest, WhatHasPassedIsNotAskedAgainUntilItIsSent) {
  rule("rate").rate_limit = 2;
  load();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(query("SELECT 1")), Say::kPass);
  EXPECT_EQ(matched("rate"), 1U);
  sentry_.passed('Q');
  EXPECT_EQ(pass(query("SELECT 1")), Say::kPass);
  EXPECT_EQ(pass(query("SELECT 1")), Say::kRefuse);
  EXPECT_EQ(matched("rate"), 3U);
}

TEST_F(SentryTest, TransactionsBeginAndEndWhateverTheRules) {
  conf::Guard& guard = rule("rate");
  guard.rate_limit = 1;
  guard.rate_period = 1h;
  load();
  EXPECT_EQ(pass(query("SELECT 1")), Say::kPass);
  for (const char* sql : {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "", ";", "-- nothing",
                          "START TRANSACTION READ ONLY", "END", "ABORT", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'"})
    EXPECT_EQ(pass(query(sql)), Say::kPass) << sql;
  EXPECT_EQ(pass(query("BEGIN; SELECT 1; COMMIT")), Say::kRefuse);
  EXPECT_EQ(matched("rate"), 2U);
}

TEST_F(SentryTest, BindsAreWhatTheyBind) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  load();
  prepare("all", "DELETE FROM t");
  prepare("some", "DELETE FROM t WHERE a = $1");
  EXPECT_EQ(pass(bind_to("all")), Say::kRefuse);
  EXPECT_EQ(sentry_.text(), "DELETE FROM t");
  EXPECT_EQ(pass(bind_to("some")), Say::kPass);
  EXPECT_EQ(pass(bind_to("unknown")), Say::kPass);
  EXPECT_EQ(pass(bind_to("")), Say::kPass);
  prepare("", "DELETE FROM t");
  EXPECT_EQ(pass(bind_to("")), Say::kRefuse);
  for (const auto& message : {parse("x", "DELETE FROM t"), parse("", "DELETE FROM t"), describe("all"), execute(), sync()})
    EXPECT_EQ(pass(message), Say::kPass) << message.front() << " runs nothing by itself";
}

TEST_F(SentryTest, ABindNeedsOnlyItsNames) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  load();
  prepare("all", "DELETE FROM t");
  const std::string message = bind_to("all", std::string(1000, '\0'), "portal");
  const std::size_t names_end = wire::kHeaderSize + std::string("portal").size() + 1 + std::string("all").size() + 1;
  for (std::size_t size = wire::kHeaderSize; size < names_end; ++size)
    EXPECT_EQ(ask(message.substr(0, size)), Say::kMore) << size;
  EXPECT_EQ(ask(message.substr(0, names_end)), Say::kRefuse);
}

TEST_F(SentryTest, ANameThatIsNotSettledWaits) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  load();
  prepare("s", "DELETE FROM t");
  ReplyQueue replies;
  auto change = std::make_unique<Change>();
  change->client_name = "s";
  replies.expect(Expect::kParse, Action::kForward, std::move(change));
  EXPECT_EQ(ask(bind_to("s"), &replies), Say::kRefuse) << "of the same batch";
  replies.expect(Expect::kSync, Action::kForward);
  EXPECT_EQ(ask(bind_to("s"), &replies), Say::kWait);
  EXPECT_EQ(ask(bind_to("other"), &replies), Say::kPass);
}

TEST_F(SentryTest, WhereNamesAreNotFollowedAParseIsDenied) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  rule("rate").rate_limit = 1;
  load();
  follows_names_ = false;
  const std::string message = parse("s", "DELETE FROM t");
  EXPECT_EQ(ask(message.substr(0, message.size() - 1)), Say::kMore);
  EXPECT_EQ(ask(message), Say::kRefuse);
  EXPECT_EQ(pass(parse("s", "SELECT 1")), Say::kPass);
  EXPECT_EQ(matched("rate"), 0U);
  EXPECT_EQ(pass(parse("", "DELETE FROM t")), Say::kPass) << "its Bind is known";
  prepare("", "DELETE FROM t");
  EXPECT_EQ(pass(bind_to("")), Say::kRefuse);
  EXPECT_EQ(pass(bind_to("s")), Say::kPass);
  EXPECT_EQ(matched("rate"), 1U);
  EXPECT_EQ(pass(bind_to("s")), Say::kRefuse) << "somebody's statement, whichever it is";
}

TEST_F(SentryTest, ExecuteRunsWhatWasPrepared) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  conf::Guard& guard = rule("fingerprint");
  guard.fingerprint = {fingerprint("SELECT a FROM t WHERE b = 7")};
  guard.deny = true;
  load();
  prepare("protocol", "DELETE FROM t");
  names_.add("sql", sql_statement("(int, text) AS DELETE FROM t", {}));
  names_.add("read", sql_statement(" AS SELECT a FROM t WHERE b = 1", {}));
  EXPECT_EQ(pass(query("EXECUTE protocol")), Say::kRefuse);
  EXPECT_EQ(pass(query("EXECUTE sql (1, 'x')")), Say::kRefuse);
  EXPECT_EQ(pass(query("EXECUTE read")), Say::kRefuse);
  EXPECT_EQ(sentry_.refused_by().name(), "fingerprint");
  EXPECT_EQ(pass(bind_to("sql")), Say::kRefuse);
  EXPECT_EQ(pass(query("EXECUTE unknown")), Say::kPass);
  EXPECT_EQ(pass(query("PREPARE p AS DELETE FROM t")), Say::kRefuse);
}

TEST_F(SentryTest, EachStatementOfATextHasItsOwnFingerprint) {
  conf::Guard& guard = rule("r");
  guard.fingerprint = {fingerprint("SELECT a FROM t WHERE b = 7")};
  guard.deny = true;
  load();
  EXPECT_EQ(pass(query("SELECT 1; SELECT a FROM t WHERE b = 9")), Say::kRefuse);
  EXPECT_EQ(pass(query("select a from t where b = 9")), Say::kRefuse);
  EXPECT_EQ(pass(query("SELECT 1; SELECT a FROM t WHERE c = 9")), Say::kPass);
}

TEST_F(SentryTest, AnApplicationThatCallsItselfOtherwiseHasOtherRules) {
  deny(conf::StatementShape::kDrop);
  settings_["deny"].application_name = {"batch*"};
  load();
  EXPECT_EQ(pass(query("DROP TABLE t")), Say::kPass);
  params_ = intern_params({{"application_name", "batch-7"}});
  EXPECT_EQ(pass(query("DROP TABLE t")), Say::kRefuse);
  settings_.clear();
  load();
  EXPECT_EQ(pass(query("DROP TABLE t")), Say::kPass);
}

TEST_F(SentryTest, LooksAheadToTheFirstBind) {
  deny(conf::StatementShape::kDeleteWithoutWhere);
  rule("rate").rate_limit = 1;
  load();
  prepare("known", "DELETE FROM t");
  const std::string all = parse("", "DELETE FROM t") + describe("") + bind_to("") + execute() + sync();
  EXPECT_EQ(ask_ahead(all), Say::kRefuse);
  EXPECT_EQ(sentry_.text(), "DELETE FROM t");
  EXPECT_EQ(ask_ahead(parse("x", "DELETE FROM t") + bind_to("x")), Say::kRefuse);
  EXPECT_EQ(ask_ahead(parse("x", "SELECT 1") + bind_to("known")), Say::kRefuse);
  EXPECT_EQ(ask_ahead(parse("x", "DELETE FROM t") + parse("x", "SELECT 1") + sync() + bind_to("x")), Say::kPass);
  EXPECT_EQ(ask_ahead(parse("x", "DELETE FROM t") + bind_to("x").substr(0, 5)), Say::kPass) << "it is not there yet";
  EXPECT_EQ(matched("rate"), 0U);
  // What is let pass here passes where it comes.
  const std::string batch = parse("", "SELECT 1") + bind_to("") + execute() + sync();
  EXPECT_EQ(ask_ahead(batch), Say::kPass);
  EXPECT_EQ(ask_ahead(batch), Say::kPass);
  sentry_.passed('P');
  EXPECT_EQ(pass(bind_to("")), Say::kPass);
  EXPECT_EQ(matched("rate"), 1U);
  EXPECT_EQ(pass(bind_to("known")), Say::kRefuse);
}

TEST_F(SentryTest, ABatchThatNeverBindsIsForgottenAtItsSync) {
  rule("rate").rate_limit = 1;
  load();
  EXPECT_EQ(ask_ahead(parse("", "SELECT 1") + bind_to("")), Say::kPass);
  sentry_.passed('P');
  sentry_.passed('S');
  EXPECT_EQ(pass(bind_to("")), Say::kRefuse);
}

TEST_F(SentryTest, PlacesAreHeldUntilAllIsAnswered) {
  rule("cap").concurrency = 1;
  load();
  Sentry other(statements_, database_, user_);
  other.follow(rules_);
  const auto other_asks = [&] {
    const std::string message = query("SELECT 1");
    const auto say = other.ask({*wire::peek_frame(message), message, names_, true, params_, nullptr}, now_, {});
    other.idle();
    return say;
  };
  EXPECT_EQ(other_asks(), Say::kPass);
  EXPECT_EQ(pass(query("SELECT 1")), Say::kPass);
  EXPECT_EQ(pass(query("SELECT 2")), Say::kPass) << "it has its place";
  EXPECT_EQ(other_asks(), Say::kRefuse);
  sentry_.ready(false);
  EXPECT_EQ(other_asks(), Say::kRefuse);
  EXPECT_EQ(ask(query("SELECT 3")), Say::kPass);
  sentry_.ready(true);
  EXPECT_EQ(other_asks(), Say::kRefuse) << "the third was let pass, and is about to be sent";
  sentry_.passed('Q');
  sentry_.ready(true);
  EXPECT_EQ(other_asks(), Say::kPass);
  EXPECT_EQ(pass(query("SELECT 1")), Say::kPass);
  sentry_.idle();
  EXPECT_EQ(other_asks(), Say::kPass);
}

TEST_F(SentryTest, TimeoutsAreForTheRequestThatTheyWereMadeFor) {
  conf::Guard& guard = rule("slow");
  guard.shape = {conf::StatementShape::kSelectWithoutWhere};
  guard.query_timeout = 2s;
  load();
  ReplyQueue replies;
  EXPECT_EQ(pass(query("SELECT 1"), &replies), Say::kPass);
  replies.expect(Expect::kQuery, Action::kForward);
  EXPECT_EQ(pass(query("SELECT * FROM t"), &replies), Say::kPass);
  replies.expect(Expect::kQuery, Action::kForward);
  EXPECT_EQ(pass(query("SELECT 2"), &replies), Say::kPass);
  EXPECT_EQ(sentry_.overdue(1h, {}), nullptr) << "the first one runs";
  sentry_.ready(false);
  EXPECT_EQ(sentry_.overdue(2s, {}), nullptr);
  ASSERT_NE(sentry_.overdue(2001ms, {}), nullptr);
  EXPECT_EQ(sentry_.overdue(2001ms, {})->name(), "slow");
  sentry_.ready(false);
  EXPECT_EQ(sentry_.overdue(1h, {}), nullptr) << "the third one runs";
}

TEST_F(SentryTest, ATriedTimeoutIsCountedOnce) {
  conf::Guard& guard = rule("slow");
  guard.query_timeout = 2s;
  guard.dry_run = true;
  load();
  EXPECT_EQ(pass(query("SELECT 1")), Say::kPass);
  EXPECT_EQ(sentry_.overdue(1s, {}), nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sentry_.overdue(3s, {}), nullptr);
  EXPECT_EQ(rules_->rows().front().would_have_refused, 1U);
  EXPECT_EQ(rules_->rows().front().refused, 0U);
}

TEST(PreparedText, IsWhatStandsBehindAs) {
  EXPECT_EQ(prepared_text(" AS SELECT 1", true), " SELECT 1");
  EXPECT_EQ(prepared_text("(int, numeric(3,2)) aS SELECT 1 AS x", true), " SELECT 1 AS x");
  EXPECT_EQ(prepared_text(" /* as */ AS\nDELETE FROM t", true), "\nDELETE FROM t");
  EXPECT_EQ(prepared_text("", true), "");
  EXPECT_EQ(prepared_text("(as", true), "");
}

}  // namespace
}  // namespace pooler
