#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/commands.h"

namespace admin {
namespace {

base::Result<Invocation> read(std::string_view sql) { return understand(parse(sql)->front()); }

struct Row {
  std::string_view sql;
  Command command;
  std::string_view name, value;
};

TEST(ConsoleGrammar, ReadsWhatDriversAndPeopleSend) {
  const Row rows[] = {
      {"show stats_totals", Command::kShow, "", ""},
      {"SHOW \"pools\"", Command::kShow, "", ""},
      {"SELECT pools", Command::kShow, "", ""},
      {"SHOW datestyle", Command::kShowParameter, "datestyle", "ISO"},
      {"SHOW transaction isolation level", Command::kShowParameter, "transaction_isolation", "read committed"},
      {"show TIME ZONE", Command::kShowParameter, "TimeZone", "GMT"},
      {"SELECT 1", Command::kSelectConstant, "?column?", "1"},
      {"SELECT 1 AS one", Command::kSelectConstant, "one", "1"},
      {"SELECT 1 one", Command::kSelectConstant, "one", "1"},
      {"SELECT 'x'", Command::kSelectConstant, "?column?", "x"},
      {"select version()", Command::kSelectConstant, "version", "PgBouncer 1.25.2"},
      {"select pg_catalog.version()", Command::kSelectConstant, "version", "PgBouncer 1.25.2"},
      {"SELECT pg_catalog.pg_is_in_recovery()", Command::kSelectConstant, "pg_is_in_recovery", "f"},
      {"SELECT pg_advisory_unlock_all()", Command::kSelectConstant, "pg_advisory_unlock_all", ""},
      {"PAUSE 'My Db'", Command::kPause, "My Db", ""},
      {"PAUSE $1", Command::kPause, "", ""},
      {"KILL_CLIENT ('7'::int8)", Command::kKillClient, "7", ""},  // JDBC, preferQueryMode=simple
      {"PAUSE appdb::text", Command::kPause, "appdb", ""},
      {"SET query_timeout = '5'", Command::kSet, "query_timeout", "5"},
      {"SET query_timeout='5'", Command::kSet, "query_timeout", "5"},
      {"SET admin_users TO a, \"B\"", Command::kSet, "admin_users", "a,B"},
      {"SET SESSION query_timeout = 1", Command::kSet, "query_timeout", "1"},
      {"SET extra_float_digits = 3", Command::kSetParameter, "extra_float_digits", ""},
      {"SET search_path TO a, b", Command::kSetParameter, "search_path", ""},
      {"SET DateStyle TO ISO, MDY", Command::kSetParameter, "datestyle", ""},
      {"SET TIME ZONE 'UTC'", Command::kSetParameter, "timezone", ""},
      {"SET NAMES 'utf8'", Command::kSetParameter, "names", ""},
      {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Command::kSetParameter, "session characteristics",
       ""},
      {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", Command::kSetParameter, "transaction", ""},
      {"RESET ALL", Command::kReset, "", ""},
      {"BEGIN ISOLATION LEVEL SERIALIZABLE", Command::kBegin, "", ""},
      {"START TRANSACTION READ ONLY", Command::kBegin, "", ""},
      {"COMMIT WORK", Command::kCommit, "", ""},
      {"END", Command::kCommit, "", ""},
      {"ABORT", Command::kRollback, "", ""},
      {"ROLLBACK TRANSACTION TO SAVEPOINT s1", Command::kRollbackTo, "s1", ""},
      {"DEALLOCATE PREPARE s", Command::kDeallocate, "s", ""},
      {"DEALLOCATE \"_pg3_0\"", Command::kDeallocate, "_pg3_0", ""},
      {"DEALLOCATE ALL", Command::kDeallocate, "", ""},
  };
  for (const Row& row : rows) {
    const auto invocation = read(row.sql);
    ASSERT_TRUE(invocation.ok()) << row.sql << ": " << invocation.error().message;
    EXPECT_EQ(invocation->command, row.command) << row.sql;
    EXPECT_EQ(invocation->name, row.name) << row.sql;
    EXPECT_EQ(invocation->value, row.value) << row.sql;
  }
}

TEST(ConsoleGrammar, RefusesWhatItDoesNotUnderstand) {
  for (const char* sql : {"PAUSE a b", "DISABLE", "KILL_CLIENT", "KILL ''", "KILL ('')", "KILL ('a'",
                          "KILL a::", "KILL a:b", "SHOW", "SHOW POOLS x", "SHOW 'pools'",
                          "SET", "SET query_timeout", "SET query_timeout =", "SET query_timeout = 1 2",
                          "SHUTDOWN now", "SELECT", "SELECT 1, 2", "SELECT $1", "SELECT 1.5", "SELECT now()",
                          "SELECT version(1)", "SELECT pg_catalog.", "1", "\"show\" pools",
                          "COPY t FROM STDIN", "RELOAD now", "SET extra_float_digits"}) {
    const auto invocation = read(sql);
    ASSERT_FALSE(invocation.ok()) << sql;
    EXPECT_EQ(invocation.error().sqlstate, "42601") << sql;
  }
}

TEST(ConsoleGrammar, GuessesWhatWasMeant) {
  EXPECT_EQ(read("SHOW POOL").error().hint, "Did you mean \"SHOW POOLS\"?");
  EXPECT_EQ(read("SHWO pools").error().hint, "Did you mean \"show\"?");
  EXPECT_EQ(read("VACUUM t").error().hint, "SHOW HELP lists what the console understands.");
}

TEST(ConsoleGrammar, WhatWouldWriteToATableIsReadOnly) {
  for (const char* sql : {"INSERT INTO t VALUES (1)", "truncate pools", "CREATE TABLE t(x int)"}) {
    EXPECT_EQ(read(sql).error().sqlstate, "25006") << sql;
  }
}

TEST(ConsoleGrammar, LargeNumbersAreInt8) {
  EXPECT_EQ(read("SELECT 5")->type, Type::kInt4);
  EXPECT_EQ(read("SELECT 5000000000")->type, Type::kInt8);
}

}  // namespace
}  // namespace admin
