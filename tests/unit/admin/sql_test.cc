#include "admin/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "sql_support.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Sql : public testing::Test, protected SqlWorld {
 protected:
  // The state of an attempt, and that it did not take much longer than it may.
  std::string hostile(const std::string& sql) {
    limits.time = std::chrono::milliseconds(300);
    const base::TimePoint start = base::now();
    const std::string answer = ask(sql);
    EXPECT_LT(base::now() - start, std::chrono::seconds(10)) << sql.substr(0, 200);
    return answer.substr(0, 5);
  }
};

TEST_F(Sql, EndlessStatementsEnd) {
  EXPECT_EQ(hostile("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"), "57014");
  EXPECT_EQ(hostile("SELECT count(*) FROM clients a, clients b, clients c, clients d, clients e, clients f, clients g, "
                    "clients h, clients i, clients j, clients k, clients l, clients m, clients n, clients o"),
            "57014");
}

TEST_F(Sql, AnswersAreBounded) {
  limits.rows = 3;
  EXPECT_EQ(ask("SELECT id FROM clients"), "54000 the answer has more than 3 rows");
  EXPECT_EQ(ask("SELECT id FROM clients ORDER BY id LIMIT 3"), "1 2 3");
  limits = {.answer_bytes = 100};
  EXPECT_THAT(ask("SELECT * FROM clients"), StartsWith("54000 the answer is larger than"));
}

TEST_F(Sql, MemoryIsBounded) {
  limits.memory = 4 << 20;
  const std::string numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) ";
  EXPECT_THAT(ask(numbers + "SELECT i FROM n ORDER BY -i"), StartsWith("54000 the SELECT needs more than 4MB"));
  EXPECT_THAT(ask(numbers + "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i) FROM n"), StartsWith("54000"));
  EXPECT_EQ(ask("SELECT 1"), "1");
}

TEST_F(Sql, TextsAreBounded) {
  EXPECT_THAT(ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                  "SELECT length(string_agg('0123456789abcdef', '')) FROM n"),
              StartsWith("54000 a text is longer than"));
}

TEST_F(Sql, PlanningIsBounded) {
  // Each WITH query names the one before it twice.
  std::string sql = "WITH w0(x) AS (SELECT 1)";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "w" + std::to_string(i - 1);
    sql += ", w" + std::to_string(i) + "(x) AS (SELECT a.x FROM " + before + " a, " + before + " b)";
  }
  const std::string state = hostile(sql + " SELECT count(*) FROM w59");
  EXPECT_TRUE(state == "57014" || state == "54000" || state == "54001" || state == "0A000") << state;
}

TEST_F(Sql, NestingIsBounded) {
  std::string deep = "1";
  for (int i = 0; i < 150; ++i) deep = "(" + deep + " + 1)";
  EXPECT_EQ(ask("SELECT " + deep).substr(0, 5), "54001");
  std::string selects = "SELECT 1 AS x";
  for (int i = 0; i < 60; ++i) selects = "SELECT x FROM (" + selects + ") t";
  const std::string state = ask(selects).substr(0, 5);
  EXPECT_TRUE(state == "1" || state == "54001") << state;
  EXPECT_EQ(ask("SELECT " + std::string(70'000, '1')).substr(0, 5), "54001");
}

TEST_F(Sql, WhoeverNoLongerWantsTheAnswerEndsIt) {
  stop = true;
  EXPECT_EQ(ask("SELECT count(*) FROM clients a, clients b, clients c, clients d, clients e, clients f, clients g"),
            "57014 canceling statement due to user request");
}

TEST_F(Sql, ThereIsNothingElseInTheDatabase) {
  // What the translation would never write: straight to SQLite.
  for (const std::string_view sql :
       {"PRAGMA user_version", "ATTACH ':memory:' AS x", "CREATE TABLE t(x)", "SELECT * FROM sqlite_schema",
        "SELECT load_extension('x')", "SELECT randomblob(9)", "DROP TABLE weir_pools", "VACUUM",
        "CREATE VIRTUAL TABLE t USING weir_pools", "INSERT INTO weir_pools VALUES (1)", "SELECT sqlite_version()"}) {
    Query query;
    query.sql = sql;
    query.columns = {{"x", "", Type::kText}};
    EXPECT_FALSE(run_sql({.query = std::make_shared<const Query>(query)}, stop).ok()) << sql;
  }
}

// Statements cut up and put together again at random: an answer or an error, and never one of ours (XX000).
TEST_F(Sql, WhateverItIsAskedItAnswersOrRefuses) {
  constexpr std::string_view kSources[] = {
      "SELECT database , count(*) FILTER ( WHERE cl_active > $1 ) FROM pools GROUP BY 1 HAVING count(*) > 0 ORDER BY 2 DESC",
      "WITH w ( a , b ) AS ( SELECT id , user FROM clients ) SELECT * FROM w JOIN pools p ON p.user = w.b LEFT JOIN stats USING ( database )",
      "SELECT CASE WHEN state LIKE 'a%' THEN 1 ELSE 2.5 END , connect_time :: timestamptz - interval '1 h' FROM clients LIMIT 3",
      "SELECT x FROM ( VALUES ( 1 , 'a' ) , ( NULL , $2 ) ) v ( x , y ) UNION SELECT sum ( cl_active ) OVER ( ORDER BY 1 ) FROM pools",
      "SELECT coalesce ( nullif ( user , 'bob' ) , - 1 :: text ) IN ( SELECT key FROM settings ) , percentile_cont ( 0.5 ) WITHIN GROUP ( ORDER BY id ) FROM clients",
  };
  std::vector<std::string> words;
  std::vector<std::vector<std::string>> sources;
  for (const std::string_view source : kSources) {
    std::istringstream in{std::string(source)};
    sources.emplace_back();
    for (std::string word; in >> word;) {
      words.push_back(word);
      sources.back().push_back(word);
    }
  }
  limits.time = std::chrono::milliseconds(200);
  std::mt19937 dice(20261121);
  const auto below = [&dice](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most - 1)(dice); };
  int answered = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::string> sentence = sources[below(sources.size())];
    for (std::size_t change = below(4); change > 0; --change) {
      const std::size_t at = below(sentence.size());
      switch (below(3)) {
        case 0: sentence[at] = words[below(words.size())]; break;
        case 1: sentence.insert(sentence.begin() + static_cast<std::ptrdiff_t>(at), words[below(words.size())]); break;
        default: if (sentence.size() > 2) sentence.erase(sentence.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    std::string sql;
    for (const std::string& word : sentence) sql += word + " ";
    const auto table = run(sql, {int64_t{1}, "x"});
    if (table.ok()) ++answered;
    else EXPECT_TRUE(table.error().sqlstate.size() == 5 && table.error().sqlstate != "XX000") << sql << base::to_text(table.error());
  }
  EXPECT_GT(answered, 500);
}

TEST_F(Sql, LargeCountsStayNumbers) {
  inspector.stats_rows[0].total.query_count = UINT64_MAX;
  EXPECT_THAT(ask("SELECT total_query_count FROM stats WHERE database = 'app'"), HasSubstr("1844674407370955"));
}

}  // namespace
}  // namespace admin
