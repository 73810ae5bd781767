#include "conf/hba.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace conf {
namespace {

using ::testing::HasSubstr;

class Files final : public HbaFiles {
 public:
  std::map<std::string, std::string, std::less<>> texts;
  std::optional<std::string> read(std::string_view name) const override {
    const auto found = texts.find(name);
    return found != texts.end() ? std::optional(found->second) : std::nullopt;
  }
};

Hba parse(std::string_view text, const Files& files = {}) {
  std::vector<TextProblem> problems;
  Hba hba = parse_hba(text, files, problems);
  for (const TextProblem& problem : problems) ADD_FAILURE() << problem.line << ": " << problem.message;
  return hba;
}

struct Facts {
  std::string address{};  // empty: Unix socket
  bool tls = false;
  std::string database = "db";
  std::string user = "jane";
  bool replication = false;
};

// The line of the rule that decides, 0 for none.
int decided_by(const Hba& hba, const Facts& facts, std::span<const HostNetwork> networks = {}) {
  HbaConnection connection;
  if (!facts.address.empty()) connection.address = parse_ip(facts.address);
  connection.tls = facts.tls;
  connection.physical_replication = facts.replication;
  connection.database = facts.database;
  connection.user = facts.user;
  connection.host_networks = networks;
  const HbaRule* rule = hba.match(connection);
  return rule != nullptr ? rule->line : 0;
}

TEST(HbaMatch, FirstRuleThatAppliesDecides) {
  const Hba hba = parse(
      "host all all 10.0.0.5/32 reject\n"
      "host all all 10.0.0.0/8 scram-sha-256\n"
      "host all all 0.0.0.0/0 md5\n");
  EXPECT_EQ(decided_by(hba, {.address = "10.0.0.5"}), 1);
  EXPECT_EQ(decided_by(hba, {.address = "10.0.0.6"}), 2);
  EXPECT_EQ(decided_by(hba, {.address = "11.0.0.1"}), 3);
  EXPECT_EQ(decided_by(hba, {.address = "::1"}), 0) << "an IPv4 network never holds an IPv6 address";
  EXPECT_EQ(decided_by(hba, {}), 0) << "host rules are not for Unix sockets";
}

TEST(HbaMatch, ConnectionTypesChooseByTransport) {
  const Hba hba = parse(
      "local all all peer\n"
      "hostgssenc all all all trust\n"
      "hostssl all tls all cert\n"
      "hostnossl all plain all md5\n"
      "hostnogssenc all any all md5\n"
      "host all both all md5\n");
  EXPECT_EQ(decided_by(hba, {}), 1);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .tls = true, .user = "tls"}), 3);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .user = "tls"}), 0);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .user = "plain"}), 4);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .tls = true, .user = "plain"}), 0);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .user = "any"}), 5);
  EXPECT_EQ(decided_by(hba, {.address = "1.1.1.1", .tls = true, .user = "both"}), 6);
}

TEST(HbaMatch, ListsKeywordsAndQuotesName) {
  const Hba hba = parse(
      "local a,b jane trust\n"
      "local a, c  bob,eve md5\n"
      "local sameuser all trust\n"
      "local \"all\" \"all\" reject\n"
      "local \"sam eu\"\"ser\" all peer\n");
  EXPECT_EQ(decided_by(hba, {.database = "b"}), 1);
  EXPECT_EQ(decided_by(hba, {.database = "c", .user = "eve"}), 2);
  EXPECT_EQ(decided_by(hba, {.database = "c", .user = "jane"}), 0);
  EXPECT_EQ(decided_by(hba, {.database = "jane", .user = "jane"}), 3);
  EXPECT_EQ(decided_by(hba, {.database = "all", .user = "all"}), 3);
  EXPECT_EQ(decided_by(hba, {.database = "x", .user = "y"}), 0) << "a quoted all is a name";
  EXPECT_EQ(decided_by(hba, {.database = "sam eu\"ser"}), 5);
}

TEST(HbaMatch, PhysicalReplicationNeedsItsKeyword) {
  const Hba hba = parse("local all all trust\nlocal replication jane md5\n");
  EXPECT_EQ(decided_by(hba, {.replication = true}), 2);
  EXPECT_EQ(decided_by(hba, {.user = "bob", .replication = true}), 0);
  EXPECT_EQ(decided_by(parse("local replication all trust\n"), {.database = "replication"}), 0)
      << "a database of that name needs quotes";
  EXPECT_EQ(decided_by(parse("local \"replication\" all trust\n"), {.database = "replication"}), 1);
}

TEST(HbaMatch, AddressesAreNetworksMasksOrOwn) {
  const Hba hba = parse(
      "host all all 192.168.0.0 255.255.255.0 md5\n"
      "host all all fd00::/8 md5\n"
      "host all all samehost md5\n"
      "host all all samenet md5\n");
  const std::vector<HostNetwork> own{{*parse_ip("172.16.5.9"), *parse_cidr("172.16.5.0/24")}};
  EXPECT_EQ(decided_by(hba, {.address = "192.168.0.77"}, own), 1);
  EXPECT_EQ(decided_by(hba, {.address = "192.168.1.77"}, own), 0);
  EXPECT_EQ(decided_by(hba, {.address = "fd12::1"}, own), 2);
  EXPECT_EQ(decided_by(hba, {.address = "172.16.5.9"}, own), 3);
  EXPECT_EQ(decided_by(hba, {.address = "172.16.5.10"}, own), 4);
  EXPECT_EQ(decided_by(hba, {.address = "172.16.6.10"}, own), 0);
}

TEST(HbaMatch, ListsMayStandInFiles) {
  Files files;
  files.texts = {{"dbs", "one, two # comment\nthree\n@more"}, {"more", "four"}};
  const Hba hba = parse("local @dbs all trust\nlocal \"@dbs\" all md5\n", files);
  for (const char* name : {"one", "two", "three", "four"})
    EXPECT_EQ(decided_by(hba, {.database = name}), 1) << name;
  EXPECT_EQ(decided_by(hba, {.database = "@dbs"}), 2);
}

TEST(HbaParse, OptionsAreKept) {
  const Hba hba = parse(
      "hostssl all all all cert map=people\n"
      "hostssl all all all md5 clientcert=verify-ca\n"
      "host all all all ldap ldapserver=ldap.example ldapprefix=\"cn=\" ldapsuffix=\", dc=example\"\n"
      "host all all all pam pamservice=weir\n"
      "local all all ident map=x\n");
  EXPECT_EQ(hba.rules[0].map, "people");
  EXPECT_EQ(hba.rules[0].clientcert, ClientCert::kVerifyFull) << "cert implies it";
  EXPECT_EQ(hba.rules[1].clientcert, ClientCert::kVerifyCa);
  EXPECT_EQ(hba.rules[2].option("ldapprefix"), "cn=");
  EXPECT_EQ(hba.rules[2].option("ldapsuffix"), ", dc=example");
  EXPECT_EQ(hba.rules[3].option("pamservice"), "weir");
  EXPECT_EQ(hba.rules[4].method, HbaMethod::kPeer) << "ident on a local line means peer";
}

TEST(HbaParse, CommentsBlanksAndContinuedLines) {
  const Hba hba = parse("# all\n\n  local all\\\n   all trust # rest\r\nlocal x x md5");
  ASSERT_EQ(hba.rules.size(), 2U);
  EXPECT_EQ(hba.rules[0].line, 3);
  EXPECT_EQ(hba.rules[1].line, 5);
}

struct Wrong {
  const char* line;
  int column;
  const char* message;
};

TEST(HbaParse, WrongLinesSayWhatIsWrong) {
  const Wrong cases[] = {
      {"hots all all all md5", 1, "did you mean 'host'?"},
      {"local", 1, "the line ends where the database should be"},
      {"local all", 7, "the line ends where the user should be"},
      {"local all all", 11, "the line ends where the method should be"},
      {"host all all md5", 14, "'md5' is no address"},
      {"host all all db.example md5", 14, "host names are not supported here"},
      {"host all all 10.0.0.1 md5", 23, "'md5' is no mask"},
      {"host all all 10.0.0.0/33 md5", 14, "is no network"},
      {"host all all 10.0.0.0 255.0.255.0 md5", 23, "is no mask"},
      {"local all all mdfive", 15, "the method must be one of"},
      {"host all all all gss", 18, "gss is not supported"},
      {"host all all all peer", 18, "peer works on local lines only"},
      {"host all all all cert", 18, "cert works on hostssl lines only"},
      {"local all +staff md5", 11, "role memberships"},
      {"local samerole all md5", 7, "role memberships"},
      {"local @nowhere all md5", 7, "cannot read the list"},
      {"local all all md5 map=x", 19, "map= belongs to"},
      {"host all all all md5 clientcert=verify-ca", 22, "hostssl"},
      {"hostssl all all all cert clientcert=verify-ca", 26, "must be verify-full"},
      {"local all all md5 what", 19, "is no option"},
      {"local all all md5 pamservice=x", 19, "does not belong"},
      {"host all all all ldap", 18, "needs ldapserver="},
      {"host all all all ldap ldapserver=x", 23, "needs ldapbasedn="},
      {"host all all all ldap ldapserver=x ldapprefix=a ldapbasedn=b", 49, "cannot go together"},
      {"host,local all all md5", 1, "must be one word"},
  };
  for (const Wrong& c : cases) {
    std::vector<TextProblem> problems;
    const Hba hba = parse_hba(std::string("\n") + c.line + "\nlocal all all trust\n", Files(), problems);
    EXPECT_EQ(hba.rules.size(), 1U) << c.line;
    ASSERT_EQ(problems.size(), 1U) << c.line;
    EXPECT_EQ(problems[0].line, 2);
    EXPECT_EQ(problems[0].column, c.column) << c.line << ": " << problems[0].message;
    EXPECT_THAT(problems[0].message, HasSubstr(c.message)) << c.line;
  }
}

TEST(HbaParse, ListThatNamesItselfEnds) {
  Files files;
  files.texts = {{"loop", "a @loop"}};
  std::vector<TextProblem> problems;
  EXPECT_TRUE(parse_hba("local @loop all trust\n", files, problems).rules.empty());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].message, HasSubstr("nested too deep"));
}

TEST(HbaParse, EveryTruncationIsAnswered) {
  const std::string text =
      "local \"a\"\"b\",c all peer map=m\nhostssl all x,y 10.0.0.0 255.0.0.0 cert\\\n map=z # c\nhost all "
      "all ::/0 ldap "
      "ldapserver=\"a b\" ldapbasedn=x\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    std::vector<TextProblem> problems;
    const Hba hba = parse_hba(std::string_view(text).substr(0, length), Files(), problems);
    EXPECT_LE(hba.rules.size() + problems.size(), 3U);
  }
}

}  // namespace
}  // namespace conf
