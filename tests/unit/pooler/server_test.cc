#include "pooler/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pooler/server_fixture.h"

namespace pooler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using support::turn;

class ServerTest : public ServerFixture {
 protected:
  // Sends a simple query as a client's.
  void query(std::string_view sql) {
    std::string bytes;
    EXPECT_TRUE(wire::append_query(bytes, sql).ok());
    server_->write(bytes);
    server_->expect(Expect::kQuery, Action::kForward);
    server_->flush();
  }
  // Sends messages of the extended protocol as a client's; the letters as in in_short, d a Describe of a statement.
  void send(std::string_view kinds) {
    std::string bytes;
    for (const char kind : kinds) {
      switch (kind) {
        case 'P':
          EXPECT_TRUE(wire::append_parse(bytes, "", "SELECT 1", {}).ok());
          server_->expect(Expect::kParse, Action::kForward);
          break;
        case 'B':
          EXPECT_TRUE(wire::append_bind_header(bytes, "", "", 6).ok());
          bytes.append(6, '\0');
          server_->expect(Expect::kBind, Action::kForward);
          break;
        case 'E':
          wire::append_execute(bytes, "");
          server_->expect(Expect::kExecute, Action::kForward);
          break;
        case 'S':
          wire::append_sync(bytes);
          server_->expect(Expect::kSync, Action::kForward);
          break;
        default: FAIL() << kind;
      }
    }
    server_->write(bytes);
    server_->flush();
  }
  // The verdict of recover(), once there is one.
  std::optional<bool> recovered_;
  void recover(std::string_view reset_sql = {}) {
    server_->recover(reset_sql, [this](bool clean) { recovered_ = clean; });
  }
};

TEST_F(ServerTest, RepliesPassUnchangedAndReadyIsTold) {
  query("SELECT 1");
  EXPECT_EQ(heard(), "Q(SELECT 1)");
  const std::string answer = message('T', "row") + message('D', "data") + complete("SELECT 1") + ready();
  says(answer);
  EXPECT_EQ(client_.replies, answer);
  EXPECT_THAT(client_.events, ElementsAre("ready I"));
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, AnAnswerCutAtEveryByteGivesTheSame) {
  const std::string answer = notice("soon") + message('T', "row") + message('D', std::string(300, 'x')) +
                             parameter("TimeZone", "Asia/Tokyo") + error("22012", "division by zero") + ready('E') +
                             complete("SELECT 1") + ready();
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    connect();
    client_.replies.clear();
    client_.events.clear();
    query("SELECT 1/0");
    query("ROLLBACK");
    (void)heard();
    says(answer, cut);
    ASSERT_EQ(client_.replies, answer) << cut;
    ASSERT_THAT(client_.events, ElementsAre("TimeZone=Asia/Tokyo", "error 22012", "ready E", "ready I")) << cut;
    ASSERT_TRUE(server_->reusable()) << cut;
  }
}

TEST_F(ServerTest, AnAnswerByteByByteGivesTheSame) {
  const std::string answer = message('T', "row") + message('D', "data") + complete("SELECT 1") + ready();
  query("SELECT 1");
  for (const char byte : answer) says(std::string_view(&byte, 1));
  EXPECT_EQ(client_.replies, answer);
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, ALargeRowPassesInPartsAndIsNotKept) {
  query("SELECT big");
  const std::string row = message('D', std::string(200'000, 'x'));
  says(std::string_view(row).substr(0, 70'000));
  EXPECT_EQ(client_.replies.size(), 70'000U);
  EXPECT_TRUE(server_->mid_message());
  EXPECT_EQ(server_->stream().kept(), 0U);
  says(std::string_view(row).substr(70'000, 70'000));
  says(std::string_view(row).substr(140'000));
  EXPECT_FALSE(server_->mid_message());
  says(complete("SELECT 1") + ready());
  EXPECT_EQ(client_.types(), "DCZ");
}

TEST_F(ServerTest, AFatalErrorIsTheServersLastWordAndIsNotForwardedByIt) {
  query("SELECT 1");
  says(error("57P01", "terminating connection due to administrator command", "FATAL"));
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "57P01");
  EXPECT_EQ(client_.lost->message, "terminating connection due to administrator command");
  EXPECT_EQ(client_.replies, "");
  EXPECT_TRUE(server_->lost());
  EXPECT_FALSE(server_->clean());
}

TEST_F(ServerTest, AFatalErrorCutAtEveryByteIsStillUnderstood) {
  const std::string last = error("57P01", "bye", "FATAL");
  for (std::size_t cut = 1; cut < last.size(); ++cut) {
    connect();
    client_.lost.reset();
    query("SELECT 1");
    says(last, cut);
    ASSERT_TRUE(client_.lost) << cut;
    ASSERT_EQ(client_.lost->sqlstate, "57P01") << cut;
  }
}

TEST_F(ServerTest, AnEndWithoutAWordIsAConnectionFailure) {
  query("SELECT 1");
  (void)heard();
  postgres_ = base::Fd();
  turn(loop_);
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "08006");
  EXPECT_EQ(client_.lost->message, "server closed the connection unexpectedly");
}

TEST_F(ServerTest, AReplyThatNobodyAskedForLosesTheConnection) {
  says(ready());
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "08P01");
  EXPECT_EQ(client_.replies, "");
}

TEST_F(ServerTest, AReplyOfTheWrongKindLosesTheConnection) {
  send("PBES");
  says(message('2'));
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "08P01");
}

TEST_F(ServerTest, AMessageWithAnImpossibleLengthLosesTheConnection) {
  query("SELECT 1");
  says(std::string_view("D\0\0\0\3", 5));
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "08P01");
}

TEST_F(ServerTest, AnUnknownTransactionStatusLosesTheConnection) {
  query("SELECT 1");
  says(ready('X'));
  EXPECT_TRUE(client_.lost);
}

TEST_F(ServerTest, AnErrorWhenNothingIsOwedLosesTheConnectionInTheServersWords) {
  says(error("57P05", "terminating connection due to idle-session timeout"));
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "57P05");
}

TEST_F(ServerTest, UnsolicitedMessagesReachTheClientAtAnyMoment) {
  const std::string note = message('A', std::string_view("\0\0\0\1chan\0payload\0", 17));
  says(notice("hello") + note + parameter("application_name", "x"));
  EXPECT_EQ(client_.types(), "NAS");
  EXPECT_THAT(client_.events, ElementsAre("application_name=x"));
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, UnsolicitedMessagesOfAnIdleServerGoNowhere) {
  server_->set_handler(nullptr);
  says(notice("hello") + parameter("TimeZone", "Asia/Tokyo"));
  EXPECT_EQ(client_.replies, "");
  EXPECT_FALSE(server_->lost());
  ASSERT_NE(server_->params().value("timezone"), nullptr);
  EXPECT_EQ(*server_->params().value("timezone"), "Asia/Tokyo");
}

TEST_F(ServerTest, NothingOfOurOwnStatementIsTheClients) {
  std::optional<bool> worked;
  server_->run_internal("SELECT ours", [&](base::Status status) { worked = status.ok(); });
  EXPECT_EQ(heard(), "Q(SELECT ours)");
  says(notice("secret") + parameter("TimeZone", "Asia/Tokyo") + message('T', "r") + message('D', "d") + complete("SELECT 1"));
  EXPECT_FALSE(worked);
  says(ready());
  EXPECT_EQ(worked, true);
  EXPECT_EQ(client_.replies, "");
  EXPECT_THAT(client_.events, IsEmpty());
}

TEST_F(ServerTest, AnErrorInOurOwnStatementIsOurs) {
  std::optional<std::string> state;
  server_->run_internal("SELECT ours", [&](base::Status status) { state = status.ok() ? "fine" : status.error().sqlstate; });
  says(error("42601", "syntax error") + ready());
  EXPECT_EQ(state, "42601");
  EXPECT_EQ(client_.replies, "");
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, AGuardInFrontOfAClientsStatementIsNotSeen) {
  server_->sync_params(intern_params({{"a", "b"}}));
  EXPECT_TRUE(server_->guarded());
  query("SELECT 1");
  says(complete("BEGIN") + message('T', "r") + message('D', "d") + complete("SELECT 1") + complete("COMMIT") + ready());
  EXPECT_FALSE(server_->guarded());
  says(complete("SELECT 1") + ready());
  EXPECT_EQ(client_.types(), "CZ");
  EXPECT_EQ(*server_->params().value("a"), "b");
}

TEST_F(ServerTest, AServerThatHasTheValuesNeedsNoGuard) {
  server_->sync_params(intern_params({{"timezone", "UTC"}}));
  EXPECT_FALSE(server_->guarded());
  EXPECT_EQ(heard_bytes(), "");
}

TEST_F(ServerTest, TheErrorOfAGuardIsTheErrorOfTheClientsStatement) {
  server_->sync_params(intern_params({{"a", "b"}}));
  query("SELECT 1");
  says(complete("BEGIN") + error("22023", "invalid value") + ready('E') +
       error("25P02", "current transaction is aborted") + ready('E'));
  EXPECT_EQ(client_.types(), "EZ");
  EXPECT_NE(client_.replies.find("invalid value"), std::string::npos);
  EXPECT_EQ(client_.replies.back(), 'I') << "the failed transaction is not the client's";
  EXPECT_NE(heard_bytes().find("ROLLBACK"), std::string::npos);
  EXPECT_EQ(server_->params().value("a"), nullptr);
  says(complete("ROLLBACK") + ready());
  EXPECT_FALSE(server_->guarded());
  EXPECT_TRUE(server_->reusable());
  EXPECT_FALSE(client_.lost);
}

TEST_F(ServerTest, AGuardThatFailsBeforeAnythingWasSentIsTold) {
  server_->sync_params(intern_params({{"a", "b"}}));
  says(complete("BEGIN") + error("22023", "invalid value") + ready('E'));
  EXPECT_NE(heard_bytes().find("ROLLBACK"), std::string::npos);
  says(complete("ROLLBACK") + ready());
  EXPECT_THAT(client_.events, ElementsAre("guard failed 22023"));
  EXPECT_EQ(client_.replies, "");
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, AGuardThatHoldsNothingBackLosesTheConnection) {
  server_->sync_params(intern_params({{"a", "b"}}));
  query("SELECT 1");
  says(error("22021", "invalid byte sequence") + ready('I'));
  ASSERT_TRUE(client_.lost);
  EXPECT_EQ(client_.lost->sqlstate, "22021");
  EXPECT_EQ(client_.replies, "");
}

TEST_F(ServerTest, WhatAStatementNeedsFailsInItsPlace) {
  server_->guard(Server::Guard::kNeed, "PREPARE weir_ps_1 AS SELECT * FROM gone");
  query("EXECUTE weir_ps_1");
  says(error("42P01", "no table") + ready() + error("26000", "no statement") + ready());
  EXPECT_EQ(client_.types(), "EZ");
  EXPECT_NE(client_.replies.find("no table"), std::string::npos);
  EXPECT_FALSE(server_->guarded());
}

TEST_F(ServerTest, CompletedStatementsOfAWatchedMessageAreCounted) {
  auto watch = std::make_shared<Watch>();
  watch->reworded.resize(2);
  watch->reworded[1].tag = "LISTEN";
  std::string bytes;
  EXPECT_TRUE(wire::append_query(bytes, "SET a = 1; RESET weir.nothing").ok());
  server_->write(bytes);
  server_->expect(Expect::kQuery, Action::kForward, nullptr, watch);
  says(complete("SET") + complete("RESET") + ready());
  EXPECT_THAT(client_.events, ElementsAre("completed 0 SET", "completed 1 RESET", "ready I"));
  EXPECT_EQ(client_.replies, complete("SET") + complete("LISTEN") + ready());
}

TEST_F(ServerTest, ReadyForQueryCanBeHeldBack) {
  client_.holds_ready = true;
  query("NOTIFY x");
  says(complete("NOTIFY") + ready());
  EXPECT_EQ(client_.types(), "C");
  EXPECT_THAT(client_.events, ElementsAre("ready I"));
}

TEST_F(ServerTest, RowsOfOurOwnQueryAreRead) {
  std::optional<Rows> rows;
  server_->run_query("SELECT ours", [&](base::Result<Rows> result) { rows = std::move(result).value(); });
  const std::string row("\0\2\0\0\0\1t\xff\xff\xff\xff", 11);
  says(message('T', "r") + message('D', row) + complete("SELECT 1") + ready());
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, (Rows{{"t", std::nullopt}}));
  EXPECT_EQ(client_.replies, "");
}

TEST_F(ServerTest, RecoveryRemovesWhatMayHaveBeenLeft) {
  server_->taint(analyzer::Effect::kTemporary | analyzer::Effect::kAdvisoryLock);
  std::optional<bool> clean;
  server_->recover("", [&](bool done) { clean = done; });
  EXPECT_NE(heard_bytes().find("pg_advisory_unlock_all();DISCARD TEMP;"), std::string::npos);
  says(message('T', "r") + message('D', "d") + complete("SELECT 1") + complete("DISCARD TEMP") + ready());
  EXPECT_EQ(clean, true);
  EXPECT_TRUE(server_->tainted().empty());
}

TEST_F(ServerTest, RecoveryGivesUpWhatCannotBeRemoved) {
  server_->taint(analyzer::Effect::kLibrary);
  std::optional<bool> clean;
  server_->recover("", [&](bool done) { clean = done; });
  EXPECT_EQ(clean, false);
}

TEST_F(ServerTest, LosingTheConnectionEndsOurOwnStatementToo) {
  std::optional<std::string> state;
  server_->run_internal("SELECT ours", [&](base::Status status) { state = status.ok() ? "fine" : status.error().sqlstate; });
  postgres_ = base::Fd();
  turn(loop_);
  EXPECT_EQ(state, "08006");
  EXPECT_FALSE(client_.lost) << "one end of it is enough";
}

TEST_F(ServerTest, DeallocateAllForgetsTheStatementsOfServerAndClient) {
  const auto statement = intern_statement(std::string_view("SELECT 1\0\0\0", 11));
  server_->statements().add(statement);
  client_.statements.add("s", statement);
  query("DEALLOCATE ALL");
  says(complete("DEALLOCATE ALL") + ready());
  EXPECT_EQ(server_->statements().size(), 0U);
  EXPECT_EQ(client_.statements.size(), 0U);
}

TEST_F(ServerTest, DiscardAllForgetsTheStatementsWhereverItsTagIsCut) {
  const std::string answer = complete("DISCARD ALL") + ready();
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    connect();
    const auto statement = intern_statement(std::string_view("SELECT 1\0\0\0", 11));
    server_->statements().add(statement);
    query("DISCARD ALL");
    says(answer, cut);
    ASSERT_EQ(server_->statements().size(), 0U) << cut;
  }
}

TEST_F(ServerTest, AnotherTagForgetsNothing) {
  server_->statements().add(intern_statement(std::string_view("SELECT 1\0\0\0", 11)));
  query("DEALLOCATE x");
  says(complete("DEALLOCATE") + ready());
  EXPECT_EQ(server_->statements().size(), 1U);
}

TEST_F(ServerTest, PassThroughLetsBytesByAsTheyCome) {
  server_->pass_through();
  says("\x01 anything at all");
  EXPECT_EQ(client_.replies, "\x01 anything at all");
  EXPECT_FALSE(server_->reusable());
}

TEST_F(ServerTest, CloseSaysGoodbye) {
  server_->close();
  std::array<char, 16> room{};
  const auto got = ::recv(postgres_.get(), room.data(), room.size(), 0);
  EXPECT_EQ(in_short(std::string_view(room.data(), static_cast<std::size_t>(got))), "X");
  EXPECT_FALSE(client_.lost);
}

TEST_F(ServerTest, CloseInTheMiddleOfAMessageSaysNothing) {
  server_->set_half_message(true);
  server_->close();
  EXPECT_TRUE(hung_up());
}

TEST_F(ServerTest, AHalfSaidMessageMakesItUnusable) {
  EXPECT_TRUE(server_->clean());
  server_->set_half_message(true);
  EXPECT_FALSE(server_->clean());
}

// ---- a COPY that fails with Syncs behind it ----

TEST_F(ServerTest, AfterAFailedCopyAProbeTellsHowManyReadyForQueryThereWere) {
  send("PBES");
  (void)heard();
  // It entered copy mode and failed there: the Sync was swallowed by the COPY; libpq sends another one after the error.
  says(message('1') + message('2') + message('G', std::string_view("\0\0\0", 3)) + error("22P02", "bad input"));
  EXPECT_FALSE(server_->clean());
  send("S");
  (void)heard();
  says(ready());
  EXPECT_EQ(heard(), "Q()");
  says(message('I') + ready());
  EXPECT_TRUE(server_->reusable());
  EXPECT_EQ(client_.types(), "12GEZ");
}

// ---- recovery ----

TEST_F(ServerTest, RecoveryOfAnIdleServerIsAtOnceClean) {
  recover();
  EXPECT_EQ(recovered_, true);
}

TEST_F(ServerTest, RecoveryDropsTheRepliesThatAreOwed) {
  query("SELECT 1");
  recover();
  EXPECT_FALSE(recovered_);
  says(message('T', "r") + complete("SELECT 1") + ready());
  EXPECT_EQ(recovered_, true);
  EXPECT_EQ(client_.replies, "");
}

// What Weir would have answered itself, after all that the server answers: no answer of the server's follows it.
TEST_F(ServerTest, RecoveryDropsTheReplyThatIsOursToMakeAtTheEnd) {
  query("SELECT 1");
  server_->expect(Expect::kParse, Action::kInsert);
  recover();
  EXPECT_FALSE(recovered_);
  says(message('T', "r") + complete("SELECT 1") + ready());
  EXPECT_EQ(recovered_, true);
  EXPECT_EQ(client_.replies, "");
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, RecoveryRollsAnOpenTransactionBack) {
  query("BEGIN");
  says(complete("BEGIN") + ready('T'));
  (void)heard();
  recover();
  EXPECT_EQ(heard(), "Q(ROLLBACK)");
  says(complete("ROLLBACK") + ready());
  EXPECT_EQ(recovered_, true);
}

TEST_F(ServerTest, RecoveryNeverCommitsAnOpenBatch) {
  send("PBE");
  says(message('1') + message('2') + complete("INSERT 0 1"));
  (void)heard();
  recover();
  // A Sync alone would commit: the batch is made to fail first.
  EXPECT_EQ(heard(), "D(Sweir_ps_none) S");
  says(error("26000", "prepared statement \"weir_ps_none\" does not exist"));
  EXPECT_FALSE(recovered_);
  says(ready());
  EXPECT_EQ(recovered_, true);
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, RecoveryOfABatchThatFailedNeedsOnlyItsSync) {
  send("PBE");
  says(error("42601", "syntax error"));
  (void)heard();
  recover();
  EXPECT_EQ(heard(), "S");
  says(ready());
  EXPECT_EQ(recovered_, true);
}

TEST_F(ServerTest, RecoveryEndsWithTheResetQuery) {
  query("BEGIN");
  says(complete("BEGIN") + ready('T'));
  (void)heard();
  server_->statements().add(intern_statement(std::string_view("SELECT 1\0\0\0", 11)));
  recover("DISCARD ALL");
  EXPECT_EQ(heard(), "Q(ROLLBACK)");
  says(complete("ROLLBACK") + ready());
  EXPECT_EQ(heard(), "Q(DISCARD ALL)");
  EXPECT_FALSE(recovered_);
  says(complete("DISCARD ALL") + ready());
  EXPECT_EQ(recovered_, true);
  EXPECT_EQ(server_->statements().size(), 0U);
}

TEST_F(ServerTest, ARecoveryCutAtEveryByteEndsClean) {
  const std::string batch = error("26000", "no such statement") + ready();
  const std::string reset = complete("DISCARD ALL") + ready();
  for (std::size_t cut = 0; cut < batch.size() + reset.size(); ++cut) {
    connect();
    recovered_.reset();
    send("PBE");
    says(message('1') + message('2') + complete("INSERT 0 1"));
    recover("DISCARD ALL");
    says(batch, cut);
    says(reset, cut - std::min(cut, batch.size()));
    ASSERT_EQ(recovered_, true) << cut;
    ASSERT_TRUE(server_->reusable()) << cut;
  }
}

TEST_F(ServerTest, ATransactionThatCannotBeRolledBackEndsTheConnection) {
  query("BEGIN");
  says(complete("BEGIN") + ready('T'));
  recover();
  says(error("XX000", "no") + ready('E'));
  EXPECT_EQ(recovered_, false);
}

TEST_F(ServerTest, AResetThatFailsEndsTheConnection) {
  recover("NO SUCH COMMAND");
  says(error("42601", "syntax error") + ready());
  EXPECT_EQ(recovered_, false);
}

TEST_F(ServerTest, WhatWasWrittenAndNotSentIsSentBeforeItsAnswersAreAwaited) {
  std::string bytes;
  ASSERT_TRUE(wire::append_query(bytes, "SELECT 1").ok());
  server_->write(bytes);
  server_->expect(Expect::kQuery, Action::kForward);
  recover();
  std::array<char, 64> room{};
  const auto got = ::recv(postgres_.get(), room.data(), room.size(), MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  EXPECT_EQ(in_short({room.data(), static_cast<std::size_t>(got)}), "Q(SELECT 1)");
  says(complete("SELECT 1") + ready());
  EXPECT_EQ(recovered_, true);
}

TEST_F(ServerTest, AServerLostInRecoveryIsNotClean) {
  query("SELECT 1");
  recover();
  postgres_ = base::Fd();
  turn(loop_);
  EXPECT_EQ(recovered_, false);
}

TEST_F(ServerTest, HalfAMessageOrAnOpenCopyCannotBeRecovered) {
  server_->set_half_message(true);
  recover();
  EXPECT_EQ(recovered_, false);
  connect();
  recovered_.reset();
  query("COPY t FROM STDIN");
  says(message('G', std::string_view("\0\0\0", 3)));
  recover();
  EXPECT_EQ(recovered_, false);
}

const std::string kChanged =
    message('E', "SERROR" + std::string(1, '\0') + "C0A000" + '\0' + "Mchanged" + '\0' + "RRevalidateCachedQuery" + '\0' + '\0');

TEST_F(ServerTest, ABatchThatWasRefusedForItsOldPlanIsSentAgainUnseen) {
  client_.repeats = "B(|) E S";
  std::string batch;
  EXPECT_TRUE(wire::append_bind_header(batch, "", "", 6).ok());
  batch.append(6, '\0');
  wire::append_execute(batch, "");
  wire::append_sync(batch);
  for (const bool again : {false, true}) {  // a second refusal of the same batch passes
    server_->keep_batch(batch);
    send("BES");
    says(kChanged.substr(0, 9));
    EXPECT_EQ(client_.replies, "");
    says(kChanged.substr(9));
    EXPECT_EQ(client_.replies, "");
    EXPECT_EQ(client_.events.back(), "again B(|) E S");
    send("BES");
    says(ready());
    EXPECT_EQ(client_.replies, "");
    if (again) {
      says(kChanged + ready());
      EXPECT_EQ(client_.types(), "EZ");
      continue;
    }
    says(message('2') + complete("SELECT 1") + ready());
    EXPECT_EQ(client_.types(), "2CZ");
    client_.replies.clear();
  }
  EXPECT_TRUE(server_->reusable());
}

TEST_F(ServerTest, ARefusalPassesWhereSomethingCameBefore) {
  client_.repeats = "Q(EXECUTE p)";
  std::string batch;
  EXPECT_TRUE(wire::append_query(batch, "EXECUTE p").ok());
  query("BEGIN");
  says(complete("BEGIN") + ready('T'));
  server_->keep_batch(batch);
  query("EXECUTE p");
  says(kChanged + ready('E'));
  EXPECT_EQ(client_.types(), "CZEZ") << "in a transaction";
  query("ROLLBACK");
  says(complete("ROLLBACK") + ready());
  client_.replies.clear();
  server_->keep_batch(batch);
  query("EXECUTE p");
  says(message('T', "row") + kChanged + ready());
  EXPECT_EQ(client_.types(), "TEZ") << "some of the answer was there";
  server_->keep_batch(batch);
  server_->forget_batch();
  client_.replies.clear();
  query("EXECUTE p");
  says(kChanged + ready());
  EXPECT_EQ(client_.types(), "EZ");
  server_->keep_batch(batch);
  server_->keep_batch(std::string(Server::kKeptBatch + 1, 'x'));
  query("EXECUTE p");
  says(error("0A000", "not implemented") + ready());
  EXPECT_EQ(client_.types(), "EZEZ");
  for (const auto& event : client_.events) EXPECT_FALSE(event.starts_with("again")) << event;
}

TEST_F(ServerTest, StatementsThatHadToKeepAClientsNameAreClosed) {
  server_->add_stray_statement("mine");
  EXPECT_TRUE(server_->has_stray_statements());
  server_->close_stray_statements();
  EXPECT_EQ(heard(), "C(Smine) S");
  EXPECT_FALSE(server_->has_stray_statements());
  says(message('3') + ready());
  EXPECT_EQ(client_.replies, "");
  EXPECT_TRUE(server_->reusable());
}

}  // namespace
}  // namespace pooler
