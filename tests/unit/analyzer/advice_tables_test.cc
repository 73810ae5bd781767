#include "analyzer/advice_tables.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

// A server with a table o (a integer) and a view v (x) of it, both in the schema public.
class Server final : public Asker {
 public:
  base::Result<SqlRows> ask(std::string_view sql, const SqlRow& params) override {
    if (sql.starts_with("SELECT pg_catalog.set_config")) path_ = params.at(0).value_or("");
    if (sql.starts_with("SELECT pg_catalog.to_regclass")) return oids(params.at(0).value_or(""));
    if (sql == kTablesSql)
      return SqlRows{{"1", "public", "o", "r", "5000", "50", "0", "t", "f", std::nullopt, std::nullopt},
                     {"2", "public", "v", "v", "-1", "0", "0", "t", "f", " SELECT o.a AS x\n   FROM public.o;",
                      std::nullopt}};
    if (sql == kColumnsSql) return SqlRows{{"1", "a", "integer", "t", "t", "-1", "0", "1", "4"}};
    return SqlRows{};
  }
  bool out_of_time() const override { return false; }

 private:
  SqlRows oids(const std::string& names) const {
    SqlRows out;
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
      const bool there = path_ == "public" || name.find("public") != std::string::npos;
      out.push_back({there ? std::optional<std::string>(name.find('v') != std::string::npos ? "2" : "1") : std::nullopt});
    }
    return out;
  }
  std::string path_;
};

TEST(AdviceTables, AreThoseThatTheSamplesNameInTheirSearchPath) {
  Server server;
  Measure measure(server, "");
  const Sample here{.sql = "SELECT * FROM o WHERE a = 1", .search_path = "public"};
  const Sample elsewhere{.sql = here.sql, .search_path = "other"};
  Workload workload{.database = "app", .queries = {}, .hours = 2};
  workload.queries.push_back({.query = "q", .calls = 1, .samples = {here, elsewhere}});
  workload.queries.push_back(
      {.query = "i", .calls = 10, .rows = 100, .samples = {{.sql = "INSERT INTO o VALUES (1)", .search_path = "public"}}});
  workload.queries.push_back(
      {.query = "u", .calls = 10, .rows = 4, .samples = {{.sql = "UPDATE o SET a = 2", .search_path = "public"}}});
  AdviceTables tables;
  ASSERT_TRUE(tables.read(workload, measure).ok());
  const auto uses = tables.uses_of(here);
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].equal.at(0).column, "a");
  EXPECT_TRUE(tables.uses_of(elsewhere).empty());
  EXPECT_TRUE(tables.uses_of({.sql = "SELECT FROM WHERE", .search_path = "public"}).empty());
  EXPECT_EQ(tables.inserts(uses[0].table), 50);  // an hour
  EXPECT_EQ(tables.updates(uses[0].table, "a"), 5);
  EXPECT_EQ(tables.updates(uses[0].table, "b"), 0);
}

TEST(AdviceTables, AViewStandsForItsTables) {
  Server server;
  Measure measure(server, "");
  const Sample sample{.sql = "SELECT * FROM v WHERE x = 1 ORDER BY v.x", .search_path = "public"};
  Workload workload{.database = "app", .queries = {}};
  workload.queries.push_back({.query = "q", .calls = 1, .samples = {sample}});
  AdviceTables tables;
  ASSERT_TRUE(tables.read(workload, measure).ok());
  const auto uses = tables.uses_of(sample);
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].table->name, "o");
  EXPECT_EQ(uses[0].equal.at(0).column, "a");
  EXPECT_EQ(uses[0].sort.at(0).text, "a");
}

}  // namespace
}  // namespace analyzer
