#include "conf/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace conf {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(Config, UserWinsOverDatabaseWinsOverWeir) {
  Config config;
  config.weir.default_pool_size = 1;
  config.weir.reserve_pool_size = 1;
  config.weir.pool_mode = PoolMode::kSession;
  config.weir.query_wait_timeout = seconds(1);
  Database& db = config.databases["db"];
  EXPECT_EQ(config.pool_size(db, "jane"), 1);
  EXPECT_EQ(config.pool_mode(db, "jane"), PoolMode::kSession);
  db.pool_size = 2;
  db.reserve_pool_size = 2;
  db.pool_mode = PoolMode::kTransaction;
  db.query_wait_timeout = seconds(2);
  EXPECT_EQ(config.pool_size(db, "jane"), 2);
  EXPECT_EQ(config.reserve_pool_size(db, "jane"), 2);
  EXPECT_EQ(config.pool_mode(db, "jane"), PoolMode::kTransaction);
  EXPECT_EQ(config.query_wait_timeout(db, "jane"), seconds(2));
  User& jane = config.users["jane"];
  jane.pool_size = 3;
  jane.reserve_pool_size = 0;
  jane.pool_mode = PoolMode::kStatement;
  jane.query_wait_timeout = seconds(3);
  EXPECT_EQ(config.pool_size(db, "jane"), 3);
  EXPECT_EQ(config.reserve_pool_size(db, "jane"), 0) << "0 is a value, not an absence";
  EXPECT_EQ(config.pool_mode(db, "jane"), PoolMode::kStatement);
  EXPECT_EQ(config.query_wait_timeout(db, "jane"), seconds(3));
  EXPECT_EQ(config.pool_size(db, "bob"), 2);
}

TEST(Config, WhatIsSlowIsSaidForUserDatabaseOrAll) {
  Config config;
  const Database db;
  EXPECT_EQ(config.log_min_duration(db, "jane"), kOff);
  config.weir.log_min_duration = seconds(1);
  Database own;
  own.log_min_duration = seconds(0);
  config.users["jane"].log_min_duration = kOff;
  config.users["joe"].log_min_duration = seconds(5);
  EXPECT_EQ(config.log_min_duration(db, "bob"), seconds(1));
  EXPECT_EQ(config.log_min_duration(own, "bob"), seconds(0));
  EXPECT_EQ(config.log_min_duration(own, "joe"), seconds(5));
  EXPECT_EQ(config.log_min_duration(own, "jane"), kOff) << "off is a value, not an absence";
}

TEST(Config, TimeoutsOfAUserWinOverThoseOfADatabaseAndTheseOverWeir) {
  Config config;
  config.weir.query_timeout = seconds(1);
  config.weir.idle_transaction_timeout = seconds(1);
  config.weir.transaction_timeout = seconds(1);
  Database& db = config.databases["app"];
  EXPECT_EQ(config.query_timeout(db, "jane"), seconds(1));
  EXPECT_EQ(config.idle_transaction_timeout(db, "jane"), seconds(1));
  EXPECT_EQ(config.transaction_timeout(db, "jane"), seconds(1));
  db.query_timeout = seconds(5);
  db.idle_transaction_timeout = seconds(6);
  db.transaction_timeout = seconds(7);
  User& jane = config.users["jane"];
  jane.query_timeout = seconds(2);
  jane.idle_transaction_timeout = seconds(0);
  jane.transaction_timeout = seconds(4);
  EXPECT_EQ(config.query_timeout(db, "jane"), seconds(2));
  EXPECT_EQ(config.idle_transaction_timeout(db, "jane"), seconds(0)) << "0 is a value, not an absence";
  EXPECT_EQ(config.transaction_timeout(db, "jane"), seconds(4));
  EXPECT_EQ(config.query_timeout(db, "bob"), seconds(5));
  EXPECT_EQ(config.idle_transaction_timeout(db, "bob"), seconds(6));
  EXPECT_EQ(config.transaction_timeout(db, "bob"), seconds(7));
}

TEST(Config, TimeoutsAndLimitsOfAUserWinOverWeir) {
  Config config;
  config.weir.client_idle_timeout = seconds(1);
  config.weir.max_user_connections = 1;
  config.weir.max_user_client_connections = 1;
  User& jane = config.users["jane"];
  jane.client_idle_timeout = seconds(5);
  jane.max_user_connections = 6;
  jane.max_user_client_connections = 7;
  EXPECT_EQ(config.client_idle_timeout("jane"), seconds(5));
  EXPECT_EQ(config.max_user_connections("jane"), 6);
  EXPECT_EQ(config.max_user_client_connections("jane"), 7);
  EXPECT_EQ(config.client_idle_timeout("bob"), seconds(1));
  EXPECT_EQ(config.max_user_connections("bob"), 1);
}

TEST(Config, UnknownDatabaseFallsBackOrIsUnknown) {
  Config config;
  config.databases["app"].dbname = "real";
  EXPECT_EQ(config.find_database("other"), nullptr);
  config.fallback.emplace();
  config.finish();
  EXPECT_EQ(config.find_database("other")->name, "*");
  EXPECT_EQ(config.server_dbname(*config.find_database("other"), "other"), "other");
  EXPECT_EQ(config.server_dbname(*config.find_database("app"), "app"), "real");
}

TEST(Config, HostsTakeOnePortOrOneEach) {
  Config config;
  config.weir.unix_socket_dir = "/run/pg";
  Database db;
  EXPECT_THAT(config.hosts(db), ElementsAre(HostPort{"/run/pg", 5432}));
  db.host = {"a", "b"};
  EXPECT_THAT(config.hosts(db), ElementsAre(HostPort{"a", 5432}, HostPort{"b", 5432}));
  db.port = {1};
  EXPECT_THAT(config.hosts(db), ElementsAre(HostPort{"a", 1}, HostPort{"b", 1}));
  db.port = {1, 2};
  EXPECT_THAT(config.hosts(db), ElementsAre(HostPort{"a", 1}, HostPort{"b", 2}));
  EXPECT_THAT(config.advice_hosts(db), ElementsAre(HostPort{"a", 1}, HostPort{"b", 2}));
  db.advice_host = {"c"};
  EXPECT_THAT(config.advice_hosts(db), ElementsAre(HostPort{"c", 5432}, HostPort{"a", 1}, HostPort{"b", 2}));
}

TEST(Config, SecretOfTheUserSectionWinsOverTheUserList) {
  Config config;
  config.userlist.users["jane"] = PlainSecret{Secret("old")};
  config.userlist.users["bob"] = PlainSecret{Secret("bobs")};
  config.users["jane"].password = Secret("new");
  config.users["bob"].pool_size = 1;
  config.finish();
  EXPECT_EQ(std::get<PlainSecret>(*config.find_secret("jane")).password, Secret("new"));
  EXPECT_EQ(std::get<PlainSecret>(*config.find_secret("bob")).password, Secret("bobs"));
  EXPECT_EQ(config.find_secret("eve"), nullptr);
}

TEST(Config, CertificateTurnsClientTlsOnUnlessTold) {
  Weir weir;
  EXPECT_EQ(client_tls_mode(weir), TlsMode::kDisable);
  weir.client_tls_cert_file = "x";
  EXPECT_EQ(client_tls_mode(weir), TlsMode::kPrefer);
  weir.client_tls_sslmode = TlsMode::kDisable;
  EXPECT_EQ(client_tls_mode(weir), TlsMode::kDisable);
}

TEST(Config, VerboseOnlyLowersTheLogLevel) {
  Weir weir;
  weir.log_level = LogLevel::kWarn;
  EXPECT_EQ(log_level(weir), LogLevel::kWarn);
  weir.verbose = 1;
  EXPECT_EQ(log_level(weir), LogLevel::kDebug);
  weir.log_level = LogLevel::kTrace;
  EXPECT_EQ(log_level(weir), LogLevel::kTrace);
  weir.log_level = LogLevel::kError;
  weir.verbose = 2;
  EXPECT_EQ(log_level(weir), LogLevel::kTrace);
}

TEST(Config, ConsoleUsersAreListed) {
  Config config;
  config.weir.admin_users = {"root"};
  config.weir.stats_users = {"look"};
  EXPECT_TRUE(config.is_admin("root"));
  EXPECT_FALSE(config.is_admin("look"));
  EXPECT_TRUE(config.is_stats("look"));
  EXPECT_FALSE(config.is_stats(""));
}

}  // namespace
}  // namespace conf
