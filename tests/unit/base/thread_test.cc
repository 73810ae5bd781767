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

}  // namespace
}  // namespace base
