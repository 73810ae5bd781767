// Rules about what is not meant: at least three statements that each is about, and five that it must not be.

#include "lint_cases.h"

namespace analyzer {
namespace {

TEST(LintRulesWrong, NullComparison) {
  expect_cases("EQNULL", {{"SELECT id FROM orders WHERE note = NULL", "note = NULL"},
                          {"UPDATE orders SET n = 1 WHERE buyer <> NULL", "buyer <> NULL"},
                          {"SELECT 1 FROM users u JOIN orders o ON o.user_id = u.id AND NULL = o.note", "NULL = o.note"},
                          {"DELETE FROM users WHERE email = NULL::text", "email = NULL::text"},
                          {"SELECT id FROM orders WHERE note IS NULL"},
                          {"SELECT id FROM orders WHERE note IS NOT NULL"},
                          {"UPDATE orders SET note = NULL WHERE id = 1"},
                          {"SELECT id FROM orders WHERE note IS DISTINCT FROM NULL"},
                          {"INSERT INTO users (id, email) VALUES (1, NULL)"},
                          {"SELECT coalesce(note, NULL) FROM orders WHERE id = 5"}});
}

TEST(LintRulesWrong, NullComparisonIsSilentWhereTheServerMakesItATest) {
  const LintCase one{"SELECT id FROM orders WHERE note = NULL"};
  const LintFacts facts = lint_facts(one);
  const LintStatement statement = lint_statement(one, &facts);
  LintAround around;
  around.catalogs.emplace("app", lint_catalog());
  around.catalogs.begin()->second.null_is_equal = true;
  EXPECT_EQ(finding_of(lint({&statement, 1}, around, {}).findings, "EQNULL"), nullptr);
}

TEST(LintRulesWrong, NoWhere) {
  expect_cases("NOWHERE", {{.sql = "DELETE FROM orders", .evidence = "DELETE FROM orders"},
                           {.sql = "UPDATE orders SET n = 0", .evidence = "UPDATE orders"},
                           {.sql = "UPDATE orders SET n = 0 WHERE true", .evidence = "UPDATE orders"},
                           {.sql = "DELETE FROM orders WHERE 1 = 1", .evidence = "DELETE FROM orders"},
                           {.sql = "WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d", .evidence = "DELETE FROM orders"},
                           {.sql = "DELETE FROM stranger", .evidence = "DELETE FROM stranger", .rows = 5000},
                           {.sql = "DELETE FROM orders WHERE id = 1"},
                           {.sql = "UPDATE small SET a = 1", .rows = 10},
                           {.sql = "DELETE FROM stranger", .rows = 3},
                           {.sql = "UPDATE orders SET n = u.id FROM users u WHERE u.id = orders.user_id"},
                           {.sql = "DELETE FROM orders USING users"},
                           {.sql = "UPDATE orders SET n = 0 WHERE active"}});
}

TEST(LintRulesWrong, NotIn) {
  expect_cases("NOTIN",
               {{"SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders)", "id NOT IN (SELECT buyer FROM orders)"},
                {"DELETE FROM users WHERE id NOT IN (SELECT o.buyer FROM orders o WHERE o.n > 3)",
                 "id NOT IN (SELECT o.buyer FROM orders o WHERE o.n > $1)"},
                {"SELECT id FROM users WHERE NOT (name IN (SELECT note FROM orders))", "NOT (name IN (SELECT note FROM orders))"},
                {"SELECT id FROM users WHERE id NOT IN (SELECT o.user_id FROM small s LEFT JOIN orders o ON o.id = s.id)",
                 "id NOT IN (SELECT o.user_id FROM small s LEFT JOIN orders o ON o.id = s.id)"},
                {"SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM orders)"},
                {"SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders WHERE buyer IS NOT NULL)"},
                {"SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders WHERE buyer > 5)"},
                {"SELECT id FROM users WHERE id NOT IN (1, 2, 3)"},
                {"SELECT id FROM users WHERE id IN (SELECT buyer FROM orders)"},
                {"SELECT id FROM users WHERE id NOT IN (SELECT x FROM stranger)"},
                {"SELECT id FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders WHERE buyer = u.id)"}});
}

TEST(LintRulesWrong, NotInIsAnErrorWhereThereAreNulls) {
  const auto findings = lint_one({"SELECT id FROM users WHERE name NOT IN (SELECT note FROM orders)"});
  ASSERT_NE(finding_of(findings, "NOTIN"), nullptr);
  EXPECT_EQ(finding_of(findings, "NOTIN")->severity, LintSeverity::kError);
  EXPECT_TRUE(lint_one({"SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders)"}, {.catalog = false}).empty());
}

TEST(LintRulesWrong, LimitWithoutOrder) {
  expect_cases("NOLIMORDER", {{"SELECT id, n FROM orders WHERE n > 5 LIMIT 10", "LIMIT $2"},
                              {"SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE u.name = 'x' LIMIT 20", "LIMIT $2"},
                              {"SELECT * FROM orders LIMIT 100", "LIMIT $1"},
                              {"SELECT n, count(*) FROM orders GROUP BY n LIMIT 10", "LIMIT $1"},
                              {"SELECT id FROM orders ORDER BY id LIMIT 10"},
                              {"SELECT id, n FROM orders WHERE id = 5 LIMIT 10"},
                              {"SELECT 1 FROM orders WHERE n = 5 LIMIT 10"},
                              {"SELECT count(*) FROM orders LIMIT 10"},
                              {"SELECT id FROM orders WHERE n = 5 LIMIT 10 FOR UPDATE SKIP LOCKED"},
                              {"SELECT id FROM orders LIMIT ALL"},
                              {.sql = "SELECT id, n FROM orders WHERE n = 5 LIMIT 21", .rows = 1}});
}

TEST(LintRulesWrong, Cartesian) {
  expect_cases("CARTESIAN",
               {{"SELECT o.id FROM orders o, users u WHERE u.name = 'x'", "FROM o, u"},
                {"SELECT o.id FROM orders o, users u", "FROM o, u"},
                {"SELECT 1 FROM orders o JOIN users u ON u.id = o.user_id, wide w", "FROM o, u, w"},
                {"SELECT o.id FROM orders o, users u WHERE u.id = o.user_id"},
                {"SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id"},
                {"SELECT o.id FROM orders o CROSS JOIN users u"},
                {"SELECT o.id FROM orders o, users u WHERE u.id = 5"},
                {"SELECT s.id FROM small s, small t"},
                {"SELECT o.id FROM orders o, (SELECT max(id) AS m FROM users) x"},
                {"SELECT o.id FROM orders o, generate_series(1, 3) g"},
                {"SELECT o.id FROM orders o JOIN users USING (id)"},
                {"SELECT o.id FROM orders o, users u WHERE (o.user_id = u.id AND o.n = 1) OR (o.user_id = u.id AND o.n = 2)"}});
}

TEST(LintRulesWrong, IdleInTransaction) {
  const auto severity = [](uint64_t seconds) {
    const LintCase one{.sql = "UPDATE users SET name = 'x' WHERE id = 1", .calls = 10};
    LintStatement statement = lint_statement(one, nullptr);
    statement.idle_us = seconds * 1'000'000 * 10;
    const LintResult result = lint({&statement, 1}, {}, {});
    const LintFinding* found = finding_of(result.findings, "IDLEINTX");
    return found == nullptr ? std::string() : std::string(name_of(found->severity));
  };
  for (const uint64_t seconds : {5U, 30U, 59U}) EXPECT_EQ(severity(seconds), "warning");
  for (const uint64_t seconds : {60U, 600U}) EXPECT_EQ(severity(seconds), "error");
  for (const uint64_t seconds : {0U, 1U, 2U, 3U, 4U}) EXPECT_EQ(severity(seconds), "");
}

TEST(LintRulesWrong, LongTransaction) {
  const auto told = [](std::string_view sql, uint64_t seconds) {
    LintStatement statement = lint_statement({.sql = sql}, nullptr);
    statement.open_us = seconds * 1'000'000;
    return finding_of(lint({&statement, 1}, {}, {}).findings, "LONGTX") != nullptr;
  };
  EXPECT_TRUE(told("UPDATE users SET name = 'x' WHERE id = 1", 61));
  EXPECT_TRUE(told("INSERT INTO users (id) VALUES (1)", 3600));
  EXPECT_TRUE(told("SELECT id FROM users WHERE id = 1", 601));
  EXPECT_FALSE(told("UPDATE users SET name = 'x' WHERE id = 1", 59));
  EXPECT_FALSE(told("DELETE FROM users WHERE id = 1", 0));
  EXPECT_FALSE(told("INSERT INTO users (id) VALUES (1)", 30));
  EXPECT_FALSE(told("SELECT id FROM users WHERE id = 1", 61));
  EXPECT_FALSE(told("SELECT id FROM users WHERE id = 1", 599));
}

}  // namespace
}  // namespace analyzer
