#include "app/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace app {
namespace {

// A line end inside a value would begin another assignment.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\0'; }, ' ');
  return line;
}

}  // namespace

ManagerEnvironment ManagerEnvironment::read_values(int64_t pid, const Value& notify, const Value& watchdog_usec,
                                                   const Value& watchdog_pid, const Value& listen_fds,
                                                   const Value& listen_pid, const Value& names) {
  ManagerEnvironment found;
  found.notify_socket = notify.value_or("");
  const auto number = [](const Value& value) { return value ? base::parse_int(*value) : std::nullopt; };
  const bool watch_us = !watchdog_pid || number(watchdog_pid) == pid;
  if (const auto period = number(watchdog_usec); watch_us && period && *period > 0)
    found.watchdog = base::Duration(*period);
  if (number(listen_pid) == pid) {
    found.sockets = static_cast<int>(std::clamp<int64_t>(number(listen_fds).value_or(0), 0, kSocketsMax));
    std::string_view rest = names ? std::string_view(*names) : std::string_view();
    for (int i = 0; i < found.sockets; ++i) {
      const auto colon = rest.find(':');
      found.socket_names.emplace_back(rest.substr(0, colon));
      rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    }
  }
  return found;
}

Notifier::Notifier(const std::string& socket) {
  sockaddr_un address{};
  if (socket.size() < 2 || socket.size() >= sizeof address.sun_path || (socket[0] != '/' && socket[0] != '@')) return;
  address.sun_family = AF_UNIX;
  std::copy(socket.begin(), socket.end(), address.sun_path);
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) fd_ = std::move(fd);
}

void Notifier::ready(std::string_view status) { send("READY=1\nSTATUS=" + one_line(status)); }

void Notifier::reloading(base::TimePoint now) {
  // Type=notify-reload demands the time: systemd ignores a READY=1 that is older.
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.time_since_epoch().count()));
}

void Notifier::stopping(std::string_view status) { send("STOPPING=1\nSTATUS=" + one_line(status)); }

void Notifier::status(std::string_view text) { send("STATUS=" + one_line(text)); }

void Notifier::watchdog() { send("WATCHDOG=1"); }

void Notifier::send(const std::string& state) {
  if (fd_) ::send(fd_.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace app
