#include "pooler/listen_hub.h"

#include <gmock/gmock.h>

#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Each test with the listening connection on the clients' own loop, and on another worker's.
class ListenHubTest : public ListenFixture, public testing::WithParamInterface<int> {
 protected:
  ListenHubTest() : ListenFixture(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Home, ListenHubTest, testing::Values(0, 1));

TEST_P(ListenHubTest, HearsWhatIsCommittedAfterTheAnswerInOrder) {
  Listener alice;
  subscribe(alice, pool());
  notify("NOTIFY jobs, 'early'");
  EXPECT_EQ(listen(alice, {"jobs", "news"}), "ok");
  notify("NOTIFY jobs, 'one'");
  notify("NOTIFY news");
  notify("NOTIFY other, 'not ours'");
  notify("SELECT pg_notify('jobs', 'two'), pg_notify('news', 'zwei')");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("jobs one", "news ", "jobs two", "news zwei"));
  EXPECT_THAT(alice.subscription->channels(), ElementsAre("jobs", "news"));
  const ListenRow now = row();
  EXPECT_EQ(now.state, "listening");
  EXPECT_EQ(now.user, "alice");
  EXPECT_EQ(now.client_encoding, "UTF8");
  EXPECT_EQ(now.channels, 2u);
  EXPECT_EQ(now.subscribers, 1u);
  EXPECT_EQ(now.received, 4u);
  EXPECT_EQ(now.delivered, 4u);
  EXPECT_EQ(now.last_error, "");
  EXPECT_GT(now.connected_since, base::wall_now() - 1min);
  EXPECT_EQ(look("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir listen'"),
            std::to_string(now.remote_pid));
}

TEST_P(ListenHubTest, WhatWasCommittedBeforeIsNotHeardEvenIfOthersListenAlready) {
  const auto shared = pool();
  Listener first;
  subscribe(first, shared);
  ASSERT_EQ(listen(first, {"c"}), "ok");
  for (int i = 0; i < 50; ++i) {
    notify("NOTIFY c, 'before'");
    Listener next;
    subscribe(next, shared);
    ASSERT_EQ(listen(next, {"c"}), "ok");
    notify("NOTIFY c, 'after'");
    sync(next);
    EXPECT_THAT(next.heard, ElementsAre("c after"));
  }
  EXPECT_EQ(first.heard.size(), 100u);
}

TEST_P(ListenHubTest, AfterSyncEverythingCommittedBeforeIsHere) {
  Listener alice;
  subscribe(alice, pool());
  alice.takes = false;
  sync(alice);  // listening to nothing
  ASSERT_EQ(listen(alice, {"c"}), "ok");
  for (int i = 0; i < 100; ++i) {
    notify("SELECT pg_notify('c', '" + std::to_string(i) + "')");
    sync(alice);
    ASSERT_EQ(in_words(alice.subscription->take()), "c " + std::to_string(i));
    EXPECT_FALSE(alice.subscription->waiting());
  }
}

TEST_P(ListenHubTest, TheClientIsToldOnceUntilItHasTakenAll) {
  Listener alice;
  subscribe(alice, pool());
  alice.takes = false;
  ASSERT_EQ(listen(alice, {"c"}), "ok");
  notify("NOTIFY c, '1'");
  notify("NOTIFY c, '2'");
  sync(alice);
  EXPECT_EQ(alice.told, 1);
  EXPECT_EQ(in_words(alice.subscription->take()), "c 1");
  EXPECT_EQ(in_words(alice.subscription->take()), "c 2");
  EXPECT_EQ(alice.subscription->take(), nullptr);
  notify("NOTIFY c, '3'");
  sync(alice);
  EXPECT_EQ(alice.told, 2);
}

TEST_P(ListenHubTest, WhatWaitsOfNewChannelsCanBeDroppedAndWhatComesLaterIsHeard) {
  Listener alice;
  subscribe(alice, pool());
  alice.takes = false;
  ASSERT_EQ(listen(alice, {"old", "new"}), "ok");
  notify("SELECT pg_notify('old', '1'), pg_notify('new', 'early')");
  sync(alice);
  alice.subscription->keep_only({"old"});
  notify("SELECT pg_notify('old', '2'), pg_notify('new', 'in time')");
  sync(alice);
  for (const char* expected : {"old 1", "old 2", "new in time"})
    EXPECT_EQ(in_words(alice.subscription->take()), expected);
  EXPECT_FALSE(alice.subscription->waiting());
}

TEST_P(ListenHubTest, UnlistenIsAtOnceAlsoForWhatWaits) {
  Listener alice;
  subscribe(alice, pool());
  alice.takes = false;
  ASSERT_EQ(listen(alice, {"a", "b", "c"}), "ok");
  notify("SELECT pg_notify('a', ''), pg_notify('b', ''), pg_notify('c', '')");
  sync(alice);
  alice.subscription->unlisten("b");
  EXPECT_EQ(in_words(alice.subscription->take()), "a ");
  EXPECT_EQ(in_words(alice.subscription->take()), "c ");
  EXPECT_FALSE(alice.subscription->waiting());
  EXPECT_THAT(alice.subscription->channels(), ElementsAre("a", "c"));
  notify("SELECT pg_notify('a', ''), pg_notify('b', ''), pg_notify('c', '')");
  alice.subscription->unlisten_all();
  sync(alice);
  EXPECT_EQ(alice.subscription->take(), nullptr);
  // And back again.
  ASSERT_EQ(listen(alice, {"b"}), "ok");
  notify("NOTIFY b, 'new'");
  sync(alice);
  EXPECT_EQ(in_words(alice.subscription->take()), "b new");
}

TEST_P(ListenHubTest, WhatIsLeftBeforeTheAnswerIsNotListenedTo) {
  Listener alice;
  subscribe(alice, pool());
  std::optional<base::Status> answer;
  alice.subscription->listen({"a", "b"}, [&](base::Status status) { answer = std::move(status); });
  alice.subscription->unlisten("a");
  ASSERT_TRUE(wait([&] { return answer.has_value(); }));
  EXPECT_TRUE(answer->ok());
  EXPECT_THAT(alice.subscription->channels(), ElementsAre("b"));
  notify("SELECT pg_notify('a', ''), pg_notify('b', '')");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("b "));
}

TEST_P(ListenHubTest, ManyClientsShareOneConnection) {
  const auto shared = pool();
  std::vector<std::unique_ptr<Listener>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Listener>());
    subscribe(*clients.back(), shared);
  }
  int answers = 0;
  for (const auto& client : clients)
    client->subscription->listen({"everybody", "some" + std::to_string(answers)}, [&](const base::Status& status) {
      EXPECT_TRUE(status.ok());
      ++answers;
    });
  ASSERT_TRUE(wait([&] { return answers == 200; }));
  EXPECT_EQ(listening_backends(), "1");
  notify("NOTIFY everybody, 'hello'");
  sync(*clients[7]);
  for (const auto& client : clients) EXPECT_THAT(client->heard, ElementsAre("everybody hello"));
  EXPECT_EQ(row().delivered, 200u);
  EXPECT_EQ(row().received, 1u);
}

TEST_P(ListenHubTest, TheSameNameInTwoDatabasesIsTwoChannels) {
  if (look("SELECT 1 FROM pg_database WHERE datname = 'other'").empty()) postgres_.run("CREATE DATABASE other");
  Listener here, there;
  subscribe(here, pool());
  subscribe(there, pool("other"));
  ASSERT_EQ(listen(here, {"c"}), "ok");
  ASSERT_EQ(listen(there, {"c"}), "ok");
  notify("NOTIFY c, 'here'");
  notify("NOTIFY c, 'there'", "other");
  sync(here);
  sync(there);
  EXPECT_THAT(here.heard, ElementsAre("c here"));
  EXPECT_THAT(there.heard, ElementsAre("c there"));
  EXPECT_EQ(hubs_.rows().size(), 2u);
}

TEST_P(ListenHubTest, NamesAreTakenByTheirBytes) {
  const std::vector<std::string> names = {"MiXed", "mixed", "a b", R"(q"uo'te)", "ünï", "1", "select", ";--",
                                          std::string(63, 'n')};
  Listener alice;
  subscribe(alice, pool());
  ASSERT_EQ(listen(alice, names), "ok");
  std::vector<std::string> expected;
  for (const std::string& name : names) {
    std::string doubled;
    for (const char c : name) doubled += c == '\'' ? std::string("''") : std::string(1, c);
    notify("SELECT pg_notify('" + doubled + "', 'x')");
    expected.push_back(name + " x");
  }
  sync(alice);
  EXPECT_EQ(alice.heard, expected);
  // PostgreSQL cuts a longer identifier.
  ASSERT_EQ(listen(alice, {std::string(70, 'z')}), "ok");
  notify("NOTIFY " + std::string(70, 'z'));
  sync(alice);
  EXPECT_EQ(alice.heard.back(), std::string(63, 'z') + " ");
  alice.subscription->unlisten(std::string(70, 'z'));
  EXPECT_FALSE(alice.subscription->channels().contains(std::string(63, 'z')));
}

TEST_P(ListenHubTest, TheLargestPayloadArrives) {
  Listener alice;
  subscribe(alice, pool());
  ASSERT_EQ(listen(alice, {"c"}), "ok");
  notify("SELECT pg_notify('c', repeat('x', 7999))");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("c " + std::string(7999, 'x')));
}

TEST_P(ListenHubTest, EachEncodingIsHeardInItsOwnBytes) {
  Listener modern, old;
  const auto shared = pool();
  subscribe(modern, shared);
  subscribe(old, shared, "LATIN1");
  ASSERT_EQ(listen(modern, {"grün"}), "ok");
  ASSERT_EQ(listen(old, {"gr\xFCn"}), "ok");
  notify("SELECT pg_notify('grün', 'blau für dich')");
  sync(modern);
  sync(old);
  EXPECT_THAT(modern.heard, ElementsAre("grün blau für dich"));
  EXPECT_THAT(old.heard, ElementsAre("gr\xFCn blau f\xFCr dich"));
  EXPECT_EQ(listening_backends(), "2");
}

TEST_P(ListenHubTest, ANameThatTheServerRefusesIsAnErrorForThatClientAlone) {
  const auto shared = pool();
  Listener good, bad;
  subscribe(good, shared);
  subscribe(bad, shared);
  std::vector<std::string> answers(2);
  const auto note = [&](std::size_t i) {
    return [&answers, i](const base::Status& status) { answers[i] = status.ok() ? "ok" : status.error().sqlstate; };
  };
  good.subscription->listen({"fine"}, note(0));
  bad.subscription->listen({"also fine", "\xFF\xFE"}, note(1));
  ASSERT_TRUE(wait([&] { return !answers[0].empty() && !answers[1].empty(); }));
  EXPECT_THAT(answers, ElementsAre("ok", "22021"));
  EXPECT_THAT(bad.subscription->channels(), IsEmpty());
  notify("SELECT pg_notify('fine', ''), pg_notify('also fine', '')");
  sync(good);
  EXPECT_THAT(good.heard, ElementsAre("fine "));
  EXPECT_THAT(bad.heard, IsEmpty());
  EXPECT_EQ(listen(bad, {""}), "42601");
  EXPECT_EQ(listen(bad, {std::string("a\0b", 3)}), "42601");
}

TEST_P(ListenHubTest, WhoDoesNotTakeWhatHeHearsIsGivenUpAndOthersAreNot) {
  const auto shared = pool();
  Listener slow, quick;
  subscribe(slow, shared);
  subscribe(quick, shared);
  slow.takes = false;
  ASSERT_EQ(listen(slow, {"c"}), "ok");
  ASSERT_EQ(listen(quick, {"c"}), "ok");
  for (int i = 0; i < 4; ++i)
    notify("SELECT count(pg_notify('c', g || repeat('x', 7900))) FROM generate_series(" + std::to_string(i * 1000) +
           ", " + std::to_string(i * 1000 + 999) + ") g");
  ASSERT_TRUE(wait([&] { return quick.heard.size() == 4000 && slow.overflowed; }));
  EXPECT_EQ(slow.overflowed->sqlstate, "53400");
  EXPECT_FALSE(slow.subscription->waiting());
  EXPECT_THAT(slow.subscription->channels(), IsEmpty());
  EXPECT_EQ(row().overflows, 1u);
  EXPECT_FALSE(quick.overflowed);
  // The one that goes on is not held to what it has taken.
  notify("NOTIFY c, 'more'");
  sync(quick);
  EXPECT_EQ(quick.heard.back(), "c more");
}

TEST_P(ListenHubTest, OneThatEndsWhileNotificationsAreOnTheirWayHearsNothing) {
  const auto shared = pool();
  Listener stays;
  subscribe(stays, shared);
  ASSERT_EQ(listen(stays, {"c"}), "ok");
  for (int i = 0; i < 30; ++i) {
    auto goes = std::make_unique<Listener>();
    subscribe(*goes, shared);
    ASSERT_EQ(listen(*goes, {"c"}), "ok");
    postgres_.run("SELECT pg_notify('c', '" + std::to_string(i) + "')");  // our loop stands still: it waits there
    goes.reset();
    sync(stays);
  }
  EXPECT_EQ(stays.heard.size(), 30u);
  // Also while its question is on its way.
  auto asks = std::make_unique<Listener>();
  subscribe(*asks, shared);
  asks->subscription->listen({"d"}, [](const base::Status&) { ADD_FAILURE() << "called back after the end"; });
  asks->subscription->sync([] { ADD_FAILURE() << "called back after the end"; });
  asks.reset();
  sync(stays);
  EXPECT_TRUE(wait([&] { return row().subscribers == 1; }));
}

TEST_P(ListenHubTest, TooManyChannelsAreRefused) {
  Listener alice;
  subscribe(alice, pool());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < Subscription::kChannelsMax; ++i) names.push_back("c" + std::to_string(i));
  EXPECT_EQ(listen(alice, names), "ok");
  EXPECT_EQ(listen(alice, {"one more"}), "53400");
  EXPECT_EQ(listen(alice, {"c1"}), "ok");
  alice.subscription->unlisten("c1");
  EXPECT_EQ(listen(alice, {"one more"}), "ok");
  notify("NOTIFY c9999");
  sync(alice);
  EXPECT_THAT(alice.heard, ElementsAre("c9999 "));
}

TEST_P(ListenHubTest, AfterItsWorkerWasStoppedASubscriptionIsHarmless) {
  Listener alice;
  subscribe(alice, pool());
  ASSERT_EQ(listen(alice, {"c"}), "ok");
  other_.stop();
  thread_.join();
  hubs_.stop_worker(0);
  hubs_.stop_worker(1);
  EXPECT_THAT(hubs_.rows(), IsEmpty());
  alice.subscription->listen({"d"}, [](const base::Status&) {});
  alice.subscription->unlisten("c");
  alice.subscription.reset();
  support::run_for(loop_, 10ms);
  thread_ = std::thread([] {});
  EXPECT_TRUE(wait([&] { return listening_backends() == "0"; }));
}

}  // namespace
}  // namespace pooler
