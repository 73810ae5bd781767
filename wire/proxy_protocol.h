#pragma once
// The PROXY protocol, version 2 (haproxy.org, "The PROXY protocol", section 2.2): the header a load balancer puts
// before the first byte of a connection to say who the client is. Pure and incremental: bytes in, value out.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

// The fixed part: signature, version and command, family, length.
inline constexpr std::size_t kProxyHeaderSize = 16;
// The longest header that is taken, fixed part and all. The specification asks for at least 536; TLVs of TLS and cloud
// balancers may need more, none needs this much.
inline constexpr std::size_t kMaxProxyHeader = 4096;

struct ProxyHeader {
  std::size_t consumed = 0;                // 0 while more is needed
  std::size_t needed = kProxyHeaderSize;   // the whole header's size, as far as it is known
  // The header names no client: a connection of the balancer's own (LOCAL: a health check), UNSPEC, or a Unix socket.
  // The address the connection came from is kept.
  bool local = false;
  // Unless local: numeric, an IPv4 address in IPv6 clothes as IPv4.
  std::string source_address, destination_address;
  int source_port = 0, destination_port = 0;
};

// The header at the start of `bytes`. While it is not complete, `consumed` is 0 and at least up to `needed` bytes must
// come: a reader that stops there never takes a byte of what follows the header. 08P01 as soon as it is certain that no
// acceptable header comes, whether that is something else, version 1, too long, or contradicts itself.
base::Result<ProxyHeader> parse_proxy_v2(std::string_view bytes);

}  // namespace wire
