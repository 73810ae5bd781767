#include "pooler/socket_address.h"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <algorithm>

#include "tests/unit/pooler/sockets.h"

namespace pooler {
namespace {

base::Fd bound(const sockaddr* address, socklen_t length) {
  base::Fd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), address, length), 0);
  return fd;
}

TEST(SocketAddress, OfIpv4) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const base::Fd fd = bound(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  SocketAddress own;
  ASSERT_TRUE(own.local_of(fd.get()));
  EXPECT_EQ(own.text(), "127.0.0.1");
  EXPECT_GT(own.port(), 0);
  EXPECT_FALSE(own.is_any());
  EXPECT_FALSE(own.is_unix());
  EXPECT_FALSE(own.peer_of(fd.get()));
}

TEST(SocketAddress, OfEveryAddress) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const base::Fd fd = bound(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  SocketAddress own;
  ASSERT_TRUE(own.local_of(fd.get()));
  EXPECT_TRUE(own.is_any());
}

TEST(SocketAddress, OfAnAbstractUnixSocket) {
  const std::string name = "@weir-address-test";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path);
  address.sun_path[0] = '\0';
  const base::Fd fd = bound(reinterpret_cast<const sockaddr*>(&address),
                            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
  SocketAddress own;
  ASSERT_TRUE(own.local_of(fd.get()));
  EXPECT_TRUE(own.is_unix());
  EXPECT_EQ(own.text(), name);
  EXPECT_EQ(own.port(), 0);
}

TEST(SocketAddress, AnUnnamedSocketHasNoText) {
  const base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress own;
  ASSERT_TRUE(own.local_of(fd.get()));
  EXPECT_EQ(own.text(), "");
}

TEST(SocketAddress, NoSocketHasNone) {
  SocketAddress own;
  EXPECT_FALSE(own.local_of(-1));
}

}  // namespace
}  // namespace pooler
