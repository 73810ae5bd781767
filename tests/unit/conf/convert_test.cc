#include "conf/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "conf/load.h"

namespace conf {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> lines(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(to_text(problem));
  return out;
}

FixedSurroundings machine() {
  FixedSurroundings around;
  around.files = {{"/etc/pgbouncer/userlist.txt", "\"jane\" \"pw\"\n"},
                  {"/etc/hba", "local all all md5\n"},
                  {"/etc/ident", "m a b\n"},
                  {"/tls/key", ""},
                  {"/tls/cert", ""},
                  {"/tls/ca", ""},
                  {"/etc/pgbouncer/more.ini", "max_client_conn = 7\n"}};
  return around;
}

Converted convert(std::string_view text) {
  return convert_ini(text, "/etc/pgbouncer/pgbouncer.ini", machine());
}

Config loaded(const Converted& converted) {
  const LoadResult result = load_text(converted.toml, "/etc/pgbouncer/weir.toml", machine());
  EXPECT_EQ(to_text(result.problems), "") << converted.toml;
  return result.config != nullptr ? *result.config : Config();
}

TEST(Convert, SilentIniKeepsPgBouncersDefaults) {
  const Config config = loaded(convert("[databases]\n* = host=h\n[pgbouncer]\n"));
  EXPECT_EQ(config.weir.pool_mode, PoolMode::kSession);
  EXPECT_EQ(config.weir.max_client_conn, 100);
  EXPECT_EQ(config.weir.auth_type, AuthType::kMd5);
  EXPECT_EQ(config.weir.query_wait_timeout, seconds(120));
  EXPECT_EQ(config.weir.client_login_timeout, seconds(60));
  EXPECT_EQ(config.weir.server_login_retry, seconds(15));
  EXPECT_THAT(config.weir.listen_addr, IsEmpty());
}

TEST(Convert, EverySectionIsCarried) {
  const Converted converted = convert(R"(
[databases]
; a comment
app = host=db1,db2 port=5433 dbname=real user=u password='p w${x}' pool_size=5 reserve_pool=3 connect_query='SELECT ''x'''
"odd name" = auth_user=asker pool_mode=statement
* = host=/run/postgresql server_lifetime=60 query_wait_timeout=1.5

[users]
jane = pool_mode=transaction max_user_connections=4 query_timeout=2

[peers]
1 = host=10.0.0.1 port=6433 pool_size=2

[pgbouncer]
listen_addr = 127.0.0.1, ::1
listen_port = 6543
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
pool_mode = transaction
max_client_conn = 500
%include more.ini
server_reset_query = SELECT '${HOME}'
server_fast_close = 1
tcp_defer_accept = 45
unix_socket_mode = 0770
client_tls_sslmode = verify-full
client_tls_key_file = /tls/key
client_tls_cert_file = /tls/cert
client_tls_ca_file = /tls/ca
peer_id = 2
)");
  EXPECT_THAT(lines(converted.not_carried), IsEmpty());
  EXPECT_THAT(lines(converted.open), IsEmpty());
  EXPECT_THAT(
      lines(converted.notes),
      ElementsAre("/etc/pgbouncer/more.ini:1:1: max_client_conn was set before; the last one counts"));
  const Config config = loaded(converted);
  const Database& app = config.databases.at("app");
  EXPECT_THAT(config.hosts(app), ElementsAre(HostPort{"db1", 5433}, HostPort{"db2", 5433}));
  EXPECT_EQ(app.dbname, "real");
  EXPECT_EQ(app.user, "u");
  EXPECT_EQ(app.password->reveal(), "p w${x}");
  EXPECT_EQ(app.pool_size, 5);
  EXPECT_EQ(app.reserve_pool_size, 3);
  EXPECT_EQ(app.connect_query, "SELECT 'x'");
  EXPECT_EQ(config.databases.at("odd name").pool_mode, PoolMode::kStatement);
  EXPECT_EQ(config.fallback->server_lifetime, seconds(60));
  EXPECT_EQ(config.fallback->query_wait_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(config.users.at("jane").max_user_connections, 4);
  EXPECT_EQ(config.peers.at(1).port, 6433);
  EXPECT_EQ(config.weir.max_client_conn, 7);
  EXPECT_EQ(config.weir.server_reset_query, "SELECT '${HOME}'");
  EXPECT_TRUE(config.weir.server_fast_close);
  EXPECT_TRUE(config.weir.tcp_defer_accept);
  EXPECT_EQ(config.weir.unix_socket_mode.bits, 0770U);
  EXPECT_NE(config.find_secret("jane"), nullptr);
}

TEST(Convert, EveryLineThatCannotBeCarriedIsReported) {
  const Converted converted = convert(R"([pgbouncer]
listen_prot = 1
pool_mode = sesion
default_pool_size = 0
nonsense
[databases]
pgbouncer = host=x
bad = host=
worse = host='x
half = host=a colour=red
[elsewhere]
a = b
[peers]
0 = host=x
3 = port=1
%include missing.ini
)");
  EXPECT_THAT(
      lines(converted.not_carried),
      ElementsAre(HasSubstr(":2:1: Weir has no setting listen_prot"),
                  HasSubstr(":3:1: pool_mode must be one of session, transaction, statement, not 'sesion'"),
                  HasSubstr(":4:1: default_pool_size must be between 1 and 100000"),
                  HasSubstr(":5:1: the line is not of the form key = value"),
                  HasSubstr(":7:1: pgbouncer: this database name belongs to Weir's console"),
                  HasSubstr(":9:1: worse: a single quote is not closed"),
                  HasSubstr(":10:1: half: Weir has no setting colour"),
                  HasSubstr(":12:1: a: Weir has no section for [elsewhere]"),
                  HasSubstr(":14:1: 0: a peer's name is its number"), HasSubstr(":15:1: peer 3 has no host"),
                  HasSubstr(":16:1: cannot read /etc/pgbouncer/missing.ini")));
  EXPECT_THAT(lines(converted.open), IsEmpty());
  const Config config = loaded(converted);
  EXPECT_THAT(config.databases.at("half").host, ElementsAre("a")) << "what could be read is kept";
  EXPECT_EQ(config.weir.pool_mode, PoolMode::kSession)
      << "PgBouncer's default stands in for a value that is wrong";
}

TEST(Convert, RemoteTrustIsCarriedAndSaid) {
  const Converted converted = convert("[pgbouncer]\nauth_type = any\nlisten_addr = *\n");
  EXPECT_TRUE(loaded(converted).weir.allow_remote_trust);
  EXPECT_THAT(lines(converted.notes), ElementsAre(HasSubstr("allow_remote_trust, which was added")));
}

TEST(Convert, MissingFilesStayOpen) {
  const Converted converted = convert("[pgbouncer]\nauth_file = users.txt\n");
  EXPECT_THAT(lines(converted.notes),
              ElementsAre(HasSubstr("Weir looks for users.txt in the folder of weir.toml")));
  EXPECT_THAT(lines(converted.open), ElementsAre(HasSubstr("cannot read /etc/pgbouncer/users.txt")));
}

// What people have in their inis; every one must give a file that loads.
constexpr std::string_view kCorpus[] = {
    "",
    "[pgbouncer]\n",
    "[databases]\n\n[pgbouncer]\nlogfile = /var/log/pgbouncer/pgbouncer.log\npidfile = "
    "/var/run/pgbouncer.pid\n"
    "listen_addr = localhost\nlisten_port = 6432\nunix_socket_dir = /var/run/postgresql\nauth_type = md5\n"
    "auth_file = /etc/pgbouncer/userlist.txt\n",
    "[databases]\n* = host=127.0.0.1 port=5432\n[pgbouncer]\nlisten_addr = *\nauth_type = hba\nauth_hba_file "
    "= /etc/hba\n"
    "auth_ident_file = /etc/ident\nadmin_users = postgres, ops\nstats_users = stats\npool_mode = "
    "transaction\n",
    "[databases]\na = host=x auth_query='SELECT u, p FROM f($1)' auth_user=q\n[pgbouncer]\nauth_user = q\n"
    "ignore_startup_parameters = extra_float_digits,search_path\nserver_check_query = select "
    "1\nserver_idle_timeout = 0.5\n",
    "[pgbouncer]\nauth_type = trust\nlisten_addr = 0.0.0.0\n",
    "[pgbouncer]\nauth_type = cert\nclient_tls_sslmode = verify-ca\nclient_tls_key_file = /tls/key\n"
    "client_tls_cert_file = /tls/cert\nclient_tls_ca_file = /tls/ca\nclient_tls_protocols = tlsv1.2, "
    "tlsv1.3\n",
    "[pgbouncer]\nclient_tls_key_file = /tls/key\nclient_tls_cert_file = /tls/cert\n",
    "[pgbouncer]\nserver_login_retry = 60\nserver_tls_sslmode = verify-full\nserver_tls_ca_file = "
    "/tls/ca\nsyslog = 1\n",
    "[pgbouncer]\nso_reuseport = 1\npeer_id = 1\n[peers]\n1 = host=/tmp\n2 = host=/tmp port=6433\n",
    "[databases]\nbig = pool_size=100 max_db_connections=10 min_pool_size=200\n",
    "[databases]\n\xc3\xbc = host=\xe2\x82\xac\n\"a.b\"=host=x\n\"\\\" = dbname='a\"b\\c'\n",
    "[pgbouncer]\nlisten_addr =\nunix_socket_dir =\nserver_reset_query =\nserver_check_query =\n",
    "[pgbouncer]\ntcp_keepalive = 1\ntcp_keepcnt = 5\ntcp_keepidle = 60\ntcp_keepintvl = "
    "10\ntcp_user_timeout = 12500\n"
    "pkt_buf = 4096\nmax_packet_size = 2147483647\nlisten_backlog = 128\nsbuf_loopcnt = 5\nstats_period = "
    "60\nverbose = 2\n",
};

TEST(Convert, WhatItMakesLoads) {
  for (const std::string_view text : kCorpus) {
    const Converted converted = convert(text);
    EXPECT_THAT(lines(converted.open), IsEmpty()) << text;
    EXPECT_THAT(lines(converted.not_carried), IsEmpty()) << text;
    loaded(converted);
  }
}

// Cut anywhere, an ini still gives TOML without unknown settings, wrong types or wrong syntax.
TEST(Convert, EveryTruncationMakesWellFormedToml) {
  for (const std::string_view text : kCorpus) {
    for (std::size_t length = 0; length <= text.size(); ++length) {
      for (const Problem& problem : convert(text.substr(0, length)).open) {
        EXPECT_THAT(problem.message, testing::Not(HasSubstr("unknown"))) << text.substr(0, length);
        EXPECT_THAT(problem.message, testing::Not(HasSubstr("Error while parsing")))
            << text.substr(0, length);
        EXPECT_THAT(problem.message, testing::Not(HasSubstr("must be between"))) << text.substr(0, length);
      }
    }
  }
}

TEST(Convert, WithoutLoadingTheResultWhatWeirRefusesInItIsNotSaid) {
  const FixedSurroundings around;
  const std::string ini = "[pgbouncer]\nauth_type = hba\nauth_hba_file = /nowhere\n";
  const Converted whole = convert_ini(ini, "pgbouncer.ini", around), only_written = rewrite_ini(ini, "pgbouncer.ini", around);
  EXPECT_FALSE(whole.open.empty());
  EXPECT_TRUE(only_written.open.empty());
  EXPECT_EQ(whole.toml, only_written.toml);
  EXPECT_EQ(to_text(whole.notes), to_text(only_written.notes));
}

}  // namespace
}  // namespace conf
