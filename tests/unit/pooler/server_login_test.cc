#include "pooler/server_login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/offload.h"
#include "conf/load.h"
#include "pooler/auth_query.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"
#include "tests/support/run_loop.h"
#include "tests/unit/pooler/fake_postgres.h"
#include "tests/unit/pooler/sockets.h"
#include "wire/resolver.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using support::run_until;
using testing::HasSubstr;

class ServerLoginTest : public testing::Test {
 protected:
  ServerLoginTest() {
    runtime_.loops.push_back(&loop_);
    runtime_.worker_list.push_back(nullptr);
    settings_.target.hosts = {{"127.0.0.1", postgres_.port()}};
    settings_.target.dbname = "app";
    settings_.target.user = "alice";
    settings_.target.tls_mode = conf::TlsMode::kDisable;
    settings_.connect_timeout = 5s;
    settings_.config = conf::load_text("[databases.app]\nhost = \"127.0.0.1\"\n", "test", conf::FixedSurroundings()).config;
  }

  void start(std::size_t first_host = 0, ParamList extra = {}) {
    login_ = ServerLogin::start(runtime_, loop_, std::make_shared<const PoolSettings>(settings_), {}, first_host,
                                std::move(extra), [this](base::Result<ServerConnection> result) {
                                  ++answers_;
                                  result_.emplace(std::move(result));
                                });
  }
  // Empty when it went well.
  std::string outcome() {
    if (!run_until(loop_, [this] { return result_.has_value(); })) return "no outcome";
    return result_->ok() ? "" : result_->error().sqlstate + " " + result_->error().message;
  }
  int port_reached() { return result_->value().address.port; }

  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  test::FakePostgres postgres_{[](const std::string&) { return test::Answer(); }};
  PoolSettings settings_;
  std::unique_ptr<ServerLogin> login_;
  std::optional<base::Result<ServerConnection>> result_;
  int answers_ = 0;
};

TEST_F(ServerLoginTest, TheStartupPacketSaysWhoWhereAndWhatElseIsWanted) {
  settings_.target.startup = {{"timezone", "UTC"}};
  start(0, {{"replication", "database"}});
  EXPECT_FALSE(result_) << "never from inside the call";
  ASSERT_EQ(outcome(), "");
  const auto seen = postgres_.seen().startups;
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0], (std::map<std::string, std::string>{
                         {"user", "alice"}, {"database", "app"}, {"timezone", "UTC"}, {"replication", "database"}}));
  EXPECT_EQ(result_->value().address.host, "127.0.0.1");
  EXPECT_EQ(port_reached(), postgres_.port());
  EXPECT_TRUE(postgres_.seen().statements.empty()) << "nobody asked for a query";
}

TEST_F(ServerLoginTest, TheConnectQueryIsRunBeforeAnybodyHasTheConnection) {
  postgres_.answer_queries();
  settings_.target.connect_query = "SET work_mem = '1MB'";
  start();
  ASSERT_EQ(outcome(), "");
  EXPECT_THAT(postgres_.seen().statements, testing::ElementsAre("SET work_mem = '1MB'"));
}

TEST_F(ServerLoginTest, AConnectQueryThatFailsIsAServerThatWillNotDo) {
  test::FakePostgres refusing([](const std::string&) {
    test::Answer answer;
    answer.error_code = "42501";
    answer.error_text = "permission denied";
    return answer;
  });
  refusing.answer_queries();
  settings_.target.hosts = {{"127.0.0.1", refusing.port()}};
  settings_.target.connect_query = "SET x = 1";
  start();
  EXPECT_EQ(outcome(), "42501 permission denied");
}

TEST_F(ServerLoginTest, TheNextHostIsTriedWhenOneDoesNotAnswer) {
  settings_.target.hosts = {{"127.0.0.1", free_port()}, {"127.0.0.1", postgres_.port()}};
  start();
  ASSERT_EQ(outcome(), "");
  EXPECT_EQ(port_reached(), postgres_.port());
}

TEST_F(ServerLoginTest, ItBeginsWhereItIsToldAndGoesRound) {
  test::FakePostgres other([](const std::string&) { return test::Answer(); });
  settings_.target.hosts = {{"127.0.0.1", postgres_.port()}, {"127.0.0.1", other.port()}, {"127.0.0.1", free_port()}};
  start(1);
  ASSERT_EQ(outcome(), "");
  EXPECT_EQ(port_reached(), other.port());
  result_.reset();
  start(2);
  ASSERT_EQ(outcome(), "");
  EXPECT_EQ(port_reached(), postgres_.port());
}

TEST_F(ServerLoginTest, TheLastHostsFailureIsTheAnswer) {
  const int nobody = free_port();
  settings_.target.hosts = {{"127.0.0.1", nobody}, {"127.0.0.1", nobody}};
  start();
  EXPECT_THAT(outcome(), testing::AllOf(HasSubstr("08001"), HasSubstr(std::to_string(nobody)), HasSubstr("Connection refused")));
  support::run_for(loop_, 20ms);
  EXPECT_EQ(answers_, 1);
}

TEST_F(ServerLoginTest, AHostThatSaysNothingIsGivenUpAfterItsTime) {
  const base::Fd deaf(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(deaf.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(deaf.get(), 8), 0);
  socklen_t length = sizeof address;
  ::getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&address), &length);
  settings_.connect_timeout = 100ms;
  settings_.target.hosts = {{"127.0.0.1", ntohs(address.sin_port)}};
  start();
  EXPECT_THAT(outcome(), testing::AllOf(HasSubstr("08001"), HasSubstr("timeout expired")));
  result_.reset();
  settings_.target.hosts.push_back({"127.0.0.1", postgres_.port()});
  start();
  EXPECT_EQ(outcome(), "") << "the time is of one host, not of all";
}

TEST_F(ServerLoginTest, WhoGivesUpHearsNothingMore) {
  start();
  login_.reset();
  support::run_for(loop_, 50ms);
  EXPECT_EQ(answers_, 0);
  start();
  run_until(loop_, [this] { return !postgres_.seen().startups.empty(); }, 2s);
  login_.reset();
  support::run_for(loop_, 50ms);
  EXPECT_LE(answers_, 1);
}

// The server of these tests is from before PostgreSQL 14: it does not say what it is, and is asked.
struct Role {
  const char* standby;
  const char* read_only;
  conf::TargetSessionAttrs wanted;
  bool fine;
};

class ServerLoginRoles : public ServerLoginTest, public testing::WithParamInterface<Role> {};

TEST_P(ServerLoginRoles, AreJudgedAsLibpqDoes) {
  const Role role = GetParam();
  test::FakePostgres server([role](const std::string&) {
    test::Answer answer;
    answer.columns = {"standby", "read_only"};
    answer.rows = {{role.standby, role.read_only}};
    return answer;
  });
  server.answer_queries();
  settings_.target.hosts = {{"127.0.0.1", server.port()}};
  settings_.target.session_attrs = role.wanted;
  start();
  if (role.fine) {
    EXPECT_EQ(outcome(), "");
  } else {
    EXPECT_THAT(outcome(), testing::AllOf(HasSubstr("08001"), HasSubstr("target_session_attrs")));
  }
}

using conf::TargetSessionAttrs;
INSTANTIATE_TEST_SUITE_P(All, ServerLoginRoles,
                         testing::Values(Role{"f", "f", TargetSessionAttrs::kReadWrite, true},
                                         Role{"f", "t", TargetSessionAttrs::kReadWrite, false},
                                         Role{"t", "t", TargetSessionAttrs::kReadWrite, false},
                                         Role{"f", "f", TargetSessionAttrs::kReadOnly, false},
                                         Role{"f", "t", TargetSessionAttrs::kReadOnly, true},
                                         Role{"t", "t", TargetSessionAttrs::kReadOnly, true},
                                         Role{"f", "t", TargetSessionAttrs::kPrimary, true},
                                         Role{"t", "t", TargetSessionAttrs::kPrimary, false},
                                         Role{"f", "f", TargetSessionAttrs::kStandby, false},
                                         Role{"t", "t", TargetSessionAttrs::kStandby, true},
                                         Role{"t", "t", TargetSessionAttrs::kPreferStandby, true},
                                         Role{"f", "f", TargetSessionAttrs::kPreferStandby, true},
                                         Role{"f", "f", TargetSessionAttrs::kAny, true}));

TEST_F(ServerLoginTest, AStandbyIsPreferredWhereverItStands) {
  const auto of = [](const char* standby) {
    return [standby](const std::string&) {
      test::Answer answer;
      answer.columns = {"standby", "read_only"};
      answer.rows = {{standby, standby}};
      return answer;
    };
  };
  test::FakePostgres primary(of("f")), standby(of("t"));
  primary.answer_queries();
  standby.answer_queries();
  settings_.target.hosts = {{"127.0.0.1", primary.port()}, {"127.0.0.1", standby.port()}};
  settings_.target.session_attrs = TargetSessionAttrs::kPreferStandby;
  start();
  ASSERT_EQ(outcome(), "");
  EXPECT_EQ(port_reached(), standby.port());
}

}  // namespace
}  // namespace pooler
