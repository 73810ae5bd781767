#include "app/watchdog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <thread>

#include "tests/support/run_loop.h"
#include "tests/unit/app/scratch.h"

namespace app {
namespace {

int count_messages(int fd) {
  std::array<char, 256> room;
  int count = 0;
  while (::recv(fd, room.data(), room.size(), MSG_DONTWAIT) > 0) ++count;
  return count;
}

TEST(Watchdog, IsSilentWhileAWorkerHangs) {
  const Scratch scratch;
  const base::Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = scratch.path("notify");
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  Notifier notifier(path);

  base::EventLoop main, worker;
  std::thread thread([&worker] { worker.run(); });
  {
    Watchdog watchdog(main, {&worker}, notifier, std::chrono::milliseconds(60));
    int heard = 0;
    EXPECT_TRUE(support::run_until(main, [&] { return (heard += count_messages(manager.get())) >= 3; }));

    std::atomic<bool> hang{true};
    worker.post([&hang] {
      while (hang) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    support::run_for(main, std::chrono::milliseconds(100));  // what was asked before has been said by now
    count_messages(manager.get());
    support::run_for(main, std::chrono::milliseconds(200));
    EXPECT_EQ(count_messages(manager.get()), 0);
    hang = false;
    heard = 0;
    EXPECT_TRUE(support::run_until(main, [&] { return (heard += count_messages(manager.get())) >= 2; }));
  }
  worker.stop();
  thread.join();
}

}  // namespace
}  // namespace app
