#include "analyzer/relations.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

TEST(Relations, TablesWithTheirSchemasAndWhetherTheyAreWritten) {
  struct Case {
    std::string_view sql, tables;
  };
  for (const auto& [sql, tables] : std::vector<Case>{
           {"SELECT 1", ""},
           {"SELECT * FROM a, b.c x JOIN \"D\" USING (e)", "D a b.c"},
           {"SELECT * FROM a, a, x.a", "a x.a"},
           {"SELECT (SELECT 1 FROM a) FROM (SELECT * FROM b) q WHERE EXISTS (SELECT 1 FROM c)", "a b c"},
           {"SELECT * FROM a TABLESAMPLE system (1), ONLY b, LATERAL f(1)", "a b"},
           {"SELECT * FROM a UNION SELECT * FROM b EXCEPT TABLE c", "a b c"},
           {"SELECT * FROM a x FOR UPDATE OF x", "a"},
           {"INSERT INTO a SELECT * FROM b", "a! b"},
           {"INSERT INTO a SELECT * FROM a", "a!"},
           {"UPDATE a SET x = (SELECT 1 FROM b) FROM c", "a! b c"},
           {"DELETE FROM a USING b", "a! b"},
           {"MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", "a! b"},
           {"COPY a FROM STDIN", "a!"},
           {"COPY a TO STDOUT", "a"},
           {"COPY (SELECT * FROM a) TO STDOUT", "a"},
           {"SELECT * INTO a FROM b", "a! b"},
           {"CREATE TABLE a AS SELECT * FROM b", "a! b"},
           {"CREATE TABLE a (x int REFERENCES b, LIKE c) INHERITS (d)", "a! b c d"},
           {"CREATE VIEW a AS SELECT * FROM b", "a! b"},
           {"CREATE INDEX ON a (x)", "a!"},
           {"ALTER TABLE s.a ADD x int", "s.a!"},
           {"TRUNCATE a, b.c", "a! b.c!"},
           {"DROP TABLE a, b.c, d.e.f", "a! b.c! e.f!"},
           {"DROP FUNCTION f(int)", ""},
           {"LOCK TABLE a", "a"},
           {"EXPLAIN DELETE FROM a", "a!"},
           {"PREPARE p AS UPDATE a SET x = $1", "a!"},
           {"DECLARE c CURSOR FOR SELECT * FROM a", "a"},
       }) {
    EXPECT_EQ(text_of(statement_of(sql).tables), tables) << sql;
  }
}

TEST(Relations, WithQueriesAreNoTablesWhereTheyAreVisible) {
  struct Case {
    std::string_view sql, tables;
  };
  for (const auto& [sql, tables] : std::vector<Case>{
           {"WITH a AS (SELECT 1) SELECT * FROM a, b", "b"},
           {"WITH a AS (SELECT 1) SELECT * FROM s.a", "s.a"},
           {"WITH a AS (SELECT * FROM a) SELECT * FROM a", "a"},
           {"WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a", ""},
           {"WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b", ""},
           {"WITH b AS (SELECT * FROM a), a AS (SELECT 1) SELECT * FROM b", "a"},
           {"WITH RECURSIVE b AS (SELECT * FROM a), a AS (SELECT 1) SELECT * FROM b", ""},
           {"SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) q, a", "a"},
           {"WITH a AS (SELECT 1) SELECT (SELECT 1 FROM a)", ""},
           {"WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a", "a!"},
           {"WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", "b!"},
           {"WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT * FROM a", ""},
           {"SELECT * FROM a UNION (WITH a AS (SELECT 1) SELECT * FROM a)", "a"},
           {"WITH x AS (WITH y AS (SELECT 1) SELECT * FROM y) SELECT * FROM x, y", "y"},
       }) {
    EXPECT_EQ(text_of(statement_of(sql).tables), tables) << sql;
  }
}

}  // namespace
}  // namespace analyzer
