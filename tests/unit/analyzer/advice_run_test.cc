// Against a real PostgreSQL with HypoPG it is tests/integration/test_advice.py that says whether the advice is good.
#include "analyzer/advice_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/analyzer/advice_asker.h"

namespace analyzer {
namespace {

Workload workload() {
  Workload out{.database = "app", .queries = {}};
  out.queries.push_back({.fingerprint = 1,
                         .query = "SELECT $1",
                         .calls = 100,
                         .rows = 1,
                         .total_ms = 5000,
                         .samples = {{.sql = "UPDATE t SET a = 1 WHERE b = 2"}}});
  out.queries.push_back(
      {.fingerprint = 2, .query = "SELECT 2", .calls = 1, .rows = 1, .total_ms = 1, .samples = {{.sql = "SELECT 'rare'"}}});
  return out;
}

bool asked(const FakeAsker& asker, std::string_view text) {
  return std::find(asker.asked.begin(), asker.asked.end(), text) != asker.asked.end();
}

TEST(AdviceRun, WithoutHypopgNoIndexIsPretended) {
  FakeAsker asker;
  const auto result = advise(workload(), {}, asker, asker);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->notes.size(), 1U);
  EXPECT_TRUE(result->notes[0].starts_with("HypoPG is not installed"));
  EXPECT_EQ(result->queries, 1U);
  for (const std::string& text : asker.asked) EXPECT_EQ(text.find("hypopg_"), std::string::npos) << text;
}

TEST(AdviceRun, AStatementThatChangesIsPlannedAsOneThatReads) {
  FakeAsker asker;
  asker.hypopg = true;
  const auto result = advise(workload(), {}, asker, asker);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->hypopg, "1.3.1");
  EXPECT_EQ(result->queries, 1U);
  EXPECT_TRUE(asked(asker, "EXPLAIN (FORMAT JSON) SELECT * FROM t WHERE b = 2"));
  EXPECT_FALSE(asked(asker, "EXPLAIN (FORMAT JSON) SELECT 'rare'"));
  EXPECT_EQ(asker.asked.back(), "ROLLBACK");
}

TEST(AdviceRun, AServerThatCannotBeAskedIsAnError) {
  FakeAsker asker;
  asker.fails = "BEGIN READ ONLY";
  EXPECT_FALSE(advise(workload(), {}, asker, asker).ok());
}

TEST(AdviceRun, PlansAreAskedOfAnotherServerThanCounters) {
  FakeAsker primary, replica;
  primary.hypopg = true;
  const auto result = advise(workload(), {}, primary, replica);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->queries, 1U);
  EXPECT_TRUE(asked(primary, kAllIndexesSql));
  EXPECT_FALSE(asked(replica, kAllIndexesSql));
  EXPECT_TRUE(asked(replica, "EXPLAIN (FORMAT JSON) SELECT * FROM t WHERE b = 2"));
  for (const std::string& text : primary.asked) EXPECT_FALSE(text.starts_with("EXPLAIN")) << text;
}

}  // namespace
}  // namespace analyzer
