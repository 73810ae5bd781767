#include "analyzer/lint_scope.h"

#include <gtest/gtest.h>

#include "lint_cases.h"

namespace analyzer {
namespace {

// "a.x: t, y: u": whose each column of the text is.
std::string owners(std::string_view sql, bool known = true) {
  LintText text;
  if (!text.read(sql)) return "unread";
  const LintCatalog catalog = lint_catalog();
  std::string out;
  for (const Node column : all_inside(text, text.statement(), "ColumnRef")) {
    if (!is_column(column)) continue;
    const auto owner = owner_of(text, column, known ? &catalog : nullptr);
    out += (out.empty() ? "" : ", ") + std::string(column_name(column)) + ": " + (owner ? std::string(owner->name) : "?");
  }
  return out;
}

TEST(LintScope, KnowsWhoseAColumnIs) {
  EXPECT_EQ(owners("SELECT id FROM orders"), "id: orders");
  EXPECT_EQ(owners("SELECT o.id, name FROM orders o JOIN users u ON u.id = o.user_id"), "id: orders, name: users, id: users, user_id: orders");
  EXPECT_EQ(owners("SELECT name FROM orders o JOIN users u ON u.id = o.user_id", false), "name: ?, id: users, user_id: orders");
  EXPECT_EQ(owners("SELECT id FROM users u WHERE EXISTS (SELECT 1 FROM orders WHERE user_id = u.id)"),
            "id: users, user_id: orders, id: users");
  EXPECT_EQ(owners("SELECT (SELECT max(n) FROM orders WHERE buyer = born) FROM users"), "n: orders, buyer: orders, born: users");
  EXPECT_EQ(owners("UPDATE orders SET n = 1 WHERE id = 5"), "id: orders");
}

TEST(LintScope, AQueryOfWithIsNoTable) {
  LintText text;
  ASSERT_TRUE(text.read("WITH orders AS (SELECT 1 AS id) SELECT id FROM orders, public.users, f() g, (SELECT 1) s"));
  const auto items = items_of(text, text.statement(), nullptr);
  ASSERT_EQ(items.size(), 4u);
  EXPECT_FALSE(items[0].table);
  EXPECT_TRUE(items[1].table);
  EXPECT_FALSE(items[2].table);
  EXPECT_FALSE(items[3].table);
}

TEST(LintScope, AKeyFixesOneRow) {
  const LintCatalog catalog = lint_catalog();
  const auto fixes = [&catalog](std::string_view sql) {
    LintText text;
    EXPECT_TRUE(text.read(sql));
    const auto items = items_of(text, text.statement(), &catalog);
    return fixes_one_row(text, items[0], conditions_of(text.statement()), items.size(), &catalog);
  };
  EXPECT_TRUE(fixes("SELECT n FROM orders WHERE id = $1"));
  EXPECT_TRUE(fixes("SELECT n FROM orders o WHERE 5 = o.id AND n > 1"));
  EXPECT_FALSE(fixes("SELECT n FROM orders WHERE id > $1"));
  EXPECT_FALSE(fixes("SELECT n FROM orders WHERE n = $1"));
  EXPECT_FALSE(fixes("SELECT n FROM orders WHERE id = $1 OR n = 5"));
}

}  // namespace
}  // namespace analyzer
