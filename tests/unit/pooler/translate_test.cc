#include "pooler/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pooler/client_messages.h"
#include "tests/unit/pooler/server_fixture.h"

namespace pooler {
namespace {

using Step = Translator::Step;

std::string name_of(std::string_view sql) { return intern_statement(std::string(sql) + std::string(3, '\0'))->name; }

class TranslateTest : public ServerFixture {
 protected:
  Step one(std::string_view bytes) {
    const auto header = wire::peek_frame(bytes);
    EXPECT_TRUE(header && header->valid());
    const Step step = Translator(*server_, client_.statements, limit_, stats_).message(*header, bytes);
    if (step == Step::kWritten) server_->insert_due_replies();
    return step;
  }
  // Each message of `bytes` in turn; all must be taken.
  void sends(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto header = wire::peek_frame(bytes);
      ASSERT_TRUE(header);
      ASSERT_EQ(one(bytes.substr(0, header->size)), Step::kWritten) << in_short(bytes.substr(0, header->size));
      bytes.remove_prefix(header->size);
    }
  }
  // What the client sees of the server's answer.
  std::string sees(std::string_view answer) {
    client_.replies.clear();
    says(answer);
    return client_.types();
  }
  // Prepares and runs a statement until everything is settled.
  void has_prepared(std::string_view name, std::string_view sql) {
    sends(parse(name, sql) + sync());
    (void)heard();
    says(message('1') + ready());
  }

  std::size_t limit_ = 200;
  Stats stats_;
};

TEST_F(TranslateTest, ANamedStatementGetsANameOfOurs) {
  sends(parse("s", "SELECT 1") + describe("s") + bind_to("s") + execute() + sync());
  const std::string ours = name_of("SELECT 1");
  EXPECT_THAT(ours, testing::StartsWith(kServerNamePrefix));
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 1) D(S" + ours + ") B(|" + ours + ") E S");
  EXPECT_EQ(sees(message('1') + message('t') + message('T') + message('2') + complete("SELECT 1") + ready()), "1tT2CZ");
  EXPECT_TRUE(server_->reusable());
}

TEST_F(TranslateTest, WhateverTheServerSaysIsCutTheClientSeesTheSame) {
  const std::string answer =
      message('1') + message('2') + message('D', "row") + complete("SELECT 1") + message('2') + complete("SELECT 0") + ready();
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    connect();
    client_.statements.clear();
    client_.statements.add("known", intern_statement(std::string("SELECT 2") + std::string(3, '\0')));
    // The Parse is ours, put in; then one of the client's that need not be sent; then a Close that need not either.
    sends(bind_to("known") + execute() + parse("again", "SELECT 2") + close_statement("known") + bind_to("again") +
          execute() + sync());
    (void)heard();
    client_.replies.clear();
    says(answer, cut);
    ASSERT_EQ(client_.types(), "2DC132CZ") << cut;
    ASSERT_TRUE(server_->reusable()) << cut;
  }
}

TEST_F(TranslateTest, AStatementThatTheServerHasIsNotParsedAgain) {
  has_prepared("s", "SELECT 1");
  sends(parse("t", "SELECT 1") + bind_to("t") + execute() + sync());
  const std::string ours = name_of("SELECT 1");
  EXPECT_EQ(heard(), "B(|" + ours + ") E S");
  EXPECT_EQ(sees(message('2') + complete("SELECT 1") + ready()), "2CZ");
}

TEST_F(TranslateTest, TheAnswerThatNeedsNoServerKeepsItsPlace) {
  has_prepared("s", "SELECT 1");
  client_.replies.clear();
  sends(bind_to("s") + execute() + parse("t", "SELECT 1") + execute() + sync());
  EXPECT_EQ(client_.types(), "");
  EXPECT_EQ(sees(message('2') + complete("SELECT 1")), "2C1");
  EXPECT_EQ(sees(complete("SELECT 1") + ready()), "CZ");
}

TEST_F(TranslateTest, AServerThatLacksTheStatementGetsItFirst) {
  has_prepared("s", "SELECT 1");
  connect();
  sends(bind_to("s") + execute() + sync());
  const std::string ours = name_of("SELECT 1");
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 1) B(|" + ours + ") E S");
  EXPECT_EQ(sees(message('1') + message('2') + complete("SELECT 1") + ready()), "2CZ");
  EXPECT_EQ(stats_.server_parses.get(), 2U);
  EXPECT_EQ(stats_.client_parses.get(), 1U);
}

TEST_F(TranslateTest, AnErrorOfTheParseThatWasPutInIsTheClients) {
  has_prepared("s", "SELECT 1");
  connect();
  sends(bind_to("s") + execute() + sync());
  EXPECT_EQ(sees(error("42P01", "relation is gone") + ready()), "EZ");
  EXPECT_EQ(server_->statements().size(), 0U);
  EXPECT_EQ(client_.statements.size(), 1U) << "the client keeps its name, as it would";
}

TEST_F(TranslateTest, AParseThatFailsLeavesNoName) {
  sends(parse("s", "SELEKT") + sync());
  EXPECT_EQ(sees(error("42601", "syntax error") + ready()), "EZ");
  EXPECT_EQ(client_.statements.size(), 0U);
  EXPECT_EQ(server_->statements().size(), 0U);
}

TEST_F(TranslateTest, AParseThatIsSkippedLeavesNoName) {
  sends(parse("", "SELEKT") + parse("s", "SELECT 1") + sync());
  EXPECT_EQ(sees(error("42601", "syntax error") + ready()), "EZ");
  EXPECT_EQ(client_.statements.find("s"), nullptr);
  EXPECT_EQ(server_->statements().size(), 0U);
  EXPECT_EQ(client_.statements.unnamed, nullptr);
}

TEST_F(TranslateTest, ACloseThatIsSkippedLeavesTheNameWhereItWas) {
  has_prepared("s", "SELECT 1");
  sends(parse("", "SELEKT") + close_statement("s") + sync());
  EXPECT_EQ(sees(error("42601", "syntax error") + ready()), "EZ");
  EXPECT_NE(client_.statements.find("s"), nullptr);
}

TEST_F(TranslateTest, CloseTakesTheNameButNotTheServersStatement) {
  has_prepared("s", "SELECT 1");
  client_.replies.clear();
  sends(close_statement("s") + sync());
  EXPECT_EQ(heard(), "S");
  EXPECT_EQ(client_.types(), "3");
  EXPECT_EQ(sees(ready()), "Z");
  EXPECT_EQ(client_.statements.size(), 0U);
  EXPECT_EQ(server_->statements().size(), 1U);
}

TEST_F(TranslateTest, ClosingAnUnknownNameIsNoError) {
  sends(close_statement("nobody") + sync());
  EXPECT_EQ(client_.types(), "3");
  EXPECT_EQ(heard(), "S");
}

TEST_F(TranslateTest, ANameThatExistsIsRefusedByTheServerItself) {
  has_prepared("s", "SELECT 1");
  sends(parse("s", "SELECT 2") + sync());
  // The client's name is put there with an empty text first, so that PostgreSQL says 42P05 in its own words.
  EXPECT_EQ(heard(), "P(s|) P(s|SELECT 2) S");
  EXPECT_EQ(sees(message('1') + error("42P05", "prepared statement \"s\" already exists") + ready()), "EZ");
  EXPECT_EQ(client_.statements.find("s"), intern_statement(std::string("SELECT 1") + std::string(3, '\0')));
  // What was put there is closed before anybody else has the server.
  EXPECT_TRUE(server_->has_stray_statements());
  server_->close_stray_statements();
  EXPECT_EQ(heard(), "C(Ss) S");
}

TEST_F(TranslateTest, AnUnknownNameIsRefusedByTheServerItself) {
  sends(bind_to("nobody") + execute() + sync());
  EXPECT_EQ(heard(), "B(|nobody) E S");
  EXPECT_EQ(sees(error("26000", "prepared statement \"nobody\" does not exist") + ready()), "EZ");
  sends(describe("nobody") + sync());
  EXPECT_EQ(heard(), "D(Snobody) S");
}

TEST_F(TranslateTest, InAFailedTransactionOnlyTheServerJudgesAParse) {
  has_prepared("s", "SELECT 1");
  sends(query("BEGIN; SELECT 1/0"));
  says(error("22012", "division by zero") + ready('E'));
  (void)heard();
  sends(parse("t", "SELECT 1") + sync());
  EXPECT_EQ(heard(), "P(t|SELECT 1) S");
  EXPECT_EQ(sees(error("25P02", "current transaction is aborted") + ready('E')), "EZ");
  EXPECT_EQ(client_.statements.find("t"), nullptr);
}

TEST_F(TranslateTest, AboveTheLimitTheOldestStatementIsClosedUnseen) {
  limit_ = 2;
  has_prepared("a", "SELECT 'a'");
  has_prepared("b", "SELECT 'b'");
  sends(bind_to("a") + sync());
  (void)heard();
  says(message('2') + ready());
  sends(parse("c", "SELECT 'c'") + sync());
  const std::string b = name_of("SELECT 'b'"), c = name_of("SELECT 'c'");
  EXPECT_EQ(heard(), "C(S" + b + ") P(" + c + "|SELECT 'c') S");
  EXPECT_EQ(sees(message('3') + message('1') + ready()), "1Z");
  EXPECT_EQ(server_->statements().size(), 2U);
  EXPECT_EQ(client_.statements.size(), 3U) << "the client still has it";
  sends(bind_to("b") + sync());
  EXPECT_EQ(heard(), "C(S" + name_of("SELECT 'a'") + ") P(" + b + "|SELECT 'b') B(|" + b + ") S");
}

TEST_F(TranslateTest, AnEvictionThatIsSkippedDidNotHappen) {
  limit_ = 1;
  has_prepared("a", "SELECT 'a'");
  sends(parse("", "SELEKT") + parse("b", "SELECT 'b'") + sync());
  EXPECT_EQ(sees(error("42601", "syntax error") + ready()), "EZ");
  EXPECT_EQ(server_->statements().size(), 1U);
  sends(bind_to("a") + sync());
  (void)heard_bytes();
  EXPECT_EQ(sees(message('2') + ready()), "2Z");
}

TEST_F(TranslateTest, WithinOneBatchANameMayBeUsedBeforeItIsConfirmed) {
  sends(parse("s", "SELECT 1") + bind_to("s") + execute() + close_statement("s") + parse("s", "SELECT 2") + bind_to("s") + sync());
  const std::string first = name_of("SELECT 1"), second = name_of("SELECT 2");
  EXPECT_EQ(heard(), "P(" + first + "|SELECT 1) B(|" + first + ") E P(" + second + "|SELECT 2) B(|" + second + ") S");
  EXPECT_EQ(sees(message('1') + message('2') + complete("SELECT 1") + message('1') + message('2') + ready()), "12C312Z");
}

TEST_F(TranslateTest, ANameInDoubtFromAnEarlierBatchWaits) {
  sends(parse("s", "SELECT 1") + sync());
  EXPECT_EQ(one(bind_to("s")), Step::kStall);
  EXPECT_EQ(one(describe("s")), Step::kStall);
  EXPECT_EQ(one(close_statement("s")), Step::kStall);
  EXPECT_EQ(one(parse("s", "SELECT 2")), Step::kStall);
  says(message('1') + ready());
  EXPECT_EQ(one(bind_to("s")), Step::kWritten);
}

TEST_F(TranslateTest, ANameThatIsNotInDoubtDoesNotWait) {
  has_prepared("t", "SELECT 2");
  sends(parse("s", "SELECT 1") + sync());
  EXPECT_EQ(one(bind_to("t")), Step::kWritten);
}

TEST_F(TranslateTest, TheUnnamedStatementFollowsItsClientToAnotherServer) {
  sends(parse("", "SELECT 1") + sync());
  EXPECT_EQ(heard(), "P(|SELECT 1) S");
  says(message('1') + ready());
  connect();
  sends(bind_to("") + execute() + sync());
  EXPECT_EQ(heard(), "P(|SELECT 1) B(|) E S");
  EXPECT_EQ(sees(message('1') + message('2') + complete("SELECT 1") + ready()), "2CZ");
}

TEST_F(TranslateTest, AnothersUnnamedStatementIsNotUsed) {
  server_->statements().unnamed = std::make_shared<const Unnamed>("SELECT 'theirs'");
  sends(bind_to("") + sync());
  EXPECT_EQ(heard(), "C(S) B(|) S");
  EXPECT_EQ(sees(message('3') + error("26000", "unnamed prepared statement does not exist") + ready()), "EZ");
}

TEST_F(TranslateTest, ASimpleQueryDropsTheUnnamedStatement) {
  sends(parse("", "SELECT 1") + sync());
  says(message('1') + ready());
  sends(query("SELECT 2"));
  EXPECT_EQ(client_.statements.unnamed, nullptr);
  EXPECT_EQ(server_->statements().unnamed, nullptr);
}

TEST_F(TranslateTest, WithoutALimitEverythingPassesAsItIs) {
  limit_ = 0;
  const std::string all = parse("s", "SELECT 1") + describe("s") + bind_to("s") + execute() + close_statement("s") + sync();
  sends(all);
  EXPECT_EQ(heard_bytes(), all);
}

TEST_F(TranslateTest, ABindMayArriveWithItsNamesAlone) {
  has_prepared("s", "SELECT 1");
  const std::string rest(500'000, 'v');
  const std::string whole = bind_to("s", rest);
  const auto header = wire::peek_frame(whole);
  const std::size_t names = wire::kHeaderSize + 1 + 2;
  for (std::size_t at_hand = wire::kHeaderSize; at_hand < names; ++at_hand) {
    ASSERT_EQ(one(std::string_view(whole).substr(0, at_hand)), Step::kNeedMore) << at_hand;
  }
  EXPECT_EQ(one(std::string_view(whole).substr(0, names + 10)), Step::kWritten);
  std::string expected;
  EXPECT_TRUE(wire::append_bind_header(expected, "", name_of("SELECT 1"), rest.size()).ok());
  EXPECT_EQ(heard_bytes(), expected + rest.substr(0, 10));
  EXPECT_EQ(header->size, whole.size());
}

TEST_F(TranslateTest, ABindWhoseNamesNeverEndIsRefused) {
  std::string endless;
  wire::Writer writer(endless);
  writer.begin('B');
  writer.bytes(std::string(200'000, 'n'));
  ASSERT_TRUE(writer.end().ok());
  EXPECT_EQ(one(std::string_view(endless).substr(0, 1000)), Step::kNeedMore);
  EXPECT_EQ(one(std::string_view(endless).substr(0, 100'000)), Step::kBad);
}

TEST_F(TranslateTest, WhatIsReadWholeWaitsForItsEnd) {
  for (const auto& whole : {parse("s", "SELECT 1"), describe("s"), close_statement("s"), execute()}) {
    EXPECT_TRUE(Translator::needs_whole(whole[0]));
    for (std::size_t at_hand = wire::kHeaderSize; at_hand < whole.size(); ++at_hand)
      ASSERT_EQ(one(std::string_view(whole).substr(0, at_hand)), Step::kNeedMore) << whole[0] << at_hand;
  }
  EXPECT_EQ(heard(), "");
}

TEST_F(TranslateTest, ALargeQueryPassesAsItComes) {
  const std::string whole = query(std::string(100'000, ' '));
  EXPECT_EQ(one(std::string_view(whole).substr(0, 10)), Step::kWritten);
  EXPECT_EQ(heard_bytes(), whole.substr(0, 10));
}

TEST_F(TranslateTest, MalformedMessagesAreTheServersToRefuse) {
  const std::string no_end = message('P', "no terminator");
  sends(no_end);
  EXPECT_EQ(heard_bytes(), no_end);
  EXPECT_EQ(client_.statements.size(), 0U);
}

TEST_F(TranslateTest, AnUnknownMessageTypeIsBad) { EXPECT_EQ(one(message('?', "x")), Step::kBad); }

TEST_F(TranslateTest, ParametersTypesAreAPartOfTheStatement) {
  std::string typed;
  const std::array types = {wire::Oid(23)};
  ASSERT_TRUE(wire::append_parse(typed, "b", "SELECT $1", types).ok());
  sends(parse("a", "SELECT $1") + typed + sync());
  EXPECT_EQ(server_->statements().size(), 2U);
  EXPECT_NE(client_.statements.find("a"), client_.statements.find("b"));
}

}  // namespace
}  // namespace pooler
