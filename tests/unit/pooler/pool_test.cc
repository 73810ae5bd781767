#include "pooler/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/offload.h"
#include "conf/load.h"
#include "pooler/auth_query.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"
#include "tests/support/run_loop.h"
#include "tests/support/turns.h"
#include "tests/unit/pooler/fake_postgres.h"
#include "tests/unit/pooler/sockets.h"
#include "wire/resolver.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using support::run_until;
using support::turn;
using testing::ElementsAre;

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    runtime_.loops.push_back(&loop_);
    runtime_.worker_list.push_back(nullptr);
    config_ = conf::load_text("[databases.app]\nhost = \"127.0.0.1\"\n", "test", conf::FixedSurroundings()).config;
  }
  ~PoolTest() override {
    for (const auto& pool : made_) {
      pool->fail_waiters(base::admin_shutdown("over"));
      pool->kill_servers();
    }
    turn(loop_);
  }

  PoolSettings settings(int size) {
    PoolSettings made;
    made.target.hosts = {{"127.0.0.1", postgres_.port()}};
    made.target.dbname = "app";
    made.target.user = "alice";
    made.target.tls_mode = conf::TlsMode::kDisable;
    made.connect_timeout = 5s;
    made.login_retry = 10s;
    made.login_retry_max = 10s;
    made.lifetime = 1h;
    made.size = size;
    made.config = config_;
    return made;
  }
  std::shared_ptr<Pool> pool(PoolSettings with, const std::string& user = "alice") {
    auto fresh = std::make_shared<Pool>(runtime_, "app", user);
    fresh->configure(std::move(with));
    made_.push_back(fresh);
    return fresh;
  }

  // A client in line that writes down when it is served.
  struct Client final : Waiter {
    Client(std::string its_name, std::vector<std::string>& its_order) : name(std::move(its_name)), order(its_order) {}
    void on_server(Lease lent) override {
      ticket.reset();
      order.push_back(name);
      lease = std::move(lent);
    }
    void on_no_server(const base::Error& error) override {
      ticket.reset();
      refused = error;
    }
    void ask(Pool& pool) {
      if (Lease at_once = pool.acquire(0, *this, ticket)) on_server(std::move(at_once));
    }
    std::string name;
    std::vector<std::string>& order;
    WaitTicket ticket;
    Lease lease;
    std::optional<base::Error> refused;
  };

  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  test::FakePostgres postgres_{[](const std::string&) { return test::Answer(); }};
  conf::ConfigPtr config_;
  std::vector<std::shared_ptr<Pool>> made_;
  std::vector<std::string> order_;
  Client a_{"a", order_}, b_{"b", order_}, c_{"c", order_};
};

TEST_F(PoolTest, NeverMoreServersThanItsSizeAndClientsAreServedInTheOrderTheyCame) {
  const auto one = pool(settings(1));
  a_.ask(*one);
  b_.ask(*one);
  c_.ask(*one);
  EXPECT_EQ(one->row().cl_waiting, 3);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  support::run_for(loop_, 20ms);
  EXPECT_THAT(order_, ElementsAre("a"));
  EXPECT_EQ(one->server_count(), 1);
  a_.lease.reset();
  turn(loop_);
  EXPECT_THAT(order_, ElementsAre("a", "b"));
  b_.lease.reset();
  turn(loop_);
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(postgres_.seen().startups.size(), 1U);
  c_.lease.reset();
}

TEST_F(PoolTest, AnIdleServerIsLentAtOnce) {
  const auto one = pool(settings(2));
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  a_.lease.reset();
  b_.ask(*one);
  EXPECT_THAT(order_, ElementsAre("a", "b")) << "without a turn of the loop";
  b_.lease.reset();
  EXPECT_EQ(one->row().sv_idle, 1);
}

TEST_F(PoolTest, TheServerUsedLastIsLentFirst) {
  const auto one = pool(settings(2));
  a_.ask(*one);
  b_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 2; }));
  const auto last = b_.lease->id();
  a_.lease.reset();
  b_.lease.reset();
  c_.ask(*one);
  ASSERT_TRUE(c_.lease);
  EXPECT_EQ(c_.lease->id(), last);
  c_.lease.reset();
}

TEST_F(PoolTest, RoundRobinLendsTheOneThatLayLongest) {
  auto turns = settings(2);
  turns.round_robin = true;
  const auto one = pool(std::move(turns));
  a_.ask(*one);
  b_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 2; }));
  const auto first = a_.lease->id();
  a_.lease.reset();
  b_.lease.reset();
  c_.ask(*one);
  ASSERT_TRUE(c_.lease);
  EXPECT_EQ(c_.lease->id(), first);
  c_.lease.reset();
}

TEST_F(PoolTest, WhoDropsTheTicketLeavesTheLine) {
  const auto one = pool(settings(1));
  a_.ask(*one);
  b_.ask(*one);
  c_.ask(*one);
  b_.ticket.reset();
  EXPECT_EQ(one->row().cl_waiting, 2);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  a_.lease.reset();
  turn(loop_);
  EXPECT_THAT(order_, ElementsAre("a", "c"));
  c_.lease.reset();
}

TEST_F(PoolTest, AServerOnItsWayToWhoLeftGoesToTheNext) {
  const auto one = pool(settings(1));
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  b_.ask(*one);
  c_.ask(*one);
  a_.lease.reset();  // b_ is chosen, and hears of it in the next turn
  b_.ticket.reset();
  turn(loop_);
  EXPECT_THAT(order_, ElementsAre("a", "c"));
  c_.lease.reset();
}

TEST_F(PoolTest, AServerThatCannotBeReachedFailsEverybodyInLineAndWhoComesBeforeTheNextAttempt) {
  auto nobody = settings(1);
  nobody.target.hosts = {{"127.0.0.1", free_port()}};
  const auto one = pool(std::move(nobody));
  a_.ask(*one);
  b_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return a_.refused && b_.refused; }));
  EXPECT_TRUE(a_.refused->sqlstate.starts_with("08")) << a_.refused->sqlstate;
  c_.ask(*one);
  turn(loop_);
  ASSERT_TRUE(c_.refused);
  EXPECT_EQ(c_.refused->message, a_.refused->message);
  EXPECT_EQ(one->server_count(), 0);
}

TEST_F(PoolTest, AFailureIsToldAndWhoAsksHasItTriedAgainThoughNoClientWaits) {
  const int port = free_port();
  auto nobody = settings(1);
  nobody.target.hosts = {{"127.0.0.1", port}};
  nobody.login_retry = 50ms;
  const auto one = pool(std::move(nobody));
  EXPECT_FALSE(one->failure_and_ask_again()) << "nothing was tried";
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return a_.refused.has_value(); }));
  support::run_for(loop_, 100ms);
  one->maintain(0, base::now());
  EXPECT_EQ(one->server_count(), 0) << "without anybody who asks nothing is tried";
  const auto failure = one->failure_and_ask_again();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->message, a_.refused->message);
  one->maintain(0, base::now());
  EXPECT_EQ(one->server_count(), 1) << "an attempt is under way";
  ASSERT_TRUE(run_until(loop_, [&one] { return one->server_count() == 0; }));
  one->configure(settings(1));  // the server is there now
  ASSERT_TRUE(run_until(loop_, [&one] {
    one->maintain(0, base::now());
    return !one->failure_and_ask_again();
  }));
  EXPECT_EQ(one->server_count(), 1);
}

TEST_F(PoolTest, APausedPoolLendsNothingUntilItIsResumed) {
  const auto one = pool(settings(1));
  one->pause();
  a_.ask(*one);
  support::run_for(loop_, 20ms);
  EXPECT_TRUE(order_.empty());
  EXPECT_TRUE(one->quiescent());
  one->resume();
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  EXPECT_FALSE(one->quiescent());
  a_.lease.reset();
}

TEST_F(PoolTest, AServerMarkedForClosingIsReplacedWhenItComesBack) {
  const auto one = pool(settings(1));
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  const auto old = a_.lease->id();
  one->close_servers();
  EXPECT_TRUE(one->any_close_needed());
  b_.ask(*one);
  a_.lease.reset();
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 2; }));
  EXPECT_NE(b_.lease->id(), old);
  EXPECT_FALSE(one->any_close_needed());
  b_.lease.reset();
}

TEST_F(PoolTest, AnIdleServerThatDiedIsNotLent) {
  const auto one = pool(settings(1));
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  const auto old = a_.lease->id();
  a_.lease.reset();
  postgres_.close_connections();
  ASSERT_TRUE(run_until(loop_, [&] { return one->server_count() == 0; }));
  b_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 2; }));
  EXPECT_NE(b_.lease->id(), old);
  b_.lease.reset();
}

TEST_F(PoolTest, ASharedBudgetIsNotExceededAndAnIdleConnectionMakesRoom) {
  const auto host = runtime_.budgets.get("host", 1);
  auto sharing = settings(5);
  sharing.budgets = {host};
  const auto mine = pool(sharing), theirs = pool(sharing, "bob");
  a_.ask(*mine);
  b_.ask(*mine);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 1; }));
  support::run_for(loop_, 20ms);
  EXPECT_EQ(mine->server_count() + theirs->server_count(), 1);
  a_.lease.reset();
  turn(loop_);
  EXPECT_THAT(order_, ElementsAre("a", "b"));
  b_.lease.reset();  // idle, and in the way of the other pool
  c_.ask(*theirs);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 3; }));
  EXPECT_EQ(mine->server_count(), 0);
  EXPECT_EQ(host->used(), 1);
  c_.lease.reset();
}

TEST_F(PoolTest, AFailedConnectionGivesItsBudgetBack) {
  const auto host = runtime_.budgets.get("host", 1);
  auto nobody = settings(1);
  nobody.target.hosts = {{"127.0.0.1", free_port()}};
  nobody.budgets = {host};
  const auto one = pool(std::move(nobody));
  a_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return a_.refused.has_value(); }));
  EXPECT_EQ(host->used(), 0);
}

TEST_F(PoolTest, KillClosesWhatIsLentToo) {
  const auto one = pool(settings(2));
  a_.ask(*one);
  b_.ask(*one);
  ASSERT_TRUE(run_until(loop_, [this] { return order_.size() == 2; }));
  b_.lease.reset();
  one->kill_servers();
  // A session would be told by its own KILL; here the lease just ends.
  a_.lease.reset();
  ASSERT_TRUE(run_until(loop_, [&] { return one->server_count() == 0; }));
}

}  // namespace
}  // namespace pooler
