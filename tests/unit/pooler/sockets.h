#pragma once
// Sockets of loopback, for tests of what listens.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace pooler {

// A port that was free a moment ago.
inline int free_port() {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// Nothing if nobody listens there. Blocks for 5 seconds at most when it reads.
inline base::Fd connect_to(int port) {
  base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

// Everything up to the end of file, or what came before the patience ended.
inline std::string read_all(const base::Fd& fd) {
  std::string text;
  std::array<char, 512> room;
  for (ssize_t got = 0; (got = ::recv(fd.get(), room.data(), room.size(), 0)) > 0;)
    text.append(room.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace pooler
