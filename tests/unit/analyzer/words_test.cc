// What words give away: never too little, and in usual code not too much.

#include "analyzer/words.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

struct Case {
  std::string_view source, effects;
};

TEST(Words, OrdinaryFunctionsDoNothingToTheirSession) {
  for (const std::string_view source : {
           "BEGIN UPDATE t SET a = 1, b = 2 WHERE c = 3; RETURN NEW; END",
           "BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b; END",
           "BEGIN NEW.updated_at = now(); RETURN NEW; END",
           "DECLARE sql text; BEGIN sql := 'UPDATE ' || quote_ident(x) || ' SET a = 1'; EXECUTE sql; END",
           "DECLARE sql text := 'SELECT 1'; BEGIN EXECUTE sql INTO STRICT r USING a; END",
           "BEGIN EXECUTE format('UPDATE %I SET a = %L WHERE b = $1', t, v) USING w; END",
           "BEGIN EXECUTE 'INSERT INTO ' || t || ' SELECT 1'; END",
           "BEGIN FOR r IN SELECT * FROM t LOOP EXECUTE r.command; END LOOP; END",
           "BEGIN IF a THEN UPDATE t SET b = 1; ELSIF c THEN DELETE FROM t; ELSE MERGE INTO t USING s ON true "
           "WHEN MATCHED THEN UPDATE SET d = 1; END IF; END",
           "BEGIN ALTER TABLE t ALTER a SET DEFAULT 1, ALTER b SET NOT NULL, DROP c; END",
           "BEGIN ALTER TABLE t SET (fillfactor = 10); ALTER ROLE r SET work_mem = '1MB'; END",
           "BEGIN CREATE TABLE t (a int REFERENCES b ON DELETE SET NULL ON UPDATE SET DEFAULT); END",
           "BEGIN SET LOCAL work_mem = '1GB'; SET CONSTRAINTS ALL DEFERRED; END",
           "-- SET role, CREATE TEMP TABLE, LISTEN x\n/* DISCARD ALL; LOAD 'x' */ BEGIN PERFORM f(); END",
           "SELECT set, reset, load, listen, temp FROM t WHERE prepare = 1",
           "SELECT * FROM t JOIN temp ON true; SELECT t.set, t.temp, t.discard",
           "BEGIN PERFORM pg_advisory_xact_lock(1); PERFORM pg_notify('a', 'b'); NOTIFY x; END",
           "BEGIN OPEN c FOR SELECT 1; FETCH c INTO a; CLOSE c; END",
           "BEGIN GRANT EXECUTE ON FUNCTION f() TO x; CREATE TRIGGER t EXECUTE FUNCTION f(); END",
           "BEGIN RAISE NOTICE 'the set of holds, loaded'; RAISE 'please reset it and drop it or listen to it'; END",
           "BEGIN RETURN QUERY EXECUTE 'SELECT 1'; FOR r IN EXECUTE 'SELECT 2' LOOP END LOOP; END",
           "SELECT 1",
           "",
       }) {
    EXPECT_EQ(text_of(effects_of_words(source)), "") << source;
  }
}

TEST(Words, CommandsInsideAreSeen) {
  for (const auto& [source, effects] : std::vector<Case>{
           {"BEGIN SET work_mem = '1GB'; END", "any_setting"},
           {"BEGIN UPDATE t SET a = 1; SET role = x; END", "any_setting"},
           {"BEGIN IF x = 'update' THEN SET ROLE y; END IF; END", "any_setting"},
           {"BEGIN RESET work_mem; END", "any_setting"},
           {"BEGIN <<x>> SET a.b = 1; END", "any_setting"},
           {"BEGIN LOOP SET a.b = 1; END LOOP; END", "any_setting"},
           {"SET a.b = 1", "any_setting"},
           {"BEGIN RESET ALL; END", "any_setting"},
           {"BEGIN PERFORM set_config('a', 'b', false); END", "any_setting"},
           {"BEGIN PERFORM pg_catalog.\"set_config\"(a, b, c); END", "any_setting"},
           {"BEGIN UPDATE pg_settings SET setting = 1; END", "any_setting"},
           {"BEGIN CREATE TEMP TABLE t (a int); END", "temporary"},
           {"BEGIN CREATE OR REPLACE TEMPORARY VIEW t AS SELECT 1; END", "temporary"},
           {"BEGIN SELECT 1 INTO TEMP t; END", "temporary"},
           {"BEGIN CREATE TABLE pg_temp.t (a int); END", "temporary"},
           {"BEGIN DROP TABLE IF EXISTS t; END", "temporary"},
           {"BEGIN PERFORM pg_advisory_lock(1); END", "advisory_lock"},
           {"SELECT pg_try_advisory_lock_shared($1)", "advisory_lock"},
           {"BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'; END", "hold_cursor"},
           {"BEGIN EXECUTE 'PREPARE p AS SELECT 1'; END", "prepared"},
           {"BEGIN EXECUTE 'EXECUTE p(1)'; END", "prepared"},
           {"BEGIN DEALLOCATE ALL; END", "prepared"},
           {"EXECUTE p(1)", "prepared"},
           {"BEGIN LISTEN x; END", "listen"},
           {"BEGIN EXECUTE 'UNLISTEN *'; END", "listen"},
           {"BEGIN LOAD 'x'; END", "library"},
           {"BEGIN DISCARD TEMP; END", "discard"},
           {"SELECT currval('s')", "sequence_use"},
           {"BEGIN RETURN lastval(); END", "sequence_use"},
           {"BEGIN a := nextval('s'); END", "sequence_made"},
           {"BEGIN PERFORM dblink_connect('a', 'b'); END", "lasting"},
       }) {
    EXPECT_EQ(text_of(effects_of_words(source)), effects) << source;
  }
}

TEST(Words, DynamicSqlIsReadInItsStrings) {
  for (const auto& [source, effects] : std::vector<Case>{
           {"BEGIN EXECUTE 'SET ROLE x'; END", "any_setting"},
           {"BEGIN EXECUTE format('SET %I = %L', a, b); END", "any_setting"},
           {"BEGIN EXECUTE 'SET ' || x || ' TO 1'; END", "any_setting"},
           {"BEGIN EXECUTE 'UPDATE t SET a = 1; SET role x'; END", "any_setting"},
           {"BEGIN EXECUTE E'\\nSET role x'; END", "any_setting"},
           {"BEGIN EXECUTE $q$ SET role x $q$; END", "any_setting"},
           {"BEGIN EXECUTE 'EXECUTE ''SET role x'''; END", "any_setting"},
           {"BEGIN EXECUTE 'CREATE TEMP TABLE ' || t; END", "temporary"},
           {"BEGIN EXECUTE 'CREATE ' || 'TEMP TABLE t'; END", "temporary"},
           {"BEGIN EXECUTE format('LISTEN %I', x); END", "listen"},
           {"BEGIN EXECUTE 'LOAD ' || quote_literal(x); END", "library"},
           {"BEGIN EXECUTE 'DISCARD ' || x; END", "discard"},
           {"BEGIN EXECUTE '-- c' || E'\\n' || 'SET x = 1'; END", "any_setting"},
       }) {
    EXPECT_EQ(text_of(effects_of_words(source)), effects) << source;
  }
}

TEST(Words, SqlThatComesFromOutsideIsUnknown) {
  for (const auto& [source, effects] : std::vector<Case>{
           {"BEGIN EXECUTE $1; END", "unknown"},
           {"BEGIN EXECUTE command; END", "unknown"},
           {"BEGIN EXECUTE command INTO x USING y; END", "unknown"},
           {"BEGIN x := 1; EXECUTE command; END", "unknown"},
           {"DECLARE command text; BEGIN SELECT 'SELECT 1' INTO command; EXECUTE command; END", ""},
       }) {
    EXPECT_EQ(text_of(effects_of_words(source)), effects) << source;
  }
}

TEST(Words, OtherLanguagesHaveOtherCommentsAndQuotes) {
  for (const auto& [source, effects] : std::vector<Case>{
           {"plpy.execute(\"SET role x\")", "any_setting"},
           {"# don't\nplpy.execute('''\nLISTEN x''')", "listen"},
           {"spi_exec_query(q{CREATE TEMP TABLE t (a int)});", "temporary unknown"},
           {"x = 1 --y; plpy.execute(\"LISTEN x\")", "listen"},
           {"plpy.execute(command)", "unknown"},
           {"plpy.execute(f\"SELECT 1\")", "unknown"},
           {"spi_exec_query($_[0])", "unknown"},
           {"plpy.execute(\"SELECT 1\")", ""},
           {"return a + b", ""},
       }) {
    EXPECT_EQ(text_of(effects_of_words(source, Language::kOther)), effects) << source;
  }
}

TEST(Words, OfWhatAClientSentStringsAreData) {
  for (const auto& [sql, effects] : std::vector<Case>{
           {"INSERT INTO articles VALUES ('SET role x; LISTEN y; CREATE TEMP TABLE t') NEWER SYNTAX", ""},
           {"SELEC 1; DO $$ BEGIN SET role x; END $$", "any_setting"},
           {"SELEC 1; DO $$ BEGIN UPDATE t SET a = 1; END $$", ""},
           {"SELECT JSON_OBJECT('a': 1)", ""},
           {"BEGIN; SELEC 1", "transaction"},
           {"SELEC 1; COMMIT AND CHAIN", "transaction"},
           {"START TRANSACTION NEW OPTION", "transaction"},
           {"SELEC 1; PREPARE TRANSACTION 'x'", "transaction"},
           {"SELEC 1; CLOSE c", "hold_cursor"},
           {"SELEC 1; EXECUTE p", "prepared"},
           {"SELECT begin, commit FROM t WITH NEW SYNTAX", ""},
           {"COPY t FROM STDIN (NEW OPTION, DEFAULT '')", ""},
           {"MERGE INTO t USING s ON a WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = 1", ""},
           {"CREATE TEMP TABLE t (a NEW TYPE OF)", "temporary"},
           {"SELEC pg_advisory_lock(1)", "advisory_lock"},
       }) {
    EXPECT_EQ(text_of(effects_of_text(sql, true)), effects) << sql;
  }
}

TEST(Words, TakesAnyBytesAndAnyLength) {
  for (const std::string_view source : {"'", "\"", "$a$", "'\\", "E'\\", "\xff\xfe", "/*", "--", "(((", "\\"}) {
    effects_of_words(source);
    effects_of_words(source, Language::kOther);
    effects_of_text(source, true);
    effects_of_text(source, false);
  }
  std::string many = "BEGIN ";
  for (int i = 0; i < 2000; ++i) many += "EXECUTE v" + std::to_string(i) + "; v" + std::to_string(i) + " := 'x'; ";
  EXPECT_TRUE(effects_of_words(many + "END").has(Effect::kUnknown));  // more than it follows
  EXPECT_TRUE(effects_of_words("BEGIN SET " + std::string(1'000'000, 'a') + " = 1").has(Effect::kAnySetting));
}

}  // namespace
}  // namespace analyzer
