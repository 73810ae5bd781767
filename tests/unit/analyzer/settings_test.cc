// Every form of SET and RESET, and set_config().

#include "analyzer/settings.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

struct Case {
  std::string_view sql, settings, effects = "settings";
};

void check(const std::vector<Case>& cases) {
  for (const auto& [sql, settings, effects] : cases) {
    const auto statement = statement_of(sql);
    EXPECT_EQ(text_of(statement.settings), settings) << sql;
    EXPECT_EQ(text_of(statement.effects), effects) << sql;
  }
}

TEST(Settings, TheValueIsWhatSetConfigTakes) {
  check({
      {"SET work_mem = '4MB'", "work_mem=4MB"},
      {"SET work_mem TO 4096", "work_mem=4096"},
      {"SET SESSION Work_Mem = 4096", "work_mem=4096"},
      {"SET LOCAL work_mem = 4096", "work_mem=4096 local"},
      {"SET \"DateStyle\" = iso, dmy", "datestyle=iso, dmy"},
      {"SET datestyle = 'ISO, DMY'", "datestyle=ISO, DMY"},
      {"SET enable_seqscan = off", "enable_seqscan=off"},
      {"SET enable_seqscan = TRUE", "enable_seqscan=true"},
      {"SET statement_timeout = -1", "statement_timeout=-1"},
      {"SET x.y = -0012, +5, -0, 0, 7", "x.y=-12, 5, 0, 0, 7"},
      {"SET x.y = - /* c */ 5", "x.y=-5"},
      {"SET x.y = -1.50", "x.y=-1.50"},
      {"SET x.y = 12345678901234567890", "x.y=12345678901234567890"},
      {"SET x.y = ''", "x.y="},
      {"SET x.y = 'it''s'", "x.y=it's"},
      {"SET x.y = E'a\\nb'", "x.y=a\nb"},
      {"SELECT 1; SELECT 2", "", ""},
  });
}

TEST(Settings, ListsOfNamesAreQuotedAsSetDoes) {
  check({
      {"SET search_path = a, B, \"C d\", 'e', 'F'", "search_path=a, b, \"C d\", e, \"F\""},
      {"SET search_path = \"$user\", public", "search_path=\"$user\", public"},
      {"SET search_path = ''", "search_path=\"\""},
      {"SET search_path = 'a, b'", "search_path=\"a, b\""},
      {"SET search_path = \"select\", \"user\", \"name\", \"a\"\"b\"", "search_path=\"select\", \"user\", name, \"a\"\"b\""},
      {"SET SCHEMA 'MySchema'", "search_path=\"MySchema\""},
      {"SET temp_tablespaces = a, 'B'", "temp_tablespaces=a, \"B\""},
      {"SET datestyle = a, 'B c'", "datestyle=a, B c"},
      {"SET search_path = pg_catalog, pg_temp", "search_path=pg_catalog, pg_temp"},
      {"SET search_path = pg_temp, public", "search_path=pg_temp, public", "settings temporary"},
  });
}

TEST(Settings, TheSpecialForms) {
  check({
      {"SET TIME ZONE 'Europe/Berlin'", "timezone=Europe/Berlin"},
      {"SET TIME ZONE UTC", "timezone=utc"},
      {"SET TIME ZONE -7", "timezone=-7"},
      {"SET TIME ZONE 3.5", "timezone=3.5"},
      {"SET TIME ZONE LOCAL", "timezone reset"},
      {"SET TIME ZONE DEFAULT", "timezone reset"},
      {"SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE", "timezone=?"},
      {"SET LOCAL TIME ZONE 'UTC'", "timezone=UTC local"},
      {"SET NAMES 'latin1'", "client_encoding=latin1"},
      {"SET NAMES", "client_encoding reset"},
      {"SET NAMES DEFAULT", "client_encoding reset"},
      {"SET XML OPTION DOCUMENT", "xmloption=DOCUMENT"},
      {"SET ROLE joe", "role=joe"},
      {"SET ROLE 'Joe'", "role=Joe"},
      {"SET LOCAL ROLE joe", "role=joe local"},
      {"SET ROLE NONE", "role=none"},
      {"RESET ROLE", "role reset"},
      {"SET SESSION AUTHORIZATION joe", "session_authorization=joe"},
      {"SET SESSION AUTHORIZATION DEFAULT", "session_authorization reset"},
      {"RESET SESSION AUTHORIZATION", "session_authorization reset"},
      {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE",
       "default_transaction_isolation=repeatable read; default_transaction_read_only=1; "
       "default_transaction_deferrable=0"},
      {"SET x.y FROM CURRENT", "x.y=?"},
      {"SET work_mem TO DEFAULT", "work_mem reset"},
      {"SET LOCAL work_mem = DEFAULT", "work_mem reset local"},
      {"RESET Work_Mem", "work_mem reset"},
      {"RESET TIME ZONE", "timezone reset"},
      {"RESET ALL", "reset all"},
  });
}

TEST(Settings, WhatIsOfTheTransactionIsNone) {
  for (const auto* sql : {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET LOCAL TRANSACTION READ ONLY",
                          "SET TRANSACTION SNAPSHOT 'x'", "SET transaction_isolation = 'serializable'",
                          "SET transaction_read_only = on", "RESET transaction_isolation",
                          "SELECT set_config('transaction_deferrable', 'on', false)", "SET CONSTRAINTS ALL DEFERRED"}) {
    const auto statement = statement_of(sql);
    EXPECT_TRUE(statement.effects.empty() && statement.settings.empty()) << sql;
  }
}

TEST(Settings, TheSeedIsNoSetting) {
  check({{"SET seed = 0.5", "", "lasting"}, {"SELECT set_config('seed', '0.5', false)", "", "lasting"}});
}

TEST(Settings, SetConfigWithLiteralsIsASet) {
  check({
      {"SELECT set_config('Work_Mem', '4MB', false)", "work_mem=4MB"},
      {"SELECT pg_catalog.set_config('a.b', 'x', true)", "a.b=x local"},
      {"SELECT set_config('search_path', 'a, \"B\"', false), set_config('role', 'none', true)",
       "search_path=a, \"B\"; role=none local"},
      {"SELECT set_config('a.b'::text, 'x'::text, false) AS x", "a.b=x"},
      {"SELECT set_config('a.b', NULL, false)", "a.b reset"},
      {"SELECT 1, set_config('a.b', 'x', false)", "a.b=x"},
  });
}

TEST(Settings, SetConfigWhoseValueOrTimesTheTextDoesNotTell) {
  check({
      {"SELECT set_config('a.b', $1, false)", "a.b=?"},
      {"SELECT set_config('a.b', 'x' || 'y', true)", "a.b=? local"},
      {"SELECT set_config('a.b', 'x', $1)", "a.b=?"},
      {"SELECT set_config('a.b', 'x'::varchar(1), false)", "a.b=?"},
      {"SELECT set_config('a.b', 'x', false) FROM t", "a.b=?"},
      {"SELECT set_config('a.b', 'x', false) WHERE false", "a.b=?"},
      {"SELECT set_config('a.b', 'x', false) LIMIT 0", "a.b=?"},
      {"SELECT set_config('a.b', 'x', false) UNION SELECT 1", "a.b=?"},
      {"SELECT set_config('a.b', 'x', false), generate_series(1, 0)", "a.b=?"},
      {"SELECT CASE WHEN x THEN set_config('a.b', 'x', false) END", "a.b=?"},
      {"SELECT * FROM set_config('a.b', 'x', false)", "a.b=?"},
      {"SELECT (SELECT set_config('a.b', 'x', false))", "a.b=?"},
      {"INSERT INTO t SELECT set_config('a.b', 'x', true)", "a.b=? local"},
      {"WITH x AS (SELECT set_config('a.b', 'x', false)) SELECT 1", "a.b=?"},
      {"VALUES (set_config('a.b', 'x', false))", "a.b=?"},
      {"CREATE TABLE t AS SELECT set_config('a.b', 'x', false)", "a.b=?"},
      {"EXPLAIN ANALYZE SELECT set_config('a.b', 'x', false)", "a.b=?"},
  });
}

TEST(Settings, SetConfigOfWhoKnowsWhat) {
  check({
      {"SELECT set_config($1, 'x', false)", "", "any_setting"},
      {"SELECT set_config(name, setting, true) FROM t", "", "any_setting"},
      {"SELECT set_config('a.' || 'b', 'x', false)", "", "any_setting"},
      {"SELECT set_config(VARIADIC ARRAY['a', 'b'])", "", "any_setting"},
      {"PREPARE p AS SELECT set_config('a.b', 'x', false)", "", "any_setting prepared"},
      {"CREATE VIEW v AS SELECT set_config('a.b', 'x', false)", "", "any_setting"},
      {"UPDATE pg_settings SET setting = 'x' WHERE name = 'a.b'", "", "any_setting"},
      {"UPDATE pg_catalog.pg_settings s SET setting = 'x'", "", "any_setting"},
      {"EXPLAIN SELECT set_config('a.b', 'x', false)", "", ""},
  });
}

TEST(Settings, LocalOnlyIfAllAre) {
  EXPECT_TRUE(statement_of("SET LOCAL a.b = 1").local_setting_only);
  EXPECT_TRUE(statement_of("SELECT set_config('a.b', '1', true)").local_setting_only);
  EXPECT_FALSE(statement_of("SELECT set_config('a.b', '1', true), set_config('a.c', '1', false)").local_setting_only);
  EXPECT_FALSE(statement_of("SELECT set_config('a.b', '1', true), set_config($1, '1', true)").local_setting_only);
  EXPECT_FALSE(statement_of("SET a.b = 1").local_setting_only);
  EXPECT_FALSE(statement_of("SELECT 1").local_setting_only);
}

TEST(Settings, OtherStatementsWithSetInThemSetNothing) {
  for (const auto* sql : {"ALTER ROLE joe SET a.b = 1", "ALTER DATABASE d SET a.b = 1", "ALTER SYSTEM SET a.b = 1",
                          "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET a.b = 1 AS 'select 1'",
                          "ALTER FUNCTION f() SET a.b = 1", "UPDATE t SET a = 1", "ALTER TABLE t SET (fillfactor = 9)",
                          "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "SHOW work_mem"}) {
    EXPECT_TRUE(statement_of(sql).effects.empty()) << sql;
  }
}

TEST(Settings, QuotesOnlyWhereItHasTo) {
  EXPECT_EQ(quoted_if_needed("a_b1"), "a_b1");
  EXPECT_EQ(quoted_if_needed("_a"), "_a");
  EXPECT_EQ(quoted_if_needed("abort"), "abort");  // unreserved
  for (const auto* name : {"", "1a", "A", "a$", "a b", "\xc3\xa9", "select", "between", "left", "user"}) {
    EXPECT_EQ(quoted_if_needed(name), "\"" + std::string(name) + "\"");
  }
  EXPECT_EQ(quoted_if_needed("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace analyzer
