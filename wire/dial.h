#pragma once
// Dial: from a host and a port to a connected socket, without waiting.
//
// The host is a name, an address, a folder of Unix sockets ("/run/postgresql") or an abstract one ("@name"). The
// addresses of a name are tried in order, each with its share of the time.

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/ticket.h"
#include "conf/settings.h"
#include "wire/resolver.h"

namespace wire {

struct SocketOptions {
  bool keepalive = true;
  int keepalive_count = 0;               // these zeros leave the kernel's choice
  base::Duration keepalive_idle{};
  base::Duration keepalive_interval{};
  std::chrono::milliseconds user_timeout{};
  int64_t buffer = 0;  // bytes, each direction
  bool operator==(const SocketOptions&) const = default;
};
SocketOptions socket_options(const conf::Weir& weir);
// For connections of both directions. Sets TCP_NODELAY too. An option that the kernel refuses is left out: an
// untuned connection is better than none. Does nothing to Unix sockets.
void tune_socket(int fd, const SocketOptions& options);

struct DialTarget {
  std::string host;
  int port = 5432;
  bool operator==(const DialTarget&) const = default;
};

// The path of a Unix socket; empty for TCP. An abstract one begins with '@'.
std::string unix_socket_path(const DialTarget& target);

// Calls `done` once on `loop`, never from inside this call, with a non-blocking, connected socket or with 08001 and
// libpq's words; not at all once the ticket is dropped. A timeout of zero waits as long as the kernel does.
using DialDone = std::function<void(base::Result<base::Fd>)>;
base::Ticket dial(base::EventLoop& loop, Resolver& resolver, DialTarget target, const SocketOptions& options,
                  base::Duration timeout, DialDone done);

}  // namespace wire
