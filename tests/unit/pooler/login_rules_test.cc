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

}  // namespace
