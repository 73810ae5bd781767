#include "analyzer/n_plus_one.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "analyzer/lint.h"

namespace analyzer {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct How {
  uint64_t value = 0, rows = 1;
  base::Duration gap = milliseconds(1), took = milliseconds(2);
  bool select = true;
};

// One client that sends statements.
class Client {
 public:
  explicit Client(LoopBook& book, uint64_t id = 1) : book_(book), id_(id) {}
  void run(uint64_t fingerprint, std::string_view text, const How& how) {
    now_ += how.gap;
    LoopCall call{.fingerprint = fingerprint, .database = "app", .text = text, .client = id_, .select = how.select,
                  .in_transaction = in_transaction, .value_hash = how.value * 0x9e3779b97f4a7c15U, .rows = how.rows, .began = now_};
    now_ += how.took;
    call.ended = now_;
    watch_.add(call, limits, book_);
  }
  // A loop of so many turns behind a query of so many rows.
  void loop(int turns, uint64_t rows, const How& how = {}) {
    run(1, "SELECT id FROM users LIMIT $1", {.rows = rows, .gap = std::chrono::seconds(1)});
    for (int i = 0; i < turns; ++i) {
      How turn = how;
      turn.value = ++value_;
      run(2, "SELECT id, user_id FROM orders WHERE user_id = $1", turn);
    }
  }
  void end() { watch_.end(limits, book_); }
  LoopWatch& watch() { return watch_; }
  base::TimePoint now() const { return now_; }

  bool in_transaction = false;
  LoopLimits limits{};

 private:
  LoopBook& book_;
  uint64_t id_, value_ = 0;
  base::TimePoint now_{std::chrono::hours(1)};
  LoopWatch watch_;
};

std::vector<LoopFinding> findings(const LoopBook& book) {
  return loop_findings(book.snapshot(), 1, [](uint64_t fingerprint) { return "text of " + std::to_string(fingerprint); });
}

TEST(NPlusOne, ALoopOverTheRowsOfAQueryIsFound) {
  LoopBook book;
  Client client(book);
  for (int i = 0; i < 3; ++i) client.loop(20, 20);
  client.end();
  const auto found = findings(book);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].loops.fingerprint, 2u);
  EXPECT_EQ(found[0].loops.loops, 3u);
  EXPECT_EQ(found[0].loops.calls, 60u);
  EXPECT_EQ(found[0].loops.turns_max, 20u);
  EXPECT_EQ(found[0].confidence, Confidence::kHigh);
  EXPECT_EQ(found[0].source_query, "text of 1");
  EXPECT_EQ(found[0].rewritten, "SELECT id, user_id FROM orders WHERE user_id = ANY ($1)");
  EXPECT_NEAR(found[0].lost_ms_per_hour, 57 * 3, 12);
}

TEST(NPlusOne, TwoClientsAreEnoughAndConfidenceIsMediumWhereTurnsAreNotRows) {
  LoopBook book;
  Client one(book, 1), other(book, 77);
  one.loop(20, 500);
  other.loop(20, 500);
  one.end();
  other.end();
  const auto found = findings(book);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].confidence, Confidence::kMedium);
}

TEST(NPlusOne, ATransactionHoldsALoopTogether) {
  LoopBook book;
  Client client(book);
  client.in_transaction = true;
  for (int i = 0; i < 3; ++i) {
    client.loop(12, 12, {.gap = milliseconds(150)});
    client.in_transaction = false;
    client.run(9, "SELECT 1", {});
    client.in_transaction = true;
  }
  client.end();
  EXPECT_EQ(findings(book).size(), 1u);
}

TEST(NPlusOne, TwoStatementsInTheBodyAreTwoLoops) {
  LoopBook book;
  Client client(book);
  for (int i = 0; i < 3; ++i) {
    client.run(1, "SELECT id FROM users", {.rows = 15, .gap = std::chrono::seconds(1)});
    for (uint64_t turn = 0; turn < 15; ++turn) {
      client.run(2, "SELECT a FROM b WHERE c = $1", {.value = turn + 1});
      client.run(3, "SELECT d FROM e WHERE f = $1", {.value = turn + 100});
    }
  }
  client.end();
  EXPECT_EQ(findings(book).size(), 2u);
}

TEST(NPlusOne, WhatIsNoLoopIsNotFound) {
  struct Case {
    const char* what;
    How how;
    int turns = 20;
  };
  for (const Case& one : {Case{"too few", {}, 9}, Case{"pipelined", {.gap = microseconds(0)}},
                          Case{"a worker that polls", {.gap = milliseconds(250)}}, Case{"many rows", {.rows = 500}},
                          Case{"too fast to matter", {.gap = microseconds(10), .took = microseconds(20)}},
                          Case{"no SELECT", {.select = false}}}) {
    LoopBook book;
    Client client(book);
    for (int i = 0; i < 4; ++i) client.loop(one.turns, 20, one.how);
    client.end();
    EXPECT_TRUE(findings(book).empty()) << one.what;
  }
}

TEST(NPlusOne, TheSameValueAgainAndAgainIsNoLoop) {
  LoopBook book;
  Client client(book);
  client.run(1, "SELECT id FROM users", {.rows = 200});
  for (int i = 0; i < 200; ++i) client.run(2, "SELECT a FROM b WHERE c = $1", {.value = 5});
  client.end();
  EXPECT_EQ(book.size(), 0u);
}

TEST(NPlusOne, ABenchmarkThatDrawsKeysIsNoLoop) {
  LoopBook book;
  for (uint64_t id = 1; id < 5; ++id) {
    Client client(book, id * 77);
    for (uint64_t i = 0; i < 3000; ++i) client.run(2, "SELECT abalance FROM accounts WHERE aid = $1", {.value = i * 31 + id});
    client.end();
  }
  EXPECT_EQ(book.size(), 0u);
}

TEST(NPlusOne, ALongLoopGoesOnOverTheSameRows) {
  LoopBook book;
  Client client(book);
  client.loop(2500, 2500);
  client.end();
  const auto all = book.snapshot();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].calls, 2500u);
  EXPECT_EQ(all[0].source, 1u);
}

TEST(NPlusOne, OneLoopOfOneClientIsNotTold) {
  LoopBook book;
  Client client(book);
  client.loop(20, 20);
  client.end();
  EXPECT_EQ(book.size(), 1u);
  EXPECT_TRUE(findings(book).empty());
}

TEST(NPlusOne, OnlyStatementsThatOneForAllCouldReplaceAreTold) {
  for (const std::string_view text :
       {"SELECT a FROM b WHERE c IN ($1, $2)", "SELECT a FROM b WHERE c > $1", "SELECT f($1)", "SELECT a FROM f($1) b WHERE c = $2",
        "SELECT a FROM b WHERE c = ANY ($1)", "SELECT a FROM b WHERE c = $1 UNION SELECT 1"}) {
    LoopBook book;
    Client client(book);
    for (uint64_t i = 0; i < 3; ++i) {
      client.run(1, "SELECT id FROM users", {.rows = 20, .gap = std::chrono::seconds(1)});
      for (uint64_t turn = 0; turn < 20; ++turn) client.run(2, text, {.value = i * 100 + turn});
    }
    client.end();
    EXPECT_TRUE(findings(book).empty()) << text;
  }
}

TEST(NPlusOne, AClientThatRestsIsLookedAt) {
  LoopBook book;
  Client client(book);
  client.loop(20, 20);
  client.watch().end_if_idle(client.now() + milliseconds(50), client.limits, book);
  EXPECT_EQ(book.size(), 0u);
  client.watch().end_if_idle(client.now() + milliseconds(150), client.limits, book);
  EXPECT_EQ(book.size(), 1u);
}

TEST(NPlusOne, EndlessLoopsAndManyStatementsAreBounded) {
  LoopBook book;
  Client client(book);
  client.loop(static_cast<int>(LoopWatch::kTurnsMax) + 10, 5);
  EXPECT_EQ(book.size(), 1u);
  LoopBook many;
  Client other(many);
  other.run(1, "SELECT id FROM users", {.rows = 20});
  for (uint64_t fingerprint = 10; fingerprint < 500; ++fingerprint)
    for (uint64_t turn = 0; turn < 20; ++turn) other.run(fingerprint, "SELECT a FROM b WHERE c = $1", {.value = turn + 1});
  other.end();
  EXPECT_LE(many.size(), LoopBook::kStatementsMax);
  EXPECT_GT(many.size(), 100u);
}

TEST(NPlusOne, RunsAreCounted) {
  LoopBook book;
  Client client(book);
  for (uint64_t i = 1; i <= 5; ++i) {
    client.run(4, "INSERT INTO a VALUES ($1)", {.value = i, .select = false});
    EXPECT_EQ(client.watch().run(), i);
  }
  client.run(4, "INSERT INTO a VALUES ($1)", {.gap = milliseconds(30), .select = false});
  EXPECT_EQ(client.watch().run(), 1u);
  client.run(4, "INSERT INTO a VALUES ($1)", {.gap = microseconds(0), .select = false});
  EXPECT_EQ(client.watch().run(), 1u) << "pipelined";
}

}  // namespace
}  // namespace analyzer
