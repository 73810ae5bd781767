// Rules about how statements are run.

#include "lint_cases.h"

namespace analyzer {
namespace {

// So many calls of one client, `run` at a time without a pause.
LintRun runs_of(uint32_t length, int calls = 200) {
  LintRun run;
  for (int i = 0; i < calls; ++i)
    run.calls.push_back({.value_hash = static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15U,
                         .run = static_cast<uint32_t>(i) % length + 1});
  return run;
}

TEST(LintRulesTraffic, InsertLoop) {
  expect_cases("INSERTLOOP",
               {{"INSERT INTO orders (id, n) VALUES (1, 2)", "INSERT INTO orders"},
                {"INSERT INTO orders VALUES (1, 2, 3)", "INSERT INTO orders"},
                {"INSERT INTO app.log (line) VALUES ('x') ON CONFLICT DO NOTHING", "INSERT INTO app.log"},
                {"INSERT INTO orders (id, n) VALUES (1, 2) RETURNING id"},
                {"INSERT INTO orders (id, n) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 5"},
                {"INSERT INTO orders (id, n) VALUES (1, 2), (3, 4)"},
                {"INSERT INTO orders (id, n) SELECT id, 5 FROM users"},
                {"UPDATE orders SET n = 2 WHERE id = 1"}},
               runs_of(100));
  for (const uint32_t length : {1U, 5U, 20U, 49U})
    EXPECT_EQ(finding_of(lint_one({"INSERT INTO orders (id, n) VALUES (1, 2)"}, runs_of(length)), "INSERTLOOP"), nullptr) << length;
  EXPECT_EQ(finding_of(lint_one({"INSERT INTO orders (id, n) VALUES ($1, $2)"}, runs_of(100)), "INSERTLOOP")->rewritten,
            "INSERT INTO orders (id, n) VALUES ($1, $2), ($3, $4), ($5, $6)");
}

// So many calls with so many different values.
LintRun repeating(int different, int calls = 1000) {
  LintRun run;
  for (int i = 0; i < calls; ++i)
    run.calls.push_back({.value_hash = static_cast<uint64_t>(i % different) * 0x9e3779b97f4a7c15U});
  return run;
}

TEST(LintRulesTraffic, Cacheable) {
  expect_cases("CACHEABLE", {{"SELECT name FROM users WHERE id = 5", "name"},
                             {"SELECT count(*) FROM users", "count(*)"},
                             {"SELECT u.name, lower(u.email) FROM users u WHERE u.id = 5", "u.name, lower(u.email)"},
                             {"SELECT name FROM users WHERE born < now()"},
                             {"SELECT nextval('s') FROM users"},
                             {"SELECT name FROM users WHERE id = 5 FOR UPDATE"},
                             {"SELECT my_function(name) FROM users WHERE id = 5"},
                             {"SELECT current_date, name FROM users"},
                             {.sql = "SELECT name FROM users WHERE id = 5", .calls = 30, .mean_ms = 1000},
                             {.sql = "SELECT name FROM users WHERE id = 5", .bytes = 100'000}},
               repeating(5));
  EXPECT_EQ(finding_of(lint_one({"SELECT name FROM users WHERE id = 5"}, repeating(900)), "CACHEABLE"), nullptr);
  EXPECT_EQ(finding_of(lint_one({"SELECT name FROM users WHERE id = 5"}, repeating(1, 10)), "CACHEABLE"), nullptr);
}

TEST(LintRulesTraffic, WhatIsWrittenIsNotCacheable) {
  const LintCase read{"SELECT name FROM users WHERE id = 5"}, write{"UPDATE users SET name = 'x' WHERE id = 5"};
  const LintFacts facts = lint_facts(read, repeating(5));
  const LintStatement statements[] = {lint_statement(read, &facts), lint_statement(write, nullptr)};
  EXPECT_EQ(finding_of(lint(statements, {}, {}).findings, "CACHEABLE"), nullptr);
}

TEST(LintRulesTraffic, MaterializedView) {
  const std::string_view report =
      "SELECT u.name, sum(o.total) FROM users u JOIN orders o ON o.user_id = u.id JOIN small s ON s.id = o.n GROUP BY u.name";
  expect_cases("MATVIEW", {{.sql = report, .evidence = "GROUP BY u.name", .calls = 100, .mean_ms = 2000},
                           {.sql = report, .evidence = "GROUP BY u.name", .calls = 6, .mean_ms = 60'000},
                           {.sql = "SELECT count(*) FROM users u, orders o, small s WHERE o.user_id = u.id AND s.id = o.n",
                            .evidence = "aggregates",
                            .calls = 100,
                            .mean_ms = 2000},
                           {.sql = report, .calls = 100, .mean_ms = 500},
                           {.sql = report, .calls = 4, .mean_ms = 5000},
                           {.sql = "SELECT sum(n) FROM orders", .calls = 100, .mean_ms = 2000},
                           {.sql = "SELECT u.id FROM users u, orders o, small s WHERE o.user_id = u.id AND s.id = o.n",
                            .calls = 100,
                            .mean_ms = 2000},
                           {.sql = "SELECT count(*), now() FROM users u, orders o, small s WHERE o.user_id = u.id AND s.id = o.n",
                            .calls = 100,
                            .mean_ms = 2000}},
               repeating(1));
  EXPECT_EQ(finding_of(lint_one({.sql = report, .calls = 100, .mean_ms = 2000}, repeating(50)), "MATVIEW"), nullptr);
}

TEST(LintRulesTraffic, Partition) {
  expect_cases("PARTITION", {{"DELETE FROM events WHERE at < '2024-01-01'", "at < $1"},
                             {"DELETE FROM public.events WHERE at <= now() - interval '1 month'", "at <= now() - interval $1"},
                             {"DELETE FROM events WHERE id < 500 AND kind = 3", "id < $1"},
                             {"DELETE FROM orders WHERE placed < '2024-01-01'"},
                             {"DELETE FROM events WHERE id = 5"},
                             {"DELETE FROM events WHERE kind <> 5"},
                             {"SELECT id FROM events WHERE at < '2024-01-01'"},
                             {"DELETE FROM stranger WHERE at < '2024-01-01'"}});
}

TEST(LintRulesTraffic, OldStatistics) {
  expect_cases("STATS", {{"SELECT id FROM events WHERE id = 5", "events"},
                         {"SELECT e.id FROM events e JOIN orders o ON o.id = e.id", "events"},
                         {"SELECT id FROM orders WHERE id IN (SELECT id FROM events)", "events"},
                         {"SELECT id FROM orders WHERE id = 5"},
                         {"SELECT id FROM small"},
                         {"DELETE FROM events WHERE id = 5"},
                         {"SELECT id FROM stranger"},
                         {"SELECT 1"}});
}

TEST(LintRulesTraffic, NotPrepared) {
  constexpr uint64_t kMany = 100'000;
  expect_cases("PREPMISS", {{.sql = "SELECT name FROM users WHERE id = 5", .evidence = "values in the text", .calls = kMany, .mean_ms = 1},
                            {.sql = "UPDATE users SET name = 'x' WHERE id = 1", .evidence = "values in the text", .calls = kMany},
                            {.sql = "INSERT INTO orders VALUES (1, 2)", .evidence = "values in the text", .calls = kMany},
                            {.sql = "SELECT name FROM users WHERE id = 5", .calls = 50'000},
                            {.sql = "SELECT name FROM users", .calls = kMany},
                            {.sql = "SET work_mem = '64MB'", .calls = kMany},
                            {.sql = "BEGIN", .calls = kMany},
                            {.sql = "SELECT 1 FROM users WHERE email IS NULL", .calls = 10}});
  const LintCase one{.sql = "SELECT name FROM users WHERE id = $1", .calls = kMany};
  LintStatement statement = lint_statement(one, nullptr);
  statement.parses = 3;
  EXPECT_EQ(finding_of(lint({&statement, 1}, {}, {}).findings, "PREPMISS"), nullptr);
}

}  // namespace
}  // namespace analyzer
