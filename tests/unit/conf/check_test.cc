#include "conf/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace conf {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

FixedSurroundings machine(uint32_t mode = 0600) {
  FixedSurroundings around;
  around.files = {{"key", ""}, {"cert", ""}, {"ca", ""}};
  around.mode = mode;
  return around;
}

std::vector<std::string> found(const Config& config, Finding::Severity severity, const Surroundings& around) {
  std::vector<std::string> out;
  Config finished = config;
  finished.finish();
  for (const Finding& finding : check(finished, around)) {
    if (finding.severity == severity)
      out.push_back(finding.section + "." + finding.key + ": " + finding.message);
  }
  return out;
}
std::vector<std::string> problems(const Config& config, const FixedSurroundings& around = machine()) {
  return found(config, Finding::Severity::kProblem, around);
}
std::vector<std::string> warnings(const Config& config) {
  return found(config, Finding::Severity::kWarning, machine());
}

Config base_config() {
  Config config;
  config.fallback.emplace();
  return config;
}

TEST(Check, DefaultsAreFine) {
  EXPECT_THAT(problems(base_config()), IsEmpty());
  EXPECT_THAT(warnings(base_config()), IsEmpty());
  EXPECT_THAT(warnings(Config()), Contains(HasSubstr("no database is configured")));
}

TEST(Check, SettingsWithoutEffectAreNamedWhenSomebodyTunesThem) {
  Config config = base_config();
  config.weir.pkt_buf = 8192;
  config.weir.resolv_conf = "/etc/resolv.mine";
  config.weir.dns_zone_check_period = std::chrono::seconds(5);
  EXPECT_THAT(problems(config), IsEmpty());
  for (const char* key : {"pkt_buf", "resolv_conf", "dns_zone_check_period"})
    EXPECT_THAT(warnings(config), Contains(HasSubstr(std::string("weir.") + key + ": " + key + " is accepted")));
}

TEST(Check, ExtraParametersAreFollowedBySessionTrackingAlone) {
  Config config = base_config();
  config.weir.track_extra_parameters = {"IntervalStyle", "search_path"};
  EXPECT_THAT(warnings(config), IsEmpty());
  config.weir.session_tracking = false;
  EXPECT_THAT(warnings(config), Contains(HasSubstr("track_extra_parameters has no effect")));
  config.weir.track_extra_parameters = {"IntervalStyle"};
  EXPECT_THAT(warnings(config), IsEmpty());
}

TEST(Check, HttpOnOpenAddressesWantsAToken) {
  Config config = base_config();
  config.http.listen_addr = {"*"};
  EXPECT_THAT(warnings(config), IsEmpty()) << "without a port nothing is answered";
  config.http.port = 9127;
  EXPECT_THAT(warnings(config), Contains(HasSubstr("http.token: HTTP is answered on addresses that are not loopback")));
  config.http.token = Secret("s3cret");
  EXPECT_THAT(warnings(config), IsEmpty());
  config.http.listen_addr = {"127.0.0.1", "::1", "localhost"};
  config.http.token.reset();
  EXPECT_THAT(warnings(config), IsEmpty());
  config.http.listen_addr.clear();
  EXPECT_THAT(problems(config), Contains(HasSubstr("http.listen_addr: listen_addr is empty")));
}

TEST(Check, ATokenCanBeSentInAHeader) {
  for (const char* bad : {"", "two words", "line\n", "gr\xc3\xbc" "n"}) {
    Config config = base_config();
    config.http.token = Secret(bad);
    EXPECT_THAT(problems(config), Contains(HasSubstr("http.token: token must be printable"))) << bad;
  }
}

TEST(Check, TrustIsForLoopbackUnlessForced) {
  Config config = base_config();
  for (const AuthType type : {AuthType::kTrust, AuthType::kAny}) {
    config.weir.auth_type = type;
    config.weir.allow_remote_trust = false;
    config.weir.listen_addr = {"127.0.0.1", "::1", "localhost"};
    EXPECT_THAT(problems(config), IsEmpty());
    for (const char* address : {"*", "0.0.0.0", "10.0.0.1", "::", "db.example"}) {
      config.weir.listen_addr = {"127.0.0.1", address};
      EXPECT_THAT(problems(config), Contains(HasSubstr("would let anybody in"))) << address;
    }
    config.weir.allow_remote_trust = true;
    EXPECT_THAT(problems(config), IsEmpty());
  }
}

TEST(Check, AuthenticationNeedsWhatItUses) {
  Config config = base_config();
  config.weir.auth_type = AuthType::kHba;
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs auth_hba_file")));
  config.weir.auth_type = AuthType::kLdap;
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs auth_ldap_options")));
  config.weir.auth_type = AuthType::kPeer;
  EXPECT_THAT(problems(config), Contains(HasSubstr("works on Unix sockets only")));
  config.weir.auth_type = AuthType::kCert;
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs client_tls_sslmode")));
  config = base_config();
  config.weir.auth_user = "asker";
  EXPECT_THAT(problems(config), IsEmpty());
  config.weir.auth_query = "";
  EXPECT_THAT(problems(config), Contains(HasSubstr("auth_user needs auth_query")));
}

TEST(Check, ClientTlsNeedsItsFiles) {
  Config config = base_config();
  config.weir.client_tls_sslmode = TlsMode::kVerifyFull;
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs client_tls_key_file")));
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs client_tls_cert_file")));
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs client_tls_ca_file")));
  config.weir.client_tls_key_file = "key";
  config.weir.client_tls_cert_file = "cert";
  config.weir.client_tls_ca_file = "ca";
  EXPECT_THAT(problems(config), IsEmpty());
  config.weir.client_tls_ca_file = "lost";
  EXPECT_THAT(problems(config), Contains(HasSubstr("there is no file lost")));
}

TEST(Check, KeyThatOthersMayReadIsRefused) {
  Config config = base_config();
  config.weir.client_tls_key_file = "key";
  config.weir.client_tls_cert_file = "cert";
  EXPECT_THAT(problems(config, machine(0600)), IsEmpty());
  EXPECT_THAT(problems(config, machine(0640)), IsEmpty()) << "root's file may be group-readable";
  EXPECT_THAT(problems(config, machine(0644)), Contains(HasSubstr("can be read by others (mode 0644)")));
  EXPECT_THAT(problems(config, machine(0660)), Contains(HasSubstr("can be read by others")));
}

TEST(Check, ServerTlsFilesComeInPairs) {
  Config config = base_config();
  config.weir.server_tls_key_file = "key";
  EXPECT_THAT(problems(config), Contains(HasSubstr("belong together")));
  config.weir.server_tls_cert_file = "cert";
  EXPECT_THAT(problems(config), IsEmpty());
}

TEST(Check, DirectTlsNeedsAStrictMode) {
  Config config = base_config();
  config.weir.server_tls_negotiation = TlsNegotiation::kDirect;
  EXPECT_THAT(problems(config), Contains(HasSubstr("needs server_tls_sslmode")));
  config.weir.server_tls_sslmode = TlsMode::kRequire;
  EXPECT_THAT(problems(config), IsEmpty());
  config.fallback->server_tls_sslmode = TlsMode::kPrefer;
  EXPECT_THAT(problems(config), Contains(HasSubstr("or stricter, or")));
  for (const TlsMode fine : {TlsMode::kDisable, TlsMode::kRequire, TlsMode::kVerifyFull}) {
    config.fallback->server_tls_sslmode = fine;
    EXPECT_THAT(problems(config), IsEmpty());
  }
}

TEST(Check, WordsInTextsAreChecked) {
  Config config = base_config();
  config.weir.client_tls_protocols = "tlsv1.2,tlsv1.4";
  config.weir.syslog_facility = "deamon";
  EXPECT_THAT(problems(config), Contains(HasSubstr("client_tls_protocols must be one of")));
  EXPECT_THAT(problems(config), Contains(HasSubstr("did you mean 'daemon'?")));
}

TEST(Check, LoginRetryGrowsUpToItsMaximum) {
  Config config = base_config();
  config.weir.server_login_retry = std::chrono::seconds(20);
  EXPECT_THAT(problems(config), Contains(HasSubstr("must not be longer than server_login_retry_max (15s)")));
}

TEST(Check, LimitsThatHideOthersAreWarnings) {
  Config config = base_config();
  config.weir.max_db_connections = 10;
  EXPECT_THAT(warnings(config),
              Contains(HasSubstr("default_pool_size = 20 is never reached: max_db_connections is 10")));
  config = base_config();
  config.databases["app"].pool_size = 5;
  config.databases["app"].min_pool_size = 6;
  EXPECT_THAT(warnings(config),
              Contains("databases.app.min_pool_size: min_pool_size = 6 is never reached: pool_size is 5"));
}

TEST(Check, DatabaseSections) {
  Config config = base_config();
  config.databases["pgbouncer"];
  config.databases["two"].host = {"a", "b"};
  config.databases["two"].port = {1, 2, 3};
  config.databases["pw"].password = Secret("hush");
  EXPECT_THAT(problems(config), Contains(HasSubstr("pgbouncer belongs to the console")));
  EXPECT_THAT(
      problems(config),
      Contains("databases.two.port: port has 3 entries for 2 hosts: give one port, or one for each host"));
  EXPECT_THAT(warnings(config), Contains(HasSubstr("password is only used together with user")));
}

TEST(Check, PeersNeedAHostAndANumber) {
  Config config = base_config();
  config.peers[3];
  EXPECT_THAT(problems(config), Contains(HasSubstr("peers.3.host: host is missing")));
  EXPECT_THAT(warnings(config), Contains(HasSubstr("does nothing without peer_id")));
}

TEST(Check, RulesOfTheSlowLogNameATableAndAColumn) {
  Config config = base_config();
  config.weir.slow_log_file = "slow.log";
  config.weir.slow_log_parameters = true;
  config.weir.slow_log_redact = {"users.email", "*.token", "audit*.*"};
  EXPECT_THAT(problems(config), IsEmpty());
  for (const char* wrong : {"email", ".email", "users.", "public.users.email"}) {
    config.weir.slow_log_redact = {wrong};
    EXPECT_THAT(problems(config), Contains(HasSubstr("not of the form table.column"))) << wrong;
  }
}

TEST(Check, TheSlowLogIsAFileOfItsOwn) {
  Config config = base_config();
  config.weir.slow_log_file = config.weir.logfile = "weir.log";
  EXPECT_THAT(problems(config), Contains(HasSubstr("must be different files")));
  config.weir.slow_log_file.clear();
  config.weir.slow_log_parameters = true;
  EXPECT_THAT(warnings(config), Contains(HasSubstr("shows values in SHOW SLOW_QUERIES alone")));
}

TEST(Check, WhatIsKeptInCoarserStepsIsKeptForLonger) {
  Config config = base_config();
  EXPECT_THAT(problems(config), Not(Contains(HasSubstr("history"))));
  config.history.keep_minutes = std::chrono::hours(1000);
  config.history.keep_days = std::chrono::hours(24);
  EXPECT_THAT(problems(config),
              Contains("history.keep_hours: keep_hours (31d) must not be shorter than keep_minutes (1000h)"));
  EXPECT_THAT(problems(config), Contains(HasSubstr("history.keep_days: keep_days (1d) must not be shorter")));
}

TEST(Check, AHistoryWithoutStatisticsIsPointedOut) {
  Config config = base_config();
  config.weir.query_stats = false;
  EXPECT_THAT(warnings(config), Not(Contains(HasSubstr("history"))));
  config.history.path = "/var/lib/weir/history";
  EXPECT_THAT(warnings(config), Contains(HasSubstr("history.path: without query_stats")));
}

TEST(Check, SocketPathMustFit) {
  Config config = base_config();
  config.weir.unix_socket_dir = "/" + std::string(107, 'x');
  EXPECT_THAT(problems(config), Contains(HasSubstr("unix_socket_dir is too long")));
}

}  // namespace
}  // namespace conf
