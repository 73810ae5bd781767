// Rules about rows that are found the long way.

#include <array>

#include "lint_cases.h"

namespace analyzer {
namespace {

TEST(LintRulesFilter, DeepOffset) {
  expect_cases("OFFSET", {{"SELECT id FROM orders ORDER BY id LIMIT 10 OFFSET 5000", "OFFSET $2"},
                          {"SELECT id FROM orders ORDER BY placed DESC, id DESC OFFSET 100000 LIMIT 20", "OFFSET $1"},
                          {"SELECT x FROM (SELECT id AS x FROM orders ORDER BY id LIMIT 5 OFFSET 1000) s", "OFFSET $2"},
                          {"SELECT id FROM orders ORDER BY id LIMIT 10 OFFSET 0"},
                          {"SELECT id FROM orders ORDER BY id LIMIT 10 OFFSET 999"},
                          {"SELECT id FROM orders ORDER BY id LIMIT 10"},
                          {"SELECT n FROM orders WHERE n = 5000"},
                          {"SELECT id FROM orders ORDER BY id LIMIT 100000"}});
}

TEST(LintRulesFilter, DeepOffsetOfABoundValue) {
  const std::array<std::optional<std::string>, 2> values{std::optional<std::string>("10"), std::optional<std::string>("7000")};
  const LintCall call{.prepared = true, .values = values};
  const auto findings = lint_one({"SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2"}, {.calls = {call}});
  ASSERT_NE(finding_of(findings, "OFFSET"), nullptr);
  EXPECT_EQ(finding_of(findings, "OFFSET")->rewritten, "SELECT id FROM orders WHERE id > $3 ORDER BY id LIMIT $1");
  EXPECT_EQ(finding_of(findings, "OFFSET")->note, "up to 7,000 rows are thrown away");
}

TEST(LintRulesFilter, FunctionOnColumn) {
  expect_cases("FUNCCOL",
               {{"SELECT id FROM orders WHERE date(placed) = '2024-01-01'", "date(placed) = $1"},
                {"SELECT id FROM orders WHERE placed::date >= '2024-01-01'", "placed::date >= $1"},
                {"SELECT id FROM orders WHERE extract(year FROM placed) = 2024", "extract(year FROM placed) = $1"},
                {"SELECT id FROM orders WHERE n + 1 = 5", "n + $1 = $2"},
                {"SELECT id FROM users WHERE upper(name) = 'X'", "upper(name) = $1"},
                {"SELECT id FROM users WHERE lower(email) = 'x'"},
                {"SELECT id FROM orders WHERE placed >= now() - interval '1 day'"},
                {"SELECT id FROM orders WHERE n = 5 + 1"},
                {"SELECT date(placed) FROM orders WHERE id = 5"},
                {"SELECT n FROM orders GROUP BY n HAVING count(*) = 5"},
                {.sql = "SELECT id FROM orders WHERE date(placed) = '2024-01-01'", .mean_ms = 0.2},
                {"SELECT id FROM orders WHERE coalesce(n, 0) = 5"},
                {"SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id + u.id"},
                {"SELECT id FROM orders WHERE n = lower('5')::int"}});
}

TEST(LintRulesFilter, OnlyWhatHasABareColumnIsAWarning) {
  EXPECT_EQ(finding_of(lint_one({"SELECT id FROM orders WHERE date(placed) = '2024-01-01'"}), "FUNCCOL")->severity,
            LintSeverity::kWarning);
  EXPECT_EQ(finding_of(lint_one({"SELECT id FROM users WHERE upper(name) = 'X'"}), "FUNCCOL")->severity, LintSeverity::kInfo);
}

TEST(LintRulesFilter, LeadingWildcard) {
  expect_cases("LEADWILD", {{"SELECT id FROM users WHERE email LIKE '%@example.com'", "email LIKE $1"},
                            {"SELECT id FROM orders WHERE note ILIKE '%abc%'", "note ILIKE $1"},
                            {"SELECT id FROM orders WHERE note LIKE '_abc'", "note LIKE $1"},
                            {"SELECT id FROM orders WHERE lower(note) LIKE '%' || 'x' || '%'", "lower(note) LIKE $1 || $2 || $3"},
                            {"SELECT id FROM orders WHERE note LIKE 'abc%'"},
                            {"SELECT id FROM users WHERE name LIKE '%abc%'"},
                            {"SELECT id FROM orders WHERE note NOT LIKE '%abc%'"},
                            {.sql = "SELECT id FROM orders WHERE note LIKE '%abc%'", .mean_ms = 5},
                            {"SELECT id FROM orders WHERE note = '%abc%'"},
                            {"SELECT note LIKE '%abc%' FROM orders WHERE id = 1"}});
  EXPECT_EQ(finding_of(lint_one({"SELECT count(*) FROM orders WHERE note LIKE '%a%'"}), "LEADWILD")->severity, LintSeverity::kInfo);
}

TEST(LintRulesFilter, CastOfColumn) {
  constexpr std::array<uint32_t, 1> kNumeric{1700}, kInteger{20};
  const std::array<std::optional<std::string>, 1> values{std::optional<std::string>("5")};
  const LintRun numeric{.calls = {{.prepared = true, .values = values, .types = kNumeric}}};
  const LintRun integer{.calls = {{.prepared = true, .values = values, .types = kInteger}}};
  expect_cases("CASTMISS",
               {{"SELECT n FROM orders WHERE id = $1", "id = $1"},
                {"SELECT n FROM orders o WHERE o.user_id > $1", "o.user_id > $1"},
                {"UPDATE orders SET n = 1 WHERE $1 = id", "$1 = id"},
                {"SELECT n FROM orders WHERE n = $1::numeric", "n = $1::numeric"},
                {"SELECT n FROM orders WHERE total = $1"},
                {"SELECT n FROM orders WHERE note = $1"},
                {"SELECT id + $1 FROM orders"},
                {"SELECT n FROM stranger WHERE id = $1"},
                {"SELECT n FROM orders WHERE id = $1::int8"}},
               numeric);
  EXPECT_EQ(finding_of(lint_one({"SELECT n FROM orders WHERE id = $1"}, integer), "CASTMISS"), nullptr);
  EXPECT_EQ(finding_of(lint_one({"SELECT n FROM orders WHERE id = $1"}, numeric), "CASTMISS")->rewritten,
            "SELECT n FROM orders WHERE id = CAST($1 AS int8)");
}

TEST(LintRulesFilter, OrOverTables) {
  const std::string join = "SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE ";
  const std::array<std::string, 9> texts{
      join + "o.n = 1 OR u.name = 'x'",          join + "(u.name = 'x' OR o.note = 'y') AND o.active",
      join + "u.email = 'a' OR o.n > 5 OR o.n < 1", join + "o.n = 1 OR o.n = 2",
      join + "o.n = 1 AND u.name = 'x'",         join + "u.name = 'x' OR u.email = 'y'",
      join + "(o.n = 1 AND u.name = 'x') OR (o.n = 2 AND u.name = 'y')",
      "SELECT id FROM orders WHERE n = 1 OR note = 'x'", join + "o.n = 1 OR EXISTS (SELECT 1 FROM small)"};
  expect_cases("ORJOIN", {{texts[0], "o.n = $1 OR u.name = $2"},
                          {texts[1], "u.name = $1 OR o.note = $2"},
                          {texts[2], "u.email = $1 OR o.n > $2 OR o.n < $3"},
                          {texts[3]},
                          {texts[4]},
                          {texts[5]},
                          {texts[6]},
                          {texts[7]},
                          {texts[8]},
                          {.sql = texts[0], .mean_ms = 1}});
}

TEST(LintRulesFilter, RandomOrder) {
  expect_cases("RANDORD", {{"SELECT id FROM orders ORDER BY random() LIMIT 1", "ORDER BY random()"},
                           {"SELECT u.id FROM users u ORDER BY gen_random_uuid() LIMIT 5", "ORDER BY gen_random_uuid()"},
                           {.sql = "SELECT id FROM stranger ORDER BY random()", .evidence = "ORDER BY random()", .rows = 50'000},
                           {"SELECT id FROM small ORDER BY random() LIMIT 1"},
                           {"SELECT id FROM orders WHERE random() < 0.5 ORDER BY id LIMIT 5"},
                           {"SELECT id FROM stranger ORDER BY random() LIMIT 1"},
                           {"SELECT random() FROM orders ORDER BY id LIMIT 1"},
                           {"SELECT id FROM orders ORDER BY lower(note) LIMIT 1"}});
}

TEST(LintRulesFilter, LongList) {
  const auto list = [](std::string_view head, int length) {
    std::string out(head);
    for (int i = 0; i < length; ++i) out += (i > 0 ? ", " : "") + std::to_string(i);
    return out + ")";
  };
  const std::string two_hundred = list("SELECT id FROM orders WHERE id IN (", 200);
  const std::string thousands = list("SELECT id FROM orders WHERE id IN (", 5000);
  const std::string deleting = list("DELETE FROM orders WHERE n NOT IN (", 300);
  const std::string fewer = list("SELECT id FROM orders WHERE id IN (", 199);
  const std::string ten = list("SELECT id FROM orders WHERE id IN (", 10);
  const std::string row = list("INSERT INTO wide VALUES (", 500);
  const std::string array = list("SELECT id FROM orders WHERE id = ANY (ARRAY(SELECT x FROM f(", 300) + "))";
  expect_cases("BIGIN", {{two_hundred, "id IN ($1)"},
                         {thousands, "id IN ($1)"},
                         {deleting, "n NOT IN ($1)"},
                         {fewer},
                         {ten},
                         {row},
                         {array},
                         {"SELECT id FROM orders WHERE id = ANY ($1)"}});
  EXPECT_EQ(finding_of(lint_one({thousands}), "BIGIN")->rewritten, "SELECT id FROM orders WHERE id = ANY ($1)");
  EXPECT_EQ(finding_of(lint_one({thousands}), "BIGIN")->note, "5,000 values");
}

}  // namespace
}  // namespace analyzer
