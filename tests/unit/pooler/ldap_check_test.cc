#include "pooler/ldap_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ldap.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "slapd.h"

namespace {

using namespace std::chrono_literals;
using Options = std::vector<std::pair<std::string, std::string>>;

class LdapCheck : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    slapd_ = std::make_unique<test::Slapd>();
    // What TLS_CACERT in ldap.conf would say.
    ASSERT_EQ(::ldap_set_option(nullptr, LDAP_OPT_X_TLS_CACERTFILE, slapd_->certificate().c_str()), LDAP_OPT_SUCCESS);
  }
  static void TearDownTestSuite() { slapd_.reset(); }

  // The SQLSTATE of the verdict, "ok" for a good password.
  static std::string ask(Options options, const std::string& user, const std::string& password) {
    options.insert(options.begin(), {{"ldapserver", "127.0.0.1"}, {"ldapport", std::to_string(slapd_->port())}});
    const auto settings = pooler::ldap_settings(options);
    if (!settings.ok()) return to_text(settings.error());
    const auto verdict = pooler::check_ldap(*settings, user, conf::Secret(password));
    last_ = verdict.ok() ? "" : to_text(verdict.error());
    EXPECT_EQ(last_.find(password.empty() ? "\n" : password), std::string::npos) << "never in an error";
    return verdict.ok() ? "ok" : verdict.error().sqlstate;
  }

  static std::unique_ptr<test::Slapd> slapd_;
  static std::string last_;
};
std::unique_ptr<test::Slapd> LdapCheck::slapd_;
std::string LdapCheck::last_;

const Options kSimple{{"ldapprefix", "uid="}, {"ldapsuffix", ",ou=people,dc=example,dc=com"}};
const Options kSearch{{"ldapbasedn", "dc=example,dc=com"}};

TEST_F(LdapCheck, ASimpleBindTellsRightFromWrong) {
  EXPECT_EQ(ask(kSimple, "alice", "alicepw"), "ok") << last_;
  EXPECT_EQ(ask(kSimple, "alice", "bobpw"), "28P01");
  EXPECT_EQ(ask(kSimple, "nobody", "alicepw"), "28P01");
}

TEST_F(LdapCheck, ASearchAndABindTellRightFromWrong) {
  EXPECT_EQ(ask(kSearch, "alice", "alicepw"), "ok") << last_;
  EXPECT_EQ(ask(kSearch, "alice", "bobpw"), "28P01");
  EXPECT_EQ(ask(kSearch, "nobody", "alicepw"), "28000");
  EXPECT_THAT(last_, testing::HasSubstr("no entries"));
}

TEST_F(LdapCheck, TheSearchMayHaveANameOfItsOwn) {
  Options options = kSearch;
  options.insert(options.end(), {{"ldapbinddn", "cn=admin,dc=example,dc=com"}, {"ldapbindpasswd", "adminpw"}});
  EXPECT_EQ(ask(options, "alice", "alicepw"), "ok") << last_;
  options.back().second = "wrong";
  EXPECT_EQ(ask(options, "alice", "alicepw"), "28000");
  EXPECT_THAT(last_, testing::HasSubstr("to search"));
}

TEST_F(LdapCheck, FiltersAndAttributesFindTheUser) {
  Options by_cn = kSearch;
  by_cn.emplace_back("ldapsearchattribute", "cn");
  EXPECT_EQ(ask(by_cn, "Alice", "alicepw"), "ok") << last_;
  Options by_filter = kSearch;
  by_filter.emplace_back("ldapsearchfilter", "(|(uid=$username)(cn=$username))");
  EXPECT_EQ(ask(by_filter, "alice", "alicepw"), "ok") << last_;
  EXPECT_EQ(ask(by_filter, "Alice", "alicepw"), "ok") << last_;
}

TEST_F(LdapCheck, AnAmbiguousUserIsRefused) {
  Options by_cn = kSearch;
  by_cn.emplace_back("ldapsearchattribute", "cn");
  EXPECT_EQ(ask(by_cn, "twin", "bobpw"), "28000");
  EXPECT_THAT(last_, testing::HasSubstr("several"));
}

TEST_F(LdapCheck, AUrlDoesAllOfIt) {
  const std::string url = "ldap://127.0.0.1:" + std::to_string(slapd_->port()) + "/dc=example,dc=com?uid?sub";
  const auto settings = pooler::ldap_settings({{"ldapurl", url}});
  ASSERT_TRUE(settings.ok());
  EXPECT_TRUE(pooler::check_ldap(*settings, "alice", conf::Secret("alicepw")).ok());
  EXPECT_FALSE(pooler::check_ldap(*settings, "alice", conf::Secret("x")).ok());
}

TEST_F(LdapCheck, HostileNamesAreNamesOnly) {
  EXPECT_EQ(ask(kSearch, "*", "alicepw"), "28000");
  EXPECT_EQ(ask(kSearch, "ali*", "alicepw"), "28000");
  EXPECT_EQ(ask(kSearch, "alice)(objectClass=*", "alicepw"), "28000");
  EXPECT_EQ(ask(kSimple, "alice,ou=people,dc=example,dc=com+x=", "alicepw"), "28P01");
  const Options shorter{{"ldapprefix", "uid="}, {"ldapsuffix", ",dc=example,dc=com"}};
  EXPECT_EQ(ask(shorter, "alice,ou=people", "alicepw"), "28P01") << "a user cannot choose a branch of the tree";
  EXPECT_EQ(ask(kSearch, "", "alicepw"), "28000");
}

TEST_F(LdapCheck, ACommaInANameIsNoObstacle) {
  EXPECT_EQ(ask(kSimple, "a,b", "comma"), "ok") << last_;
  EXPECT_EQ(ask(kSearch, "a,b", "comma"), "ok") << last_;
}

TEST_F(LdapCheck, AnEmptyPasswordIsNoAnonymousVisit) {
  // This server would welcome it: with a name and no password it sees an anonymous visitor.
  EXPECT_EQ(ask(kSimple, "alice", ""), "28P01");
  EXPECT_EQ(ask(kSearch, "alice", ""), "28P01");
}

TEST_F(LdapCheck, StartTlsChecksTheCertificate) {
  Options options = kSimple;
  options.emplace_back("ldaptls", "1");
  EXPECT_EQ(ask(options, "alice", "alicepw"), "ok") << last_;
  EXPECT_EQ(ask(options, "alice", "bobpw"), "28P01") << last_;

  // The certificate is made out to the address, not to this name.
  Options by_name{{"ldapurl", "ldap://localhost:" + std::to_string(slapd_->port())}, {"ldaptls", "1"}};
  by_name.insert(by_name.end(), kSimple.begin(), kSimple.end());
  const auto settings = pooler::ldap_settings(by_name);
  ASSERT_TRUE(settings.ok()) << to_text(settings.error());
  const auto verdict = pooler::check_ldap(*settings, "alice", conf::Secret("alicepw"));
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().sqlstate, "08006") << to_text(verdict.error());
}

TEST_F(LdapCheck, TheNextServerIsAskedWhereTheFirstIsDown) {
  const auto settings = pooler::ldap_settings({{"ldapserver", "127.0.0.1"}, {"ldapport", "1"}, kSimple[0], kSimple[1]});
  ASSERT_TRUE(settings.ok());
  const auto down = pooler::check_ldap(*settings, "alice", conf::Secret("alicepw"));
  ASSERT_FALSE(down.ok());
  EXPECT_EQ(down.error().sqlstate, "08006");
  auto both = *settings;
  both.uris.push_back("ldap://127.0.0.1:" + std::to_string(slapd_->port()));
  EXPECT_TRUE(pooler::check_ldap(both, "alice", conf::Secret("alicepw")).ok());
}

TEST(LdapServerThatHangs, IsGivenUpOn) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 5), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto settings = pooler::ldap_settings(
      {{"ldapserver", "127.0.0.1"}, {"ldapport", std::to_string(ntohs(address.sin_port))}, kSimple[0], kSimple[1]});
  const auto begin = std::chrono::steady_clock::now();
  const auto verdict = pooler::check_ldap(*settings, "alice", conf::Secret("alicepw"));
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().sqlstate, "08006");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2 * pooler::kLdapStepTimeout);
  ::close(listener);
}

}  // namespace
