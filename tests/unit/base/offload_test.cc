#include "base/offload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>

namespace base {
namespace {

// Holds the only thread until it is opened.
class Gate {
 public:
  auto work() {
    return [state = state_] {  // may outlive the gate
      state->entered.set_value();
      state->open.get_future().wait();
    };
  }
  void wait_entered() { state_->entered.get_future().wait(); }
  void open() { state_->open.set_value(); }

 private:
  struct State {
    std::promise<void> entered, open;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST(Offload, works_on_another_thread_and_calls_back_on_the_loop) {
  EventLoop loop;
  Offload offload("test", 2);
  const auto here = std::this_thread::get_id();
  std::thread::id worked, called;
  const auto ticket = offload.submit([&] { worked = std::this_thread::get_id(); },
                                     [&] {
                                       called = std::this_thread::get_id();
                                       loop.stop();
                                     },
                                     loop);
  ASSERT_TRUE(ticket.ok());
  loop.run();
  EXPECT_NE(worked, here);
  EXPECT_EQ(called, here);
}

TEST(Offload, hands_over_what_the_work_made) {
  EventLoop loop;
  Offload offload("test", 1);
  std::string got;
  const auto ticket = offload.compute([] { return std::string("made"); },
                                      [&](std::string made) {
                                        got = std::move(made);
                                        loop.stop();
                                      },
                                      loop);
  ASSERT_TRUE(ticket.ok());
  loop.run();
  EXPECT_EQ(got, "made");
}

TEST(Offload, an_exception_in_the_work_arrives_as_an_error) {
  EventLoop loop;
  Offload offload("test", 1);
  std::string sqlstate;
  const auto ticket = offload.compute([]() -> Result<int> { throw std::runtime_error("library"); },
                                      [&](Result<int> result) {
                                        sqlstate = result.error().sqlstate;
                                        loop.stop();
                                      },
                                      loop);
  ASSERT_TRUE(ticket.ok());
  loop.run();
  EXPECT_EQ(sqlstate, "XX000");
}

TEST(Offload, a_dropped_ticket_means_no_call_back) {
  EventLoop loop;
  Offload offload("test", 1);
  Gate gate;
  bool called = false;
  auto ticket = offload.submit(gate.work(), [&] { called = true; }, loop);
  gate.wait_entered();
  (*ticket).drop();
  gate.open();
  const auto last = offload.submit([] {}, [&] { loop.stop(); }, loop);
  loop.run();
  EXPECT_FALSE(called);
}

TEST(Offload, work_in_line_whose_ticket_was_dropped_is_not_done) {
  EventLoop loop;
  Offload offload("test", 1);
  Gate gate;
  const auto first = offload.submit(gate.work(), [] {}, loop);
  gate.wait_entered();
  std::atomic<bool> worked = false;
  auto second = offload.submit([&] { worked = true; }, [] {}, loop);
  (*second).drop();
  gate.open();
  const auto last = offload.submit([] {}, [&] { loop.stop(); }, loop);
  loop.run();
  EXPECT_FALSE(worked);
}

TEST(Offload, a_full_line_refuses_and_a_dropped_place_is_free_again) {
  EventLoop loop;
  Offload offload("test", 1, 2);
  Gate gate;
  const auto running = offload.submit(gate.work(), [] {}, loop);
  gate.wait_entered();
  auto one = offload.submit([] {}, [] {}, loop);
  const auto two = offload.submit([] {}, [] {}, loop);
  const auto refused = offload.submit([] {}, [] {}, loop);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "53400");
  EXPECT_FALSE(offload.run([] {}));
  (*one).drop();
  EXPECT_TRUE(offload.submit([] {}, [] {}, loop).ok());
  gate.open();
}

TEST(Offload, threads_have_names_and_no_signals) {
  std::array<char, 16> name{};
  sigset_t mask;
  sigemptyset(&mask);
  std::promise<void> done;
  Offload offload("a-very-long-thread-name", 1);
  ASSERT_TRUE(offload.run([&] {
    pthread_getname_np(pthread_self(), name.data(), name.size());
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    done.set_value();
  }));
  done.get_future().wait();
  EXPECT_STREQ(name.data(), "a-very-long-t-0");
  EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
}

TEST(Offload, the_end_waits_for_what_runs_and_forgets_what_stands_in_line) {
  std::atomic<int> worked = 0;
  {
    Offload offload("test", 1);
    Gate gate;
    ASSERT_TRUE(offload.run([&, hold = gate.work()] {
      hold();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ++worked;
    }));
    gate.wait_entered();
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(offload.run([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        ++worked;
      }));
    gate.open();
  }
  EXPECT_GE(worked, 1);
  EXPECT_LE(worked, 2);
}

}  // namespace
}  // namespace base
