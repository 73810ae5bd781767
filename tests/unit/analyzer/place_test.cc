#include "analyzer/place.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

struct Case {
  std::string_view sql, name, written;
  Kind kind = Kind::kExecute;
};

TEST(Place, OfTheNameOfAPreparedStatement) {
  for (const auto& [sql, name, written, kind] : std::vector<Case>{
           {"PREPARE p AS SELECT 1", "p", "p", Kind::kPrepare},
           {" prepare /* p */ \"P\"\"q\" (int) AS SELECT $1", "P\"q", "\"P\"\"q\"", Kind::kPrepare},
           {"PREPARE prepare AS SELECT 1", "prepare", "prepare", Kind::kPrepare},
           {"EXECUTE P", "p", "P"},
           {"EXECUTE p(1, 'EXECUTE q')", "p", "p"},
           {"EXECUTE execute", "execute", "execute"},
           {"EXPLAIN EXECUTE p", "p", "p"},
           {"EXPLAIN ANALYZE VERBOSE EXECUTE p(1)", "p", "p"},
           {"EXPLAIN (ANALYZE, FORMAT json) EXECUTE p(1)", "p", "p"},
           {"CREATE TEMP TABLE execute (as_) WITH (fillfactor = 10) AS EXECUTE execute (1) WITH NO DATA", "execute",
            "execute"},
           {"CREATE TABLE IF NOT EXISTS a.execute AS EXECUTE \"x y\"", "x y", "\"x y\""},
           {"EXPLAIN CREATE TABLE t AS EXECUTE p", "p", "p"},
           {"DEALLOCATE p", "p", "p", Kind::kDeallocate},
           {"DEALLOCATE PREPARE \"P\" ", "P", "\"P\"", Kind::kDeallocate},
           {"DEALLOCATE prepare;", "prepare", "prepare", Kind::kDeallocate},
           {"DEALLOCATE ALL", "", "", Kind::kDeallocate},
           {"DEALLOCATE PREPARE ALL", "", "", Kind::kDeallocate},
           {"EXECUTE U&\"!0061\" UESCAPE '!' (1)", "a", "U&\"!0061\" UESCAPE '!'"},
           {"DEALLOCATE U&\"!0061\" UESCAPE '!'", "a", "U&\"!0061\" UESCAPE '!'", Kind::kDeallocate},
       }) {
    const auto statement = statement_of(sql);
    EXPECT_EQ(statement.kind, kind) << sql;
    EXPECT_EQ(statement.name, name) << sql;
    EXPECT_EQ(sql.substr(statement.name_at, statement.name_size), written) << sql;
  }
}

TEST(Place, ALongNameIsCutAsPostgresDoes) {
  const std::string name(100, 'x');
  const auto statement = statement_of("EXECUTE " + name);
  EXPECT_EQ(statement.name, name.substr(0, 63));
  EXPECT_EQ(statement.name_size, 100u);
}

TEST(Place, CountsFromTheBeginningOfTheText) {
  const std::string sql = "SELECT 1; /* x */ EXECUTE \"Q\" ; ;DEALLOCATE q; BEGIN";
  const auto facts = facts_of(sql);
  ASSERT_EQ(facts->statements.size(), 4u);
  const auto part = [&](std::size_t i) { return sql.substr(facts->statements[i].at, facts->statements[i].size); };
  const auto name = [&](std::size_t i) {
    return sql.substr(facts->statements[i].name_at, facts->statements[i].name_size);
  };
  EXPECT_EQ(part(1), "EXECUTE \"Q\"");
  EXPECT_EQ(name(1), "\"Q\"");
  EXPECT_EQ(part(2), "DEALLOCATE q");
  EXPECT_EQ(name(2), "q");
  EXPECT_EQ(part(3), "BEGIN");
}

TEST(Place, OfAWrongStatementIsNone) {
  Statement statement;
  statement.kind = Kind::kExecute;
  statement.name = "p";
  locate("EXECUTE q", 0, 0, true, statement);
  EXPECT_EQ(statement.name_size, 0u);
  locate("SELECT 1", 100, 5, true, statement);  // outside of the text
  EXPECT_EQ(statement.name_size, 0u);
}

}  // namespace
}  // namespace analyzer
