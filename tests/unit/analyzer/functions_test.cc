#include "analyzer/functions.h"

#include <gtest/gtest.h>

#include <string_view>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

TEST(Functions, EachEntryIsFoundAndSaysWhy) {
  for (const KnownFunction& known : known_functions()) {
    auto name = known.name;
    if (name.ends_with('*')) name.remove_suffix(1);
    const KnownFunction* found = find_function("", name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->effects, known.effects) << name;
    EXPECT_FALSE(known.why.empty()) << name;
    EXPECT_TRUE(known.writes || known.runs_text || !known.effects.empty()) << name;
  }
}

TEST(Functions, ByNameOrPrefixAndNothingElse) {
  const auto effects = [](std::string_view name, std::string_view schema = "") {
    const KnownFunction* known = find_function(schema, name);
    return known == nullptr ? "none" : text_of(known->effects);
  };
  EXPECT_EQ(effects("pg_advisory_lock"), "advisory_lock");
  EXPECT_EQ(effects("pg_try_advisory_lock_shared"), "advisory_lock");
  EXPECT_EQ(effects("pg_advisory_unlock_all"), "advisory_lock");
  EXPECT_EQ(effects("pg_advisory_xact_lock"), "");
  EXPECT_EQ(effects("pg_try_advisory_xact_lock_shared"), "");
  EXPECT_EQ(effects("dblink_connect_u"), "lasting");
  EXPECT_EQ(effects("dblink_disconnect"), "lasting");
  EXPECT_EQ(effects("dblink"), "none");
  EXPECT_EQ(effects("hypopg_create_index"), "lasting");
  EXPECT_EQ(effects("hypopgx"), "none");
  EXPECT_EQ(effects("pg_replication_origin_session_setup"), "lasting");
  EXPECT_EQ(effects("setseed"), "lasting");
  EXPECT_EQ(effects("set_limit"), "any_setting");
  EXPECT_EQ(effects("currval"), "sequence_use");
  EXPECT_EQ(effects("lastval"), "sequence_use");
  EXPECT_EQ(effects("nextval"), "sequence_made");
  EXPECT_EQ(effects("setval"), "sequence_made");
  EXPECT_EQ(effects("put_line", "dbms_output"), "lasting");
  EXPECT_EQ(effects("put_line"), "none");
  for (const auto* harmless : {"", "a", "now", "lo_get", "pg_sleep", "set", "setx", "zzz", "nextvalx", "count"}) {
    EXPECT_EQ(effects(harmless), "none") << harmless;
  }
}

TEST(Functions, InStatementsAtAnyDepth) {
  struct Case {
    std::string_view sql, effects;
    bool writes;
  };
  for (const auto& [sql, effects, writes] : std::vector<Case>{
           {"SELECT pg_advisory_lock(1)", "advisory_lock", true},
           {"SELECT * FROM t WHERE pg_catalog.pg_try_advisory_lock(id)", "advisory_lock", true},
           {"SELECT pg_advisory_xact_lock(1)", "", true},
           {"INSERT INTO t VALUES (nextval('s'))", "sequence_made", true},
           {"SELECT lastval()", "sequence_use", false},
           {"SELECT x.setseed(0.5)", "lasting", false},
           {"SELECT (SELECT max(a) FROM f(currval('s')))", "sequence_use", false},
           {"EXPLAIN ANALYZE SELECT nextval('s')", "sequence_made", true},
           {"EXPLAIN SELECT pg_advisory_lock(1)", "", false},
           {"SELECT lo_create(0)", "", true},
           {"SELECT pg_notify('a', 'b')", "", true},
           {"SELECT query_to_xml('SELECT 1', true, true, '')", "", false},
           {"SELECT query_to_xml('SELECT nextval(''s'')', true, true, '')", "sequence_made", false},
           {"SELECT query_to_xml($1, true, true, '')", "unknown", false},
           {"SELECT * FROM crosstab('SELECT a, b, c FROM t') AS x(a int)", "", false},
       }) {
    const auto statement = statement_of(sql);
    EXPECT_EQ(text_of(statement.effects), effects) << sql;
    EXPECT_EQ(statement.writes, writes) << sql;
  }
}

}  // namespace
}  // namespace analyzer
