#include "pooler/params.h"

#include <gtest/gtest.h>

#include <string>

namespace pooler {
namespace {

using Cause = ServerParams::Cause;

ServerParams logged_in() {
  ServerParams server;
  server.on_reported("TimeZone", "Etc/UTC", Cause::kServer);
  server.on_reported("DateStyle", "ISO, MDY", Cause::kServer);
  server.on_reported("application_name", "", Cause::kServer);
  server.on_reported("is_superuser", "off", Cause::kServer);
  return server;
}

ParamsPtr wants(ParamList list) { return intern_params(std::move(list)); }

TEST(Params, NothingIsSentWhereNothingDiffers) {
  ServerParams server = logged_in();
  EXPECT_EQ(server.plan(wants({{"timezone", "Etc/UTC"}})), "");
}

TEST(Params, OneStatementBringsEverything) {
  ServerParams server = logged_in();
  const auto client = wants({{"search_path", "a, b"}, {"timezone", "Europe/Paris"}});
  EXPECT_EQ(server.plan(client),
            "SELECT pg_catalog.set_config('search_path','a, b',false),"
            "pg_catalog.set_config('timezone','Europe/Paris',false)");
}

TEST(Params, AnotherSpellingOfTheSameValueIsNotSentAgain) {
  ServerParams server = logged_in();
  const auto client = wants({{"timezone", "utc"}});
  EXPECT_NE(server.plan(client), "");
  server.on_planned(client);
  server.on_reported("TimeZone", "UTC", Cause::kOurs);
  EXPECT_EQ(server.plan(client), "");
}

TEST(Params, AnAskedSpellingCountsNoMoreAfterAClientChangedTheValue) {
  ServerParams server = logged_in();
  const auto client = wants({{"timezone", "utc"}});
  server.on_planned(client);
  server.on_reported("TimeZone", "UTC", Cause::kOurs);
  server.on_reported("TimeZone", "Asia/Tokyo", Cause::kClient);
  EXPECT_EQ(server.plan(client), "SELECT pg_catalog.set_config('timezone','utc',false)");
}

TEST(Params, WhatOneClientWantedIsResetForTheNext) {
  ServerParams server = logged_in();
  const auto first = wants({{"statement_timeout", "5s"}, {"timezone", "Asia/Tokyo"}});
  server.on_planned(first);
  server.on_reported("TimeZone", "Asia/Tokyo", Cause::kOurs);
  const auto second = wants({{"datestyle", "ISO, MDY"}});
  EXPECT_EQ(server.plan(second), "RESET \"statement_timeout\";RESET \"timezone\";");
  server.on_planned(second);
  server.on_reported("TimeZone", "Etc/UTC", Cause::kOurs);
  EXPECT_EQ(server.plan(second), "");
  EXPECT_NE(server.plan(first), "");
}

TEST(Params, DiscardAllBringsTheLoginValuesBack) {
  ServerParams server = logged_in();
  const auto client = wants({{"statement_timeout", "5s"}});
  server.on_planned(client);
  server.on_reset();
  EXPECT_EQ(server.plan(wants({})), "");
  EXPECT_EQ(server.plan(client), "SELECT pg_catalog.set_config('statement_timeout','5s',false)");
}

TEST(Params, AnyValueIsALiteral) {
  EXPECT_EQ(set_statement("x.y", "'; DROP TABLE t; --"),
            "SELECT pg_catalog.set_config('x.y','''; DROP TABLE t; --',false)");
}

TEST(Params, WhoMayDoWhatComesLastAndGoesFirst) {
  ServerParams server = logged_in();
  const auto first = wants({{"role", "bob"}, {"search_path", "a"}, {"session_authorization", "carol"}});
  EXPECT_EQ(server.plan(first),
            "SELECT pg_catalog.set_config('search_path','a',false),"
            "pg_catalog.set_config('session_authorization','carol',false),pg_catalog.set_config('role','bob',false)");
  server.on_planned(first);
  EXPECT_EQ(server.plan(first), "");
  const auto second = wants({{"search_path", "a"}});
  EXPECT_EQ(server.plan(second), "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;");
  const auto third = wants({{"role", "bob"}, {"search_path", "b"}, {"session_authorization", "carol"}});
  EXPECT_EQ(server.plan(third),
            "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;SELECT pg_catalog.set_config('search_path','b',false),"
            "pg_catalog.set_config('session_authorization','carol',false),pg_catalog.set_config('role','bob',false)")
      << "what another user may not set is set before";
}

TEST(Params, WhatAClientsStatementSetOrResetIsKnown) {
  ServerParams server = logged_in();
  server.on_set("work_mem", "7MB");
  EXPECT_EQ(server.plan(wants({{"work_mem", "7MB"}})), "");
  EXPECT_EQ(server.plan(wants({})), "RESET \"work_mem\";");
  server.on_unset("work_mem");
  EXPECT_EQ(server.plan(wants({})), "");
  server.on_set("role", "bob");
  server.on_set("session_authorization", "carol");
  EXPECT_EQ(server.plan(wants({{"session_authorization", "carol"}})), "") << "it has reset the role";
}

TEST(Params, AServerReportsWhatItReportedAtLogin) {
  const ServerParams server = logged_in();
  EXPECT_TRUE(server.reports("timezone"));
  EXPECT_FALSE(server.reports("default_transaction_read_only")) << "PostgreSQL 13 does not";
  EXPECT_FALSE(server.reports("is_superuser")) << "nobody can set it";
}

TEST(Params, NamesWithPartsAreQuotedByPart) { EXPECT_EQ(quote_parameter("app.\"x"), "\"app\".\"\"\"x\""); }

TEST(Params, EqualListsShareOneSnapshot) {
  EXPECT_EQ(wants({{"a", "1"}}), wants({{"a", "1"}}));
  const std::string value = "2";
  EXPECT_NE(wants({{"a", "1"}}), wants(with_param({{"a", "1"}}, "a", &value)));
}

}  // namespace
}  // namespace pooler
