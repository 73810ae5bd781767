#pragma once
// The PROXY protocol, version 2 (haproxy.org, "The PROXY protocol", section 2.2): the header a load balancer puts
// before the first byte of a connection to say who the client is. Pure and incremental: bytes in, value out.

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "conf/address.h"
#include "wire/startup.h"

namespace wire {

// The fixed part: signature, version and command, family, length.
inline constexpr std::size_t kProxyFixedSize = 16;
// The longest header that is taken, fixed part and all. The specification asks for at least 536; TLVs of TLS and cloud
// balancers may need more, none needs this much.
inline constexpr std::size_t kMaxProxyHeader = 4096;

struct Endpoint {
  conf::IpAddress address;
  int port = 0;
  bool operator==(const Endpoint&) const = default;
};

struct ProxyHeader {
  // Nothing for a connection of the balancer's own (LOCAL: a health check), for UNSPEC and for a Unix socket: the
  // address the connection came from is kept.
  std::optional<Endpoint> source, destination;
  bool local = false;  // the command was LOCAL
  std::size_t consumed = 0;
};

// The header at the start of `bytes`, or NeedMore. 08P01 as soon as it is certain that no acceptable header comes,
// whether that is something else, version 1, too long, or contradicts itself.
base::Result<std::variant<NeedMore, ProxyHeader>> parse_proxy_v2(std::string_view bytes);

}  // namespace wire
