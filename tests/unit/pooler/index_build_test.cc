#include "pooler/index_build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "base/clock.h"
#include "base/text.h"
#include "tests/support/postgres.h"
#include "wire/resolver.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class IndexBuildTest : public testing::Test {
 protected:
  IndexBuildTest() {
    postgres_.run("CREATE TABLE t AS SELECT i AS a, i % 7 AS b FROM generate_series(1, 1000) i");
    settings_.hosts = {{postgres_.socket_folder(), postgres_.port()}};
    settings_.dbname = "postgres";
    settings_.user = "postgres";
    settings_.tls.mode = conf::TlsMode::kDisable;
  }

  static analyzer::IndexShape shape(analyzer::IndexKey key) {
    return {.schema = "public", .table = "t", .keys = {std::move(key)}};
  }
  base::Status build(const analyzer::IndexShape& shape) {
    return build_index(resolver_, settings_, shape, [this](std::string text) { told_.push_back(std::move(text)); }, stopping_);
  }
  std::string look(const std::string& sql) const { return std::string(base::trim(postgres_.run(sql))); }
  std::string indexes() const {
    return look("SELECT coalesce(string_agg(indexrelid::regclass || ' ' || indisvalid, ','), '') FROM pg_index"
                " WHERE indrelid = 't'::regclass");
  }
  bool wait_for(const std::string& sql, const std::string& answer) const {
    for (const base::TimePoint end = base::now() + 20s; base::now() < end; std::this_thread::sleep_for(20ms))
      if (look(sql) == answer) return true;
    return false;
  }

  // Whatever wants to know that nobody uses an older snapshot waits for it.
  class Transaction {
   public:
    explicit Transaction(const IndexBuildTest& test)
        : test_(test),
          psql_({"psql", "-Xq", "-h", test.postgres_.socket_folder(), "-p", std::to_string(test.postgres_.port()), "-U",
                 "postgres", "-c", "BEGIN; INSERT INTO t VALUES (0, 0); SELECT pg_sleep(600)"},
                folder_.file("output")) {
      EXPECT_TRUE(test.wait_for("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; INSERT%pg_sleep(600)'", "1"));
    }
    ~Transaction() {
      test_.look("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; INSERT%pg_sleep(600)'");
      psql_.end(SIGTERM);
    }

   private:
    const IndexBuildTest& test_;
    support::TempFolder folder_;
    support::Process psql_;
  };

  support::Postgres postgres_;
  wire::Resolver resolver_{{}};
  wire::PgClientSettings settings_;
  std::atomic<bool> stopping_{false};
  std::vector<std::string> told_;
};

TEST_F(IndexBuildTest, CreatesIt) {
  const base::Status built = build(shape(analyzer::key_on("a")));
  EXPECT_TRUE(built.ok()) << base::to_text(built.error());
  EXPECT_EQ(indexes(), "t_a_idx true");
  EXPECT_EQ(build(shape(analyzer::key_on("a"))).error().sqlstate, "42P07");
}

TEST_F(IndexBuildTest, WhatAFailureLeavesBehindIsRemoved) {
  const base::Status built = build(shape({.text = "(1 / (b - 3))", .expression = true}));
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().sqlstate, "22012");
  EXPECT_THAT(base::to_text(built.error()), HasSubstr("removed"));
  EXPECT_EQ(indexes(), "");
}

TEST_F(IndexBuildTest, WhatAnotherFailureLeftBehindIsMadeAnew) {
  postgres_.run("CREATE INDEX t_a_idx ON t (b)");
  postgres_.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a_idx'::regclass");
  EXPECT_TRUE(build(shape(analyzer::key_on("a"))).ok());
  EXPECT_EQ(look("SELECT indexdef FROM pg_indexes WHERE indexname = 't_a_idx'"),
            "CREATE INDEX t_a_idx ON public.t USING btree (a)");
}

TEST_F(IndexBuildTest, PostgresOwnErrorIsTold) {
  EXPECT_EQ(build(shape(analyzer::key_on("nothing"))).error().sqlstate, "42703");
  settings_.user = "nobody_at_all";
  EXPECT_FALSE(build(shape(analyzer::key_on("a"))).ok());
  EXPECT_EQ(indexes(), "");
}

TEST_F(IndexBuildTest, TwoDoNotBuildTheSame) {
  base::Status first = base::internal_error("did not run");
  std::thread thread;
  {
    const Transaction holds(*this);
    thread = std::thread([&] {
      std::atomic<bool> never{false};
      first = build_index(resolver_, settings_, shape(analyzer::key_on("a")), [](std::string) {}, never);
    });
    EXPECT_TRUE(wait_for("SELECT count(*) FROM pg_stat_progress_create_index", "1"));
    EXPECT_EQ(build(shape(analyzer::key_on("a"))).error().sqlstate, "55006");
  }
  thread.join();
  EXPECT_TRUE(first.ok()) << base::to_text(first.error());
  EXPECT_EQ(indexes(), "t_a_idx true");
}

TEST_F(IndexBuildTest, TellsHowFarItIsAndEndsWhenWeirDoes) {
  const Transaction holds(*this);
  std::thread stop([this] {
    EXPECT_TRUE(wait_for("SELECT count(*) FROM pg_stat_progress_create_index", "1"));
    std::this_thread::sleep_for(2500ms);  // what is told is told every second
    stopping_ = true;
  });
  const base::TimePoint began = base::now();
  const base::Status built = build(shape(analyzer::key_on("a")));
  EXPECT_LT(base::now() - began, 60s);
  stop.join();
  EXPECT_EQ(built.error().sqlstate, "57P01");
  ASSERT_FALSE(told_.empty());
  EXPECT_THAT(told_.front(), HasSubstr("waiting for writers"));
}

}  // namespace
}  // namespace pooler
