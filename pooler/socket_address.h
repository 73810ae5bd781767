#pragma once
// SocketAddress: an end of a socket, as text and number.

#include <sys/socket.h>

#include <string>

namespace pooler {

class SocketAddress {
 public:
  // Each says whether it could be had.
  bool local_of(int fd);
  bool peer_of(int fd);
  // Where accept4() puts what it learns.
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t* raw_length();

  bool is_unix() const { return storage_.ss_family == AF_UNIX; }
  // 0.0.0.0 or ::
  bool is_any() const;
  // Numeric address; of a Unix socket its path, '@' for the zero byte of an abstract one, empty for an unnamed one.
  std::string text() const;
  int port() const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace pooler
