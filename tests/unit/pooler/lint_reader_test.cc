// What a real server's catalogue says.

#include "pooler/lint_reader.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LintReaderTest : public ListenFixture {
 protected:
  ~LintReaderTest() override {
    reader_.stop();
    clients_.clear();
  }
  base::Result<analyzer::LintCatalog> read(const std::vector<std::string>& tables) {
    std::optional<base::Result<analyzer::LintCatalog>> answer;
    reader_.read(pool(), tables, [&](base::Result<analyzer::LintCatalog> read) { answer = std::move(read); });
    EXPECT_FALSE(answer) << "not inside the call";
    EXPECT_TRUE(support::run_until(loop_, [&] { return answer.has_value(); }, std::chrono::seconds(20)));
    return answer ? std::move(*answer) : base::Result<analyzer::LintCatalog>(base::connection_failure("no answer"));
  }

  LintReader reader_{runtime_, loop_};
};

TEST_F(LintReaderTest, ReadsTablesColumnsAndKeys) {
  for (const std::string sql :
       {"DROP TABLE IF EXISTS lint_r", "CREATE TABLE lint_r (id int8 PRIMARY KEY, name text, placed timestamptz NOT NULL)",
        "INSERT INTO lint_r SELECT i, CASE WHEN i % 2 = 0 THEN 'x' END, now() FROM generate_series(1, 1000) i",
        "CREATE INDEX ON lint_r (lower(name), placed)", "CREATE UNIQUE INDEX ON lint_r (id, placed) WHERE id > 5", "ANALYZE lint_r"})
    notify(sql);
  const auto read_ = read({"lint_r", "it's", "nosuch"});
  ASSERT_TRUE(read_.ok()) << read_.error().message;
  const analyzer::LintTable* table = read_->find("", "lint_r");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->schema, "public");
  EXPECT_EQ(table->kind, 'r');
  EXPECT_EQ(table->rows, 1000);
  EXPECT_GT(table->bytes, 8191);
  ASSERT_EQ(table->columns.size(), 3u);
  EXPECT_EQ(table->column("id")->type, "int8");
  EXPECT_TRUE(table->column("id")->not_null);
  EXPECT_FALSE(table->column("name")->not_null);
  EXPECT_NEAR(table->column("name")->null_share, 0.5, 0.1);
  EXPECT_EQ(table->column("placed")->type, "timestamptz");
  ASSERT_EQ(table->indexes.size(), 3u);
  EXPECT_TRUE(table->indexes[0].unique);
  EXPECT_EQ(table->indexes[0].columns, std::vector<std::string>{"id"});
  EXPECT_TRUE(table->indexes[1].expressions);
  EXPECT_THAT(table->indexes[1].definition, HasSubstr("lower(name)"));
  EXPECT_FALSE(table->indexes[2].unique) << "of some rows";
  EXPECT_FALSE(read_->null_is_equal);
  EXPECT_EQ(read_->find("", "nosuch"), nullptr);
  notify("DROP TABLE lint_r");
}

TEST_F(LintReaderTest, NoTablesAreNoQuestionToFailBy) {
  const auto none = read({});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(LintReader, NamesCannotEndTheQuery) {
  const std::string query = lint_columns_query({"a", "b' OR true --", "c\\", "d"});
  EXPECT_THAT(query, HasSubstr("IN ('a', 'd')"));
  EXPECT_THAT(query, Not(HasSubstr("OR true")));
  EXPECT_THAT(lint_indexes_query({"'"}), HasSubstr("IN (NULL)"));
}

TEST(LintReader, AnAnswerOfAnotherShapeIsRefused) {
  analyzer::LintCatalog catalog;
  wire::PgRows rows;
  rows.rows = {{"only", "three", "cells"}};
  EXPECT_FALSE(read_lint_columns(rows, catalog).ok());
  EXPECT_FALSE(read_lint_indexes(rows, catalog).ok());
}

}  // namespace
}  // namespace pooler
