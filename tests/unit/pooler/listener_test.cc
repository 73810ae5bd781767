#include "pooler/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <thread>

#include "tests/support/run_loop.h"
#include "tests/unit/pooler/sockets.h"

namespace pooler {
namespace {

class ListenersTest : public testing::Test {
 protected:
  ListenersTest() {
    weir_.listen_port = free_port();
    weir_.unix_socket_dir.clear();
    weir_.tcp_defer_accept = false;
    open();
  }
  void open() {
    auto sockets = ListenSocket::open_all(weir_);
    EXPECT_TRUE(sockets.ok()) << base::to_text(sockets.error());
    for (auto& socket : *sockets) listeners_.add(std::move(socket));
  }
  bool accepted(std::size_t count) {
    return support::run_until(loop_, [&] { return accepted_.size() >= count; }, std::chrono::seconds(5));
  }

  conf::Weir weir_;
  base::EventLoop loop_;
  std::vector<std::pair<base::Fd, ListenerInfo>> accepted_;
  Listeners listeners_{loop_, [this](base::Fd fd, ListenerInfo info) {
                         accepted_.emplace_back(std::move(fd), std::move(info));
                       }};
};

TEST_F(ListenersTest, HandOutConnectionsThatDoNotBlock) {
  const base::Fd client = connect_to(weir_.listen_port);
  ASSERT_TRUE(client);
  ASSERT_TRUE(accepted(1));
  EXPECT_NE(::fcntl(accepted_[0].first.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(accepted_[0].second.local_address, "127.0.0.1");
  EXPECT_EQ(accepted_[0].second.local_port, weir_.listen_port);
}

TEST_F(ListenersTest, TakeMoreThanOneTurnAllows) {
  std::vector<base::Fd> clients;
  const int many = Listeners::kAcceptsPerTurn + 10;
  for (int i = 0; i < many; ++i) clients.push_back(connect_to(weir_.listen_port));
  EXPECT_TRUE(accepted(static_cast<std::size_t>(many)));
}

TEST_F(ListenersTest, ConnectionsInheritWhatTheListenerWasTunedTo) {
  wire::SocketOptions options;
  options.keepalive = true;
  options.keepalive_idle = std::chrono::seconds(77);
  listeners_.tune(options);
  const base::Fd client = connect_to(weir_.listen_port);
  ASSERT_TRUE(accepted(1));
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(accepted_[0].first.get(), level, name, &value, &size);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 77);
  EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_NE(option(IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST_F(ListenersTest, TellWhereAConnectionToEveryAddressCameIn) {
  weir_.listen_port = free_port();
  weir_.listen_addr = {"*"};
  open();
  const base::Fd client = connect_to(weir_.listen_port);
  ASSERT_TRUE(accepted(1));
  EXPECT_EQ(accepted_[0].second.local_address, "127.0.0.1");
}

TEST_F(ListenersTest, SuspendedTheyLeaveConnectionsWaiting) {
  listeners_.suspend();
  const base::Fd client = connect_to(weir_.listen_port);
  ASSERT_TRUE(client);
  support::run_for(loop_, std::chrono::milliseconds(50));
  EXPECT_TRUE(accepted_.empty());
  listeners_.resume();
  EXPECT_TRUE(accepted(1));
}

TEST_F(ListenersTest, ClosedTheyRefuse) {
  listeners_.close();
  support::run_for(loop_, std::chrono::milliseconds(10));
  EXPECT_FALSE(connect_to(weir_.listen_port));
  EXPECT_TRUE(listeners_.closed());
}

#if !defined(WEIR_SANITIZE_ADDRESS) && !defined(WEIR_SANITIZE_THREAD)  // their checks need descriptors of their own
TEST_F(ListenersTest, WithoutDescriptorsAClientIsToldAndTheProcessDoesNotSpin) {
  const base::Fd client = connect_to(weir_.listen_port);
  ASSERT_TRUE(client);
  const base::Fd next = connect_to(weir_.listen_port);
  // Every descriptor that is left, so that exactly the reserve remains.
  std::vector<base::Fd> hoard;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit low{128, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  for (;;) {
    base::Fd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!one) break;
    hoard.push_back(std::move(one));
  }
  rusage before{}, after{};
  getrusage(RUSAGE_THREAD, &before);
  support::run_for(loop_, std::chrono::milliseconds(300));
  getrusage(RUSAGE_THREAD, &after);
  setrlimit(RLIMIT_NOFILE, &limit);

  EXPECT_TRUE(accepted_.empty());
  const std::string told = read_all(client);
  EXPECT_NE(told.find("53300"), std::string::npos);
  EXPECT_NE(told.find("sorry, too many clients already"), std::string::npos);
  EXPECT_NE(read_all(next).find("53300"), std::string::npos);
  const auto used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1'000'000 +
                    (after.ru_utime.tv_usec - before.ru_utime.tv_usec);
  EXPECT_LT(used, 150'000);  // microseconds, of 300 ms

  hoard.clear();
  const base::Fd later = connect_to(weir_.listen_port);
  EXPECT_TRUE(accepted(1));
}
#endif

}  // namespace
}  // namespace pooler
