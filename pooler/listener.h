#pragma once
// Listeners: takes connections from all listening sockets and deals them out. Lives on one loop, which is not
// one of several workers': a worker that is busy must not keep clients from the others.
//
// When descriptors run out, the process does not spin: a descriptor kept in reserve is used to take a connection, say
// 53300 and close it, a few at a time with pauses in between.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "pooler/client_login.h"
#include "pooler/listen_socket.h"
#include "wire/dial.h"

namespace pooler {

class Listeners {
 public:
  // Connections taken from one socket before the loop sees to other things.
  static constexpr int kAcceptsPerTurn = 64;
  // How long a process without descriptors waits before it looks again.
  static constexpr base::Duration kOutOfDescriptorsPause = std::chrono::milliseconds(100);

  // Takes the new connection's descriptor, which does not block.
  using Accept = std::function<void(base::Fd, ListenerInfo)>;
  Listeners(base::EventLoop& loop, Accept accept);
  ~Listeners();

  void add(ListenSocket socket);
  // What accepted connections get; they inherit it from the listening sockets.
  void tune(const wire::SocketOptions& options);

  // Leaves new connections with the kernel; resume() takes them again.
  void suspend();
  void resume();
  // For good: the sockets are closed, files of Unix sockets go.
  void close();

  bool closed() const { return closed_; }
  // "127.0.0.1:6432, unix:/tmp/.s.PGSQL.6432"
  std::string text() const;

 private:
  class One;
  void take_from(One& one);
  void out_of_descriptors(One& one, int error);
  void update();

  base::EventLoop& loop_;
  Accept accept_;
  base::Fd reserve_;
  base::Timer pause_;
  wire::SocketOptions options_;
  std::vector<std::unique_ptr<One>> all_;
  bool suspended_ = false;
  bool paused_ = false;  // out of descriptors
  bool closed_ = false;
};

}  // namespace pooler
