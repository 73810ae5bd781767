#include "pooler/pools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/offload.h"
#include "conf/load.h"
#include "pooler/auth_query.h"
#include "pooler/throttle.h"
#include "wire/resolver.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;

conf::ConfigPtr config(const std::string& text) {
  auto loaded = conf::load_text(text, "test", conf::FixedSurroundings());
  EXPECT_TRUE(loaded.config) << conf::to_text(loaded.problems);
  return loaded.config;
}

constexpr const char* kConfig = R"(
[weir]
max_client_conn = 5
default_pool_size = 8
autodb_idle_timeout = 60
[databases.app]
host = "10.0.0.1,10.0.0.2"
port = [5001, 5002]
dbname = "real"
target_session_attrs = "primary"
connect_query = "SELECT 1"
timezone = "UTC"
max_db_client_connections = 2
[databases.one]
host = "10.0.0.3"
user = "service"
password = "service word"
pool_mode = "session"
[databases."*"]
host = "10.0.0.4"
[users.alice]
password = "alice's word"
pool_size = 3
max_user_client_connections = 3
)";

class PoolsTest : public testing::Test {
 protected:
  PoolsTest() {
    runtime_.loops.push_back(&loop_);
    runtime_.worker_list.push_back(nullptr);
    pools_ = std::make_unique<Pools>(runtime_, config(kConfig), ServerTlsContexts{});
  }
  PoolPtr pool(const std::string& database, const std::string& user = "alice") {
    auto found = pools_->find_or_make(database, user);
    EXPECT_TRUE(found.ok()) << database;
    return found.ok() ? *found : nullptr;
  }
  std::string refusal(Pool& pool) {
    const auto status = pools_->admit(pool);
    return status.ok() ? "" : status.error().sqlstate + " " + status.error().message;
  }

  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  std::unique_ptr<Pools> pools_;
};

TEST_F(PoolsTest, OnePoolForADatabaseAndAUser) {
  const auto first = pool("app");
  EXPECT_EQ(pool("app"), first);
  EXPECT_NE(pool("app", "bob"), first);
  EXPECT_NE(pool("one"), first);
  EXPECT_EQ(pools_->all().size(), 3U);
  EXPECT_EQ(pools_->of_database("app").size(), 2U);
  EXPECT_TRUE(pools_->of_database("nowhere").empty());
}

TEST_F(PoolsTest, APoolIsMadeWithWhatTheConfigurationSaysOfItsDatabaseAndUser) {
  const auto app = pool("app")->settings();
  EXPECT_EQ(app->target.hosts, (std::vector<conf::HostPort>{{"10.0.0.1", 5001}, {"10.0.0.2", 5002}}));
  EXPECT_EQ(app->target.session_attrs, conf::TargetSessionAttrs::kPrimary);
  EXPECT_EQ(app->target.dbname, "real");
  EXPECT_EQ(app->target.user, "alice");
  EXPECT_EQ(app->target.connect_query, "SELECT 1");
  EXPECT_EQ(app->target.startup, (ParamList{{"timezone", "UTC"}}));
  EXPECT_EQ(app->size, 3);
  EXPECT_EQ(app->mode, conf::PoolMode::kTransaction);
  EXPECT_TRUE(app->reset_query.empty()) << "transaction mode leaves nothing behind";
  EXPECT_EQ(std::get<conf::PlainSecret>(app->credentials.secret).password.reveal(), "alice's word");
  EXPECT_EQ(app->budgets.size(), 3U);
  EXPECT_EQ(pool("app", "bob")->settings()->size, 8);

  const auto one = pool("one")->settings();
  EXPECT_EQ(one->target.dbname, "one");
  EXPECT_EQ(one->target.user, "service");
  EXPECT_EQ(std::get<conf::PlainSecret>(one->credentials.secret).password.reveal(), "service word");
  EXPECT_EQ(one->credentials.origin, "[databases.one]");
  EXPECT_EQ(one->mode, conf::PoolMode::kSession);
  EXPECT_FALSE(one->reset_query.empty());

  EXPECT_EQ(pool("anything")->settings()->target.dbname, "anything") << "the fallback takes every name";
}

TEST_F(PoolsTest, PoolsOfOneHostShareItsBudgetAndOthersDoNot) {
  const auto a = pool("app")->settings(), b = pool("app", "bob")->settings(), c = pool("one")->settings();
  EXPECT_EQ(a->budgets[0], b->budgets[0]) << "of the database";
  EXPECT_NE(a->budgets[1], b->budgets[1]) << "of the user";
  EXPECT_EQ(a->budgets[1], c->budgets[1]);
  EXPECT_EQ(a->budgets[2], b->budgets[2]) << "of the host";
  EXPECT_NE(a->budgets[2], c->budgets[2]);
}

TEST_F(PoolsTest, EachLimitOfClientsIsExactAndSaysWhichItIs) {
  const auto app = pool("app"), one = pool("one"), bobs = pool("one", "bob");
  EXPECT_EQ(refusal(*app), "");
  EXPECT_EQ(refusal(*app), "");
  EXPECT_EQ(refusal(*app), "53300 no more connections allowed to database \"app\" (max_db_client_connections)");
  EXPECT_EQ(refusal(*one), "");
  EXPECT_EQ(refusal(*one), "53300 no more connections allowed for user \"alice\" (max_user_client_connections)");
  EXPECT_EQ(refusal(*bobs), "");
  EXPECT_EQ(refusal(*bobs), "");
  EXPECT_EQ(refusal(*bobs), "53300 no more connections allowed (max_client_conn)");
  EXPECT_EQ(pools_->clients(), 5) << "who is refused is not counted";
  EXPECT_EQ(pools_->clients_of_database("app"), 2);
  EXPECT_EQ(pools_->clients_of_user("alice"), 3);
  pools_->dismiss(*app);
  EXPECT_EQ(pools_->clients_of_database("app"), 1);
  EXPECT_EQ(refusal(*bobs), "");
  for (const auto& each : {app, one, bobs, bobs, bobs}) pools_->dismiss(*each);
  EXPECT_EQ(pools_->clients(), 0);
  EXPECT_EQ(pools_->clients_of_user("bob"), 0);
}

TEST_F(PoolsTest, DisabledDatabasesAreForNobodyNew) {
  const auto before = pool("app");
  pools_->disable("app", true);
  EXPECT_TRUE(pools_->disabled("app"));
  EXPECT_EQ(pools_->find_or_make("app", "alice").error().sqlstate, "55000");
  EXPECT_EQ(pool("one")->database(), "one");
  pools_->disable("app", false);
  EXPECT_EQ(pool("app"), before);
}

TEST_F(PoolsTest, PausesAreOfOneDatabaseOrOfAll) {
  pools_->pause("app");
  EXPECT_TRUE(pools_->paused("app"));
  EXPECT_FALSE(pools_->paused("one"));
  EXPECT_FALSE(pools_->paused(""));
  EXPECT_TRUE(pool("app", "newcomer")->paused()) << "whoever comes now, too";
  pools_->pause("");
  EXPECT_TRUE(pools_->paused("one"));
  EXPECT_TRUE(pool("one")->paused());
  pools_->resume("");
  EXPECT_FALSE(pools_->paused("app"));
  EXPECT_FALSE(pool("app", "newcomer")->paused());
}

TEST_F(PoolsTest, AReloadReachesPoolsThatAreThereAndForgetsDatabases) {
  const auto app = pool("app"), one = pool("one");
  pools_->reconfigure(config("[databases.app]\nhost = \"10.9.9.9\"\npool_size = 77\n"), ServerTlsContexts{});
  EXPECT_EQ(app->settings()->target.hosts, (std::vector<conf::HostPort>{{"10.9.9.9", 5432}}));
  EXPECT_EQ(app->settings()->size, 77);
  EXPECT_EQ(pools_->find_or_make("one", "bob").error().sqlstate, "3D000");
  EXPECT_EQ(pools_->find_or_make("anything", "bob").error().sqlstate, "3D000") << "there is no fallback any more";
  EXPECT_EQ(one->settings()->target.user, "service") << "its clients end in order";
}

TEST_F(PoolsTest, NamesAreKnownFromTheFileOrFromAPool) {
  EXPECT_TRUE(pools_->check_database("").ok());
  EXPECT_TRUE(pools_->check_database("app").ok());
  EXPECT_EQ(pools_->check_database("made up").error().sqlstate, "3D000");
  pool("made up");
  EXPECT_TRUE(pools_->check_database("made up").ok());
}

TEST_F(PoolsTest, PoolsOfMadeUpNamesAreForgottenWhenNobodyUsedThemForLong) {
  pool("made up");
  pool("app");
  const auto kept = pool("held by a client");
  ASSERT_TRUE(pools_->admit(*kept).ok());
  pools_->maintain(1, base::now() + 2h);
  EXPECT_EQ(pools_->all().size(), 3U) << "that is for the first worker";
  pools_->maintain(0, base::now() + 2h);
  EXPECT_EQ(pools_->all().size(), 2U);
  EXPECT_EQ(pools_->check_database("made up").error().sqlstate, "3D000");
  pools_->dismiss(*kept);
}

}  // namespace
}  // namespace pooler
