#include "pooler/ldap_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using pooler::ldap_settings;
using pooler::LdapScope;
using pooler::LdapSettings;
using testing::ElementsAre;
using testing::HasSubstr;
using Options = std::vector<std::pair<std::string, std::string>>;

LdapSettings good(const Options& options) {
  auto settings = ldap_settings(options);
  EXPECT_TRUE(settings.ok()) << (settings.ok() ? "" : to_text(settings.error()));
  return settings.ok() ? *std::move(settings) : LdapSettings{};
}

std::string wrong(const Options& options) {
  const auto settings = ldap_settings(options);
  if (settings.ok()) return "fine";
  EXPECT_EQ(settings.error().sqlstate, "F0000");
  return settings.error().message;
}

TEST(LdapOptions, ServersBecomeUrisInTheirOrder) {
  const auto settings = good({{"ldapserver", "one.example two.example"}, {"ldapprefix", "uid="}});
  EXPECT_THAT(settings.uris, ElementsAre("ldap://one.example:389", "ldap://two.example:389"));
  EXPECT_FALSE(settings.start_tls);
  EXPECT_FALSE(settings.searches());
}

TEST(LdapOptions, SchemeAndPortShapeTheUri) {
  EXPECT_THAT(good({{"ldapserver", "h"}, {"ldapscheme", "ldaps"}, {"ldapsuffix", "@d"}}).uris,
              ElementsAre("ldaps://h:636"));
  EXPECT_THAT(good({{"ldapserver", "h"}, {"ldapport", "3389"}, {"ldapsuffix", "@d"}}).uris,
              ElementsAre("ldap://h:3389"));
  EXPECT_THAT(good({{"ldapserver", "2001:db8::1"}, {"ldapsuffix", "@d"}}).uris, ElementsAre("ldap://[2001:db8::1]:389"));
}

TEST(LdapOptions, AUrlSaysEverythingAboutASearch) {
  const auto settings = good({{"ldapurl", "ldap://ldap.example:1389/dc=example,dc=net?cn?sub"}});
  EXPECT_THAT(settings.uris, ElementsAre("ldap://ldap.example:1389"));
  EXPECT_EQ(settings.base_dn, "dc=example,dc=net");
  EXPECT_EQ(settings.filter, "(cn=$username)");
  EXPECT_EQ(settings.scope, LdapScope::kSubtree);

  const auto filtered = good({{"ldapurl", "ldaps://h/dc=example??one?(|(uid=$username)(mail=$username))"}});
  EXPECT_THAT(filtered.uris, ElementsAre("ldaps://h:636"));
  EXPECT_EQ(filtered.filter, "(|(uid=$username)(mail=$username))");
  EXPECT_EQ(filtered.scope, LdapScope::kOne);
  EXPECT_EQ(good({{"ldapurl", "ldap://h/dc=example?uid"}}).scope, LdapScope::kBase) << "as in PostgreSQL's manual";
}

TEST(LdapOptions, SearchesByUidInTheWholeTreeUnlessToldOtherwise) {
  const auto settings = good({{"ldapserver", "h"}, {"ldapbasedn", "dc=example"}});
  EXPECT_EQ(settings.filter, "(uid=$username)");
  EXPECT_EQ(settings.scope, LdapScope::kSubtree);
  EXPECT_EQ(good({{"ldapserver", "h"}, {"ldapbasedn", "d"}, {"ldapsearchattribute", "sAMAccountName"}}).filter,
            "(sAMAccountName=$username)");
}

TEST(LdapOptions, RefusesWhatCannotWork) {
  EXPECT_THAT(wrong({}), HasSubstr("ldapserver"));
  EXPECT_THAT(wrong({{"ldapserver", "  "}, {"ldapprefix", "x"}}), HasSubstr("ldapserver"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}}), HasSubstr("ldapbasedn"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapbasedn", "y"}}), HasSubstr("search"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapbinddn", "y"}}), HasSubstr("search"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapbasedn", "b"}, {"ldapsearchattribute", "a"}, {"ldapsearchfilter", "f"}}),
              HasSubstr("together"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapport", "0"}}), HasSubstr("ldapport"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapport", "70000"}}), HasSubstr("ldapport"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldaptls", "yes"}}), HasSubstr("ldaptls"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapscheme", "http"}}), HasSubstr("ldapscheme"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapscheme", "ldaps"}, {"ldaptls", "1"}}),
              HasSubstr("ldaps"));
  EXPECT_THAT(wrong({{"ldapserver", "h"}, {"ldapprefix", "x"}, {"ldapbase", "y"}}), HasSubstr("ldapbase"));
  EXPECT_THAT(wrong({{"ldapurl", "http://h/x"}}), HasSubstr("ldapurl"));
  EXPECT_THAT(wrong({{"ldapurl", "ldap:///dc=x?uid?sub"}}), HasSubstr("host"));
}

TEST(LdapOptions, AUserIsAValueInAFilterAndNeverSyntax) {
  LdapSettings settings;
  settings.filter = "(&(uid=$username)(mail=$username@x))";
  EXPECT_EQ(pooler::ldap_filter(settings, "alice"), "(&(uid=alice)(mail=alice@x))");
  EXPECT_EQ(pooler::ldap_filter(settings, "*)(uid=*"), "(&(uid=\\2a\\29\\28uid=\\2a)(mail=\\2a\\29\\28uid=\\2a@x))");
  EXPECT_EQ(pooler::ldap_filter(settings, "$username"), "(&(uid=$username)(mail=$username@x))") << "not replaced again";
  EXPECT_EQ(pooler::escape_filter_value("a\\b\0c/d"s), "a\\5cb\\00c\\2fd");
  EXPECT_EQ(pooler::escape_filter_value("jürgen"), "jürgen");
}

TEST(LdapOptions, AUserIsAValueInADnAndNeverSyntax) {
  LdapSettings settings;
  settings.prefix = "uid=";
  settings.suffix = ",ou=people";
  EXPECT_EQ(pooler::ldap_bind_name(settings, "alice"), "uid=alice,ou=people");
  EXPECT_EQ(pooler::ldap_bind_name(settings, "x,ou=admins"), "uid=x\\2cou\\3dadmins,ou=people");
  EXPECT_EQ(pooler::escape_dn_value(" a b "), "\\20a b\\20");
  EXPECT_EQ(pooler::escape_dn_value("#1\n"), "\\231\\0a");
}

TEST(LdapOptions, ANameThatIsNoDnStandsAsItIs) {
  LdapSettings settings;
  settings.suffix = "@corp.example";
  EXPECT_EQ(pooler::ldap_bind_name(settings, "o'brien+x"), "o'brien+x@corp.example");
  settings = {};
  settings.prefix = "CORP\\";
  EXPECT_EQ(pooler::ldap_bind_name(settings, "alice"), "CORP\\alice");
}

}  // namespace
