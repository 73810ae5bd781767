#include "wire/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/support/run_loop.h"

namespace wire {
namespace {

using namespace std::chrono_literals;
using support::run_for;
using support::run_until;
using Kind = LookupResult::Kind;

// A resolver of the test's own: what it says, how often it was asked, and whether it hangs.
class Names {
 public:
  Lookup lookup() {
    return [this](const std::string& host) {
      ++asked;
      if (host == "slow") hang_.get_future().wait();
      const std::lock_guard lock(mutex_);
      return answer_;
    };
  }
  void say(LookupResult answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void let_go() { hang_.set_value(); }
  std::atomic<int> asked = 0;

 private:
  std::mutex mutex_;
  LookupResult answer_{Kind::kFound, {"10.0.0.1"}, {}};
  std::promise<void> hang_;
};

class ResolverTest : public testing::Test {
 protected:
  // What one question is answered.
  base::Result<Addresses> ask(Resolver& resolver, const std::string& host) {
    std::optional<base::Result<Addresses>> answer;
    const auto ticket = resolver.resolve(host, loop_, [&](base::Result<Addresses> found) { answer = found; });
    EXPECT_FALSE(answer.has_value()) << "called back from inside the call";
    EXPECT_TRUE(run_until(loop_, [&] { return answer.has_value(); }));
    return *answer;
  }

  // Before the resolver: its threads end after the tests that make them hang let them go.
  Names names_;
  base::EventLoop loop_;
};

TEST_F(ResolverTest, an_address_needs_no_look_up) {
  Resolver resolver({}, names_.lookup());
  for (const std::string address : {"127.0.0.1", "::1", "fe80::1%lo"}) {
    const auto found = ask(resolver, address);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(**found, std::vector{address});
  }
  EXPECT_EQ(names_.asked, 0);
}

TEST_F(ResolverTest, an_answer_is_used_until_it_is_too_old) {
  Resolver resolver({.max_ttl = 100ms}, names_.lookup());
  ASSERT_TRUE(ask(resolver, "db").ok());
  ASSERT_TRUE(ask(resolver, "db").ok());
  EXPECT_EQ(names_.asked, 1);
  run_for(loop_, 120ms);
  names_.say({Kind::kFound, {"10.0.0.2"}, {}});
  EXPECT_EQ(**ask(resolver, "db"), std::vector<std::string>{"10.0.0.2"});
  EXPECT_EQ(names_.asked, 2);
}

TEST_F(ResolverTest, an_unknown_name_stays_unknown_for_its_own_time) {
  Resolver resolver({.unknown_ttl = 100ms}, names_.lookup());
  names_.say({Kind::kUnknown, {}, "Name or service not known"});
  const auto first = ask(resolver, "db");
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().sqlstate, "08001");
  EXPECT_EQ(first.error().message, "could not translate host name \"db\" to address: Name or service not known");
  names_.say({Kind::kFound, {"10.0.0.2"}, {}});
  EXPECT_FALSE(ask(resolver, "db").ok());
  EXPECT_EQ(names_.asked, 1);
  run_for(loop_, 120ms);
  EXPECT_TRUE(ask(resolver, "db").ok());
}

TEST_F(ResolverTest, a_passing_failure_is_not_remembered_and_old_addresses_bridge_it) {
  Resolver resolver({.max_ttl = 10ms}, names_.lookup());
  names_.say({Kind::kFailed, {}, "Temporary failure in name resolution"});
  EXPECT_FALSE(ask(resolver, "db").ok());
  names_.say({Kind::kFound, {"10.0.0.2"}, {}});
  EXPECT_TRUE(ask(resolver, "db").ok());
  run_for(loop_, 20ms);
  names_.say({Kind::kFailed, {}, "Temporary failure in name resolution"});
  const auto bridged = ask(resolver, "db");
  ASSERT_TRUE(bridged.ok());
  EXPECT_EQ(**bridged, std::vector<std::string>{"10.0.0.2"});
}

TEST_F(ResolverTest, a_name_that_vanished_is_not_bridged) {
  Resolver resolver({.max_ttl = 10ms}, names_.lookup());
  EXPECT_TRUE(ask(resolver, "db").ok());
  run_for(loop_, 20ms);
  names_.say({Kind::kUnknown, {}, "Name or service not known"});
  EXPECT_FALSE(ask(resolver, "db").ok());
}

TEST_F(ResolverTest, many_who_ask_for_one_name_cause_one_look_up) {
  Resolver resolver({}, names_.lookup());
  std::vector<base::Ticket> tickets;
  int answered = 0;
  for (int i = 0; i < 100; ++i)
    tickets.push_back(resolver.resolve("slow", loop_, [&](base::Result<Addresses> found) { answered += found.ok(); }));
  EXPECT_TRUE(run_until(loop_, [&] { return names_.asked == 1; }));
  EXPECT_EQ(resolver.callers_waiting(), 100U);
  names_.let_go();
  EXPECT_TRUE(run_until(loop_, [&] { return answered == 100; }));
  EXPECT_EQ(names_.asked, 1);
  EXPECT_EQ(resolver.callers_waiting(), 0U);
}

TEST_F(ResolverTest, a_name_that_hangs_holds_up_no_other_and_its_callers_not_for_long) {
  Resolver resolver({.timeout = 200ms}, names_.lookup());
  std::optional<base::Result<Addresses>> slow;
  const auto ticket = resolver.resolve("slow", loop_, [&](base::Result<Addresses> found) { slow = found; });
  const auto start = base::now();
  EXPECT_TRUE(ask(resolver, "db").ok());
  EXPECT_LT(base::now() - start, 150ms);
  EXPECT_TRUE(run_until(loop_, [&] { return slow.has_value(); }));
  ASSERT_FALSE(slow->ok());
  EXPECT_EQ(slow->error().message, "could not translate host name \"slow\" to address: no answer in time");
  EXPECT_EQ(resolver.lookups_running(), 1);
  // The late answer serves whoever asks next.
  names_.let_go();
  EXPECT_TRUE(run_until(loop_, [&] { return resolver.lookups_running() == 0; }));
  EXPECT_TRUE(ask(resolver, "slow").ok());
  EXPECT_EQ(names_.asked, 2);
}

TEST_F(ResolverTest, a_dropped_ticket_means_no_call_back) {
  Resolver resolver({}, names_.lookup());
  bool called = false;
  auto ticket = resolver.resolve("slow", loop_, [&](base::Result<Addresses>) { called = true; });
  ticket.drop();
  EXPECT_EQ(resolver.callers_waiting(), 0U);
  names_.let_go();
  EXPECT_TRUE(run_until(loop_, [&] { return resolver.lookups_running() == 0; }));
  run_for(loop_, 20ms);
  EXPECT_FALSE(called);
}

TEST_F(ResolverTest, too_many_hanging_names_are_refused_and_not_waited_for) {
  std::promise<void> hang;
  const std::shared_future<void> hanging = hang.get_future().share();
  Resolver resolver({}, [hanging](const std::string&) {
    hanging.wait();
    return LookupResult{Kind::kFound, {"10.0.0.1"}, {}};
  });
  std::vector<base::Ticket> tickets;
  for (int i = 0; i < Resolver::kLookupsMax; ++i)
    tickets.push_back(resolver.resolve("name" + std::to_string(i), loop_, [](base::Result<Addresses>) {}));
  const auto refused = ask(resolver, "one-more");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, testing::HasSubstr("too many look-ups"));
  EXPECT_TRUE(ask(resolver, "127.0.0.1").ok());
  hang.set_value();
  EXPECT_TRUE(run_until(loop_, [&] { return resolver.lookups_running() == 0; }));
}

TEST_F(ResolverTest, the_end_does_not_wait_for_a_hanging_look_up) {
  std::promise<void> hang;
  const std::shared_future<void> hanging = hang.get_future().share();
  // The look-up holds this as long as its thread lives.
  auto alive = std::make_shared<int>();
  const std::weak_ptr<int> still_alive = alive;
  const auto start = base::now();
  {
    Resolver resolver({}, [hanging, alive = std::move(alive)](const std::string&) {
      hanging.wait();
      return LookupResult{Kind::kFound, {"10.0.0.1"}, {}};
    });
    const auto ticket = resolver.resolve("db", loop_, [](base::Result<Addresses>) { FAIL(); });
    run_for(loop_, 20ms);
  }
  EXPECT_LT(base::now() - start, 1s);
  hang.set_value();
  EXPECT_TRUE(run_until(loop_, [&] { return still_alive.expired(); }));
}

TEST_F(ResolverTest, lists_what_it_remembers) {
  Resolver resolver({.max_ttl = 60s}, names_.lookup());
  names_.say({Kind::kFound, {"10.0.0.2", "::5"}, {}});
  ASSERT_TRUE(ask(resolver, "db").ok());
  const auto rows = resolver.list();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].host, "db");
  EXPECT_GT(rows[0].ttl, 50s);
  EXPECT_LE(rows[0].ttl, 60s);
  EXPECT_EQ(rows[0].addresses, (std::vector<std::string>{"10.0.0.2", "::5"}));
}

TEST_F(ResolverTest, serves_several_loops_from_one_look_up) {
  Resolver resolver({}, names_.lookup());
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      base::EventLoop loop;
      bool here = false;
      const auto ticket = resolver.resolve("slow", loop, [&](base::Result<Addresses> found) {
        EXPECT_TRUE(loop.in_loop_thread());
        here = found.ok();
      });
      run_until(loop, [&] { return here; });
      answered += here;
    });
  EXPECT_TRUE(run_until(loop_, [&] { return resolver.callers_waiting() == 4; }));
  names_.let_go();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 4);
  EXPECT_EQ(names_.asked, 1);
}

TEST(SystemLookup, finds_localhost_once_per_address) {
  const auto found = system_lookup("localhost");
  ASSERT_EQ(found.kind, Kind::kFound) << found.failure;
  EXPECT_TRUE(std::find(found.addresses.begin(), found.addresses.end(), "127.0.0.1") != found.addresses.end() ||
              std::find(found.addresses.begin(), found.addresses.end(), "::1") != found.addresses.end());
  auto unique = found.addresses;
  std::sort(unique.begin(), unique.end());
  EXPECT_EQ(std::adjacent_find(unique.begin(), unique.end()), unique.end());
}

}  // namespace
}  // namespace wire
