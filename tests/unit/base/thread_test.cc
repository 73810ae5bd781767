#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <array>

namespace base {
namespace {

TEST(Thread, has_its_name_and_no_signals_and_leaves_its_makers_mask_alone) {
  std::array<char, 16> name{};
  sigset_t inside;
  sigemptyset(&inside);
  std::thread thread = start_thread("weir-a-long-name-indeed", [&] {
    pthread_getname_np(pthread_self(), name.data(), name.size());
    pthread_sigmask(SIG_SETMASK, nullptr, &inside);
  });
  thread.join();
  EXPECT_STREQ(name.data(), "weir-a-long-nam");
  EXPECT_EQ(sigismember(&inside, SIGHUP), 1);
  EXPECT_EQ(sigismember(&inside, SIGPIPE), 1);
  sigset_t here;
  pthread_sigmask(SIG_SETMASK, nullptr, &here);
  EXPECT_EQ(sigismember(&here, SIGHUP), 0);
}

TEST(Thread, has_the_stack_that_was_asked_for) {
  const auto stack_of_a_thread = [] {
    std::size_t size = 0;
    start_thread("weir-stack", [&size] {
      pthread_attr_t attributes;
      pthread_getattr_np(pthread_self(), &attributes);
      pthread_attr_getstacksize(&attributes, &size);
      pthread_attr_destroy(&attributes);
    }).join();
    return size;
  };
  ASSERT_TRUE(set_thread_stack(2 * kThreadStack));
  EXPECT_GE(stack_of_a_thread(), 2 * kThreadStack);
  ASSERT_TRUE(set_thread_stack());
  EXPECT_GE(stack_of_a_thread(), kThreadStack);
  EXPECT_FALSE(set_thread_stack(1));
  EXPECT_GE(stack_of_a_thread(), kThreadStack);
}

}  // namespace
}  // namespace base
