#include "pooler/login_rules.h"

#include <gtest/gtest.h>

namespace {

constexpr auto kVerifier =
    "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

conf::Config with(int plain, int verifiers, int without = 0) {
  conf::Config config;
  int n = 0;
  const auto add = [&](int count, const char* secret) {
    for (int i = 0; i < count; ++i) config.userlist.users["u" + std::to_string(n++)] = conf::parse_secret(secret);
  };
  add(plain, "secret");
  add(verifiers, kVerifier);
  add(without, "");
  return config;
}

pooler::LoginFacts someone(bool unix_socket = false) {
  pooler::LoginFacts facts;
  facts.unix_socket = unix_socket;
  facts.database = "d";
  facts.user = "u";
  return facts;
}

TEST(LoginRules, AStrangerIsAskedForWhatMostUsersAreAskedFor) {
  EXPECT_FALSE(pooler::asks_unknown_for_scram(with(1, 0)));
  EXPECT_FALSE(pooler::asks_unknown_for_scram(with(3, 2)));
  EXPECT_TRUE(pooler::asks_unknown_for_scram(with(2, 3)));
  EXPECT_FALSE(pooler::asks_unknown_for_scram(with(1, 0, 5)));
}

TEST(LoginRules, WithSecretsFromPostgresqlAStrangerIsAskedForScram) {
  EXPECT_TRUE(pooler::asks_unknown_for_scram(with(0, 0)));
  EXPECT_TRUE(pooler::asks_unknown_for_scram(with(0, 0, 3)));
  conf::Config asks = with(5, 0);
  asks.weir.auth_user = "asker";
  EXPECT_TRUE(pooler::asks_unknown_for_scram(asks));
}

TEST(LoginRules, AuthTypesThatAreNotHbaHoldForEverybody) {
  conf::Config config;
  config.weir.auth_type = conf::AuthType::kCert;
  const auto rule = pooler::rule_for(config, someone());
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->method, pooler::LoginMethod::kCert);
  EXPECT_TRUE(rule->needs_client_cert && rule->cert_names_user);
}

TEST(LoginRules, WithoutARuleTheRefusalIsPostgresqls) {
  conf::Config config;
  config.weir.auth_type = conf::AuthType::kHba;
  const auto refused = pooler::rule_for(config, someone(true));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "28000");
  EXPECT_EQ(refused.error().message,
            "no pg_hba.conf entry for host \"[local]\", user \"u\", database \"d\", no encryption");
}

struct NoFiles final : conf::HbaFiles {
  std::optional<std::string> read(std::string_view) const override { return std::nullopt; }
};

conf::Config with_hba(std::string_view lines) {
  conf::Config config;
  config.weir.auth_type = conf::AuthType::kHba;
  std::vector<conf::TextProblem> problems;
  config.hba = conf::parse_hba(lines, NoFiles(), problems);
  EXPECT_TRUE(problems.empty());
  return config;
}

pooler::LoginFacts from(std::string_view address, bool tls = false) {
  pooler::LoginFacts facts = someone();
  facts.address = conf::parse_ip(address);
  facts.tls = tls;
  return facts;
}

TEST(LoginRules, TheFirstLineThatMatchesDecides) {
  const auto config = with_hba(
      "host d other 0.0.0.0/0 trust\n"
      "host d u 10.0.0.0/8 md5\n"
      "host all all 0.0.0.0/0 scram-sha-256\n");
  EXPECT_EQ(pooler::rule_for(config, from("10.0.0.1"))->method, pooler::LoginMethod::kMd5);
  EXPECT_EQ(pooler::rule_for(config, from("192.168.0.1"))->method, pooler::LoginMethod::kScram);
}

TEST(LoginRules, RejectIsARefusalInPostgresqlsWords) {
  const auto rule = pooler::rule_for(with_hba("host all all 0.0.0.0/0 reject\n"), from("10.0.0.1", true));
  ASSERT_FALSE(rule.ok());
  EXPECT_EQ(rule.error().sqlstate, "28000");
  EXPECT_EQ(rule.error().message,
            "pg_hba.conf rejects connection for host \"10.0.0.1\", user \"u\", database \"d\", SSL encryption");
}

TEST(LoginRules, AUnixSocketIsLocalAndMayNameAMap) {
  const auto rule = pooler::rule_for(with_hba("local all all peer map=m\n"), someone(true));
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->method, pooler::LoginMethod::kPeer);
  EXPECT_EQ(rule->map, "m");
}

TEST(LoginRules, ClientcertMayAskForACertificateBesidesThePassword) {
  const auto good = pooler::rule_for(with_hba("hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca\n"),
                                     from("10.0.0.1", true));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->method, pooler::LoginMethod::kScram);
  EXPECT_TRUE(good->needs_client_cert);
  EXPECT_FALSE(good->cert_names_user);
  const auto named = pooler::rule_for(with_hba("hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-full\n"),
                                      from("10.0.0.1", true));
  ASSERT_TRUE(named.ok());
  EXPECT_TRUE(named->cert_names_user);
}

TEST(LoginRules, TheRequestToLdapCarriesTheOptionsOfTheRule) {
  const auto config = with_hba("host all all 0.0.0.0/0 ldap ldapserver=dir.example.com ldapprefix=\"uid=\"\n");
  const auto rule = pooler::rule_for(config, from("10.0.0.1"));
  ASSERT_TRUE(rule.ok());
  const auto request = pooler::external_request(config, *rule);
  EXPECT_EQ(request.kind, pooler::ExternalKind::kLdap);
  EXPECT_FALSE(request.options.empty());
  EXPECT_EQ(request.options, rule->options);
}

}  // namespace
