#include "pooler/advice_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/postgres.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using support::Postgres;

class AdviceLinkTest : public testing::Test {
 protected:
  AdviceLinkTest() {
    auto config = std::make_shared<conf::Config>();
    config->weir.server_tls_sslmode = conf::TlsMode::kDisable;
    config->advice.user = "postgres";
    config->advice.statement_timeout = 200ms;
    conf::Database app;
    app.host = {postgres_.socket_folder()};
    app.port = {postgres_.port()};
    app.dbname = "postgres";
    config->databases.emplace("app", app);
    config_ = config;
  }
  AdviceLink link(base::Duration look = 10s) {
    auto settings = advice_settings(*config_, "app");
    EXPECT_TRUE(settings.ok());
    return AdviceLink(resolver_, *std::move(settings), {.statement = 200ms, .look = look}, stopping_);
  }

  Postgres postgres_;
  std::shared_ptr<const conf::Config> config_;
  wire::Resolver resolver_{{}};
  std::atomic<bool> stopping_{false};
};

TEST_F(AdviceLinkTest, AsksAndWaits) {
  AdviceLink asked = link();
  const auto rows = asked.ask("SELECT $1::text || 'x', NULL", {"a"});
  ASSERT_TRUE(rows.ok()) << base::to_text(rows.error());
  EXPECT_EQ(*rows, (analyzer::SqlRows{{"ax", std::nullopt}}));
  EXPECT_FALSE(asked.out_of_time());
}

TEST_F(AdviceLinkTest, NothingIsWritten) {
  AdviceLink asked = link();
  const auto rows = asked.ask("CREATE TABLE t ()", {});
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().sqlstate, "25006");
  const auto two = asked.ask("SELECT 1; SELECT 2", {});
  ASSERT_FALSE(two.ok());
  EXPECT_EQ(two.error().sqlstate, "42601");
  EXPECT_FALSE(asked.broken());
}

TEST_F(AdviceLinkTest, SaysNoMoreAfterThreeThatTookTooLong) {
  AdviceLink asked = link();
  for (int i = 0; i < AdviceLink::kLateMax; ++i) EXPECT_FALSE(asked.ask("SELECT pg_sleep(1)", {}).ok());
  EXPECT_TRUE(asked.broken());
  EXPECT_TRUE(asked.out_of_time());
  EXPECT_FALSE(asked.ask("SELECT 1", {}).ok());
}

TEST_F(AdviceLinkTest, EndsWithTheProcess) {
  AdviceLink asked = link();
  stopping_ = true;
  EXPECT_FALSE(asked.ask("SELECT 1", {}).ok());
}

TEST_F(AdviceLinkTest, SaysWhatIsMissing) {
  EXPECT_FALSE(advice_settings(*config_, "nowhere").ok());
  conf::Config nobody = *config_;
  nobody.advice.user.clear();
  const auto settings = advice_settings(nobody, "app");
  ASSERT_FALSE(settings.ok());
  EXPECT_THAT(settings.error().hint, testing::HasSubstr("[advice].user"));
}

TEST_F(AdviceLinkTest, WhoCreatesIndexesIsNamedOrNobodyDoes) {
  const auto nobody = apply_settings(*config_, "app");
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().sqlstate, "55000");
  conf::Config named = *config_;
  named.advice.apply_user = "owner";
  named.advice.apply_password = conf::Secret("of the owner");
  const auto settings = apply_settings(named, "app");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->user, "owner");
  EXPECT_EQ(settings->password, conf::Secret("of the owner"));
  EXPECT_NE(settings->options.find("default_transaction_read_only=off"), std::string::npos);
  EXPECT_EQ(apply_settings(named, "nothing").error().sqlstate, "42704");
}

}  // namespace
}  // namespace pooler
