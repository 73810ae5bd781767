#include "pooler/peer_credentials.h"

#include <fmt/core.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace pooler {
namespace {

// What an entry of the user database needs at first, and the most it is given: glibc suggests 1 kB, directories with
// long comments need a few.
constexpr std::size_t kEntryBytes = 1024;
constexpr std::size_t kEntryBytesMax = 1024 * 1024;

}  // namespace

base::Result<uid_t> peer_uid(int fd) {
  // On a TCP socket the kernel answers too, with no user at all.
  int domain = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
    return base::invalid_authorization("peer authentication works on Unix sockets only");
  }
  ucred credentials{};
  size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return base::invalid_authorization(
        fmt::format("could not get peer credentials: {}", std::generic_category().message(errno)));
  }
  if (credentials.pid == 0 && credentials.uid == static_cast<uid_t>(-1)) {
    return base::invalid_authorization("could not get peer credentials: the socket has no peer");
  }
  return credentials.uid;
}

base::Result<std::string> system_user_name(uid_t uid) {
  std::vector<char> buffer(kEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  int failure = 0;
  while ((failure = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found)) != 0) {
    if (failure == EINTR) continue;
    if (failure != ERANGE || buffer.size() >= kEntryBytesMax) {
      return base::invalid_authorization(fmt::format("could not look up local user ID {}: {}", uid,
                                                     std::generic_category().message(failure)));
    }
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    return base::invalid_authorization(
        fmt::format("could not look up local user ID {}: user does not exist", uid));
  }
  return std::string(entry.pw_name);
}

base::Result<base::Ticket> peer_user_name(base::Offload& offload, base::EventLoop& loop, int fd,
                                          std::function<void(base::Result<std::string>)> done) {
  TRY(const uid_t uid, peer_uid(fd));
  return offload.compute([uid] { return system_user_name(uid); }, std::move(done), loop);
}

}  // namespace pooler
