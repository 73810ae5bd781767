#include "analyzer/lint_rewrite.h"

#include "lint_cases.h"

namespace analyzer {
namespace {

// The rewritten statement of the rule's finding.
std::string rewritten(std::string_view rule, std::string_view sql, const LintRun& run = {}) {
  const auto findings = lint_one({sql}, run);
  const LintFinding* found = finding_of(findings, rule);
  return found == nullptr ? "nothing was found" : found->rewritten;
}

TEST(LintRewrite, OffsetIsAKeyset) {
  EXPECT_EQ(rewritten("OFFSET", "SELECT id FROM orders ORDER BY id LIMIT 10 OFFSET 5000"),
            "SELECT id FROM orders WHERE id > $3 ORDER BY id LIMIT $1");
  EXPECT_EQ(rewritten("OFFSET", "SELECT id FROM orders WHERE n = 1 ORDER BY placed DESC, id DESC LIMIT 10 OFFSET 5000"),
            "SELECT id FROM orders WHERE (placed, id) < ($4, $5) AND n = $1 ORDER BY placed DESC, id DESC LIMIT $2");
  EXPECT_EQ(rewritten("OFFSET", "SELECT o.id FROM orders AS o WHERE o.n = 1 OR o.n = 2 ORDER BY o.placed, o.id DESC OFFSET 5000 ROWS LIMIT 10"),
            "SELECT o.id FROM orders AS o WHERE (o.placed > $5 OR (o.placed = $5 AND o.id < $6)) AND ( o.n = $1 OR o.n = $2) "
            "ORDER BY o.placed, o.id DESC LIMIT $4");
  EXPECT_EQ(rewritten("OFFSET", "SELECT o.id FROM orders o ORDER BY o.id OFFSET 5000"),
            "SELECT o.id FROM orders o WHERE o.id > $2 ORDER BY o.id");
}

TEST(LintRewrite, AnOrderThatRowsShareHasNoKeyset) {
  for (const std::string_view sql :
       {"SELECT id FROM orders ORDER BY placed LIMIT 10 OFFSET 5000",            // not unique
        "SELECT id FROM orders ORDER BY note, id LIMIT 10 OFFSET 5000",          // may be NULL
        "SELECT id FROM orders ORDER BY lower(note), id LIMIT 10 OFFSET 5000",   // no column
        "SELECT id FROM orders ORDER BY id NULLS FIRST LIMIT 10 OFFSET 5000",    //
        "SELECT id FROM orders LIMIT 10 OFFSET 5000",                            // no order
        "SELECT id FROM stranger ORDER BY id LIMIT 10 OFFSET 5000",              // not known
        "SELECT DISTINCT id FROM orders ORDER BY id LIMIT 10 OFFSET 5000",       //
        "SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id ORDER BY o.id LIMIT 10 OFFSET 5000",
        "SELECT n, count(*) FROM orders GROUP BY n ORDER BY n LIMIT 10 OFFSET 5000"})
    EXPECT_EQ(rewritten("OFFSET", sql), "") << sql;
}

TEST(LintRewrite, AFunctionOnAColumnIsARange) {
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE date(placed) = '2024-01-01' AND n = 1"),
            "SELECT id FROM orders WHERE (placed >= CAST($1 AS date) AND placed < (CAST($1 AS date) + 1)) AND n = $2");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE placed::date > '2024-01-01'"),
            "SELECT id FROM orders WHERE placed >= (CAST($1 AS date) + 1)");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE '2024-01-01' > CAST(placed AS date)"),
            "SELECT id FROM orders WHERE placed < CAST($1 AS date)");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM users WHERE extract(year FROM born) = 1990"),
            "SELECT id FROM users WHERE (born >= make_date(CAST($1 AS int), 1, 1) AND born < make_date(CAST($1 AS int) + 1, 1, 1))");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE n + 1 < 5"), "SELECT id FROM orders WHERE n < $2 - $1");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE 5 <= n - 1"), "SELECT id FROM orders WHERE n >= $1 + $2");
  EXPECT_EQ(rewritten("FUNCCOL", "SELECT id FROM orders WHERE n - 1 = 2 - 3"), "SELECT id FROM orders WHERE n = ($2 - $3) + ($1)");
}

TEST(LintRewrite, WhatIsNoRangeStays) {
  for (const std::string_view sql :
       {"SELECT id FROM orders WHERE extract(month FROM placed) = 5", "SELECT id FROM orders WHERE total + 1 = 5",
        "SELECT id FROM users WHERE upper(name) = 'X'", "SELECT id FROM orders WHERE n * 2 = 10",
        "SELECT id FROM orders WHERE 5 - n = 2", "SELECT id FROM orders WHERE date(placed) IN ('2024-01-01', '2024-01-02')"})
    EXPECT_EQ(rewritten("FUNCCOL", sql), "") << sql;
}

TEST(LintRewrite, ATestForNull) {
  EXPECT_EQ(rewritten("EQNULL", "SELECT id FROM orders WHERE note = NULL AND n = 1"),
            "SELECT id FROM orders WHERE note IS NULL AND n = $1");
  EXPECT_EQ(rewritten("EQNULL", "SELECT id FROM orders WHERE NULL <> lower(note)"),
            "SELECT id FROM orders WHERE lower(note) IS NOT NULL");
}

TEST(LintRewrite, NotInIsNotExists) {
  EXPECT_EQ(rewritten("NOTIN", "SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders WHERE n = 1) AND name = 'x'"),
            "SELECT id FROM users WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.buyer = users.id AND n = $1) AND name = $2");
  EXPECT_EQ(rewritten("NOTIN", "DELETE FROM users u WHERE u.id NOT IN (SELECT o.buyer FROM orders o)"),
            "DELETE FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.buyer = u.id)");
  EXPECT_EQ(rewritten("NOTIN", "SELECT id FROM users WHERE id NOT IN (SELECT buyer FROM orders ORDER BY n LIMIT 5)"), "");
}

TEST(LintRewrite, CountIsExists) {
  EXPECT_EQ(rewritten("COUNTEXISTS", "SELECT id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 0 AND name = 'x'"),
            "SELECT id FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id) AND name = $2");
  EXPECT_EQ(rewritten("COUNTEXISTS", "SELECT id FROM users u WHERE 0 = (SELECT count(*) FROM orders o WHERE o.user_id = u.id)"),
            "SELECT id FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)");
}

TEST(LintRewrite, ALoopIsOneStatement) {
  const auto all = [](std::string_view sql, int parameter = 1) {
    LintText text;
    EXPECT_TRUE(text.read(sql)) << sql;
    return for_all_values(text, parameter);
  };
  EXPECT_EQ(all("SELECT id, user_id FROM orders WHERE user_id = $1"), "SELECT id, user_id FROM orders WHERE user_id = ANY ($1)");
  EXPECT_EQ(all("SELECT * FROM orders WHERE $1 = user_id ORDER BY id"), "SELECT * FROM orders WHERE user_id = ANY ($1) ORDER BY id");
  EXPECT_EQ(all("SELECT o.n FROM orders o WHERE o.user_id = $2 AND o.active = $1", 2),
            "SELECT o.n, o.user_id FROM orders o WHERE o.user_id = ANY ($2) AND o.active = $1");
  EXPECT_EQ(all("SELECT id FROM orders WHERE user_id = $1 LIMIT 1"), "");
  EXPECT_EQ(all("SELECT count(*) FROM orders WHERE user_id = $1"), "");
  EXPECT_EQ(all("SELECT id FROM orders WHERE user_id > $1"), "");
  EXPECT_EQ(all("SELECT $1 FROM orders WHERE user_id = $1"), "");
  EXPECT_EQ(all("UPDATE orders SET n = 1 WHERE id = $1"), "");
}

TEST(LintRewrite, WhatPostgresCannotReadIsDropped) {
  LintText text;
  ASSERT_TRUE(text.read("SELECT id FROM orders"));
  Edits broken(text);
  broken.insert(6, " (");
  EXPECT_EQ(broken.apply(), "");
  Edits overlapping(text);
  overlapping.replace({0, 6}, "SELECT");
  overlapping.replace({3, 5}, "x");
  EXPECT_EQ(overlapping.apply(), "");
  Edits good(text);
  good.insert(9, ", n");
  EXPECT_EQ(good.apply(), "SELECT id, n FROM orders");
}

}  // namespace
}  // namespace analyzer
