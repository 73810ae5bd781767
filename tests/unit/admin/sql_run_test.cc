#include "admin/sql_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

// SELECT through a console session, in simple and extended protocol.
class SqlRun : public testing::Test, protected SqlWorld {
 protected:
  Client client{*this, pooler::ConsoleRole::kStats};
};

TEST_F(SqlRun, BySimpleProtocol) {
  EXPECT_EQ(client.query("SELECT database, sum(cl_active) AS n FROM pools WHERE database <> 'pgbouncer' GROUP BY 1 ORDER BY 1"),
            "T(database:text,n:int8) D(app|4) D(shop|10) C(SELECT 2) Z(I)");
  EXPECT_EQ(client.query("SELECT 1 FROM pools WHERE false; SHOW STATE"),
            "T(?column?:int4) C(SELECT 0) T(key:text,value:text) D(active|yes) D(paused|no) D(suspended|no) C(SHOW) Z(I)");
  EXPECT_EQ(client.query("BEGIN; SELECT nothing FROM pools"), "E(ERROR 42703) Z(I)");
  EXPECT_EQ(client.query("SELECT 1 / 0 FROM state"), "E(ERROR 22012) Z(I)");
}

TEST_F(SqlRun, ByExtendedProtocol) {
  EXPECT_EQ(client.send(Batch()
                            .parse("SELECT id, state FROM clients WHERE \"user\" = $1 ORDER BY id LIMIT $2", "s")
                            .describe_statement("s")
                            .sync()
                            .bytes),
            "1 t(text,int8) T(id:int4,state:text) Z(I)");
  EXPECT_EQ(client.send(Batch().bind({"bob", "5"}, {}, "s").describe_portal().execute().sync().bytes),
            "2 T(id:int4,state:text) D(2|active) D(4|waiting) C(SELECT 2) Z(I)");
  EXPECT_EQ(client.send(Batch().bind({"bob", "x"}, {}, "s").sync().bytes), "E(ERROR 22P02) Z(I)");
  EXPECT_EQ(client.send(Batch().bind({"bob"}, {}, "s").sync().bytes), "E(ERROR 08P01) Z(I)");
  using std::string_literals::operator""s;
  EXPECT_EQ(client.send(Batch().bind({"bob", "\0\0\0\0\0\0\0\1"s}, {1}, "s", "", {0, 1}).execute().sync().bytes),
            "2 D(\0\0\0\2|active) C(SELECT 1) Z(I)"s);
}

TEST_F(SqlRun, InPieces) {
  EXPECT_EQ(client.send(Batch().parse("SELECT id FROM clients ORDER BY 1").bind().execute(3).execute(3).sync().bytes),
            "1 2 D(1) D(2) D(3) s D(4) C(SELECT 4) Z(I)");
}

TEST_F(SqlRun, OnlyAFewAnswersAreKept) {
  Batch batch;
  batch.parse("SELECT id FROM clients ORDER BY 1", "s");
  for (const char* portal : {"a", "b", "c", "d"}) batch.bind({}, {}, "s", portal).execute(1, portal);
  batch.flush();
  EXPECT_EQ(client.send(query_bytes("BEGIN") + batch.bytes), "C(BEGIN) Z(T) 1 2 D(1) s 2 D(1) s 2 D(1) s 2 D(1) s");
  EXPECT_EQ(client.send(Batch().execute(0, "a").bind({}, {}, "s", "e").execute(1, "e").flush().bytes),
            "D(2) D(3) D(4) C(SELECT 4) 2 D(1) s");
  EXPECT_EQ(client.send(Batch().bind({}, {}, "s", "f").execute(1, "f").sync().bytes), "2 E(ERROR 54000) Z(E)");
}

TEST_F(SqlRun, WaitsForWorkersAndForItsThread) {
  inspector.later = true;
  aside_later = true;
  EXPECT_EQ(client.query("SELECT count(*) FROM clients, pools"), "");
  inspector.answer_all();
  EXPECT_EQ(client.received(), "");
  run_aside();
  EXPECT_EQ(client.received(), "T(count:int8) D(16) C(SELECT 1) Z(I)");
}

TEST_F(SqlRun, CanBeCancelledWherever) {
  inspector.later = true;
  aside_later = true;
  EXPECT_EQ(client.query("SELECT count(*) FROM clients"), "");
  client.cancel();
  EXPECT_EQ(client.received(), "E(ERROR 57014) Z(I)");
  inspector.answer_all();
  EXPECT_EQ(client.query("SELECT count(*) FROM clients"), "");
  inspector.answer_all();
  client.cancel();
  EXPECT_EQ(client.received(), "E(ERROR 57014) Z(I)");
  run_aside();
  EXPECT_EQ(client.received(), "");
}

TEST_F(SqlRun, AClientThatLeavesTakesItsSelectAlong) {
  aside_later = true;
  EXPECT_EQ(client.query("SELECT count(*) FROM clients"), "");
  client.session.reset();
  run_aside();
}

TEST_F(SqlRun, ALineThatIsFullIsAnError) {
  aside_full = true;
  EXPECT_EQ(client.query("SELECT count(*) FROM clients"), "E(ERROR 53400) Z(I)");
}

TEST_F(SqlRun, LegacyColumnsAreInTheTablesOfTheirSession) {
  EXPECT_EQ(client.query("SELECT total_requests FROM stats WHERE database = 'app'"), "E(ERROR 42703) Z(I)");
  EXPECT_EQ(client.query("SET weir.legacy_columns = on"), "C(SET) Z(I)");
  EXPECT_EQ(client.query("SELECT total_requests FROM stats WHERE database = 'app'"),
            "T(total_requests:numeric) D(7) C(SELECT 1) Z(I)");
}

TEST_F(SqlRun, AWordAloneStillMeansShow) {
  EXPECT_EQ(client.query("SELECT state"), client.query("SHOW STATE"));
  EXPECT_EQ(client.query("SELECT nonsense"), "E(ERROR 42601) Z(I)");
  EXPECT_EQ(client.query("SELECT current_user"), "T(current_user:text) D(watcher) C(SELECT 1) Z(I)");
}

}  // namespace
}  // namespace admin
