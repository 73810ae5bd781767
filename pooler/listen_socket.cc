#include "pooler/listen_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/handle.h"
#include "base/log.h"
#include "pooler/socket_address.h"

namespace pooler {
namespace {

// Longest wait for a client's first bytes with tcp_defer_accept; the kernel rounds it.
constexpr int kDeferSeconds = 45;

const base::Logger log{"listener"};

std::string reason(int error) { return std::generic_category().message(error); }

base::Error cannot_listen(const std::string& where, std::string_view why) {
  return base::configuration_limit(fmt::format("cannot listen on {}: {}", where, why));
}

// A folder that nobody chose is a convenience beside TCP. Where it cannot be had, Weir goes on without it; where somebody
// else answers there, clients would reach the wrong one of two.
bool can_do_without(const conf::Weir& weir, const base::Error& error) {
  return weir.unix_socket_dir == conf::Weir{}.unix_socket_dir && !weir.listen_addr.empty() &&
         error.sqlstate != base::object_in_use({}).sqlstate;
}

void set_int(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

struct AddressList {
  addrinfo* head = nullptr;
  ~AddressList() {
    if (head != nullptr) freeaddrinfo(head);
  }
};

// Whether somebody answers on a Unix socket's address; a file that nobody listens on is a dead process's.
bool somebody_listens(const sockaddr_un& address, socklen_t length) {
  const base::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return true;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

base::Result<gid_t> find_group(const std::string& name) {
  // Names a group, or is its number.
  group entry{};
  group* found = nullptr;
  std::vector<char> room(16 * 1024);
  while (getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == ERANGE && room.size() < (1U << 20))
    room.resize(room.size() * 2);
  if (found != nullptr) return entry.gr_gid;
  if (!name.empty() && name.size() < 10 && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return static_cast<gid_t>(std::stoul(name));
  return base::undefined_object(fmt::format("group \"{}\" does not exist", name));
}

}  // namespace

ListenSocket::~ListenSocket() {
  if (!fd_ || path_.empty()) return;
  struct stat now {};
  if (::lstat(path_.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_) ::unlink(path_.c_str());
}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  if (this != &other) {
    ListenSocket old(std::move(*this));  // its file goes with it
    fd_ = std::move(other.fd_);
    info_ = std::move(other.info_);
    any_address_ = other.any_address_;
    text_ = std::move(other.text_);
    path_ = std::move(other.path_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

base::Result<std::vector<ListenSocket>> ListenSocket::open_all(const conf::Weir& weir) {
  std::vector<ListenSocket> sockets;
  for (const std::string& address : weir.listen_addr) TRY_STATUS(open_tcp(weir, address, sockets));
  if (!weir.unix_socket_dir.empty()) {
    auto socket = open_unix(weir);
    if (socket.ok())
      sockets.push_back(*std::move(socket));
    else if (can_do_without(weir, socket.error()))
      log.warn("{}; going on without it, TCP is there (unix_socket_dir says where it should be)", base::to_text(socket.error()));
    else
      return socket.error();
  }
  return sockets;
}

base::Status ListenSocket::open_tcp(const conf::Weir& weir, const std::string& address,
                                    std::vector<ListenSocket>& sockets) {
  const bool any = address == "*";
  const std::string port = std::to_string(weir.listen_port);
  const std::string where = any ? "*:" + port : address.find(':') == std::string::npos ? address + ':' + port
                                                                                     : '[' + address + "]:" + port;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  AddressList list;
  if (const int failed = getaddrinfo(any ? nullptr : address.c_str(), port.c_str(), &hints, &list.head); failed != 0)
    return cannot_listen(where, failed == EAI_SYSTEM ? reason(errno) : gai_strerror(failed));

  int opened = 0;
  std::string last_failure;
  for (const addrinfo* one = list.head; one != nullptr; one = one->ai_next) {
    ListenSocket socket;
    socket.fd_ = base::Fd(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.fd_) {
      last_failure = reason(errno);
      if (errno == EAFNOSUPPORT) continue;  // a machine without IPv6
      return cannot_listen(where, last_failure);
    }
    const int fd = socket.fd_.get();
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (one->ai_family == AF_INET6) set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (weir.so_reuseport) set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (weir.tcp_defer_accept) set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
    if (::bind(fd, one->ai_addr, one->ai_addrlen) != 0 || ::listen(fd, weir.listen_backlog) != 0) {
      last_failure = reason(errno);
      // "*" on a machine that knows IPv6 and has no address of it.
      if (any && errno == EADDRNOTAVAIL) continue;
      return cannot_listen(where, last_failure);
    }
    TRY_STATUS(socket.describe());
    sockets.push_back(std::move(socket));
    ++opened;
  }
  if (opened == 0) return cannot_listen(where, last_failure.empty() ? "no such address" : last_failure);
  return base::Ok{};
}

base::Result<ListenSocket> ListenSocket::open_unix(const conf::Weir& weir) {
  const bool abstract = weir.unix_socket_dir.starts_with('@');
  const std::string path = weir.unix_socket_dir + "/.s.PGSQL." + std::to_string(weir.listen_port);
  const std::string where = "unix:" + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return cannot_listen(where, fmt::format("the path is longer than {} bytes", sizeof address.sun_path - 1));
  std::copy(path.begin(), path.end(), address.sun_path);
  if (abstract) address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));

  struct stat there {};
  if (!abstract && ::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) return cannot_listen(where, "there is a file of that name that is no socket");
    if (somebody_listens(address, length))
      return base::object_in_use("cannot listen on " + where + ": another process listens there");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return cannot_listen(where, "the socket that a dead process left cannot be removed: " + reason(errno));
  }

  ListenSocket socket;
  socket.fd_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.fd_) return cannot_listen(where, reason(errno));
  // Nobody may connect before mode and group are what they should be: not listening yet means refused.
  if (::bind(socket.fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return cannot_listen(where, reason(errno));
  if (!abstract) {
    if (::lstat(path.c_str(), &there) != 0) return cannot_listen(where, reason(errno));
    socket.path_ = path;
    socket.device_ = there.st_dev;
    socket.inode_ = there.st_ino;
    if (!weir.unix_socket_group.empty()) {
      TRY(const gid_t group, find_group(weir.unix_socket_group));
      if (::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0)
        return cannot_listen(where, fmt::format("unix_socket_group \"{}\": {}", weir.unix_socket_group, reason(errno)));
    }
    if (::chmod(path.c_str(), weir.unix_socket_mode.bits) != 0) return cannot_listen(where, reason(errno));
  }
  if (::listen(socket.fd_.get(), weir.listen_backlog) != 0) return cannot_listen(where, reason(errno));
  TRY_STATUS(socket.describe());
  return socket;
}

base::Result<ListenSocket> ListenSocket::adopt(base::Fd fd) {
  ListenSocket socket;
  socket.fd_ = std::move(fd);
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return base::configuration_limit(
        fmt::format("descriptor {} that the service manager passed is not a listening stream socket", socket.fd()));
  const int flags = ::fcntl(socket.fd(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.fd(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(socket.fd(), F_SETFD, FD_CLOEXEC) != 0)
    return base::configuration_limit("cannot prepare a socket that the service manager passed: " + reason(errno));
  TRY_STATUS(socket.describe());
  return socket;
}

base::Status ListenSocket::describe() {
  SocketAddress own;
  if (!own.local_of(fd())) return base::configuration_limit("cannot tell where a socket listens: " + reason(errno));
  info_.unix_socket = own.is_unix();
  info_.local_address = own.text();
  info_.local_port = own.port();
  any_address_ = own.is_any();
  if (own.is_unix())
    text_ = "unix:" + own.text();
  else
    text_ = own.text().find(':') == std::string::npos ? fmt::format("{}:{}", own.text(), own.port())
                                                      : fmt::format("[{}]:{}", own.text(), own.port());
  return base::Ok{};
}

}  // namespace pooler
