#pragma once
// systemd's side of the process: telling it how we are (sd_notify(3)) and taking sockets from it (sd_listen_fds(3)),
// both spoken here, without its library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace app {

// What the manager put into the environment.
struct ManagerEnvironment {
  std::string notify_socket;
  std::optional<base::Duration> watchdog;  // how often it wants to hear WATCHDOG=1 at the least
  int sockets = 0;                         // descriptors passed, from kFirstSocket on
  std::vector<std::string> socket_names;

  static constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START
  // More would not be sockets to listen on.
  static constexpr int kSocketsMax = 256;

  // For process `pid`; variables meant for another process do not count. `get` looks a variable up.
  template <typename Get>
  static ManagerEnvironment read(int64_t pid, Get get) {
    return read_values(pid, get("NOTIFY_SOCKET"), get("WATCHDOG_USEC"), get("WATCHDOG_PID"), get("LISTEN_FDS"),
                       get("LISTEN_PID"), get("LISTEN_FDNAMES"));
  }

 private:
  using Value = std::optional<std::string>;
  static ManagerEnvironment read_values(int64_t pid, const Value& notify, const Value& watchdog_usec,
                                        const Value& watchdog_pid, const Value& listen_fds, const Value& listen_pid,
                                        const Value& names);
};

// Where nobody listens nothing is sent, and nothing is an error: the manager is a bystander.
class Notifier {
 public:
  Notifier() = default;
  // A path, or '@' and a name for an abstract socket; anything else sends nowhere.
  explicit Notifier(const std::string& socket);

  void ready(std::string_view status);
  void reloading(base::TimePoint now);  // to be followed by ready()
  void stopping(std::string_view status);
  void status(std::string_view text);
  void watchdog();

 private:
  void send(const std::string& state);
  base::Fd fd_;
};

}  // namespace app
