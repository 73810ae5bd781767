#include "analyzer/shapes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

// "update drop ddl"
std::string names(Shapes shapes) {
  constexpr std::string_view kNames[] = {"update", "delete", "where", "limit", "truncate", "drop", "ddl", "copy", "lock"};
  std::string out;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if ((shapes & (1U << i)) != 0) out.append(out.empty() ? "" : " ").append(kNames[i]);
  return out;
}

TEST(Shapes, AreDecidedByTheText) {
  struct Case {
    std::string_view sql, shapes;
  };
  for (const auto& [sql, shapes] : std::vector<Case>{
           {"UPDATE t SET a = 1", "update"},
           {"UPDATE t SET a = 1 FROM u", "update"},
           {"UPDATE t SET a = 1 WHERE true", ""},
           {"UPDATE t SET a = 1 WHERE CURRENT OF c", ""},
           {"DELETE FROM t", "delete"},
           {"DELETE FROM t USING u", "delete"},
           {"DELETE FROM t WHERE a = 1", ""},
           {"WITH gone AS (DELETE FROM t RETURNING *) SELECT count(*) FROM gone WHERE a = 1", "delete limit"},
           {"WITH x AS (UPDATE t SET a = 1 WHERE b RETURNING 1) DELETE FROM u", "delete"},
           {"INSERT INTO t VALUES (1)", ""},
           {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1", ""},
           {"INSERT INTO t SELECT * FROM u", ""},
           {"MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", ""},
           {"SELECT 1", ""},
           {"VALUES (1)", ""},
           {"SELECT * FROM t", "where limit"},
           {"TABLE t", "where limit"},
           {"SELECT * FROM t JOIN u USING (a)", "where limit"},
           {"SELECT * FROM t WHERE a = 1", "limit"},
           {"SELECT * FROM t LIMIT 10", ""},
           {"SELECT * FROM t LIMIT $1", ""},
           {"SELECT * FROM t FETCH FIRST ROW ONLY", ""},
           {"SELECT * FROM t LIMIT ALL", "where limit"},
           {"SELECT * FROM t OFFSET 5", "where limit"},
           {"SELECT * FROM (SELECT * FROM t) x LIMIT 1", ""},
           {"SELECT (SELECT a FROM t)", ""},
           {"SELECT 1 UNION SELECT a FROM t", "where limit"},
           {"SELECT a FROM t WHERE a = 1 UNION ALL SELECT a FROM u WHERE a = 1", "limit"},
           {"(SELECT a FROM t LIMIT 1) UNION (SELECT a FROM u LIMIT 1)", "limit"},
           {"SELECT a FROM t UNION SELECT a FROM u LIMIT 3", ""},
           {"TRUNCATE t, u", "truncate"},
           {"DROP TABLE t", "drop ddl"},
           {"DROP DATABASE d", "drop ddl"},
           {"DROP OWNED BY r", "drop ddl"},
           {"DROP ROLE r", "drop ddl"},
           {"CREATE TABLE t (a int)", "ddl"},
           {"CREATE TEMP TABLE t (a int)", "ddl"},
           {"CREATE TABLE t AS SELECT * FROM u", "ddl"},
           {"CREATE TABLE t AS WITH x AS (DELETE FROM u RETURNING *) SELECT * FROM x", "delete ddl"},
           {"SELECT * INTO t FROM u LIMIT 1", "ddl"},
           {"SELECT a INTO t FROM u WHERE a = 1 UNION SELECT 1", "limit ddl"},
           {"ALTER TABLE t DROP COLUMN a", "ddl"},
           {"CREATE INDEX CONCURRENTLY ON t (a)", "ddl"},
           {"GRANT SELECT ON t TO r", "ddl"},
           {"CREATE RULE r AS ON INSERT TO t DO ALSO DELETE FROM u", "ddl"},
           {"CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM u; END", "ddl"},
           {"COPY t FROM STDIN", "copy"},
           {"COPY t TO STDOUT", "copy"},
           {"COPY (DELETE FROM t RETURNING *) TO STDOUT", "delete copy"},
           {"LOCK TABLE t", "lock"},
           {"EXPLAIN DELETE FROM t", ""},
           {"EXPLAIN SELECT * FROM t", ""},
           {"EXPLAIN ANALYZE DELETE FROM t", "delete"},
           {"EXPLAIN (ANALYZE) SELECT * FROM t", "where limit"},
           {"EXPLAIN (ANALYZE false) DELETE FROM t", ""},
           {"EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", "ddl"},
           {"PREPARE p AS DELETE FROM t", "delete"},
           {"PREPARE p AS SELECT * FROM t WHERE a = $1", "limit"},
           {"EXECUTE p", ""},
           {"DECLARE c CURSOR FOR SELECT * FROM t", ""},
           {"BEGIN", ""},
           {"SET work_mem = '1MB'", ""},
           {"VACUUM t", ""},
           {"DO 'BEGIN DELETE FROM t; END'", ""},
           {"SELECT * FROM", ""},
       }) {
    EXPECT_EQ(names(statement_of(sql).shapes), shapes) << sql;
  }
}

TEST(Shapes, EachStatementOfATextHasItsOwn) {
  const auto facts = facts_of("BEGIN; DELETE FROM t; SELECT 1; DROP TABLE t");
  ASSERT_EQ(facts->statements.size(), 4U);
  EXPECT_EQ(names(facts->statements[0].shapes), "");
  EXPECT_EQ(names(facts->statements[1].shapes), "delete");
  EXPECT_EQ(names(facts->statements[2].shapes), "");
  EXPECT_EQ(names(facts->statements[3].shapes), "drop ddl");
}

}  // namespace
}  // namespace analyzer
