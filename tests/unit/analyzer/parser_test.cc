// libpg_query through its own steps and through its public functions, and the guard in front of it.

#include "analyzer/parser.h"

#include <gtest/gtest.h>
#include <pg_query.h>
#include <pthread.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "analyzer/skeleton.h"
#include "base/thread.h"

namespace analyzer {
namespace {

Parse::Outcome outcome_of(std::string_view sql, Parse& parsed) {
  Skeleton skeleton;
  skeleton.make(sql);
  parse(sql, skeleton, {}, parsed);
  return parsed.outcome;
}
Parse::Outcome outcome_of(std::string_view sql) {
  Parse parsed;
  return outcome_of(sql, parsed);
}

// On a thread as a worker is one.
void on_worker(const std::function<void()>& work) {
  ASSERT_TRUE(base::set_thread_stack());
  base::start_thread("weir-test", work).join();
}

TEST(Parser, GivesWhatThePublicFunctionsGive) {
  for (const std::string sql :
       {"SELECT 1", "SELECT a FROM t WHERE b = $1; UPDATE t SET a = 'x''\\n'", "", ";;",
        "WITH a AS (SELECT 1) SELECT * FROM a JOIN b USING (c)", "SET x = 1", "SELECT E'\\u00e9', U&'\\00e9'"}) {
    Parse parsed;
    ASSERT_EQ(outcome_of(sql, parsed), Parse::Outcome::kParsed) << sql;
    const PgQueryFingerprintResult fingerprint = pg_query_fingerprint(sql.c_str());
    EXPECT_EQ(parsed.fingerprint, fingerprint.fingerprint) << sql;
    pg_query_free_fingerprint_result(fingerprint);
    const PgQueryParseResult tree = pg_query_parse(sql.c_str());
    Tree expected;
    ASSERT_TRUE(expected.read(tree.parse_tree));
    pg_query_free_parse_result(tree);
    ASSERT_EQ(parsed.tree.size(), expected.size()) << sql;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(parsed.tree.at(i).key(), expected.at(i).key());
      EXPECT_EQ(parsed.tree.at(i).text(), expected.at(i).text());
      EXPECT_EQ(parsed.tree.at(i).number(), expected.at(i).number());
    }
  }
}

TEST(Parser, RefusesWithTheGrammarsWords) {
  Parse parsed;
  EXPECT_EQ(outcome_of("SELEC 1", parsed), Parse::Outcome::kRefused);
  EXPECT_EQ(parsed.error, "syntax error at or near \"SELEC\"");
  EXPECT_FALSE(parsed.tree.root());
  EXPECT_EQ(outcome_of("SELECT 'x", parsed), Parse::Outcome::kRefused);
  EXPECT_EQ(outcome_of("SELECT 1", parsed), Parse::Outcome::kParsed);  // and can be used again
  EXPECT_EQ(parsed.error, "");
}

TEST(Parser, AByteZeroDoesNotHideTheRest) {
  EXPECT_EQ(outcome_of(std::string_view("SELECT 1\0; DROP TABLE t", 23)), Parse::Outcome::kRefused);
}

TEST(Parser, InvalidBytesAreNoProblem) {
  EXPECT_EQ(outcome_of("SELECT '\xff\xfe\xc3'"), Parse::Outcome::kParsed);
}

std::string repeated(std::string_view first, std::string_view each, std::size_t times, std::string_view last = "") {
  std::string out(first);
  out.reserve(first.size() + each.size() * times + last.size());
  for (std::size_t i = 0; i < times; ++i) out += each;
  out += last;
  return out;
}

// What made libpg_query crash, and its kin. Nothing to compare: the process is still there, and each has an answer.
TEST(CrashGuard, NoNestingEndsTheProcess) {
  struct Shape {
    std::string_view first, each, last;
    bool closes = false;  // `last` once for each
  };
  const std::vector<Shape> shapes = {
      {"SELECT 1", "+1", ""},
      {"SELECT 1", "||1", ""},
      {"SELECT 1", " UNION SELECT 1", ""},
      {"SELECT 1", " EXCEPT ALL SELECT 1", ""},
      {"SELECT * FROM a", " JOIN a ON true", ""},
      {"SELECT * FROM a", " CROSS JOIN a", ""},
      {"SELECT * FROM a", " NATURAL JOIN a", ""},
      {"SELECT 1", "::int", ""},
      {"SELECT a", " COLLATE b", ""},
      {"SELECT a", " AT TIME ZONE b", ""},
      {"SELECT a", "[1]", ""},
      {"SELECT (a)", ".b", ""},
      {"SELECT a", " IS NULL", ""},
      {"SELECT a", " ISNULL", ""},
      {"SELECT a", " AND b", ""},
      {"SELECT a", " OR b AND c", ""},
      {"SELECT ", "NOT ", "a"},
      {"SELECT ", "- ", "1"},
      {"SELECT ", "@ ", "1"},
      {"SELECT ", "~ ", "1"},
      {"SELECT ", "(", "1"},
      {"SELECT ", "1+(", "1"},
      {"SELECT ", "f(", "1"},
      {"SELECT ", "CASE WHEN ", "a"},
      {"SELECT ", "ARRAY[", "1"},
      {"", "WITH x AS (", "SELECT 1"},
      {"", "SELECT (", "SELECT 1"},
      {"", "SELECT * FROM (", "SELECT 1"},
      {"", "EXPLAIN ", "SELECT 1"},
      {"SELECT ", "(", ")", true},
      {"", "SELECT (", ")", true},
      {"SELECT ", "f(1,", ")", true},
      {"", "SELECT 1;", ""},
      {"CREATE SCHEMA a", " CREATE TABLE b (c int)", ""},
      {"SELECT 'a'", "\n'a'", ""},
      {"SELECT ", "/*", ""},
      {"SELECT 1 FROM a", ", a", ""},
  };
  on_worker([&] {
    for (const Shape& shape : shapes) {
      for (const std::size_t times : {100u, 1000u, 1990u, 2660u, 3990u, 7990u, 10'000u, 100'000u}) {
        auto text = repeated(shape.first, shape.each, times);
        text = shape.closes ? repeated(text + "1", shape.last, times) : text + std::string(shape.last);
        Skeleton skeleton;
        skeleton.make(text);
        Parse parsed;
        parse(text, skeleton, {1UL << 22, kParsedTokensMax}, parsed);
        const bool too_long = skeleton.tokens() > kParsedTokensMax || shape.each == "/*";
        EXPECT_EQ(parsed.outcome == Parse::Outcome::kTooLong, too_long) << shape.each;
        EXPECT_EQ(parsed.outcome == Parse::Outcome::kParsed, parsed.tree.root().has("stmts")) << shape.each;
      }
    }
  });
}

TEST(CrashGuard, LongTextsAreRefusedAndLongListsAreRead) {
  EXPECT_EQ(outcome_of("SELECT '" + std::string(10UL << 20, 'x') + "'"), Parse::Outcome::kTooLong);
  const auto in = repeated("SELECT a IN (1", ",1", 1'000'000, ")");
  EXPECT_EQ(outcome_of(in), Parse::Outcome::kTooLong);
  EXPECT_EQ(outcome_of(repeated("SELECT a IN (1", ",1", 30'000, ")")), Parse::Outcome::kParsed);
  Skeleton skeleton;
  skeleton.make(in);
  Parse parsed;
  on_worker([&] { parse(in, skeleton, {1UL << 30, kParsedTokensMax}, parsed); });
  EXPECT_EQ(parsed.outcome, Parse::Outcome::kParsed);
}

TEST(CrashGuard, RowsOfOperatorsDoNotTakeQuadraticTime) {
  for (const std::string_view each : {"+", "-+", "/*", "+/", "*", "@", "=-", "/*+"}) {
    const auto begin = std::chrono::steady_clock::now();
    for (const std::size_t times : {100u, 1000u, 10'000u, 30'000u}) {
      const auto outcome = outcome_of(repeated("SELECT 1", each, times, "1"));
      EXPECT_NE(outcome, Parse::Outcome::kParsed) << each;
    }
    // Half a second for what takes a few milliseconds: it was several seconds.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500)) << each;
    Skeleton skeleton;
    skeleton.make(repeated("SELECT 1", each, 500'000, "1"));
  }
  // What people draw in comments is not that.
  EXPECT_EQ(outcome_of(repeated("/*", "*", 500, "*/ SELECT 1")), Parse::Outcome::kParsed);
  EXPECT_EQ(outcome_of(repeated("", "/*=======================*/\n", 100, "SELECT 1")), Parse::Outcome::kParsed);
  EXPECT_EQ(outcome_of(repeated("", "-- ----------------------\n", 100, "SELECT 1")), Parse::Outcome::kParsed);
}

TEST(CrashGuard, ASmallStackIsNoPlaceToParse) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 1UL << 20), 0);
  pthread_t thread{};
  Parse parsed;
  parsed.outcome = Parse::Outcome::kParsed;
  const auto work = [](void* out) -> void* {
    Skeleton skeleton;
    skeleton.make("SELECT 1");
    parse("SELECT 1", skeleton, {}, *static_cast<Parse*>(out));
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, work, &parsed), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(parsed.outcome, Parse::Outcome::kTooLong);
}

TEST(Parser, ThreadsDoNotMeet) {
  ASSERT_TRUE(base::set_thread_stack());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.push_back(base::start_thread("weir-test", [&wrong, t] {
      Parse parsed;
      for (int i = 0; i < 500; ++i) {
        const auto sql = "SELECT c" + std::to_string(t) + " FROM t" + std::to_string(i);
        if (outcome_of(sql, parsed) != Parse::Outcome::kParsed) ++wrong[t];
        if (outcome_of("SELEC" + std::to_string(i), parsed) != Parse::Outcome::kRefused) ++wrong[t];
      }
    }));
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::vector<int>(4, 0)));
}

}  // namespace
}  // namespace analyzer
