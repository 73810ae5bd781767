#include "pooler/auth_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fake_postgres.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"
#include "wire/pg_client.h"

namespace {

using namespace std::chrono_literals;
using pooler::AuthQueries;
using pooler::FoundSecret;
using test::Answer;
using test::FakePostgres;
using testing::HasSubstr;

// ---- What an answer says ----

wire::PgRows rows(std::vector<std::vector<std::optional<std::string>>> values) {
  return {.columns = {"usename", "passwd"}, .rows = std::move(values), .command = "SELECT"};
}

TEST(AuthQueryAnswer, OneRowWithTheNameIsTheSecret) {
  const auto found = pooler::secret_in(rows({{"alice", "pw"}}), "alice");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ(**found, conf::UserSecret(conf::PlainSecret{conf::Secret("pw")}));
}

TEST(AuthQueryAnswer, NoRowIsNoUser) {
  const auto found = pooler::secret_in(rows({}), "alice");
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->has_value());
}

TEST(AuthQueryAnswer, NullOrEmptyIsAUserWithoutAPassword) {
  for (const std::optional<std::string>& value : {std::optional<std::string>(), std::optional<std::string>("")}) {
    const auto found = pooler::secret_in(rows({{"alice", value}}), "alice");
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_TRUE(std::holds_alternative<conf::NoSecret>(**found));
  }
}

TEST(AuthQueryAnswer, AnythingElseIsRefusedWithoutQuotingASecret) {
  for (const wire::PgRows& answer :
       {rows({{"alice", "sesame"}, {"alice", "sesame"}}), rows({{"Alice", "sesame"}}), rows({{"mallory", "sesame"}}),
        rows({{std::nullopt, "sesame"}}), wire::PgRows{.columns = {"passwd"}, .rows = {{"sesame"}}, .command = ""},
        wire::PgRows{.columns = {"a", "b", "c"}, .rows = {{"alice", "sesame", "x"}}, .command = ""},
        wire::PgRows{.columns = {"passwd"}, .rows = {}, .command = ""}}) {
    const auto found = pooler::secret_in(answer, "alice");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(to_text(found.error()).find("sesame"), std::string::npos);
  }
}

// ---- Asking ----

class AuthQuery : public testing::Test {
 protected:
  AuthQuery() {
    runtime_.loops.push_back(&loop_);
    config_.weir.auth_user = "asker";
    config_.weir.auth_query = kQuery;
    config_.weir.server_tls_sslmode = conf::TlsMode::kDisable;
    conf::User asker;
    asker.password = conf::Secret("asker's own");
    config_.users.emplace("asker", asker);
    serve_from(server_->port());
  }
  ~AuthQuery() override { queries_.stop_worker(0); }

  void serve_from(int port) {
    conf::Database db;
    db.host = {"127.0.0.1"};
    db.port = {port};
    db.dbname = "real";
    config_.databases["app"] = db;
    config_.finish();
  }

  Answer script(const std::string& user) {
    const std::lock_guard lock(mutex_);
    if (!broken_.error_code.empty() || broken_.columns.size() != 2 || !broken_.rows.empty()) return broken_;
    if (!users_.contains(user)) return {};
    return {.rows = {{user, users_.at(user)}}, .error_code = "", .error_text = ""};
  }
  void set(const std::string& user, const std::string& secret) {
    const std::lock_guard lock(mutex_);
    users_[user] = secret;
  }
  void break_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    broken_ = std::move(answer);
  }

  // Must be on the loop.
  base::Ticket look_up(const std::string& user, std::function<void(FoundSecret)> done,
                       const std::string& database = "app") {
    const conf::Database* section = config_.find_database(database);
    return queries_.lookup(runtime_, 0, config_, *section, database, user, std::move(done));
  }
  FoundSecret ask(const std::string& user, const std::string& database = "app") {
    std::optional<FoundSecret> result;
    base::Ticket ticket;
    on_loop([&] {
      ticket = look_up(user, [&](FoundSecret found) {
        EXPECT_TRUE(loop_.in_loop_thread());
        EXPECT_FALSE(result.has_value());
        result = std::move(found);
        loop_.stop();
      }, database);
      EXPECT_FALSE(result.has_value()) << "never from inside the call";
    });
    return result.value_or(base::internal_error("no answer in time"));
  }
  std::string secret_of(const FoundSecret& found) {
    if (!found.ok()) return "error " + found.error().sqlstate;
    if (!found->has_value()) return "nobody";
    const auto* plain = std::get_if<conf::PlainSecret>(&**found);
    return plain != nullptr ? std::string(plain->password.reveal()) : "other";
  }
  // Runs the loop, beginning with `work`, until it is stopped.
  void on_loop(std::function<void()> work, base::Duration limit = 15s) {
    base::Timer end(loop_, [this] { loop_.stop(); });
    end.once(limit);
    loop_.post(std::move(work));
    loop_.run();
  }
  void pass_time(base::Duration time) { on_loop([] {}, time); }

  static constexpr const char* kQuery = "SELECT usename, passwd FROM pg_catalog.lookup($1)";

  std::mutex mutex_;
  std::map<std::string, std::string> users_{{"alice", "first"}, {"bob", "bobs"}};
  Answer broken_;
  std::unique_ptr<FakePostgres> server_ = std::make_unique<FakePostgres>([this](const std::string& u) { return script(u); });
  conf::Config config_;
  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  pooler::CancelKeys keys_{0};
  pooler::Throttle throttle_{pooler::ThrottleLimits{}};
  AuthQueries queries_;
  pooler::Runtime runtime_{offload_, offload_, resolver_, keys_, throttle_, queries_, "made up"};
};

TEST_F(AuthQuery, FindsASecretAndKeepsTheConnection) {
  EXPECT_EQ(secret_of(ask("alice")), "first");
  EXPECT_EQ(secret_of(ask("bob")), "bobs");
  EXPECT_EQ(server_->seen().startups.size(), 1u);
}

TEST_F(AuthQuery, AChangedPasswordCountsAtOnce) {
  EXPECT_EQ(secret_of(ask("alice")), "first");
  set("alice", "second");
  EXPECT_EQ(secret_of(ask("alice")), "second");
}

TEST_F(AuthQuery, NothingOfAClientReachesTheConnectionExceptTheNameAsAParameter) {
  const std::string hostile = "alice'; DROP TABLE x; -- \\ $1";
  (void)ask("alice");
  (void)ask(hostile);
  const auto seen = server_->seen();
  EXPECT_THAT(seen.statements, testing::ElementsAre(kQuery, kQuery));
  EXPECT_THAT(seen.parameters, testing::ElementsAre("alice", hostile));
  ASSERT_EQ(seen.startups.size(), 1u);
  const auto& startup = seen.startups[0];
  EXPECT_EQ(startup.at("user"), "asker");
  EXPECT_EQ(startup.at("database"), "real");
  EXPECT_EQ(startup.at("application_name"), "weir auth_query");
  EXPECT_THAT(startup.at("options"), HasSubstr("-c search_path= "));
}

TEST_F(AuthQuery, AnUnknownUserIsRememberedForAMomentOnly) {
  EXPECT_EQ(secret_of(ask("eve")), "nobody");
  set("eve", "new");
  EXPECT_EQ(secret_of(ask("eve")), "nobody");
  EXPECT_EQ(server_->seen().parameters.size(), 1u);
  pass_time(2 * AuthQueries::kUnknownTtl + 100ms);
  EXPECT_EQ(secret_of(ask("eve")), "new");
}

TEST_F(AuthQuery, AStormOfLogInsCostsTwoQueriesAndNobodyGetsAnOlderAnswer) {
  server_->hold();
  int answers = 0;
  std::vector<base::Ticket> tickets;
  on_loop([&] {
    tickets.push_back(look_up("alice", [&](FoundSecret found) {
      EXPECT_EQ(secret_of(found), "first");
      ++answers;
    }));
  }, 200ms);
  ASSERT_TRUE(server_->wait_for_statements(1)) << "the first query is on its way";
  on_loop([&] {
    for (int i = 0; i < 500; ++i) {
      tickets.push_back(look_up("alice", [&](FoundSecret found) {
        // Whoever came after the first query left must not get what that one saw.
        EXPECT_EQ(server_->seen().parameters.size(), 2u);
        EXPECT_TRUE(found.ok());
        if (++answers == 501) loop_.stop();
      }));
    }
    EXPECT_EQ(server_->seen().parameters.size(), 1u);
    server_->let_go();
  });
  EXPECT_EQ(answers, 501);
  EXPECT_EQ(server_->seen().parameters.size(), 2u);
}

TEST_F(AuthQuery, UsersAskedForAtOnceShareAFewConnections) {
  for (int i = 0; i < 50; ++i) set("user" + std::to_string(i), "pw" + std::to_string(i));
  int answers = 0;
  std::vector<base::Ticket> tickets;
  on_loop([&] {
    for (int i = 0; i < 50; ++i) {
      tickets.push_back(look_up("user" + std::to_string(i), [&, i](FoundSecret found) {
        EXPECT_EQ(secret_of(found), "pw" + std::to_string(i));
        if (++answers == 50) loop_.stop();
      }));
    }
  });
  EXPECT_EQ(answers, 50);
  EXPECT_LE(server_->seen().startups.size(), AuthQueries::kConnectionsMax);
}

TEST_F(AuthQuery, WhoDropsTheTicketHearsNothing) {
  bool heard = false;
  on_loop([&] {
    base::Ticket ticket = look_up("alice", [&](FoundSecret) { heard = true; });
    ticket.drop();
  }, 300ms);
  EXPECT_FALSE(heard);
  EXPECT_EQ(secret_of(ask("alice")), "first");
}

TEST_F(AuthQuery, ABrokenQueryFailsAtOnceAndEveryTimeAnew) {
  break_with({.rows = {}, .error_code = "42P01", .error_text = "relation \"lookup\" does not exist"});
  const auto begin = std::chrono::steady_clock::now();
  const auto found = ask("alice");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().sqlstate, "42P01");
  break_with({});
  EXPECT_EQ(secret_of(ask("alice")), "first") << "and works once it is mended";
}

TEST_F(AuthQuery, AMissingPermissionComesWithAHint) {
  break_with({.rows = {}, .error_code = "42501", .error_text = "permission denied for table pg_authid"});
  const auto found = ask("alice");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().hint, HasSubstr("SECURITY DEFINER"));
}

TEST_F(AuthQuery, ANameThatTheServerCannotEvenReadIsNobody) {
  break_with({.rows = {}, .error_code = "22021", .error_text = "invalid byte sequence for encoding \"UTF8\": 0xff"});
  EXPECT_EQ(secret_of(ask("\xff")), "nobody");
}

TEST_F(AuthQuery, AWrongAnswerLetsNobodyIn) {
  break_with({.rows = {{"asker", "asker's own"}}, .error_code = "", .error_text = ""});
  EXPECT_FALSE(ask("alice").ok());
}

TEST_F(AuthQuery, AServerThatIsDownIsAskedAgainWithinASecondOfItsReturn) {
  const int port = server_->port();
  EXPECT_EQ(secret_of(ask("alice")), "first");
  server_.reset();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(ask("alice").ok());
  EXPECT_FALSE(ask("bob").ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  server_ = std::make_unique<FakePostgres>([this](const std::string& u) { return script(u); }, port);
  pass_time(AuthQueries::kRetryAfter + 50ms);
  EXPECT_EQ(secret_of(ask("alice")), "first");
}

TEST_F(AuthQuery, AConnectionThatWasCutIsMadeAnew) {
  EXPECT_EQ(secret_of(ask("alice")), "first");
  server_->close_connections();
  pass_time(100ms);
  EXPECT_EQ(secret_of(ask("alice")), "first");
}

TEST_F(AuthQuery, WithoutAUserToAskAsItIsAConfigurationError) {
  config_.weir.auth_user.clear();
  EXPECT_EQ(secret_of(ask("alice")), "error F0000");
  config_.weir.auth_user = "asker";
  config_.users["asker"].password = conf::Secret("md50123456789abcdef0123456789abcdef");
  config_.finish();
  const auto found = ask("alice");
  ASSERT_FALSE(found.ok()) << "a hash cannot log in";
  EXPECT_EQ(found.error().sqlstate, "F0000");
}

TEST_F(AuthQuery, AuthDbnameNamesADatabaseOfTheConfigurationOrOfTheSameServer) {
  FakePostgres other([](const std::string& user) { return Answer{.rows = {{user, "from elsewhere"}}, .error_code = "", .error_text = ""}; });
  conf::Database db;
  db.host = {"127.0.0.1"};
  db.port = {other.port()};
  config_.databases["secrets"] = db;
  config_.weir.auth_dbname = "secrets";
  config_.finish();
  EXPECT_EQ(secret_of(ask("alice")), "from elsewhere");
  EXPECT_EQ(other.seen().startups.at(0).at("database"), "secrets");

  config_.weir.auth_dbname = "postgres";
  EXPECT_EQ(secret_of(ask("alice")), "first");
  EXPECT_EQ(server_->seen().startups.at(0).at("database"), "postgres");
}

TEST_F(AuthQuery, NewCredentialsMeanANewConnection) {
  EXPECT_EQ(secret_of(ask("alice")), "first");
  config_.users["asker"].password = conf::Secret("rotated");
  config_.finish();
  EXPECT_EQ(secret_of(ask("alice")), "first");
  EXPECT_EQ(server_->seen().startups.size(), 2u);
}

TEST_F(AuthQuery, StrangersCannotMakeItAskForTooManyDatabases) {
  config_.fallback = config_.databases.at("app");
  config_.fallback->dbname.clear();
  config_.finish();
  server_->hold();
  int refused = 0;
  std::vector<base::Ticket> tickets;
  on_loop([&] {
    for (std::size_t i = 0; i < AuthQueries::kDatabasesMax + 5; ++i) {
      tickets.push_back(look_up("alice", [&](FoundSecret found) {
        if (!found.ok() && found.error().sqlstate == "53400") ++refused;
      }, "db" + std::to_string(i)));
    }
  }, 500ms);
  EXPECT_EQ(refused, 5);
}

TEST_F(AuthQuery, AStoppedWorkerAnswersNobody) {
  server_->hold();
  bool heard = false;
  base::Ticket ticket;
  on_loop([&] {
    ticket = look_up("alice", [&](FoundSecret) { heard = true; });
    loop_.defer([this] { queries_.stop_worker(0); });
  }, 200ms);
  server_->let_go();
  pass_time(200ms);
  EXPECT_FALSE(heard);
}

}  // namespace
