#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;

pooler::QueryRow failing(const std::string& query, uint64_t calls, const std::vector<std::pair<std::string, uint64_t>>& errors) {
  pooler::QueryRow row;
  row.fingerprint = 0xabc;
  row.query = query;
  row.database = "appdb";
  row.user = "app";
  row.application = "psql";
  row.totals.calls = calls;
  for (const auto& [sqlstate, count] : errors) {
    row.totals.errors += count;
    row.totals.error_classes.add(sqlstate, count);
  }
  return row;
}

TEST(ErrorViews, ARowForEachStatementAndClassThoseWithMostErrorsFirst) {
  World world;
  world.inspector.query_rows = {failing("SELECT $1/$2", 9, {{"22012", 1}, {"57014", 5}}), failing("SELECT 1", 4, {}),
                                failing("INSERT INTO t VALUES ($1)", 7, {{"23505", 3}, {"ZZ001", 2}})};
  Client root(world);
  const std::string said = root.query("SHOW ERRORS");
  const std::string who = "|appdb|app|psql) ";
  EXPECT_THAT(said, HasSubstr("D(57|operator intervention|5|9|0000000000000abc|SELECT $1/$2" + who +
                              "D(23|integrity constraint violation|3|7|0000000000000abc|INSERT INTO t VALUES ($1)" + who +
                              "D(ZZ||2|7|0000000000000abc|INSERT INTO t VALUES ($1)" + who +
                              "D(22|data exception|1|9|0000000000000abc|SELECT $1/$2" + who + "C(SHOW)"));
  EXPECT_THAT(said, Not(HasSubstr("SELECT 1|")));
}

TEST(ErrorViews, ItIsATableForSelect) {
  World world;
  world.inspector.query_rows = {failing("a", 2, {{"40001", 2}}), failing("b", 3, {{"40P01", 1}})};
  Client root(world);
  EXPECT_THAT(root.query("SELECT class, meaning, sum(errors) FROM errors GROUP BY 1, 2"),
              HasSubstr("D(40|transaction rollback|3)"));
}

}  // namespace
}  // namespace admin
