#include "conf/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const Change& change : changes) out.push_back(to_text(change));
  return out;
}

const ConfigRow& row(const std::vector<ConfigRow>& rows, std::string_view key) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const ConfigRow& one) { return one.key == key; });
  EXPECT_NE(found, rows.end()) << key;
  return *found;
}

TEST(Diff, SameIsNoDifference) { EXPECT_THAT(diff(Config(), Config()), IsEmpty()); }

TEST(Diff, EveryPartIsCompared) {
  Config before;
  before.databases["gone"];
  before.databases["app"].pool_size = 1;
  before.users["jane"].password = Secret("old");
  before.guards["big"].shape = {StatementShape::kDrop};
  Config after;
  after.weir.pool_mode = PoolMode::kSession;
  after.workers.count = 2;
  after.databases["app"].pool_size = 2;
  after.databases["odd name"];
  after.fallback.emplace();
  after.users["jane"].password = Secret("new");
  after.guards["big"].shape = {StatementShape::kDrop, StatementShape::kTruncate};
  after.guards["new"];
  after.peers[4];
  after.userlist.users["x"] = NoSecret{};
  const auto changes = diff(before, after);
  EXPECT_THAT(texts(changes),
              ElementsAre("weir.pool_mode: transaction -> session", "workers.count: 0 -> 2",
                          "databases.app.pool_size: 1 -> 2", "databases.gone: present -> absent",
                          "databases.\"odd name\": absent -> present", "databases.\"*\": absent -> present",
                          "users.jane.password: ******** -> ********",
                          "guards.big.shape: drop -> drop, truncate", "guards.new: absent -> present", "peers.4: absent -> present",
                          "the file of auth_file: old content -> new content"));
  EXPECT_EQ(changes[0].reload, Reload::kNewConnections);
  EXPECT_EQ(changes[1].reload, Reload::kRestart);
}

TEST(Diff, WhatNeedsARestartKeepsItsOldValue) {
  Config running;
  Config loaded;
  loaded.weir.listen_port = 1;
  loaded.weir.pool_mode = PoolMode::kSession;
  loaded.workers.count = 9;
  loaded.http.port = 9127;
  loaded.http.max_fingerprints = 7;
  const ConfigPtr next = keep_until_restart(running, loaded);
  EXPECT_EQ(next->weir.listen_port, 6432);
  EXPECT_EQ(next->workers.count, 0);
  EXPECT_EQ(next->http.port, 0);
  EXPECT_EQ(next->http.max_fingerprints, 7);
  EXPECT_EQ(next->weir.pool_mode, PoolMode::kSession);
  EXPECT_THAT(texts(diff(*next, loaded)),
              ElementsAre("weir.listen_port: 6432 -> 1", "workers.count: 0 -> 9", "http.port: 0 -> 9127"));
}

TEST(ShowConfig, RowsAreSortedAndComplete) {
  const auto rows = show_config(Config());
  EXPECT_GT(rows.size(), 110U);
  EXPECT_TRUE(
      std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.key < b.key; }));
  // The keys of PgBouncer 1.25's SHOW CONFIG.
  for (const char* key : {"admin_users",
                          "application_name_add_host",
                          "auth_dbname",
                          "auth_file",
                          "auth_hba_file",
                          "auth_ident_file",
                          "auth_ldap_options",
                          "auth_query",
                          "auth_type",
                          "auth_user",
                          "autodb_idle_timeout",
                          "cancel_wait_timeout",
                          "client_idle_timeout",
                          "client_login_timeout",
                          "client_tls13_ciphers",
                          "client_tls_ca_file",
                          "client_tls_cert_file",
                          "client_tls_ciphers",
                          "client_tls_dheparams",
                          "client_tls_ecdhcurve",
                          "client_tls_key_file",
                          "client_tls_protocols",
                          "client_tls_sslmode",
                          "conffile",
                          "default_pool_size",
                          "disable_pqexec",
                          "dns_max_ttl",
                          "dns_nxdomain_ttl",
                          "dns_zone_check_period",
                          "idle_transaction_timeout",
                          "ignore_startup_parameters",
                          "job_name",
                          "listen_addr",
                          "listen_backlog",
                          "listen_port",
                          "log_connections",
                          "log_disconnections",
                          "log_pooler_errors",
                          "log_stats",
                          "logfile",
                          "max_client_conn",
                          "max_db_client_connections",
                          "max_db_connections",
                          "max_packet_size",
                          "max_prepared_statements",
                          "max_user_client_connections",
                          "max_user_connections",
                          "min_pool_size",
                          "peer_id",
                          "pidfile",
                          "pkt_buf",
                          "pool_mode",
                          "query_timeout",
                          "query_wait_notify",
                          "query_wait_timeout",
                          "reserve_pool_size",
                          "reserve_pool_timeout",
                          "resolv_conf",
                          "sbuf_loopcnt",
                          "scram_iterations",
                          "server_check_delay",
                          "server_check_query",
                          "server_connect_timeout",
                          "server_fast_close",
                          "server_idle_timeout",
                          "server_lifetime",
                          "server_login_retry",
                          "server_reset_query",
                          "server_reset_query_always",
                          "server_round_robin",
                          "server_tls13_ciphers",
                          "server_tls_ca_file",
                          "server_tls_cert_file",
                          "server_tls_ciphers",
                          "server_tls_key_file",
                          "server_tls_protocols",
                          "server_tls_sslmode",
                          "so_reuseport",
                          "stats_period",
                          "stats_users",
                          "suspend_timeout",
                          "syslog",
                          "syslog_facility",
                          "syslog_ident",
                          "tcp_defer_accept",
                          "tcp_keepalive",
                          "tcp_keepcnt",
                          "tcp_keepidle",
                          "tcp_keepintvl",
                          "tcp_socket_buffer",
                          "tcp_user_timeout",
                          "track_extra_parameters",
                          "transaction_timeout",
                          "unix_socket_dir",
                          "unix_socket_group",
                          "unix_socket_mode",
                          "user",
                          "verbose"}) {
    row(rows, key);
  }
}

TEST(ShowConfig, ValuesDefaultsAndChangeable) {
  Config config;
  config.weir.max_client_conn = 7;
  config.weir.query_wait_timeout = std::chrono::milliseconds(1500);
  config.weir.client_tls_cert_file = "c";
  const auto rows = show_config(config);
  EXPECT_EQ(row(rows, "max_client_conn").value, "7");
  EXPECT_EQ(row(rows, "max_client_conn").default_value, "1000");
  EXPECT_EQ(row(rows, "query_wait_timeout").value, "1.5");
  EXPECT_EQ(row(rows, "query_wait_timeout").default_value, "30");
  EXPECT_EQ(row(rows, "client_tls_sslmode").value, "prefer");
  EXPECT_EQ(row(rows, "client_tls_sslmode").default_value, "disable");
  EXPECT_FALSE(row(rows, "listen_port").changeable);
  EXPECT_TRUE(row(rows, "pool_mode").changeable);
}

TEST(ShowConfig, HttpIsAmongThemAndItsTokenIsNot) {
  Config config;
  config.http.port = 9127;
  config.http.token = Secret("s3cret");
  const auto rows = show_config(config);
  EXPECT_EQ(row(rows, "http.port").value, "9127");
  EXPECT_FALSE(row(rows, "http.port").changeable);
  EXPECT_TRUE(row(rows, "http.token").changeable);
  EXPECT_EQ(row(rows, "http.token").value.find("s3cret"), std::string::npos);
  EXPECT_NE(row(rows, "http.token").value, "");
}

TEST(ShowConfig, WorkersAreAmongThem) {
  Config config;
  config.workers.count = 3;
  EXPECT_EQ(row(show_config(config), "workers.count").value, "3");
  EXPECT_FALSE(row(show_config(config), "workers.count").changeable);
}

TEST(SetOne, OfAnotherTableIsForTheFile) {
  for (const std::string key : {"http.token", "workers.count"}) {
    const auto set = set_one(Config(), key, "1", FixedSurroundings());
    ASSERT_FALSE(set.ok());
    EXPECT_EQ(set.error().message, key + " cannot be changed by SET");
  }
}

TEST(SetOne, MakesANewConfig) {
  const Config config;
  const auto next = set_one(config, "query_wait_timeout", "2min", FixedSurroundings());
  ASSERT_TRUE(next.ok());
  EXPECT_EQ((*next)->weir.query_wait_timeout, std::chrono::seconds(120));
  EXPECT_EQ(config.weir.query_wait_timeout, std::chrono::seconds(30));
}

TEST(SetOne, RefusesWhatItCannotDo) {
  const Config config;
  const FixedSurroundings around;
  const auto error = [&](std::string_view key, std::string_view value) {
    const auto result = set_one(config, key, value, around);
    return result.ok() ? "" : result.error().sqlstate + " " + base::to_text(result.error());
  };
  EXPECT_THAT(error("pool_mod", "x"), HasSubstr("42704 unknown setting \"pool_mod\""));
  EXPECT_THAT(error("pool_mod", "x"), HasSubstr("Did you mean \"pool_mode\"?"));
  EXPECT_THAT(error("pool_mode", "x"), HasSubstr("22023 pool_mode must be one of"));
  EXPECT_THAT(error("listen_port", "1"), HasSubstr("cannot be changed without a restart"));
  EXPECT_THAT(error("auth_file", "x"), HasSubstr("cannot be changed by SET"));
  EXPECT_THAT(error("server_login_retry", "60"), HasSubstr("must not be longer"));
  EXPECT_THAT(error("auth_type", "hba"), HasSubstr("needs auth_hba_file"));
}

}  // namespace
}  // namespace conf
