#include "pooler/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "pooler/socket_address.h"
#include "wire/error_fields.h"

namespace pooler {
namespace {

const base::Logger log{"listener"};

base::Fd open_reserve() { return base::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// Says why, as well as a socket that was just accepted allows, and closes it.
void turn_away(base::Fd client, const base::Error& error) {
  std::string bytes;
  wire::append_error_response(bytes, error, wire::Severity::kFatal);
  ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(client.get(), SHUT_WR);
  // What the client has sent already is read, because closing with unread input resets the connection and takes the
  // message along.
  std::array<char, 4096> unread;
  ::recv(client.get(), unread.data(), unread.size(), MSG_DONTWAIT);
}

}  // namespace

class Listeners::One final : public base::FdHandler {
 public:
  One(Listeners& all, ListenSocket socket) : all_(all), socket_(std::move(socket)) {
    watch_.attach(all_.loop_, socket_.fd(), *this);
  }
  void watch(bool wanted) { watch_.want_read(wanted); }
  const ListenSocket& socket() const { return socket_; }

 private:
  void on_readable() override { all_.take_from(*this); }
  void on_writable() override {}
  void on_internal_error(const char*) noexcept override {}  // logged by the loop; the next connection may do better

  Listeners& all_;
  ListenSocket socket_;
  base::FdWatch watch_;  // ends before the socket does
};

Listeners::Listeners(base::EventLoop& loop, Accept accept)
    : loop_(loop), accept_(std::move(accept)), reserve_(open_reserve()), pause_(loop, [this] {
        paused_ = false;
        update();
      }) {}

Listeners::~Listeners() = default;

void Listeners::add(ListenSocket socket) {
  wire::tune_socket(socket.fd(), options_);
  all_.push_back(std::make_unique<One>(*this, std::move(socket)));
  update();
}

void Listeners::tune(const wire::SocketOptions& options) {
  options_ = options;
  for (const auto& one : all_) wire::tune_socket(one->socket().fd(), options_);
}

void Listeners::suspend() {
  suspended_ = true;
  update();
}

void Listeners::resume() {
  suspended_ = false;
  update();
}

void Listeners::close() {
  closed_ = true;
  pause_.cancel();
  for (auto& one : all_) one->watch(false);
  // May be called while one of them is dealing out a connection.
  loop_.defer([all = std::make_shared<std::vector<std::unique_ptr<One>>>(std::move(all_))] { all->clear(); });
  all_.clear();
}

std::string Listeners::text() const {
  std::string text;
  for (const auto& one : all_) text += (text.empty() ? "" : ", ") + one->socket().text();
  return text;
}

void Listeners::update() {
  for (auto& one : all_) one->watch(!suspended_ && !paused_ && !closed_);
}

void Listeners::take_from(One& one) {
  for (int taken = 0; taken < kAcceptsPerTurn && !suspended_ && !closed_; ++taken) {
    base::Fd client(::accept4(one.socket().fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) {
      switch (errno) {
        case EINTR: continue;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: out_of_descriptors(one, errno); return;
        default: return;  // nobody there, or gone again before we came: accept(2) lists what a network may cause
      }
    }
    ListenerInfo info = one.socket().info();
    if (one.socket().any_address()) {
      SocketAddress own;
      if (own.local_of(client.get())) info.local_address = own.text();
    }
    accept_(std::move(client), std::move(info));
  }
}

void Listeners::out_of_descriptors(One& one, int error) {
  int refused = 0;
  const bool of_files = error == EMFILE || error == ENFILE;
  while (of_files && reserve_ && refused < kAcceptsPerTurn) {
    reserve_.reset();
    base::Fd client(::accept4(one.socket().fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const bool found = static_cast<bool>(client);
    if (found) {
      turn_away(std::move(client), base::too_many_connections("sorry, too many clients already"));
      ++refused;
    }
    reserve_ = open_reserve();
    if (!found) break;
  }
  log.limited("descriptors").error("cannot accept connections: {}; {} refused", std::generic_category().message(error),
                                   refused);
  // Somebody else took the descriptor: it will be tried again after the pause.
  if (!reserve_) reserve_ = open_reserve();
  paused_ = true;
  update();
  pause_.once(kOutOfDescriptorsPause);
}

}  // namespace pooler
