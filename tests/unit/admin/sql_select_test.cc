#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/docs.h"
#include "admin/parse.h"
#include "conf/diff.h"
#include "sql_support.h"

namespace admin {
namespace {

using testing::HasSubstr;

class SqlSelect : public testing::Test, protected SqlWorld {};

TEST_F(SqlSelect, AnswersFromAView) {
  EXPECT_EQ(ask("SELECT database, \"user\", cl_active FROM pools WHERE cl_active > 1 ORDER BY cl_active DESC LIMIT 2"),
            "shop|alice|10 app|alice|3");
  EXPECT_EQ(ask("select count(*) from clients"), "4");
  EXPECT_EQ(ask("TABLE state"), "active|yes paused|no suspended|no");
}

TEST_F(SqlSelect, EveryViewIsATableWithItsColumns) {
  context.role = pooler::ConsoleRole::kAdmin;
  for (const View& view : all_views()) {
    const auto table = run("SELECT * FROM " + table_name(view));
    ASSERT_TRUE(table.ok()) << view.name << ": " << base::to_text(table.error());
    ASSERT_EQ(table->columns.size(), view.columns.size()) << view.name;
    for (std::size_t i = 0; i < view.columns.size(); ++i) {
      EXPECT_EQ(table->columns[i].name, view.columns[i].name) << view.name;
      EXPECT_EQ(table->columns[i].type, view.columns[i].type) << view.name;
    }
  }
}

TEST_F(SqlSelect, AnswersAsShowDoes) {
  context.role = pooler::ConsoleRole::kAdmin;
  for (const View& view : all_views()) {
    const Sources sources{inspector, [this] { return config; }, [] { return ConsoleNumbers(); }, "0.1.0"};
    Table shown;
    view.take(sources, [&](const SnapshotPtr& snapshot) { shown = to_table(view.columns, *snapshot); });
    const auto selected = run("SELECT * FROM " + table_name(view));
    ASSERT_TRUE(selected.ok()) << view.name;
    ASSERT_EQ(selected->rows.size(), shown.rows.size()) << view.name;
    for (std::size_t row = 0; row < shown.rows.size(); ++row) {
      for (std::size_t i = 0; i < shown.columns.size(); ++i) {
        const auto text = [&](const Table& table) {
          return encode_cell(table.rows[row][i], table.columns[i].type, wire::Format::kText);
        };
        EXPECT_EQ(text(*selected), text(shown)) << view.name << "." << shown.columns[i].name;
      }
    }
  }
}

TEST_F(SqlSelect, SettingsIsConfigAndUserAndDefaultNeedNoQuotes) {
  EXPECT_EQ(ask("SELECT key, value, default FROM settings"), "pool_mode|transaction|session");
  EXPECT_EQ(ask("SELECT user, count(*) FROM clients GROUP BY user ORDER BY user"), "alice|2 bob|2");
  EXPECT_EQ(ask("SELECT user"), "watcher");
}

TEST_F(SqlSelect, NamesThatAreNotThere) {
  EXPECT_EQ(ask("SELECT * FROM pool"), "42P01 relation \"pool\" does not exist");
  EXPECT_THAT(translate("SELECT * FROM pool", context).error().hint, HasSubstr("Did you mean \"pools\"? SHOW TABLES"));
  EXPECT_THAT(translate("SELECT * FROM nonsense_x", context).error().hint, HasSubstr("SHOW TABLES"));
  EXPECT_EQ(ask("SELECT databas FROM pools"), "42703 column \"databas\" does not exist");
  EXPECT_THAT(translate("SELECT databas FROM pools", context).error().hint, HasSubstr("\"database\""));
  EXPECT_EQ(ask("SELECT p.x FROM pools p"), "42703 column p.x does not exist");
  EXPECT_EQ(ask("SELECT q.x FROM pools p"), "42P01 missing FROM-clause entry for table \"q\"");
  EXPECT_EQ(ask("SELECT database FROM pools, clients"), "42702 column reference \"database\" is ambiguous");
  EXPECT_EQ(ask("SELECT 1 FROM pools, pools"), "42712 table name \"pools\" specified more than once");
  EXPECT_EQ(ask("SELECT * FROM pg_catalog.pg_class"), "42P01 relation \"pg_catalog.pg_class\" does not exist");
  EXPECT_EQ(ask("SELECT * FROM sqlite_master"), "42P01 relation \"sqlite_master\" does not exist");
  EXPECT_EQ(ask("SELECT * FROM \"POOLS\""), "42P01 relation \"POOLS\" does not exist");
}

TEST_F(SqlSelect, ThoseWhoMayOnlyLookDoNotSeeWhatShowHidesFromThem) {
  EXPECT_EQ(ask("SELECT * FROM fds"), "42501 permission denied for table fds");
  EXPECT_EQ(ask("SELECT 1 WHERE EXISTS (SELECT 1 FROM fds)"), "42501 permission denied for table fds");
  context.role = pooler::ConsoleRole::kAdmin;
  EXPECT_EQ(ask("SELECT count(*) FROM fds"), "0");
}

TEST_F(SqlSelect, GroupsAsPostgresqlDoes) {
  EXPECT_EQ(ask("SELECT database d, sum(cl_active) FROM pools GROUP BY d HAVING sum(cl_active) > 3 ORDER BY 2 DESC"),
            "shop|10 app|4");
  EXPECT_EQ(ask("SELECT upper(database), count(*) FROM pools WHERE database <> 'pgbouncer' GROUP BY 1 ORDER BY 1"),
            "APP|2 SHOP|1");
  EXPECT_EQ(ask("SELECT upper(database) || '!' FROM pools GROUP BY database ORDER BY database LIMIT 1"), "APP!");
  EXPECT_THAT(ask("SELECT \"user\", count(*) FROM pools"), HasSubstr("42803 column \"user\" must appear in the GROUP BY"));
  EXPECT_THAT(ask("SELECT * FROM pools GROUP BY database"), HasSubstr("42803"));
  EXPECT_THAT(ask("SELECT count(*) FROM pools ORDER BY database"), HasSubstr("42803"));
  EXPECT_THAT(ask("SELECT 1 FROM pools WHERE count(*) > 1"), HasSubstr("42803"));
  EXPECT_THAT(ask("SELECT sum(count(*)) FROM pools"), HasSubstr("42803"));
  EXPECT_EQ(ask("SELECT count(*) FROM pools WHERE false"), "0");
}

TEST_F(SqlSelect, OrdersNullsAsPostgresqlDoes) {
  const std::string from = " FROM (VALUES (2), (NULL), (1)) v(x) ORDER BY x";
  EXPECT_EQ(ask("SELECT x" + from), "1 2 -");
  EXPECT_EQ(ask("SELECT x" + from + " DESC"), "- 2 1");
  EXPECT_EQ(ask("SELECT x" + from + " DESC NULLS LAST"), "2 1 -");
  EXPECT_EQ(ask("SELECT x" + from + " NULLS FIRST OFFSET 1"), "1 2");
  EXPECT_EQ(ask("SELECT 1 ORDER BY 2"), "42P10 ORDER BY position 2 is not in select list");
}

TEST_F(SqlSelect, LimitsMayBeExpressionsAndParameters) {
  EXPECT_EQ(ask("SELECT id FROM clients ORDER BY id LIMIT 1 + 1 OFFSET $1", {int64_t{1}}), "2 3");
  EXPECT_EQ(ask("SELECT id FROM clients ORDER BY id LIMIT $1", {Cell()}), "1 2 3 4");
  EXPECT_EQ(ask("SELECT 1 LIMIT -1"), "2201W LIMIT must not be negative");
  EXPECT_EQ(ask("SELECT 1 OFFSET -1"), "2201X OFFSET must not be negative");
  EXPECT_EQ(ask("SELECT id FROM clients ORDER BY id LIMIT ALL"), "1 2 3 4");
}

TEST_F(SqlSelect, WithAndSubqueries) {
  EXPECT_EQ(ask("WITH busy(d, n) AS (SELECT database, sum(cl_active) FROM pools GROUP BY 1) "
                "SELECT d, n FROM busy WHERE n = (SELECT max(n) FROM busy)"),
            "shop|10");
  EXPECT_EQ(ask("SELECT x.a FROM (SELECT 1 AS a, 2 AS a2) AS x(a, b)"), "1");
  EXPECT_EQ(ask("SELECT id FROM clients c WHERE EXISTS (SELECT 1 FROM pools p WHERE p.\"user\" = c.\"user\" AND "
                "p.cl_waiting > 0) ORDER BY 1"),
            "1 3");
  EXPECT_EQ(ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT sum(i) FROM n"),
            "10");
  EXPECT_EQ(ask("SELECT (SELECT 1, 2)"), "42601 subquery must return only one column");
}

TEST_F(SqlSelect, TheExamplesOfTheDocumentRun) {
  const std::string document = console_document();
  const std::string_view open = "```sql\n";
  const std::size_t begin = document.find(open) + open.size();
  const std::string examples = document.substr(begin, document.find("```", begin) - begin);
  const auto statements = parse(examples);
  ASSERT_TRUE(statements.ok());
  EXPECT_EQ(statements->size(), 2u);
  for (const Statement& statement : *statements) {
    const auto table = run(text_of(statement, examples));
    EXPECT_TRUE(table.ok() && !table->columns.empty()) << text_of(statement, examples);
  }
}

TEST_F(SqlSelect, NothingIsWritten) {
  for (const std::string_view sql : {"INSERT INTO pools VALUES (1)", "CREATE TABLE t(x int)", "SELECT 1 INTO t",
                                     "WITH x AS (DELETE FROM pools RETURNING 1) SELECT * FROM x", "DROP TABLE pools",
                                     "UPDATE pools SET cl_active = 0"}) {
    EXPECT_EQ(ask(sql).substr(0, 5), "25006") << sql;
  }
  for (const std::string_view sql : {"PRAGMA writable_schema = 1", "ATTACH 'x' AS y", "VACUUM INTO 'x'"}) {
    const std::string code = ask(sql).substr(0, 5);
    EXPECT_TRUE(code == "42601" || code == "25006") << sql << ": " << code;
  }
}

TEST_F(SqlSelect, WhatIsNotSupportedSaysSo) {
  for (const std::string_view sql :
       {"SELECT DISTINCT ON (database) database FROM pools", "SELECT 1 FROM pools FOR UPDATE",
        "SELECT * FROM generate_series(1, 2)", "SELECT * FROM pools, LATERAL (SELECT 1) x", "SELECT ARRAY[1]",
        "SELECT ROW(1, 2)", "SELECT 1 FROM pools GROUP BY ROLLUP (1)", "SELECT 'a' COLLATE \"C\"", "SELECT current_date",
        "SELECT sum(1) OVER (ORDER BY 1 ROWS 1 PRECEDING)", "SELECT 'a' ~ 'b'", "SELECT x FROM (pools JOIN clients ON true) j"}) {
    EXPECT_EQ(ask(sql).substr(0, 5), "0A000") << sql << ": " << ask(sql);
  }
}

TEST_F(SqlSelect, SyntaxErrorsAreThoseOfPostgresql) {
  EXPECT_EQ(ask("SELECT FROM WHERE"), "42601 syntax error at or near \"WHERE\"");
  EXPECT_EQ(ask("SELECT 1 FROM"), "42601 syntax error at end of input");
  EXPECT_EQ(ask("SELECT \xff"), "22021 invalid byte sequence for encoding \"UTF8\"");
}

}  // namespace
}  // namespace admin
