#pragma once
// ListenSocket: a descriptor that listens, and what belongs to it: where it is, and the file of a Unix socket.

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "conf/settings.h"
#include "pooler/client_login.h"

namespace pooler {

class ListenSocket {
 public:
  ListenSocket() = default;
  ~ListenSocket();  // a Unix socket's file goes, if it is still ours
  ListenSocket(ListenSocket&&) noexcept = default;
  ListenSocket& operator=(ListenSocket&& other) noexcept;

  int fd() const { return fd_.get(); }
  const ListenerInfo& info() const { return info_; }
  // It listens on every address: where a connection came in must be asked of the connection.
  bool any_address() const { return any_address_; }
  // "127.0.0.1:6432", "[::1]:6432", "unix:/tmp/.s.PGSQL.6432".
  const std::string& text() const { return text_; }

  // All that [weir] asks for, or the first that could not be had. The descriptors do not block. A Unix socket in the
  // default folder is left out with a warning where that folder does not let us, as long as there is TCP.
  static base::Result<std::vector<ListenSocket>> open_all(const conf::Weir& weir);
  // One that the service manager opened for us and keeps.
  static base::Result<ListenSocket> adopt(base::Fd fd);

 private:
  static base::Status open_tcp(const conf::Weir& weir, const std::string& address, std::vector<ListenSocket>& sockets);
  static base::Result<ListenSocket> open_unix(const conf::Weir& weir);
  base::Status describe();  // fills info_ and text_ from the descriptor

  base::Fd fd_;
  ListenerInfo info_;
  bool any_address_ = false;
  std::string text_;
  // Of a Unix socket that we made: removed only as long as it is this file and not a successor's.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace pooler
