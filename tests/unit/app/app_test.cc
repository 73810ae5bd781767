#include "app/app.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "conf/load.h"

namespace app {
namespace {

// A listening socket on a free port, as a service manager passes it.
std::pair<base::Fd, sockaddr_in> free_port() {
  base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length);
  ::listen(fd.get(), 16);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return {std::move(fd), address};
}

// Sends `request`, returns what comes first.
std::string talk(const sockaddr_in& address, std::string_view request) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "refused";
  ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::array<char, 512> room;
  const ssize_t got = ::recv(fd.get(), room.data(), room.size(), 0);
  return got < 0 ? "silence" : std::string(room.data(), static_cast<std::size_t>(got));
}

TEST(App, ServesOnAPassedSocketUntilItIsToldToStop) {
  using std::string_view_literals::operator""sv;
  auto [fd, address] = free_port();
  App::Prepared prepared;
  prepared.config = conf::load_text("[weir]\nunix_socket_dir = \"\"\n[databases.x]\nhost = \"127.0.0.1\"\n", "test",
                                    conf::FixedSurroundings())
                        .config;
  ASSERT_TRUE(prepared.config);
  prepared.workers = 2;
  auto socket = pooler::ListenSocket::adopt(std::move(fd));
  ASSERT_TRUE(socket.ok());
  prepared.sockets.push_back(*std::move(socket));

  std::string ssl_answer, startup_answer;
  std::thread client([&ssl_answer, &startup_answer, address = address] {
    ssl_answer = talk(address, "\0\0\0\x08\x04\xd2\x16\x2f"sv);
    startup_answer = talk(address, "\0\0\0\x11\0\x09\0\0user\0me\0\0\0"sv);  // protocol 9
    ::kill(::getpid(), SIGQUIT);
  });
  {
    App app(std::move(prepared));
    app.run();
  }
  client.join();
  EXPECT_EQ(ssl_answer, "N");
  EXPECT_EQ(startup_answer.substr(0, 1), "E");
  EXPECT_EQ(talk(address, ""), "refused");
}

TEST(App, AsManyWorkersAsConfiguredOrAsThereAreCores) {
  conf::Config config;
  config.workers.count = 3;
  EXPECT_EQ(worker_count(config), 3);
  config.workers.count = 0;
  EXPECT_EQ(worker_count(config), static_cast<int>(std::thread::hardware_concurrency()));
}

TEST(App, SettingsReachResolverAndThrottle) {
  conf::Config config;
  config.weir.dns_max_ttl = std::chrono::seconds(3);
  config.weir.max_preauth_conn = 5;
  config.weir.max_preauth_per_ip = 4;
  EXPECT_EQ(resolver_settings(config).max_ttl, std::chrono::seconds(3));
  EXPECT_EQ(throttle_limits(config).max_preauth, 5);
  EXPECT_EQ(throttle_limits(config).max_preauth_per_ip, 4);
}

}  // namespace
}  // namespace app
