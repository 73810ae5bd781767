// The listening connection itself: how it is lost, found again, kept and closed.

#include "pooler/listening.h"

#include <gmock/gmock.h>

#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ListeningTest : public ListenFixture {
 protected:
  explicit ListeningTest(Server server = Server::kShared) : ListenFixture(1, server) {}
  void kill_backend() {
    postgres_.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weir listen'");
  }
};

TEST_F(ListeningTest, AKilledConnectionIsMadeAnewAndListensToEverythingAgain) {
  const auto shared = pool();
  Listener alice, bob;
  subscribe(alice, shared);
  subscribe(bob, shared);
  ASSERT_EQ(listen(alice, {"a", "b"}), "ok");
  ASSERT_EQ(listen(bob, {"b"}), "ok");
  const int first = row().remote_pid;
  kill_backend();
  ASSERT_TRUE(wait([&] { return row().losses == 1 && row().state == "listening"; }));
  EXPECT_NE(row().remote_pid, first);
  notify("SELECT pg_notify('a', '1'), pg_notify('b', '2')");
  sync(alice);
  sync(bob);
  EXPECT_THAT(alice.heard, ElementsAre("a 1", "b 2"));
  EXPECT_THAT(bob.heard, ElementsAre("b 2"));
  EXPECT_THAT(alice.subscription->channels(), ElementsAre("a", "b"));
}

class ListeningAcrossRestarts : public ListeningTest {
 protected:
  ListeningAcrossRestarts() : ListeningTest(Server::kOwn) {}
};

TEST_F(ListeningAcrossRestarts, ARestartOfTheServerIsSurvived) {
  const auto shared = pool();
  Listener alice;
  subscribe(alice, shared);
  ASSERT_EQ(listen(alice, {"a"}), "ok");
  clients_.clear();
  postgres_.stop();
  ASSERT_TRUE(wait([&] { return row().state == "waiting"; }));
  EXPECT_NE(row().last_error, "");
  // Who wants to listen meanwhile is told why it cannot be.
  Listener bob;
  subscribe(bob, shared);
  EXPECT_EQ(listen(bob, {"b"}), "08001");
  sync(alice);  // holds nobody up
  postgres_.start();
  ASSERT_TRUE(wait([&] { return row().state == "listening"; }));
  EXPECT_EQ(row().last_error, "");
  EXPECT_EQ(row().losses, 1u);
  EXPECT_EQ(listen(bob, {"b"}), "ok");
  notify("SELECT pg_notify('a', 'again'), pg_notify('b', 'now')");
  sync(alice);
  sync(bob);
  EXPECT_THAT(alice.heard, ElementsAre("a again"));
  EXPECT_THAT(bob.heard, ElementsAre("b now"));
}

TEST_F(ListeningTest, WhoAsksWhileItIsMadeAnewIsAnsweredWhenItIsThere) {
  const auto shared = pool();
  Listener alice;
  subscribe(alice, shared);
  ASSERT_EQ(listen(alice, {"a"}), "ok");
  for (int i = 0; i < 3; ++i) {
    kill_backend();
    EXPECT_EQ(listen(alice, {"b" + std::to_string(i)}), "ok");
  }
  notify("SELECT pg_notify('a', ''), pg_notify('b0', ''), pg_notify('b2', '')");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("a ", "b0 ", "b2 "));
}

TEST_F(ListeningTest, ALoginThatIsRefusedIsTheServersError) {
  auto wrong = settings("postgres");
  wrong.target.user = "nobody_like_this";
  const auto shared = pool();
  shared->configure(wrong);
  Listener alice;
  subscribe(alice, shared);
  EXPECT_EQ(listen(alice, {"a"}), "28000");
  EXPECT_THAT(row().last_error, HasSubstr("nobody_like_this"));
  EXPECT_EQ(row().state, "closed");
  EXPECT_THAT(alice.subscription->channels(), IsEmpty());
  // It is tried anew for the next who asks.
  shared->configure(settings("postgres"));
  EXPECT_EQ(listen(alice, {"a"}), "ok");
}

TEST_F(ListeningTest, ItFollowsThePoolToAnotherServer) {
  if (look("SELECT 1 FROM pg_database WHERE datname = 'moved'").empty()) postgres_.run("CREATE DATABASE moved");
  const auto shared = pool();
  Listener alice;
  subscribe(alice, shared);
  ASSERT_EQ(listen(alice, {"a"}), "ok");
  shared->configure(settings("moved"));
  ASSERT_TRUE(wait([&] {
    return look("SELECT datname FROM pg_stat_activity WHERE application_name = 'weir listen'") == "moved";
  }));
  ASSERT_TRUE(wait([&] { return row().state == "listening"; }));
  notify("NOTIFY a, 'there'", "moved");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("a there"));
}

TEST_F(ListeningTest, ReconnectMakesItAnew) {
  const auto shared = pool();
  Listener alice;
  subscribe(alice, shared);
  ASSERT_EQ(listen(alice, {"a"}), "ok");
  const int first = row().remote_pid;
  hubs_.reconnect("another database");
  hubs_.reconnect(shared->database());
  // A row is not taken at one moment: "listening" may still be the old connection's, and the process already nobody's.
  ASSERT_TRUE(wait([&] {
    const ListenRow seen = row();
    return seen.state == "listening" && seen.remote_pid != first && seen.remote_pid != 0;
  }));
  notify("NOTIFY a");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("a "));
}

TEST_F(ListeningTest, WhatNobodyWantsIsKeptForAWhileAndThenLeft) {
  const auto shared = pool();
  Listener alice, bob;
  subscribe(alice, shared);
  subscribe(bob, shared);
  ASSERT_EQ(listen(alice, {"a", "b"}), "ok");
  ASSERT_EQ(listen(bob, {"b"}), "ok");
  alice.subscription.reset();
  support::run_for(loop_, 2s);
  EXPECT_EQ(row().channels, 2u);
  ASSERT_TRUE(wait([&] { return row().channels == 1; }));
  EXPECT_EQ(row().subscribers, 1u);
  bob.subscription->unlisten_all();
  EXPECT_EQ(listening_backends(), "1");
  ASSERT_TRUE(wait([&] { return row().state == "closed"; }));
  EXPECT_TRUE(wait([&] { return listening_backends() == "0"; }));
  // It listens again when somebody wants that.
  EXPECT_EQ(listen(bob, {"c"}), "ok");
  bob.subscription.reset();
  ASSERT_TRUE(wait([&] { return hubs_.rows().empty(); }));
  EXPECT_TRUE(wait([&] { return listening_backends() == "0"; }));
}

}  // namespace
}  // namespace pooler
