#include "conf/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace conf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadResult load(std::string_view text, const FixedSurroundings& surroundings = {}) {
  return load_text(text, "weir.toml", surroundings);
}

std::vector<std::string> problems(std::string_view text, const FixedSurroundings& surroundings = {}) {
  std::vector<std::string> lines;
  for (const Problem& problem : load(text, surroundings).problems) lines.push_back(to_text(problem));
  return lines;
}

ConfigPtr good(std::string_view text, const FixedSurroundings& surroundings = {}) {
  LoadResult result = load(text, surroundings);
  EXPECT_EQ(to_text(result.problems), "");
  return result.config != nullptr ? result.config : std::make_shared<const Config>();
}

constexpr std::string_view kWhole = R"(
[weir]
listen_addr = "127.0.0.1, ::1"
listen_port = 7000
pool_mode = "session"
query_wait_timeout = 0.5
server_idle_timeout = "10min"
tcp_user_timeout = 750
max_packet_size = "64MB"
admin_users = ["root", "ops"]
server_fast_close = 1
unix_socket_mode = 0o770
proxy_protocol_from = ["10.0.0.0/8", "fd00::/8"]

[workers]
count = 3

[databases.app]
host = "a.example,b.example"
port = [5432, 5433]
pool_size = 5
reserve_pool = 2
target_session_attrs = "read-write"

[databases."*"]
host = "127.0.0.1"

[users.jane]
password = "secret"
pool_mode = "statement"
query_timeout = "3s"

[peers.2]
host = "10.0.0.2"
)";

TEST(Load, GuardsAreReadAndWrongOnesAreSaidWithTheirPlace) {
  const auto result = load(R"([guards.no-mass-delete]
shape = ["delete_without_where", "truncate"]
database = "app, shop"
deny = true
dry_run = true
[guards.api]
application_name = ["api*"]
rate_limit = 100
rate_period = "1min"
per = "application_name"
)");
  ASSERT_NE(result.config, nullptr) << to_text(result.problems);
  const auto& guards = result.config->guards;
  ASSERT_EQ(guards.size(), 2U);
  const Guard& no = guards.at("no-mass-delete");
  EXPECT_EQ(no.name, "no-mass-delete");
  EXPECT_THAT(no.shape, ElementsAre(StatementShape::kDeleteWithoutWhere, StatementShape::kTruncate));
  EXPECT_THAT(no.database, ElementsAre("app", "shop"));
  EXPECT_TRUE(no.deny && no.dry_run);
  EXPECT_EQ(guards.at("api").rate_limit, 100);
  EXPECT_EQ(guards.at("api").rate_period, seconds(60));
  EXPECT_EQ(guards.at("api").per, GuardPer::kApplicationName);
  EXPECT_THAT(problems(R"([guards.a]
shape = ["delete_without_were"]
concurrency = 3
[guards.b]
user = "x"
[guards.c]
fingerprint = "12"
deny = true
rate_limit = 3
[guards.d]
deny = true
denny = true
)"),
              ElementsAre(HasSubstr(":2:9: shape must be one of"), HasSubstr(":4:9: exactly one of deny"),
                          HasSubstr(":7:15: fingerprint must be 16"), HasSubstr(":9:14: exactly one of deny"),
                          HasSubstr(":11:8: deny without a condition"),
                          HasSubstr(":12:1: unknown setting 'denny' in [guards.NAME]; did you mean 'deny'?")));
}

TEST(Load, TheHistorysSettingsAreCheckedWhereTheyStand) {
  const LoadResult result = load_text("[history]\npath = \"h.db\"\nsize_max = \"1kB\"\nkeep_day = 3\nkeep_hours = \"2h\"\n",
                                      "etc/weir.toml", FixedSurroundings());
  EXPECT_THAT(to_text(result.problems), HasSubstr("etc/weir.toml:3:12: size_max must be"));
  EXPECT_THAT(to_text(result.problems), HasSubstr("etc/weir.toml:4:1: unknown setting 'keep_day' in [history]"));
  EXPECT_THAT(to_text(result.problems),
              HasSubstr("etc/weir.toml:5:14: keep_hours (2h) must not be shorter than keep_minutes (2d)"));
  const LoadResult good = load_text("[history]\npath = \"h.db\"\n", "etc/weir.toml", FixedSurroundings());
  ASSERT_TRUE(good.config);
  EXPECT_EQ(good.config->history.path, "etc/h.db");
}

TEST(Load, EveryKindOfValueIsRead) {
  const ConfigPtr config = good(kWhole);
  const Weir& weir = config->weir;
  EXPECT_THAT(weir.listen_addr, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(weir.listen_port, 7000);
  EXPECT_EQ(weir.pool_mode, PoolMode::kSession);
  EXPECT_EQ(weir.query_wait_timeout, milliseconds(500));
  EXPECT_EQ(weir.server_idle_timeout, seconds(600));
  EXPECT_EQ(weir.tcp_user_timeout, milliseconds(750));
  EXPECT_EQ(weir.max_packet_size, 64 << 20);
  EXPECT_THAT(weir.admin_users, ElementsAre("root", "ops"));
  EXPECT_TRUE(weir.server_fast_close);
  EXPECT_EQ(weir.unix_socket_mode.bits, 0770U);
  ASSERT_EQ(weir.proxy_protocol_from.size(), 2U);
  EXPECT_EQ(to_text(weir.proxy_protocol_from[1]), "fd00::/8");
  EXPECT_EQ(weir.conffile, "weir.toml");
  EXPECT_EQ(config->workers.count, 3);
  const Database* app = config->find_database("app");
  ASSERT_NE(app, nullptr);
  EXPECT_EQ(app->name, "app");
  EXPECT_EQ(app->reserve_pool_size, 2);
  EXPECT_EQ(app->target_session_attrs, TargetSessionAttrs::kReadWrite);
  EXPECT_THAT(config->hosts(*app), ElementsAre(HostPort{"a.example", 5432}, HostPort{"b.example", 5433}));
  EXPECT_EQ(config->find_database("other"), &*config->fallback);
  EXPECT_EQ(config->pool_mode(*app, "jane"), PoolMode::kStatement);
  EXPECT_EQ(config->query_timeout(*app, "jane"), seconds(3));
  const UserSecret* secret = config->find_secret("jane");
  ASSERT_NE(secret, nullptr);
  EXPECT_EQ(std::get<PlainSecret>(*secret).password, Secret("secret"));
  EXPECT_EQ(config->peers.at(2).id, 2);
}

TEST(Load, AllProblemsComeAtOnceInOrderOfLines) {
  EXPECT_THAT(
      problems(R"([weir]
listen_port = 70000
pool_mode = "transactoin"
defualt_pool_size = 20
server_lifetime = "soon"
server_round_robin = 2
max_client_conn = 1.5
auth_type = true

[weri]
x = 1

[databases.app]
port = "many"
pool_sizee = 5
[databases]
bad = 3
[peers.x]
host = "a"
)"),
      ElementsAre(
          "weir.toml:2:15: listen_port must be between 1 and 65535",
          "weir.toml:3:13: pool_mode must be one of session, transaction, statement, not 'transactoin'; "
          "did you mean 'transaction'?",
          "weir.toml:4:1: unknown setting 'defualt_pool_size' in [weir]; did you mean "
          "'default_pool_size'?",
          "weir.toml:5:19: server_lifetime must be a number of seconds or a text such as \"500ms\", "
          "\"15s\" or \"2min\", not 'soon'",
          "weir.toml:6:22: server_round_robin must be true or false, not '2'",
          "weir.toml:7:19: max_client_conn must be a whole number, not '1.5'",
          "weir.toml:8:13: auth_type must be a word",
          "weir.toml:10:2: unknown section [weri]; did you mean 'weir'?",
          "weir.toml:14:8: port must be a whole number, not 'many'",
          "weir.toml:15:1: unknown setting 'pool_sizee' in [databases.NAME]; did you mean 'pool_size'?",
          "weir.toml:17:1: databases.bad must be a section: [databases.bad] with its settings below",
          "weir.toml:18:8: a peer's name is its number from 1 to 16383, not 'x'"));
}

TEST(Load, SettingOutsideASectionIsToldWhereToGo) {
  EXPECT_THAT(
      problems("listen_port = 1\nlisten_prt = 1\n"),
      ElementsAre(
          "weir.toml:1:1: listen_port stands outside a section: put it below [weir]",
          "weir.toml:2:1: unknown setting 'listen_prt' outside a section; did you mean 'listen_port'?"));
}

TEST(Load, SyntaxErrorHasItsPlace) {
  const auto found = problems("[weir]\nlisten_port = = 1\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("weir.toml:2:15: "));
}

TEST(Load, BadFileGivesNoConfig) { EXPECT_EQ(load("[weir]\nlisten_port = 0\n").config, nullptr); }

TEST(Load, VariablesOfTheEnvironmentAreExpanded) {
  FixedSurroundings around;
  around.variables = {{"PORT", "7001"}, {"PW", "hush"}};
  const ConfigPtr config = good(R"([weir]
listen_port = "${PORT}"
server_reset_query = "SELECT $1, $${x}"
[users.u]
password = "a${PW}b"
)",
                                around);
  EXPECT_EQ(config->weir.listen_port, 7001);
  EXPECT_EQ(config->weir.server_reset_query, "SELECT $1, ${x}");
  EXPECT_EQ(config->users.at("u").password->reveal(), "ahushb");
}

TEST(Load, MissingVariableIsAProblem) {
  EXPECT_THAT(
      problems("[weir]\nauth_user = \"${NOPE}\"\njob_name = \"${a b}\"\nuser = \"${\"\n"),
      ElementsAre("weir.toml:2:13: auth_user needs the environment variable NOPE, which is not set",
                  HasSubstr("weir.toml:3:12: job_name has ${a b}, which names no environment variable"),
                  HasSubstr("weir.toml:4:8: user has a ${ without its }")));
}

TEST(Load, HttpHasATokenThatMayComeFromElsewhere) {
  FixedSurroundings around;
  around.files = {{"/run/token", "from-a-file\n"}};
  around.variables = {{"TOKEN", "from-outside"}};
  const auto http = [&around](const std::string& text) {
    const LoadResult result = load_text("[http]\nport = 9127\n" + text + "[databases.x]\n", "weir.toml", around);
    EXPECT_NE(result.config, nullptr) << to_text(result.problems);
    return result.config ? result.config->http : Http();
  };
  EXPECT_EQ(http("").port, 9127);
  EXPECT_FALSE(http("").token);
  EXPECT_EQ(http("token = \"${TOKEN}\"\n").token->reveal(), "from-outside");
  EXPECT_EQ(http("token_file = \"/run/token\"\n").token->reveal(), "from-a-file");
  EXPECT_EQ(http("max_request_size = \"16kB\"\nrequest_timeout = \"500ms\"\n").max_request_size, 16 * 1024);
  EXPECT_THAT(problems("[http]\nport = 70000\ntokn = \"x\"\n", around),
              ElementsAre(HasSubstr("weir.toml:2:8: port must be between 0 and 65535"),
                          HasSubstr("unknown setting 'tokn' in [http]; did you mean 'token'?")));
}

TEST(Load, SecretsComeFromFiles) {
  FixedSurroundings around;
  around.files = {{"/etc/weir/pw", "one\n"}, {"/run/two", "two\r\n"}, {"/run/three", "a\nb\n"}};
  const std::string text = R"([users.a]
password = { file = "pw" }
[users.b]
password_file = "/run/two"
)";
  const LoadResult result = load_text(text, "/etc/weir/weir.toml", around);
  ASSERT_NE(result.config, nullptr) << to_text(result.problems);
  EXPECT_EQ(result.config->users.at("a").password->reveal(), "one");
  EXPECT_EQ(result.config->users.at("b").password->reveal(), "two");
  EXPECT_THAT(
      problems(
          "[users.a]\npassword_file = \"/run/three\"\n[users.b]\npassword_file = \"/run/none\"\n"
          "[users.c]\npassword = \"x\"\npassword_file = \"/run/two\"\n[users.d]\npassword = {path = 1}\n",
          around),
      ElementsAre("weir.toml:2:17: password_file must name a file with the secret on its only line",
                  "weir.toml:4:17: password_file cannot read /run/none: No such file or directory",
                  "weir.toml:7:1: password_file and password are both set: keep one",
                  HasSubstr("password must be a text, or { file = \"path\" }")));
}

TEST(Load, EnvironmentWinsOverTheFile) {
  FixedSurroundings around;
  around.variables = {
      {"WEIR_LISTEN_PORT", "7002"}, {"WEIR_POOL_MODE", "session"}, {"WEIR_ADMIN_USERS", "a,b"}};
  const ConfigPtr config = good("[weir]\nlisten_port = 1\n", around);
  EXPECT_EQ(config->weir.listen_port, 7002);
  EXPECT_EQ(config->weir.pool_mode, PoolMode::kSession);
  EXPECT_THAT(config->weir.admin_users, ElementsAre("a", "b"));
  around.variables = {{"WEIR_LISTEN_PORT", "x"}};
  EXPECT_THAT(
      problems("", around),
      ElementsAre("environment variable WEIR_LISTEN_PORT: listen_port must be a whole number, not 'x'"));
}

TEST(Load, DatabaseUrlComesFromTheEnvironment) {
  FixedSurroundings around;
  around.variables = {{"DATABASE_URL", "postgres://u:p@db.example:5555/app"}};
  const ConfigPtr alone = good("", around);
  ASSERT_TRUE(alone->fallback);
  EXPECT_THAT(alone->hosts(*alone->fallback), ElementsAre(HostPort{"db.example", 5555}));
  EXPECT_NE(alone->find_secret("u"), nullptr);
  // A file with databases means them, whatever else the machine has in its environment.
  const ConfigPtr with_file = good("[databases.x]\n", around);
  EXPECT_FALSE(with_file->fallback);
  around.variables = {{"WEIR_DATABASE_URL", "postgres://db.example"}};
  EXPECT_TRUE(good("[databases.x]\n", around)->fallback);
  around.variables = {{"WEIR_DATABASE_URL", "postgres://u:hush@[::1/"}};
  const auto found = problems("", around);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], testing::Not(HasSubstr("hush")));
}

TEST(Load, PathsAreRelativeToTheFile) {
  FixedSurroundings around;
  around.files = {{"/etc/weir/users.txt", "\"u\" \"pw\"\n"}};
  const LoadResult result = load_text("[weir]\nauth_file = \"users.txt\"\n", "/etc/weir/weir.toml", around);
  ASSERT_NE(result.config, nullptr) << to_text(result.problems);
  EXPECT_EQ(result.config->weir.auth_file, "/etc/weir/users.txt");
  EXPECT_NE(result.config->find_secret("u"), nullptr);
}

TEST(Load, ProblemsOfNamedFilesCarryTheirOwnPlace) {
  FixedSurroundings around;
  around.files = {{"users.txt", "\"u\" \"pw\"\nbroken\n"},
                  {"hba.conf", "local all all trust\nhost all all nowhere md5\n"}};
  EXPECT_THAT(
      problems("[weir]\nauth_file = \"users.txt\"\nauth_type = \"hba\"\nauth_hba_file = \"hba.conf\"\n"
               "auth_ident_file = \"missing\"\n",
               around),
      testing::UnorderedElementsAre(
          "users.txt:2:1: must be \"user\" \"secret\", both in double quotes",
          HasSubstr("hba.conf:2:14: 'nowhere'"),
          "weir.toml:5:19: auth_ident_file: cannot read missing: No such file or directory"));
}

TEST(Load, MissingFileIsAProblemNotACrash) {
  const LoadResult result = load_file("nowhere.toml", FixedSurroundings());
  EXPECT_EQ(result.config, nullptr);
  EXPECT_EQ(to_text(result.problems), "nowhere.toml: cannot read nowhere.toml: No such file or directory\n");
}

TEST(Load, DeepNestingIsRefusedBeforeItIsParsed) {
  std::string dotted = "a";
  for (int i = 0; i < 100'000; ++i) dotted += ".a";
  EXPECT_THAT(problems(dotted + " = 1\n"), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(problems("[" + dotted + "]\n"), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(problems("x = " + std::string(100'000, '[')), ElementsAre(HasSubstr("nested deeper")));
  EXPECT_THAT(problems("[weir]\nauth_user = \"" + std::string(1000, '.') + std::string(1000, '[') + "\" # " +
                       std::string(1000, '.') + "\n"),
              IsEmpty());
}

TEST(Load, LettersOutsideAsciiBelongInQuotes) {
  for (const char* bad :
       {"[weir]\n\xc3\xbc = 1\n", "[weir]\nlisten_port = 1 \xc3\xbc\n", "[weir]\nlisten_port = \xd7\x90\n"}) {
    EXPECT_FALSE(problems(bad).empty()) << bad;
  }
  EXPECT_EQ(good("[weir]\nauth_user = \"\"\"\xc3\xa9\\\n \xc3\xbc\"\"\"\n")->weir.auth_user,
            "\xc3\xa9\xc3\xbc");
  EXPECT_TRUE(good("[databases.\"\xc3\xbc\"]\n")->databases.contains("\xc3\xbc"));
  EXPECT_EQ(good("\xef\xbb\xbf[weir]\nlisten_port = 2\n")->weir.listen_port, 2) << "a byte order mark";
}

TEST(Load, EveryTruncationIsAnswered) {
  for (std::size_t length = 0; length <= kWhole.size(); ++length) {
    const LoadResult result = load(kWhole.substr(0, length));
    EXPECT_EQ(result.config == nullptr, !result.problems.empty()) << length;
  }
}

TEST(Load, EverySingleByteChangeIsAnswered) {
  for (std::size_t i = 0; i < kWhole.size(); ++i) {
    for (const char c : {'\0', '"', '[', '=', '.', '\n', '\xff', '9', '$'}) {
      std::string text(kWhole);
      text[i] = c;
      const LoadResult result = load(text);
      ASSERT_EQ(result.config == nullptr, !result.problems.empty()) << i;
    }
  }
}

TEST(LoadUrl, ServesThatServerOnLoopback) {
  FixedSurroundings around;
  around.variables = {{"WEIR_LISTEN_ADDR", "*"}, {"WEIR_LISTEN_PORT", "7003"}};
  const LoadResult result = load_url("postgres://u:p%40ss@db.example/app?sslmode=require", around);
  ASSERT_NE(result.config, nullptr) << to_text(result.problems);
  const Config& config = *result.config;
  EXPECT_THAT(config.weir.listen_addr, ElementsAre("127.0.0.1"));
  EXPECT_EQ(config.weir.listen_port, 7003);
  EXPECT_EQ(config.weir.auth_type, AuthType::kScram);
  EXPECT_EQ(std::get<PlainSecret>(*config.find_secret("u")).password, Secret("p@ss"));
  EXPECT_TRUE(config.is_admin("u"));
  EXPECT_EQ(config.server_tls_mode(*config.find_database("app")), TlsMode::kRequire);
  EXPECT_NE(config.find_database("anything"), nullptr);
  EXPECT_FALSE(load_url("mysql://x", around).problems.empty());
}

}  // namespace
}  // namespace conf
