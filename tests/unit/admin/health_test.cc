#include "admin/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/support/run_loop.h"

namespace admin {
namespace {

using namespace std::chrono_literals;
using support::run_until;
using testing::ElementsAre;
using testing::IsEmpty;
using Silent = std::vector<std::string>;

struct Running {
  base::EventLoop loop;
  std::thread thread{[this] { loop.run(); }};
  ~Running() {
    loop.stop();
    thread.join();
  }
};

TEST(Health, LoopsThatTurnAreWellAtOnce) {
  base::EventLoop own;
  Running one, two;
  Health health(own, {{"one", &one.loop}, {"two", &two.loop}, {"own", &own}}, 10s);
  for (int turn = 0; turn < 3; ++turn) {
    std::optional<Silent> first, second;
    health.check([&](const Silent& silent) { first = silent; });
    health.check([&](const Silent& silent) { second = silent; });
    ASSERT_TRUE(run_until(own, [&] { return first && second; }, 5s));
    EXPECT_THAT(*first, IsEmpty());
    EXPECT_THAT(*second, IsEmpty());
  }
}

TEST(Health, ALoopThatDoesNotTurnIsNamedAndAskedOnce) {
  base::EventLoop own, stuck;  // nobody runs it
  Running well;
  Health health(own, {{"well", &well.loop}, {"stuck", &stuck}}, 50ms);
  for (int turn = 0; turn < 3; ++turn) {
    std::optional<Silent> got;
    health.check([&](const Silent& silent) { got = silent; });
    ASSERT_TRUE(run_until(own, [&] { return got.has_value(); }, 5s));
    EXPECT_THAT(*got, ElementsAre("stuck"));
  }
  // It turns again: the one question that waits there is answered, and it is well.
  std::optional<Silent> got;
  health.check([&](const Silent& silent) { got = silent; });
  stuck.stop();
  stuck.run();
  ASSERT_TRUE(run_until(own, [&] { return got.has_value(); }, 5s));
  EXPECT_THAT(*got, IsEmpty());
}

TEST(Health, NobodyToWatchIsWell) {
  base::EventLoop own;
  Health health(own, {});
  std::optional<Silent> got;
  health.check([&](const Silent& silent) { got = silent; });
  EXPECT_THAT(*got, IsEmpty());
}

}  // namespace
}  // namespace admin
