#include "pooler/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace pooler {
namespace {

// The kernel's own way to look at a sockaddr_storage.
template <typename Address>
const Address& as(const sockaddr_storage& storage) {
  static_assert(sizeof(Address) <= sizeof(sockaddr_storage));
  return reinterpret_cast<const Address&>(storage);
}

}  // namespace

socklen_t* SocketAddress::raw_length() {
  length_ = sizeof storage_;
  return &length_;
}

bool SocketAddress::local_of(int fd) { return ::getsockname(fd, raw(), raw_length()) == 0; }

bool SocketAddress::peer_of(int fd) { return ::getpeername(fd, raw(), raw_length()) == 0; }

bool SocketAddress::is_any() const {
  if (storage_.ss_family == AF_INET) return as<sockaddr_in>(storage_).sin_addr.s_addr == htonl(INADDR_ANY);
  if (storage_.ss_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&as<sockaddr_in6>(storage_).sin6_addr) != 0;
  return false;
}

int SocketAddress::port() const {
  if (storage_.ss_family == AF_INET) return ntohs(as<sockaddr_in>(storage_).sin_port);
  if (storage_.ss_family == AF_INET6) return ntohs(as<sockaddr_in6>(storage_).sin6_port);
  return 0;
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> room{};
  const void* address = nullptr;
  switch (storage_.ss_family) {
    case AF_INET: address = &as<sockaddr_in>(storage_).sin_addr; break;
    case AF_INET6: address = &as<sockaddr_in6>(storage_).sin6_addr; break;
    case AF_UNIX: {
      constexpr std::size_t kHead = offsetof(sockaddr_un, sun_path);
      if (length_ <= kHead) return {};
      const auto& path = as<sockaddr_un>(storage_).sun_path;
      const std::string_view name(path, std::min<std::size_t>(length_ - kHead, sizeof path));
      if (name.starts_with('\0')) return '@' + std::string(name.substr(1));
      return std::string(name.substr(0, name.find('\0')));
    }
    default: return {};
  }
  if (inet_ntop(storage_.ss_family, address, room.data(), room.size()) == nullptr) return {};
  return room.data();
}

}  // namespace pooler
