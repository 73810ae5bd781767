// The facts of each kind of statement. Settings, functions, tables and places have files of their own.

#include "analyzer/classify.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

struct Case {
  std::string_view sql;
  Kind kind;
  std::string_view effects;
  bool writes;
  std::string_view name = "";
};

TEST(Classify, KindEffectsWritesAndName) {
  for (const auto& [sql, kind, effects, writes, name] : std::vector<Case>{
           {"SELECT 1", Kind::kSelect, "", false},
           {"VALUES (1)", Kind::kSelect, "", false},
           {"TABLE t", Kind::kSelect, "", false},
           {"(SELECT 1) UNION (SELECT 2)", Kind::kSelect, "", false},
           {"SELECT * FROM t FOR UPDATE", Kind::kSelect, "", true},
           {"SELECT * FROM (SELECT * FROM t FOR SHARE) x", Kind::kSelect, "", true},
           {"SELECT 1 INTO t", Kind::kSelect, "", true},
           {"SELECT 1 INTO TEMP t", Kind::kSelect, "temporary", true},
           {"SELECT 1 INTO pg_temp.t", Kind::kSelect, "temporary", true},
           {"WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", Kind::kSelect, "", true},
           {"SELECT f(1)", Kind::kSelect, "", false},
           {"INSERT INTO t VALUES (1)", Kind::kInsert, "", true},
           {"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Kind::kInsert, "", true},
           {"UPDATE t SET a = 1", Kind::kUpdate, "", true},
           {"DELETE FROM t", Kind::kDelete, "", true},
           {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", Kind::kMerge, "", true},
           {"COPY t FROM STDIN", Kind::kCopyFrom, "", true},
           {"COPY t TO STDOUT", Kind::kCopyTo, "", false},
           {"COPY t TO '/x'", Kind::kCopyTo, "", true},
           {"COPY (DELETE FROM t RETURNING 1) TO STDOUT", Kind::kCopyTo, "", true},
           {"BEGIN", Kind::kBegin, "transaction", false},
           {"START TRANSACTION READ ONLY", Kind::kBegin, "transaction", false},
           {"COMMIT", Kind::kCommit, "transaction", false},
           {"END", Kind::kCommit, "transaction", false},
           {"ROLLBACK", Kind::kRollback, "transaction", false},
           {"ABORT", Kind::kRollback, "transaction", false},
           {"SAVEPOINT \"A\"", Kind::kSavepoint, "transaction", false, "A"},
           {"RELEASE SAVEPOINT a", Kind::kRelease, "transaction", false, "a"},
           {"ROLLBACK TO A", Kind::kRollbackTo, "transaction", false, "a"},
           {"PREPARE TRANSACTION 'x'", Kind::kPrepareTransaction, "transaction", true},
           {"COMMIT PREPARED 'x'", Kind::kTwoPhase, "transaction", true},
           {"ROLLBACK PREPARED 'x'", Kind::kTwoPhase, "transaction", true},
           {"SET a.b = 1", Kind::kSet, "settings", false},
           {"SET TRANSACTION READ ONLY", Kind::kSet, "", false},
           {"SHOW a.b", Kind::kShow, "", false},
           {"SHOW ALL", Kind::kShow, "", false},
           {"PREPARE p AS SELECT 1", Kind::kPrepare, "prepared", false, "p"},
           {"PREPARE p AS DELETE FROM t", Kind::kPrepare, "prepared", true, "p"},
           {"PREPARE p AS SELECT pg_advisory_lock(1)", Kind::kPrepare, "advisory_lock prepared", true, "p"},
           {"EXECUTE p", Kind::kExecute, "prepared", true, "p"},
           {"EXPLAIN EXECUTE p", Kind::kExecute, "prepared", true, "p"},
           {"CREATE TABLE t AS EXECUTE p", Kind::kExecute, "prepared", true, "p"},
           {"CREATE TEMP TABLE t AS EXECUTE p", Kind::kExecute, "temporary prepared", true, "p"},
           {"DEALLOCATE p", Kind::kDeallocate, "prepared", false, "p"},
           {"DISCARD ALL", Kind::kDiscard, "discard", false},
           {"LISTEN a", Kind::kListen, "listen", true, "a"},
           {"UNLISTEN a", Kind::kUnlisten, "listen", true, "a"},
           {"NOTIFY a, 'x'", Kind::kNotify, "", true, "a"},
           {"DECLARE c CURSOR FOR SELECT 1", Kind::kDeclareCursor, "", false, "c"},
           {"DECLARE c CURSOR WITHOUT HOLD FOR SELECT * FROM t FOR UPDATE", Kind::kDeclareCursor, "", true, "c"},
           {"DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR SELECT 1", Kind::kDeclareCursor, "hold_cursor", false, "c"},
           {"FETCH ALL FROM c", Kind::kFetch, "", false, "c"},
           {"MOVE c", Kind::kFetch, "", false, "c"},
           {"CLOSE c", Kind::kCloseCursor, "hold_cursor", false, "c"},
           {"EXPLAIN SELECT 1", Kind::kExplain, "", false},
           {"EXPLAIN DELETE FROM t", Kind::kExplain, "", true},  // takes locks that a standby has not
           {"EXPLAIN (ANALYZE) DELETE FROM t", Kind::kExplain, "", true},
           {"EXPLAIN CREATE TABLE t AS SELECT 1", Kind::kExplain, "", true},
           {"LOCK TABLE t", Kind::kLock, "", true},
           {"CALL f(1)", Kind::kCall, "", true},
           {"DO $$ BEGIN UPDATE t SET a = 1; END $$", Kind::kDo, "", true},
           {"DO $$ BEGIN SET a.b = 1; END $$", Kind::kDo, "any_setting", true},
           {"DO $$ BEGIN EXECUTE 'LISTEN x'; END $$ LANGUAGE plpgsql", Kind::kDo, "listen unknown", true},
           {"DO LANGUAGE plpython3u $$ plpy.execute(\"LISTEN x\") $$", Kind::kDo, "listen unknown", true},
           {"LOAD 'x'", Kind::kLoad, "library", false},
           {"VACUUM", Kind::kMaintenance, "", true},
           {"ANALYZE t", Kind::kMaintenance, "", true},
           {"REINDEX TABLE t", Kind::kMaintenance, "", true},
           {"CLUSTER", Kind::kMaintenance, "", true},
           {"CHECKPOINT", Kind::kMaintenance, "", true},
           {"REFRESH MATERIALIZED VIEW v", Kind::kMaintenance, "", true},
           {"CREATE TABLE t (a int)", Kind::kDdl, "", true},
           {"CREATE TEMP TABLE t (a int)", Kind::kDdl, "temporary", true},
           {"CREATE TEMPORARY TABLE t AS SELECT 1", Kind::kDdl, "temporary", true},
           {"CREATE UNLOGGED TABLE t (a int)", Kind::kDdl, "", true},
           {"CREATE TEMP VIEW v AS SELECT 1", Kind::kDdl, "temporary", true},
           {"CREATE LOCAL TEMP SEQUENCE s", Kind::kDdl, "temporary", true},
           {"CREATE TABLE pg_temp.t (a int)", Kind::kDdl, "temporary", true},
           {"CREATE TABLE \"pg_temp_3\".t (a int)", Kind::kDdl, "temporary", true},
           {"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'select 1'", Kind::kDdl, "temporary", true},
           {"CREATE TYPE pg_temp.t AS (a int)", Kind::kDdl, "temporary", true},
           {"ALTER TABLE t SET SCHEMA pg_temp", Kind::kDdl, "temporary", true},
           {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SET a = 1'", Kind::kDdl, "", true},
           {"DROP TABLE t", Kind::kDdl, "temporary", true},
           {"DROP OWNED BY r", Kind::kDdl, "temporary", true},
           {"ALTER TABLE t ADD a int", Kind::kDdl, "", true},
           {"TRUNCATE t", Kind::kDdl, "", true},
           {"GRANT SELECT ON t TO r", Kind::kDdl, "", true},
           {"COMMENT ON TABLE t IS 'x'", Kind::kDdl, "", true},
           {"CREATE DATABASE d", Kind::kDdl, "", true},
           {"SET CONSTRAINTS ALL IMMEDIATE", Kind::kOther, "", false},
       }) {
    const auto statement = statement_of(sql);
    EXPECT_EQ(statement.kind, kind) << sql;
    EXPECT_EQ(text_of(statement.effects), effects) << sql;
    EXPECT_EQ(statement.writes, writes) << sql;
    EXPECT_EQ(statement.name, name) << sql;
  }
}

TEST(Classify, TheSmallFacts) {
  EXPECT_TRUE(statement_of("COMMIT AND CHAIN").chain);
  EXPECT_TRUE(statement_of("ROLLBACK AND CHAIN").chain);
  EXPECT_FALSE(statement_of("COMMIT AND NO CHAIN").chain);
  EXPECT_TRUE(statement_of("DEALLOCATE ALL").all);
  EXPECT_TRUE(statement_of("DEALLOCATE PREPARE ALL").all);
  EXPECT_FALSE(statement_of("DEALLOCATE \"all\"").all);
  EXPECT_TRUE(statement_of("UNLISTEN *").all);
  EXPECT_TRUE(statement_of("CLOSE ALL").all);
  EXPECT_FALSE(statement_of("CLOSE c").all);
  EXPECT_TRUE(statement_of("DECLARE c CURSOR WITH HOLD FOR SELECT 1").hold);
  EXPECT_FALSE(statement_of("DECLARE c CURSOR FOR SELECT 1").hold);
  EXPECT_EQ(statement_of("DISCARD ALL").discard, "all");
  EXPECT_EQ(statement_of("DISCARD PLANS").discard, "plans");
  EXPECT_EQ(statement_of("DISCARD SEQUENCES").discard, "sequences");
  EXPECT_EQ(statement_of("DISCARD TEMPORARY").discard, "temp");
  EXPECT_EQ(statement_of("SELECT $2, $7, $1").parameters, 7);
  EXPECT_EQ(statement_of("SELECT 1").parameters, 0);
}

TEST(Classify, FunctionsEachOnce) {
  EXPECT_EQ(text_of(statement_of("SELECT a(b(1)), a(2), s.a(3), pg_catalog.now(), \"B\"()").functions),
            "a b s.a pg_catalog.now B");
  EXPECT_EQ(text_of(statement_of("CALL s.f(g(1))").functions), "s.f g");
  EXPECT_EQ(text_of(statement_of("SELECT * FROM f(1), ROWS FROM (g(1), h(2))").functions), "f g h");
  EXPECT_EQ(text_of(statement_of("SELECT 1 + 1, current_user, coalesce(a, b)").functions), "");
}

TEST(Classify, MostStatementsArePlain) {
  for (const auto* sql : {"SELECT 1", "INSERT INTO t VALUES (1)", "SELECT nextval('s')", "UPDATE t SET a = 1"}) {
    EXPECT_TRUE(facts_of(sql)->plain()) << sql;
  }
  for (const auto* sql : {"BEGIN", "SET a.b = 1", "SELECT lastval()", "SELEC pg_advisory_lock(1)"}) {
    EXPECT_FALSE(facts_of(sql)->plain()) << sql;
  }
}

}  // namespace
}  // namespace analyzer
