#include "base/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "tests/support/run_loop.h"
#include "tests/support/turns.h"

namespace base {
namespace {

using namespace std::chrono_literals;
using support::run_until;
using support::turn;
using testing::ElementsAre;

TEST(Loop, WhatIsPostedRunsInItsOrderOnTheLoopsThread) {
  EventLoop loop;
  std::vector<int> order;
  bool own_thread = true;
  EXPECT_FALSE(loop.in_loop_thread()) << "it does not run yet";
  std::thread other([&] {
    for (int i = 0; i < 100; ++i)
      loop.post([&, i] {
        order.push_back(i);
        own_thread = own_thread && loop.in_loop_thread();
      });
    loop.post([&loop] { loop.stop(); });
  });
  loop.run();
  other.join();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_TRUE(own_thread);
}

TEST(Loop, WhatWasPostedBeforeTheStopIsDoneAndWhatComesLaterIsForgotten) {
  auto alive = std::make_shared<int>(0);
  int done = 0;
  {
    EventLoop loop;
    loop.stop();
    loop.post([&done] { ++done; });
    loop.run();
    loop.post([alive, &done] { ++done; });
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_LE(done, 1);
  EXPECT_EQ(alive.use_count(), 1) << "forgotten is not leaked";
}

TEST(Loop, DeferredWorkRunsAfterTheCallbackThatAskedForIt) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.post([&] {
    loop.defer([&] {
      order.push_back("deferred");
      loop.defer([&] { order.push_back("deferred by it"); });
    });
    order.push_back("callback");
  });
  turn(loop);
  EXPECT_THAT(order, ElementsAre("callback", "deferred", "deferred by it"));
}

struct Doomed final : Deferred {
  explicit Doomed(bool& its_end) : end(its_end) {}
  ~Doomed() override { end = true; }
  bool& end;
};

TEST(Loop, AnObjectDiesAfterTheCallbackThatEndsIt) {
  EventLoop loop;
  bool gone = false, gone_inside = true;
  loop.post([&] {
    loop.defer_delete(std::make_unique<Doomed>(gone));
    gone_inside = gone;
  });
  turn(loop);
  EXPECT_FALSE(gone_inside);
  EXPECT_TRUE(gone);
}

TEST(Loop, ALoopThatEndsTakesTheDoomedWithIt) {
  bool gone = false;
  {
    EventLoop loop;
    loop.defer_delete(std::make_unique<Doomed>(gone));
  }
  EXPECT_TRUE(gone);
}

TEST(Loop, ACallbackThatThrowsIsCountedAndTheNextOneRuns) {
  EventLoop loop;
  const uint64_t before = EventLoop::internal_errors();
  bool next = false;
  loop.post([] { throw std::runtime_error("of a library"); });
  loop.post([&next] { next = true; });
  turn(loop);
  EXPECT_TRUE(next);
  EXPECT_EQ(EventLoop::internal_errors(), before + 1);
}

TEST(Timer, OnceIsOnceAndCancelledIsNever) {
  EventLoop loop;
  int once = 0, never = 0;
  Timer first(loop, [&once] { ++once; }), second(loop, [&never] { ++never; });
  EXPECT_FALSE(first.armed());
  first.once(1ms);
  second.once(1ms);
  EXPECT_TRUE(first.armed());
  second.cancel();
  EXPECT_FALSE(second.armed());
  EXPECT_TRUE(run_until(loop, [&] { return once == 1; }));
  support::run_for(loop, 20ms);
  EXPECT_EQ(once, 1);
  EXPECT_EQ(never, 0);
  EXPECT_FALSE(first.armed());
}

TEST(Timer, ArmedAnewItForgetsTheEarlierTime) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&fired] { ++fired; });
  timer.once(1ms);
  timer.once(1h);
  support::run_for(loop, 20ms);
  EXPECT_EQ(fired, 0);
  timer.once(1ms);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 1; }));
}

TEST(Timer, EveryGoesOnUntilItIsCancelledEvenFromInside) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&] {
    if (++fired == 3) timer.cancel();
  });
  timer.every(1ms);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 3; }));
  support::run_for(loop, 20ms);
  EXPECT_EQ(fired, 3);
}

TEST(Timer, ADestroyedTimerDoesNotFire) {
  EventLoop loop;
  bool fired = false;
  std::make_unique<Timer>(loop, [&fired] { fired = true; })->once(1ms);
  support::run_for(loop, 20ms);
  EXPECT_FALSE(fired);
}

class FdWatchTest : public testing::Test, protected FdHandler {
 protected:
  FdWatchTest() {
    std::array<int, 2> both{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
    ours_ = Fd(both[0]);
    theirs_ = Fd(both[1]);
  }
  void on_readable() override {
    std::array<char, 16> room{};
    ++readable_;
    if (throws_) throw std::runtime_error("of a library");
    if (takes_) {
      EXPECT_GT(::recv(ours_.get(), room.data(), room.size(), 0), 0);
    }
  }
  void on_writable() override {
    ++writable_;
    watch_.want_write(false);
  }
  void on_internal_error(const char* what) noexcept override {
    error_ = what;
    watch_.detach();
  }
  void they_say(std::string_view text) { ASSERT_EQ(::send(theirs_.get(), text.data(), text.size(), 0), std::ssize(text)); }

  EventLoop loop_;
  Fd ours_, theirs_;
  FdWatch watch_;
  int readable_ = 0, writable_ = 0;
  bool takes_ = true, throws_ = false;
  std::string error_;
};

TEST_F(FdWatchTest, ItTellsOnlyWhatIsWanted) {
  watch_.attach(loop_, ours_.get(), *this);
  EXPECT_TRUE(watch_.attached());
  watch_.want_read(false);
  they_say("x");
  turn(loop_);
  EXPECT_EQ(readable_, 0);
  watch_.want_read(true);
  turn(loop_);
  EXPECT_EQ(readable_, 1);
  EXPECT_EQ(writable_, 0);
  watch_.want_write(true);
  turn(loop_);
  EXPECT_EQ(writable_, 1);
}

TEST_F(FdWatchTest, WhatWasNotTakenIsToldAgain) {
  takes_ = false;
  watch_.attach(loop_, ours_.get(), *this);
  watch_.want_read(true);
  they_say("x");
  turn(loop_);
  EXPECT_GT(readable_, 1) << "level-triggered";
}

TEST_F(FdWatchTest, DetachedItHearsNothingAndMayBeAttachedElsewhere) {
  watch_.attach(loop_, ours_.get(), *this);
  watch_.want_read(true);
  watch_.detach();
  EXPECT_FALSE(watch_.attached());
  they_say("x");
  turn(loop_);
  EXPECT_EQ(readable_, 0);
  EventLoop other;
  watch_.attach(other, ours_.get(), *this);
  watch_.want_read(true);
  turn(other);
  EXPECT_EQ(readable_, 1);
  watch_.detach();
}

TEST_F(FdWatchTest, AHandlerThatThrowsIsToldToEndAndNobodyElse) {
  throws_ = true;
  watch_.attach(loop_, ours_.get(), *this);
  watch_.want_read(true);
  they_say("x");
  turn(loop_);
  EXPECT_EQ(error_, "of a library");
  EXPECT_EQ(readable_, 1);
}

TEST(SignalWatch, ASignalIsACallbackOfTheLoop) {
  EventLoop loop;
  int seen = 0;
  const SignalWatch watch(loop, SIGUSR1, [&seen] { ++seen; });
  loop.post([] { ::kill(::getpid(), SIGUSR1); });
  EXPECT_TRUE(run_until(loop, [&] { return seen == 1; }));
}

}  // namespace
}  // namespace base
