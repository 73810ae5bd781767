#include "wire/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/handle.h"

namespace wire {
namespace {

// A Unix socket whose line is full says so at once; the kernel does not tell when there is room (connect(2), EAGAIN).
constexpr base::Duration kFullLineRetry = std::chrono::milliseconds(10);

std::string errno_text(int code) { return std::system_category().message(code); }

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::optional<SocketAddress> tcp_address(const std::string& numeric, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return std::nullopt;
  const base::Handle<addrinfo, freeaddrinfo> owner(found);
  SocketAddress address;
  address.length = found->ai_addrlen;
  std::copy_n(reinterpret_cast<const char*>(found->ai_addr), found->ai_addrlen,
              reinterpret_cast<char*>(&address.storage));
  return address;
}

std::optional<SocketAddress> unix_address(const std::string& path) {
  SocketAddress address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof un.sun_path) return std::nullopt;
  un.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), un.sun_path);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (path.front() == '@')
    un.sun_path[0] = '\0';
  else
    ++address.length;  // the NUL
  return address;
}

// Connecting to a free local port can meet itself: the kernel may choose the very port that it connects to.
bool connected_to_itself(int fd) {
  SocketAddress ours;
  SocketAddress theirs;
  ours.length = theirs.length = sizeof(sockaddr_storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&ours.storage), &ours.length) != 0) return false;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&theirs.storage), &theirs.length) != 0) return false;
  const auto* a = reinterpret_cast<const char*>(&ours.storage);
  const auto* b = reinterpret_cast<const char*>(&theirs.storage);
  return ours.family() != AF_UNIX && ours.length == theirs.length && std::equal(a, a + ours.length, b);
}

class Dialing final : public base::FdHandler, public std::enable_shared_from_this<Dialing> {
 public:
  Dialing(base::EventLoop& loop, DialTarget target, const SocketOptions& options, base::Duration timeout, DialDone done)
      : loop_(loop), target_(std::move(target)), options_(options), timeout_(timeout), done_(std::move(done)) {}

  void start(Resolver& resolver) {
    if (timeout_ > base::Duration::zero()) deadline_ = base::now() + timeout_;
    path_ = unix_socket_path(target_);
    if (!path_.empty()) {
      later([](Dialing& self) { self.try_next(); });
      return;
    }
    if (deadline_) arm(*deadline_ - base::now());
    looking_up_ = resolver.resolve(target_.host, loop_, [this](base::Result<Addresses> found) {
      const auto keep = shared_from_this();
      looking_up_.drop();
      if (!found.ok()) {
        finish(std::move(found).error());
        return;
      }
      addresses_ = *std::move(found);
      try_next();
    });
  }

  void withdraw() {
    done_ = nullptr;
    stop();
  }

 private:
  void on_readable() override {}
  void on_writable() override {
    const auto keep = shared_from_this();
    int code = 0;
    socklen_t length = sizeof code;
    if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
    if (code == 0 && connected_to_itself(fd_.get())) code = ECONNREFUSED;
    code == 0 ? succeed() : fail_address(errno_text(code));
  }
  void on_internal_error(const char* what) noexcept override { finish(base::internal_error(what)); }

  std::size_t count() const { return path_.empty() ? addresses_->size() : 1; }

  void try_next() {
    if (next_ >= count()) {
      finish(base::cannot_connect(failures_));
      return;
    }
    const auto left = static_cast<base::Duration::rep>(count() - next_);
    name_ = path_.empty() ? address_name(addresses_->at(next_)) : "on socket \"" + path_ + "\"";
    const auto address =
        path_.empty() ? tcp_address(addresses_->at(next_), target_.port) : unix_address(path_);
    ++next_;
    if (!address) {
      fail_address(path_.empty() ? "not an address" : "the path is too long");
      return;
    }
    if (deadline_) arm(std::max(*deadline_ - base::now(), base::Duration::zero()) / left);
    address_ = *address;
    open_and_connect();
  }

  void open_and_connect() {
    fd_ = base::Fd(socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
      fail_address(errno_text(errno));
      return;
    }
    if (path_.empty()) tune_socket(fd_.get(), options_);
    if (connect(fd_.get(), address_.get(), address_.length) == 0) {
      succeed();
    } else if (errno == EAGAIN) {
      retry_.emplace(loop_, [this] {
        const auto keep = shared_from_this();
        fd_.reset();
        open_and_connect();
      });
      retry_->once(kFullLineRetry);
    } else if (errno == EINPROGRESS || errno == EINTR) {
      watch_.attach(loop_, fd_.get(), *this);
      watch_.want_write(true);
    } else {
      fail_address(errno_text(errno));
    }
  }

  // What libpq calls it.
  std::string address_name(const std::string& address) const {
    std::string name = "at \"" + target_.host + "\"";
    if (address != target_.host) name += " (" + address + ")";
    return name + ", port " + std::to_string(target_.port);
  }

  void fail_address(const std::string& reason) {
    release_socket();
    if (!failures_.empty()) failures_ += "; ";
    failures_ += "connection to server " + name_ + " failed: " + reason;
    // Not from inside the call of somebody who waits, nor ever deeper for a name with many addresses.
    later([](Dialing& self) { self.try_next(); });
  }

  void arm(base::Duration share) {
    timer_.emplace(loop_, [this] {
      const auto keep = shared_from_this();
      if (name_.empty())
        finish(base::cannot_connect("could not translate host name \"" + target_.host + "\" to address: timeout expired"));
      else
        fail_address("timeout expired");
    });
    timer_->once(share);
  }

  void succeed() {
    watch_.detach();
    finish(std::move(fd_));
  }

  void finish(base::Result<base::Fd> result) {
    const auto keep = shared_from_this();
    stop();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
  }

  void release_socket() {
    timer_.reset();
    retry_.reset();
    watch_.detach();
    fd_.reset();
  }

  void stop() {
    looking_up_.drop();
    release_socket();
  }

  template <typename Step>
  void later(Step step) {
    loop_.defer([weak = weak_from_this(), step] {
      const auto self = weak.lock();
      if (self && self->done_) step(*self);
    });
  }

  base::EventLoop& loop_;
  const DialTarget target_;
  const SocketOptions options_;
  const base::Duration timeout_;
  DialDone done_;
  std::optional<base::TimePoint> deadline_;
  std::string path_;     // of a Unix socket, or empty
  base::Ticket looking_up_;
  Addresses addresses_;
  std::size_t next_ = 0;  // the address to try next
  std::string name_;      // of the address being tried, as errors say it
  std::string failures_;
  SocketAddress address_;
  base::Fd fd_;
  base::FdWatch watch_;
  std::optional<base::Timer> timer_;  // this address's share of the time
  std::optional<base::Timer> retry_;
};

void set_option(int fd, int level, int name, int value) {
  [[maybe_unused]] const int refused = setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace

SocketOptions socket_options(const conf::Weir& weir) {
  return {.keepalive = weir.tcp_keepalive,
          .keepalive_count = weir.tcp_keepcnt,
          .keepalive_idle = weir.tcp_keepidle,
          .keepalive_interval = weir.tcp_keepintvl,
          .user_timeout = weir.tcp_user_timeout,
          .buffer = weir.tcp_socket_buffer};
}

void tune_socket(int fd, const SocketOptions& options) {
  int domain = AF_UNSPEC;
  socklen_t length = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain == AF_UNIX) return;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.buffer > 0) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(options.buffer));
    set_option(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.buffer));
  }
  if (options.user_timeout.count() > 0)
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, options.keepalive ? 1 : 0);
  if (!options.keepalive) return;
  // The kernel counts whole seconds; less than one is one.
  const auto seconds = [](base::Duration duration) {
    return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(duration).count());
  };
  if (options.keepalive_count > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_count);
  if (options.keepalive_idle > base::Duration::zero())
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(options.keepalive_idle));
  if (options.keepalive_interval > base::Duration::zero())
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(options.keepalive_interval));
}

std::string unix_socket_path(const DialTarget& target) {
  if (!target.host.starts_with('/') && !target.host.starts_with('@')) return {};
  return target.host + "/.s.PGSQL." + std::to_string(target.port);
}

base::Ticket dial(base::EventLoop& loop, Resolver& resolver, DialTarget target, const SocketOptions& options,
                  base::Duration timeout, DialDone done) {
  auto dialing = std::make_shared<Dialing>(loop, std::move(target), options, timeout, std::move(done));
  dialing->start(resolver);
  return base::Ticket([dialing] { dialing->withdraw(); });
}

}  // namespace wire
