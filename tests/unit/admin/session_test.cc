#include "admin/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"
#include "wire/stream.h"

namespace admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConsoleSessionTest : public testing::Test {
 protected:
  World world_;
  Client client_{world_};
};

// ---- Simple protocol ----

TEST_F(ConsoleSessionTest, SeveralStatementsShareOneReadyForQuery) {
  EXPECT_EQ(client_.query("SELECT 1; RESUME; SELECT 'x' AS y"),
            "T(?column?:int4) D(1) C(SELECT 1) C(RESUME) T(y:text) D(x) C(SELECT 1) Z(I)");
}

TEST_F(ConsoleSessionTest, AnEmptyQueryIsAnswered) { EXPECT_EQ(client_.query(";"), "I Z(I)"); }

TEST_F(ConsoleSessionTest, AWrongStatementKeepsTheWholeQueryFromRunning) {
  EXPECT_EQ(client_.query("PAUSE; RESMUE"), "E(ERROR 42601) Z(I)");
  EXPECT_TRUE(world_.operations.calls.empty());
}

TEST_F(ConsoleSessionTest, AFailedStatementEndsTheQuery) {
  world_.operations.outcome = base::unknown_database("x");
  EXPECT_EQ(client_.query("DISABLE x; ENABLE x"), "E(ERROR 3D000) Z(I)");
  EXPECT_THAT(world_.operations.calls, ElementsAre("disable x"));
  EXPECT_THAT(world_.audit[1], HasSubstr("which failed"));
}

TEST_F(ConsoleSessionTest, ARefusedReloadSaysWhy) {
  world_.operations.outcome = base::config_file_error("weir.toml:3:1: unknown setting 'pol_mode'");
  EXPECT_EQ(client_.query("RELOAD"), "E(ERROR F0000) Z(I)");
  EXPECT_THAT(client_.out.sent, HasSubstr("weir.toml:3:1"));
}

TEST_F(ConsoleSessionTest, TransactionsAreFollowedAsPostgresReportsThem) {
  EXPECT_EQ(client_.query("BEGIN"), "C(BEGIN) Z(T)");
  EXPECT_EQ(client_.query("BEGIN"), "N(WARNING 25001) C(BEGIN) Z(T)");
  EXPECT_EQ(client_.query("SELECT 1"), "T(?column?:int4) D(1) C(SELECT 1) Z(T)");
  EXPECT_EQ(client_.query("SHWO"), "E(ERROR 42601) Z(E)");
  EXPECT_EQ(client_.query("RESUME"), "E(ERROR 25P02) Z(E)");
  EXPECT_EQ(client_.query("ROLLBACK TO s"), "C(ROLLBACK) Z(T)");
  EXPECT_EQ(client_.query("SHWO"), "E(ERROR 42601) Z(E)");
  EXPECT_EQ(client_.query("COMMIT"), "C(ROLLBACK) Z(I)");
  EXPECT_EQ(client_.query("COMMIT"), "N(WARNING 25P01) C(COMMIT) Z(I)");
  EXPECT_TRUE(world_.operations.calls.empty());
}

TEST_F(ConsoleSessionTest, WhatDriversSetIsIgnoredAloud) {
  EXPECT_EQ(client_.query("SET extra_float_digits = 3"), "N(NOTICE 00000) C(SET) Z(I)");
}

TEST_F(ConsoleSessionTest, WhatAsyncpgSendsToResetAConnectionWorks) {
  EXPECT_EQ(client_.query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"),
            "T(pg_advisory_unlock_all:text) D() C(SELECT 1) C(CLOSE CURSOR ALL) C(UNLISTEN) C(RESET) Z(I)");
}

// Debian's prometheus-pgbouncer-exporter needs these two.
TEST_F(ConsoleSessionTest, LegacyColumnsAreForSessionsThatAskForThem) {
  const std::string stats = client_.query("SHOW STATS"), databases = client_.query("SHOW DATABASES");
  EXPECT_EQ(client_.query("SET weir.legacy_columns = on"), "C(SET) Z(I)");
  EXPECT_THAT(client_.query("SHOW STATS"), HasSubstr(",avg_bind_count:numeric,total_requests:numeric)"));
  EXPECT_THAT(client_.query("SHOW DATABASES"), HasSubstr(",disabled:int4,reserve_pool:int4)"));
  EXPECT_EQ(client_.query("SET weir.legacy_columns TO 'maybe'"), "E(ERROR 22023) Z(I)");
  EXPECT_EQ(client_.query("SET weir.legacy_columns TO off"), "C(SET) Z(I)");
  EXPECT_EQ(client_.query("SHOW DATABASES"), databases);
  EXPECT_THAT(stats, testing::Not(HasSubstr("total_requests")));

  Client exporter(world_, pooler::ConsoleRole::kStats, {{"weir.legacy_columns", "on"}});
  EXPECT_THAT(exporter.query("SHOW STATS"), HasSubstr(",total_requests:numeric)"));
  EXPECT_THAT(exporter.send(Batch().parse("SHOW DATABASES").describe_statement().sync().bytes),
              HasSubstr(",reserve_pool:int4)"));
}

// ---- Extended protocol ----

TEST_F(ConsoleSessionTest, AnExtendedQueryHasDescriptionsAndRows) {
  EXPECT_EQ(client_.send(Batch()
                             .parse("SHOW VERSION", "s")
                             .describe_statement("s")
                             .bind({}, {}, "s")
                             .describe_portal()
                             .execute()
                             .sync()
                             .bytes),
            "1 t() T(version:text) 2 T(version:text) D(PgBouncer 1.25.2) C(SHOW) Z(I)");
}

TEST_F(ConsoleSessionTest, AStatementWithoutRowsHasNoData) {
  EXPECT_EQ(client_.send(Batch().parse("PAUSE $1").describe_statement().bind({"a"}).describe_portal().execute()
                             .sync().bytes),
            "1 t(text) n 2 n C(PAUSE) Z(I)");
  EXPECT_EQ(client_.send(Batch().parse("").bind().describe_portal().execute().sync().bytes), "1 2 n I Z(I)");
}

TEST_F(ConsoleSessionTest, FlushSendsWithoutReadyForQuery) {
  EXPECT_EQ(client_.send(Batch().parse("SHOW STATE").describe_statement().flush().bytes),
            "1 t() T(key:text,value:text)");
  EXPECT_EQ(client_.send(Batch().sync().bytes), "Z(I)");
}

TEST_F(ConsoleSessionTest, BinaryResultsAreMarkedAndBinary) {
  const std::string answer =
      client_.send(Batch().parse("SELECT 258").bind({}, {1}).describe_portal().execute().sync().bytes);
  EXPECT_EQ(answer, std::string("1 2 T(?column?:int4:binary) D(") + std::string("\0\0\1\2", 4) +
                        ") C(SELECT 1) Z(I)");
}

TEST_F(ConsoleSessionTest, FormatsMayDifferByColumn) {
  world_.inspector.list_rows = {};
  const std::string answer =
      client_.send(Batch().parse("SHOW LISTS").bind({}, {0, 1}).describe_portal().sync().bytes);
  EXPECT_EQ(answer, "1 2 T(list:text,items:int4:binary) Z(I)");
  EXPECT_EQ(client_.send(Batch().parse("SHOW LISTS").bind({}, {0, 1, 1}).sync().bytes), "1 E(ERROR 08P01) Z(I)");
}

TEST_F(ConsoleSessionTest, RowLimitsSuspendThePortal) {
  EXPECT_EQ(client_.send(Batch().parse("SHOW STATE").bind({}, {}, "", "p").execute(2, "p").execute(2, "p")
                             .execute(2, "p").sync().bytes),
            "1 2 D(active|yes) D(paused|no) s D(suspended|no) C(SHOW) C(SHOW) Z(I)");
}

TEST_F(ConsoleSessionTest, ACommandRunsOncePerPortal) {
  EXPECT_EQ(client_.send(Batch().parse("RESUME").bind().execute().execute().sync().bytes),
            "1 2 C(RESUME) E(ERROR 55000) Z(I)");
  EXPECT_THAT(world_.operations.calls, ElementsAre("resume "));
}

TEST_F(ConsoleSessionTest, PortalsEndWithTheirTransaction) {
  EXPECT_EQ(client_.send(Batch().parse("SHOW STATE", "s").bind({}, {}, "s", "p").sync().execute(0, "p").sync().bytes),
            "1 2 Z(I) E(ERROR 34000) Z(I)");
  client_.query("BEGIN");
  EXPECT_EQ(client_.send(Batch().bind({}, {}, "s", "p").sync().execute(1, "p").sync().bytes),
            "2 Z(T) D(active|yes) s Z(T)");
}

TEST_F(ConsoleSessionTest, AfterAnErrorEverythingUpToSyncIsSkipped) {
  Batch batch;
  batch.parse("SHWO").bind().execute();
  batch.bytes += query_bytes("RESUME");
  batch.sync();
  batch.bytes += query_bytes("SELECT 1");
  EXPECT_EQ(client_.send(batch.bytes), "E(ERROR 42601) Z(I) T(?column?:int4) D(1) C(SELECT 1) Z(I)");
  EXPECT_TRUE(world_.operations.calls.empty());
}

TEST_F(ConsoleSessionTest, UnknownNamesAreErrorsThatLeaveTheSessionAlive) {
  EXPECT_EQ(client_.send(Batch().bind({}, {}, "nope").sync().bytes), "E(ERROR 26000) Z(I)");
  EXPECT_EQ(client_.send(Batch().describe_statement("nope").sync().bytes), "E(ERROR 26000) Z(I)");
  EXPECT_EQ(client_.send(Batch().describe_portal("nope").sync().bytes), "E(ERROR 34000) Z(I)");
  EXPECT_EQ(client_.send(Batch().execute(0, "nope").sync().bytes), "E(ERROR 34000) Z(I)");
  EXPECT_EQ(client_.send(Batch().close_statement("nope").close_portal("nope").sync().bytes), "3 3 Z(I)");
}

TEST_F(ConsoleSessionTest, DeallocateAndDiscardForgetStatements) {
  client_.send(Batch().parse("SHOW STATE", "a").parse("SHOW STATE", "b").sync().bytes);
  client_.query("DEALLOCATE a");
  EXPECT_EQ(client_.send(Batch().describe_statement("a").sync().bytes), "E(ERROR 26000) Z(I)");
  EXPECT_EQ(client_.query("DISCARD ALL"), "C(DISCARD ALL) Z(I)");
  EXPECT_EQ(client_.send(Batch().describe_statement("b").sync().bytes), "E(ERROR 26000) Z(I)");
}

TEST_F(ConsoleSessionTest, AnErrorInATransactionOfTheExtendedProtocolAbortsIt) {
  client_.query("BEGIN");
  EXPECT_EQ(client_.send(Batch().parse("SHWO").sync().bytes), "E(ERROR 42601) Z(E)");
  EXPECT_EQ(client_.send(Batch().parse("SHOW STATE").bind().execute().sync().bytes), "1 2 E(ERROR 25P02) Z(E)");
  EXPECT_EQ(client_.send(Batch().parse("ROLLBACK").bind().execute().sync().bytes), "1 2 C(ROLLBACK) Z(I)");
}

// ---- What takes time ----

TEST_F(ConsoleSessionTest, InputWaitsBehindAWaitingPause) {
  world_.operations.later = true;
  EXPECT_EQ(client_.send(query_bytes("PAUSE; SELECT 1") + query_bytes("SELECT 2")), "");
  EXPECT_TRUE(client_.out.held);
  EXPECT_EQ(client_.unread(), query_bytes("SELECT 2").size());
  world_.operations.complete(base::Ok{});
  EXPECT_EQ(client_.received(),
            "C(PAUSE) T(?column?:int4) D(1) C(SELECT 1) Z(I) T(?column?:int4) D(2) C(SELECT 1) Z(I)");
  EXPECT_FALSE(client_.out.held);
  EXPECT_EQ(world_.operations.undone, 0);
}

TEST_F(ConsoleSessionTest, CancelTakesAWaitingPauseBackAndEndsTheQuery) {
  world_.operations.later = true;
  EXPECT_EQ(client_.query("PAUSE; SELECT 1"), "");
  client_.cancel();
  EXPECT_EQ(client_.received(), "E(ERROR 57014) Z(I)");
  EXPECT_EQ(world_.operations.undone, 1);
  EXPECT_EQ(client_.query("SELECT 1"), "T(?column?:int4) D(1) C(SELECT 1) Z(I)");
}

TEST_F(ConsoleSessionTest, CancelOfAnExtendedPauseSkipsToSync) {
  world_.operations.later = true;
  EXPECT_EQ(client_.send(Batch().parse("PAUSE").bind().execute().parse("SHOW STATE").sync().bytes), "1 2");
  client_.cancel();
  EXPECT_EQ(client_.received(), "E(ERROR 57014) Z(I)");
}

TEST_F(ConsoleSessionTest, CancelWithNothingToCancelIsSilent) {
  client_.cancel();
  EXPECT_EQ(client_.received(), "");
  EXPECT_EQ(client_.query("SELECT 1"), "T(?column?:int4) D(1) C(SELECT 1) Z(I)");
}

TEST_F(ConsoleSessionTest, ACompletePauseStaysWhenItsSessionEnds) {
  world_.operations.later = true;
  client_.query("PAUSE");
  world_.operations.complete(base::Ok{});
  client_.session.reset();
  EXPECT_EQ(world_.operations.undone, 0);
}

TEST_F(ConsoleSessionTest, AWaitingPauseIsTakenBackWhenItsClientIsGone) {
  world_.operations.later = true;
  client_.query("PAUSE");
  client_.session.reset();
  EXPECT_EQ(world_.operations.undone, 1);
}

TEST_F(ConsoleSessionTest, AnswersForASessionThatIsGoneAreForgotten) {
  world_.inspector.later = true;
  world_.operations.later = true;
  client_.query("SHOW CLIENTS");
  client_.session.reset();
  world_.inspector.answer_all();
  Client other(world_);
  other.query("RELOAD");
  other.session.reset();
  world_.operations.complete(base::Ok{});
  EXPECT_EQ(client_.received(), "");
  EXPECT_EQ(other.received(), "");
}

TEST_F(ConsoleSessionTest, AnAnswerThatComesAfterItsCancelIsNotTakenForTheNextOne) {
  world_.inspector.later = true;
  client_.query("SHOW STATS_TOTALS");
  client_.cancel();
  EXPECT_EQ(client_.received(), "E(ERROR 57014) Z(I)");
  client_.query("SHOW LISTS");
  world_.inspector.answer_all();
  const std::string answer = client_.received();
  EXPECT_TRUE(answer.starts_with("T(list:text,items:int4)")) << answer;
}

// ---- Back-pressure ----

TEST_F(ConsoleSessionTest, AClientThatDoesNotReadIsNotServed) {
  client_.out.unsent = wire::Stream::kHighWatermark + 1;
  EXPECT_EQ(client_.send(query_bytes("SELECT 1")), "");
  EXPECT_TRUE(client_.out.held);
  client_.out.unsent = 0;
  client_.session->on_drained();
  EXPECT_EQ(client_.received(), "T(?column?:int4) D(1) C(SELECT 1) Z(I)");
}

TEST_F(ConsoleSessionTest, AQueryOfManyStatementsStopsBetweenThem) {
  world_.inspector.later = true;
  EXPECT_EQ(client_.query("SHOW MEM; SELECT 1; SELECT 2"), "");
  // The stream fills up while the first statement is answered.
  client_.out.unsent = wire::Stream::kHighWatermark + 1;
  world_.inspector.answer_all();
  const std::string first = client_.received();
  EXPECT_THAT(first, HasSubstr("C(SHOW)"));
  EXPECT_THAT(first, testing::Not(HasSubstr("D(2)")));
  EXPECT_THAT(first, testing::Not(HasSubstr("Z(I)")));
  client_.out.unsent = 0;
  client_.session->on_drained();
  EXPECT_TRUE(client_.received().ends_with("D(2) C(SELECT 1) Z(I)"));
}

// ---- Bad input ----

TEST_F(ConsoleSessionTest, UnknownMessagesAndLengthsAreFatal) {
  for (std::string_view bytes : {std::string_view("y\0\0\0\4", 5), std::string_view("p\0\0\0\5\0", 6),
                                 std::string_view("Q\0\0\0\3", 5), std::string_view("Q\x7f\0\0\0", 5),
                                 std::string_view("Q\xff\xff\xff\xff", 5)}) {
    World world;
    Client client(world);
    EXPECT_EQ(client.send(bytes), "E(FATAL 08P01)");
    EXPECT_TRUE(client.out.closed);
    EXPECT_EQ(client.send(query_bytes("SELECT 1")), "");
  }
}

TEST_F(ConsoleSessionTest, AMalformedBodyIsAnErrorAndTheSessionGoesOn) {
  EXPECT_EQ(client_.send(std::string_view("Q\0\0\0\5x", 6)), "E(ERROR 08P01) Z(I)");
  EXPECT_EQ(client_.send(std::string_view("D\0\0\0\6Xs", 7)), "E(ERROR 08P01)");
  EXPECT_EQ(client_.send(Batch().sync().bytes), "Z(I)");
}

TEST_F(ConsoleSessionTest, FunctionCallsAreRefusedAndStrayCopyDataIsThrownAway) {
  EXPECT_EQ(client_.send(std::string_view("F\0\0\0\x0e\0\0\0\1\0\0\0\0\0\0", 15)), "E(ERROR 0A000) Z(I)");
  EXPECT_EQ(client_.send(std::string_view("d\0\0\0\5xc\0\0\0\4f\0\0\0\5\0", 17)), "");
  EXPECT_EQ(client_.query("COPY t FROM STDIN"), "E(ERROR 42601) Z(I)");
}

TEST_F(ConsoleSessionTest, TerminateCloses) {
  EXPECT_EQ(client_.send(query_bytes("SELECT 1") + std::string("X\0\0\0\4", 5)),
            "T(?column?:int4) D(1) C(SELECT 1) Z(I)");
  EXPECT_TRUE(client_.out.closed);
}

// A conversation of every kind of message, cut at every byte, gives the same answer.
TEST_F(ConsoleSessionTest, EverySplitOfTheInputGivesTheSameAnswer) {
  Batch batch;
  batch.bytes += query_bytes("BEGIN; SHOW STATE; SET datestyle = 'ISO'");
  batch.parse("SHOW LISTS", "s").describe_statement("s").bind({}, {1}, "s", "p").describe_portal("p");
  batch.execute(3, "p").flush().execute(0, "p").close_portal("p").close_statement("s").sync();
  batch.parse("SHWO").bind().sync();
  batch.bytes += query_bytes("ROLLBACK");
  batch.parse("PAUSE $1").bind({"appdb"}).execute().sync();

  const std::string whole = client_.send(batch.bytes);
  ASSERT_TRUE(whole.ends_with("C(PAUSE) Z(I)")) << whole;
  for (std::size_t cut = 0; cut <= batch.bytes.size(); ++cut) {
    World world;
    Client client(world);
    client.send(std::string_view(batch.bytes).substr(0, cut));
    client.send(std::string_view(batch.bytes).substr(cut));
    EXPECT_EQ(client.out.sent, client_.out.sent) << "cut at " << cut;
  }
  World world;
  Client client(world);
  for (char byte : batch.bytes) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.out.sent, client_.out.sent);
}

}  // namespace
}  // namespace admin
