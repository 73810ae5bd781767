#include "analyzer/advice_text.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

TEST(AdviceText, ValuesStandWhereTheyWere) {
  EXPECT_EQ(with_values("SELECT $1, '$1', $2 -- $3", {{"it's", ""}, {"5", "int4"}}),
            "SELECT 'it''s', '$1', '5'::pg_catalog.int4 -- $3");
  EXPECT_EQ(with_values("SELECT 1", {}), "SELECT 1");
  EXPECT_EQ(with_values("SELECT $2", {{"1", ""}}), std::nullopt);
  EXPECT_EQ(with_values("SELECT $1", {{std::nullopt, ""}}), std::nullopt);
  EXPECT_EQ(with_values("INSERT INTO t VALUES ($1)", {{std::nullopt, ""}}, true), "INSERT INTO t VALUES (NULL)");
  EXPECT_EQ(with_values("SELECT 1; DROP TABLE t", {}), std::nullopt);
  EXPECT_EQ(with_values("SELECT 'a\\'", {}), std::nullopt);  // reads otherwise in other sessions
  EXPECT_EQ(with_values(std::string_view("SELECT \0", 8), {}), std::nullopt);
}

TEST(AdviceText, WhatChangesIsReadInstead) {
  struct Case {
    std::string_view sql, wanted;  // empty: nothing
  };
  for (const auto& [sql, wanted] : std::vector<Case>{
           {"SELECT * FROM t", "SELECT * FROM t"},
           {"SELECT * FROM t ;", "SELECT * FROM t"},
           {"SELECT * FROM t WHERE a FOR UPDATE SKIP LOCKED", "SELECT * FROM t WHERE a"},
           {"SELECT * FROM t FOR NO KEY UPDATE OF t", "SELECT * FROM t"},
           {"SELECT substring(a FROM 1 FOR 2) FROM t", "SELECT substring(a FROM 1 FOR 2) FROM t"},
           {"UPDATE t SET a = 1 WHERE b = 2", "SELECT * FROM t WHERE b = 2"},
           {"UPDATE t AS x SET a = (SELECT 1 FROM z WHERE q) FROM u WHERE x.b = u.b RETURNING *",
            "SELECT * FROM t AS x, u WHERE x.b = u.b"},
           {"UPDATE t SET a = b IS DISTINCT FROM c WHERE d", "SELECT * FROM t WHERE d"},
           {"UPDATE t SET a = 1", "SELECT * FROM t"},
           {"DELETE FROM t WHERE a = 1", "SELECT * FROM t WHERE a = 1"},
           {"DELETE FROM ONLY t x USING u, v WHERE x.a = u.a RETURNING x.a", "SELECT * FROM ONLY t x, u, v WHERE x.a = u.a"},
           {"WITH w AS (SELECT 1) UPDATE t SET a = 1 FROM w WHERE b", "WITH w AS (SELECT 1) SELECT * FROM t, w WHERE b"},
           {"INSERT INTO t VALUES (1)", ""},
           {"TRUNCATE t", ""},
           {"", ""},
       })
    EXPECT_EQ(as_select(sql).value_or(""), wanted) << sql;
}

TEST(AdviceText, ALimitIsTakenAway) {
  EXPECT_EQ(without_limit("SELECT * FROM o WHERE a = 1 ORDER BY id LIMIT 1"), "SELECT * FROM o WHERE a = 1 ORDER BY id");
  EXPECT_EQ(without_limit("SELECT 1 OFFSET 2 LIMIT 1"), "SELECT 1");
  EXPECT_EQ(without_limit("SELECT 1 FETCH FIRST ROW ONLY"), "SELECT 1");
  EXPECT_EQ(without_limit("SELECT * FROM (SELECT 1 LIMIT 1) s"), std::nullopt);
  EXPECT_EQ(without_limit("SELECT o.limit, 1 AS limit FROM o"), std::nullopt);
  EXPECT_EQ(without_limit("SELECT '"), std::nullopt);
}

}  // namespace
}  // namespace analyzer
