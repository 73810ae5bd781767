#include "wire/dial.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>

#include "tests/support/command.h"
#include "tests/support/run_loop.h"

namespace wire {
namespace {

using namespace std::chrono_literals;
using support::run_for;
using support::run_until;

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

// Listens on a free port of 127.0.0.1.
class Listener {
 public:
  explicit Listener(int backlog = 10) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(fd_.get(), backlog), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  base::Fd fd_;
  int port_ = 0;
};

base::Fd listen_unix(const std::string& path, int backlog) {
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (path.front() == '@')
    address.sun_path[0] = '\0';
  else
    ++length;
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(listen(fd.get(), backlog), 0);
  return fd;
}

class DialTest : public testing::Test {
 protected:
  base::Result<base::Fd> call(const DialTarget& target, base::Duration timeout = 5s, SocketOptions options = {}) {
    std::optional<base::Result<base::Fd>> answer;
    const auto ticket =
        dial(loop_, resolver_, target, options, timeout, [&](base::Result<base::Fd> fd) { answer = std::move(fd); });
    EXPECT_FALSE(answer.has_value()) << "called back from inside the call";
    EXPECT_TRUE(run_until(loop_, [&] { return answer.has_value(); }));
    return *std::move(answer);
  }
  std::string failure(const DialTarget& target, base::Duration timeout = 5s) {
    auto fd = call(target, timeout);
    EXPECT_FALSE(fd.ok());
    if (fd.ok()) return {};
    EXPECT_EQ(fd.error().sqlstate, "08001");
    return fd.error().message;
  }

  base::EventLoop loop_;
  Resolver resolver_{{}, [this](const std::string&) {
                       return LookupResult{addresses_.empty() ? LookupResult::Kind::kUnknown : LookupResult::Kind::kFound,
                                           addresses_, "Name or service not known"};
                     }};
  std::vector<std::string> addresses_;
};

TEST_F(DialTest, connects_to_an_address_without_blocking_and_without_delay) {
  const Listener listener;
  const auto fd = call({"127.0.0.1", listener.port()});
  ASSERT_TRUE(fd.ok()) << fd.error().message;
  EXPECT_NE(fcntl(fd->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(option(fd->get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(fd->get(), SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST_F(DialTest, socket_options_reach_the_kernel) {
  const Listener listener;
  const auto fd = call({"127.0.0.1", listener.port()}, 5s,
                       {.keepalive_count = 7,
                        .keepalive_idle = 90s,
                        .keepalive_interval = 11s,
                        .user_timeout = 4321ms,
                        .buffer = 65536});
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(option(fd->get(), IPPROTO_TCP, TCP_KEEPCNT), 7);
  EXPECT_EQ(option(fd->get(), IPPROTO_TCP, TCP_KEEPIDLE), 90);
  EXPECT_EQ(option(fd->get(), IPPROTO_TCP, TCP_KEEPINTVL), 11);
  EXPECT_EQ(option(fd->get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 4321);
  EXPECT_EQ(option(fd->get(), SOL_SOCKET, SO_RCVBUF), 2 * 65536);  // socket(7): the kernel doubles it
}

TEST_F(DialTest, a_refused_connection_is_told_in_libpqs_words) {
  const int port = support::free_port();
  EXPECT_EQ(failure({"127.0.0.1", port}),
            "connection to server at \"127.0.0.1\", port " + std::to_string(port) + " failed: Connection refused");
}

TEST_F(DialTest, the_addresses_of_a_name_are_tried_in_order) {
  const Listener listener;
  addresses_ = {"127.0.0.2", "127.0.0.1"};  // nobody listens on the first
  EXPECT_TRUE(call({"db", listener.port()}).ok());
}

TEST_F(DialTest, when_no_address_answers_the_error_has_them_all) {
  const std::string port = std::to_string(support::free_port());
  addresses_ = {"127.0.0.2", "127.0.0.3"};
  EXPECT_EQ(failure({"db", std::stoi(port)}),
            "connection to server at \"db\" (127.0.0.2), port " + port + " failed: Connection refused; "
            "connection to server at \"db\" (127.0.0.3), port " + port + " failed: Connection refused");
}

TEST_F(DialTest, an_unknown_name_is_an_error) {
  EXPECT_EQ(failure({"db", 5432}), "could not translate host name \"db\" to address: Name or service not known");
}

TEST_F(DialTest, a_silent_address_gets_its_share_of_the_time_and_then_the_next_its) {
  // A listener whose line is full swallows the handshake.
  const Listener silent(0);
  std::vector<base::Fd> line;
  for (int i = 0; i < 2; ++i) {
    auto fd = call({"127.0.0.1", silent.port()}, 300ms);
    if (fd.ok()) line.push_back(*std::move(fd));
  }
  const auto start = base::now();
  EXPECT_EQ(failure({"127.0.0.1", silent.port()}, 300ms),
            "connection to server at \"127.0.0.1\", port " + std::to_string(silent.port()) +
                " failed: timeout expired");
  EXPECT_GE(base::now() - start, 290ms);
  EXPECT_LT(base::now() - start, 2s);

  addresses_ = {"127.0.0.1", "127.0.0.2"};
  const std::string both = failure({"db", silent.port()}, 400ms);
  EXPECT_THAT(both, testing::HasSubstr("(127.0.0.1), port " + std::to_string(silent.port()) + " failed: timeout"));
  EXPECT_THAT(both, testing::HasSubstr("(127.0.0.2), port " + std::to_string(silent.port()) + " failed: Connection refused"));
}

TEST_F(DialTest, connects_to_unix_sockets_by_folder_and_by_abstract_name) {
  const support::TempFolder folder;
  const auto by_path = listen_unix(folder.file(".s.PGSQL.7777"), 5);
  EXPECT_TRUE(call({folder.path(), 7777}).ok());
  const std::string name = "@weir-dial-test-" + std::to_string(getpid());
  const auto abstract = listen_unix(name + "/.s.PGSQL.7777", 5);
  EXPECT_TRUE(call({name, 7777}).ok());
}

TEST_F(DialTest, a_unix_socket_that_is_not_there_is_told_in_libpqs_words) {
  EXPECT_EQ(failure({"/nonexistent", 5432}),
            "connection to server on socket \"/nonexistent/.s.PGSQL.5432\" failed: No such file or directory");
}

TEST_F(DialTest, a_path_too_long_for_a_socket_is_an_error) {
  EXPECT_THAT(failure({"/" + std::string(200, 'x'), 5432}), testing::HasSubstr("the path is too long"));
}

TEST_F(DialTest, a_unix_socket_whose_line_is_full_is_waited_for) {
  const support::TempFolder folder;
  const auto listener = listen_unix(folder.file(".s.PGSQL.7777"), 0);
  const auto first = call({folder.path(), 7777});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(failure({folder.path(), 7777}, 100ms), "connection to server on socket \"" + folder.path() +
                                                       "/.s.PGSQL.7777\" failed: timeout expired");
  std::optional<bool> connected;
  const auto ticket = dial(loop_, resolver_, {folder.path(), 7777}, {}, 5s,
                           [&](base::Result<base::Fd> fd) { connected = fd.ok(); });
  run_for(loop_, 50ms);
  EXPECT_FALSE(connected.has_value());
  const base::Fd accepted(accept(listener.get(), nullptr, nullptr));
  EXPECT_TRUE(run_until(loop_, [&] { return connected.has_value(); }));
  EXPECT_TRUE(*connected);
}

TEST_F(DialTest, a_dropped_ticket_means_no_call_back) {
  const Listener listener;
  bool called = false;
  auto ticket = dial(loop_, resolver_, {"127.0.0.1", listener.port()}, {}, 5s, [&](base::Result<base::Fd>) { called = true; });
  ticket.drop();
  run_for(loop_, 50ms);
  EXPECT_FALSE(called);
}

TEST_F(DialTest, the_ticket_may_be_dropped_in_the_call_back) {
  const Listener listener;
  base::Ticket ticket;
  bool called = false;
  ticket = dial(loop_, resolver_, {"127.0.0.1", listener.port()}, {}, 5s, [&](base::Result<base::Fd>) {
    ticket.drop();
    called = true;
  });
  EXPECT_TRUE(run_until(loop_, [&] { return called; }));
}

}  // namespace
}  // namespace wire
