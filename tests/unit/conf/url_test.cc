#include "conf/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

DatabaseUrl good(std::string_view text) {
  auto url = parse_database_url(text);
  EXPECT_TRUE(url.ok()) << text << ": " << (url.ok() ? "" : url.error().message);
  return url.ok() ? std::move(url).value() : DatabaseUrl();
}

TEST(Url, EveryPartIsRead) {
  const DatabaseUrl url = good(
      "postgresql://us%65r:p%40%3Aw@db.example:5433/"
      "the%20db?sslmode=verify-full&application_name=a+b&connect_timeout=3"
      "&sslrootcert=/ca&target_session_attrs=primary&sslnegotiation=direct&channel_binding=require");
  EXPECT_EQ(url.user, "user");
  EXPECT_EQ(url.password.reveal(), "p@:w");
  EXPECT_EQ(url.dbname, "the db");
  EXPECT_THAT(url.database.host, ElementsAre("db.example"));
  EXPECT_THAT(url.database.port, ElementsAre(5433));
  EXPECT_EQ(url.database.server_tls_sslmode, TlsMode::kVerifyFull);
  EXPECT_EQ(url.database.application_name, "a+b") << "a plus is a plus in libpq's URLs";
  EXPECT_EQ(url.connect_timeout, std::chrono::seconds(3));
  EXPECT_EQ(url.ca_file, "/ca");
  EXPECT_EQ(url.database.target_session_attrs, TargetSessionAttrs::kPrimary);
  EXPECT_EQ(url.negotiation, TlsNegotiation::kDirect);
  EXPECT_EQ(url.channel_binding, ChannelBinding::kRequire);
}

TEST(Url, HostsMayBeManyIpv6OrASocket) {
  EXPECT_THAT(good("postgres://a,b:1,[::1]:2/x").database.host, ElementsAre("a", "b", "::1"));
  EXPECT_THAT(good("postgres://a,b:1,[::1]:2/x").database.port, ElementsAre(5432, 1, 2));
  EXPECT_THAT(good("postgres://%2Ftmp/x").database.host, ElementsAre("/tmp"));
  EXPECT_THAT(good("postgres:///x?host=/tmp&port=7").database.host, ElementsAre("/tmp"));
  EXPECT_THAT(good("postgres:///x").database.host, ElementsAre("/var/run/postgresql"));
  EXPECT_THAT(good("postgres://").database.host, ElementsAre("/var/run/postgresql"));
  EXPECT_EQ(good("postgres://u@h").user, "u");
  EXPECT_EQ(good("postgres://u:a@b@h").password.reveal(), "a@b");
}

TEST(Url, WhatIsNoUrlIsRefusedWithoutRepeatingIt) {
  for (const char* text : {"", "postgres:/x", "mysql://x", "postgres://u:hush@h:0/",
                           "postgres://u:hush@h:70000/", "postgres://u:hush@h:x/", "postgres://u:hush%zz@h",
                           "postgres://u:hush%00@h", "postgres://u:hush@[::1/x", "postgres://u:hush@[xx]/x",
                           "postgres://u:hush@h/x?hush", "postgres://u:hush@h/x?colour=hush",
                           "postgres://u:hush@h/x?sslmode=maybe", "postgres://u:hush@a,b/x?port=1,2,3"}) {
    const auto url = parse_database_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_THAT(url.error().message, Not(HasSubstr("hush"))) << text;
  }
  EXPECT_FALSE(parse_database_url("postgres://" + std::string(20'000, 'x')).ok());
}

TEST(Url, WithoutAPasswordLoopbackIsTrusted) {
  const auto config = config_from_url("postgres://u@h/db");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->weir.auth_type, AuthType::kTrust);
  EXPECT_THAT(config->weir.listen_addr, ElementsAre("127.0.0.1"));
  EXPECT_FALSE(config->find_database("db")->user) << "clients log in as themselves";
}

TEST(Url, EveryTruncationIsAnswered) {
  const std::string text = "postgres://us%65r:p%40@[::1]:5433,b/the%20db?sslmode=require&port=5";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto url = parse_database_url(std::string_view(text).substr(0, length));
    EXPECT_TRUE(url.ok() || !url.error().message.empty());
  }
}

}  // namespace
}  // namespace conf
