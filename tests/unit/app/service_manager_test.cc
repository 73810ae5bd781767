#include "app/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <map>

#include "tests/unit/app/scratch.h"

namespace app {
namespace {

// The manager's end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    bound_ = ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
  }
  bool bound() const { return bound_; }
  std::string next() {
    std::array<char, 4096> room;
    const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
    return got < 0 ? "nothing" : std::string(room.data(), static_cast<std::size_t>(got));
  }

 private:
  base::Fd fd_;
  bool bound_ = false;
};

TEST(Notifier, SpeaksTheManagersProtocol) {
  const Scratch scratch;
  Manager manager(scratch.path("notify"));
  ASSERT_TRUE(manager.bound());
  Notifier notifier(scratch.path("notify"));
  notifier.ready("listening on 127.0.0.1:6432");
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=listening on 127.0.0.1:6432");
  notifier.reloading(base::TimePoint(base::Duration(12345678)));
  EXPECT_EQ(manager.next(), "RELOADING=1\nMONOTONIC_USEC=12345678");
  notifier.watchdog();
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  notifier.status("busy");
  EXPECT_EQ(manager.next(), "STATUS=busy");
  notifier.stopping("bye");
  EXPECT_EQ(manager.next(), "STOPPING=1\nSTATUS=bye");
  EXPECT_EQ(manager.next(), "nothing");
}

TEST(Notifier, ReachesAnAbstractSocket) {
  const std::string name = "@weir-notify-" + std::to_string(base::random_u64());
  Manager manager(name);
  ASSERT_TRUE(manager.bound());
  Notifier(name).watchdog();
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST(Notifier, AStatusStaysOneLine) {
  const Scratch scratch;
  Manager manager(scratch.path("notify"));
  Notifier(scratch.path("notify")).status("a\nREADY=1");
  EXPECT_EQ(manager.next(), "STATUS=a READY=1");
}

TEST(Notifier, WithoutAManagerNothingHappens) {
  Notifier().ready("x");
  Notifier("").ready("x");
  Notifier("/nonexistent/notify").ready("x");
  Notifier("vsock:2:1234").ready("x");
  Notifier("@" + std::string(500, 'x')).ready("x");
}

ManagerEnvironment read(std::map<std::string, std::string> variables) {
  return ManagerEnvironment::read(42, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(ManagerEnvironment, IsEmptyWithoutAManager) {
  const auto found = read({});
  EXPECT_EQ(found.sockets, 0);
  EXPECT_FALSE(found.watchdog);
  EXPECT_TRUE(found.notify_socket.empty());
}

TEST(ManagerEnvironment, CountsSocketsMeantForUs) {
  const auto found = read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "tcp:unix"}});
  EXPECT_EQ(found.sockets, 2);
  EXPECT_EQ(found.socket_names, (std::vector<std::string>{"tcp", "unix"}));
}

TEST(ManagerEnvironment, LeavesOthersSocketsAlone) {
  EXPECT_EQ(read({{"LISTEN_PID", "41"}, {"LISTEN_FDS", "2"}}).sockets, 0);
  EXPECT_EQ(read({{"LISTEN_FDS", "2"}}).sockets, 0);
}

TEST(ManagerEnvironment, SurvivesRubbish) {
  EXPECT_EQ(read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "-3"}}).sockets, 0);
  EXPECT_EQ(read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "many"}}).sockets, 0);
  EXPECT_EQ(read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "1000000000"}}).sockets, ManagerEnvironment::kSocketsMax);
  EXPECT_FALSE(read({{"WATCHDOG_USEC", "soon"}}).watchdog);
  EXPECT_FALSE(read({{"WATCHDOG_USEC", "0"}}).watchdog);
}

TEST(ManagerEnvironment, HeedsTheWatchdogMeantForUs) {
  EXPECT_EQ(read({{"WATCHDOG_USEC", "30000000"}}).watchdog, std::chrono::seconds(30));
  EXPECT_EQ(read({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "42"}}).watchdog, std::chrono::seconds(30));
  EXPECT_FALSE(read({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "7"}}).watchdog);
}

}  // namespace
}  // namespace app
