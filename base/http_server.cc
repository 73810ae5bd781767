#include "base/http_server.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "base/log.h"
#include "base/thread.h"

namespace base {

namespace {

const Logger log{"http"};

// How long a process without descriptors waits before it looks again.
constexpr Duration kPause = std::chrono::milliseconds(100);
// After the answer: until the other side has closed, so that what it still sent does not reset what it has not read.
constexpr Duration kFarewell = std::chrono::seconds(1);
constexpr std::size_t kReadAtOnce = 4096;

}  // namespace

class HttpServer::Listener final : public FdHandler {
 public:
  Listener(HttpServer& server, int fd) : server_(server), fd_(fd) { watch_.attach(server.loop_, fd, *this); }
  void listen(bool wanted) { watch_.want_read(wanted); }
  void on_readable() override { server_.take_from(fd_); }
  void on_writable() override {}
  void on_internal_error(const char*) noexcept override {}

 private:
  HttpServer& server_;
  int fd_;
  FdWatch watch_;
};

class HttpServer::Connection final : public FdHandler, public Deferred {
 public:
  Connection(HttpServer& server, uint64_t id, Fd fd)
      : server_(server), id_(id), fd_(std::move(fd)), deadline_(server.loop_, [this] { too_late(); }) {
    watch_.attach(server.loop_, fd_.get(), *this);
    watch_.want_read(true);
    deadline_.once(server.limits_.request);
  }

  void on_readable() override {
    std::array<char, kReadAtOnce> bytes;
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return end();
    if (state_ != State::kReading) return;  // said goodbye: what still comes is nobody's
    in_.append(bytes.data(), static_cast<std::size_t>(got));
    auto parsed = parse_http(in_, server_.limits_.head_bytes);
    if (auto* refusal = std::get_if<HttpResponse>(&parsed)) return refuse(std::move(*refusal));
    if (auto* request = std::get_if<HttpRequest>(&parsed)) return handle(std::move(*request));
  }

  void on_writable() override { send(); }
  void on_internal_error(const char*) noexcept override { end(); }

  void answer(const HttpResponse& response) {
    if (state_ == State::kReading || state_ == State::kAnswering) respond(response);
  }

 private:
  enum class State { kReading, kAnswering, kSending, kLeaving, kEnded };

  void handle(HttpRequest request) {
    state_ = State::kAnswering;
    with_body_ = request.method == "GET";
    watch_.want_read(false);  // a side that has said all may close its half
    deadline_.once(server_.limits_.answer);
    server_.requests_.fetch_add(1, std::memory_order_relaxed);
    server_.handler_(std::move(request), [door = server_.door_, id = id_](HttpResponse response) {
      const std::lock_guard lock(door->mutex);
      if (door->server == nullptr) return;
      door->server->loop_.post([server = door->server, id, response = std::move(response)] {
        const auto found = server->connections_.find(id);
        if (found != server->connections_.end()) found->second->answer(response);
      });
    });
  }

  void refuse(const HttpResponse& response) {
    server_.refused_.fetch_add(1, std::memory_order_relaxed);
    respond(response);
  }

  void respond(const HttpResponse& response) {
    state_ = State::kSending;
    out_ = to_bytes(response, with_body_, wall_now());
    watch_.want_read(false);
    deadline_.once(server_.limits_.sending);
    send();
  }

  void send() {
    while (sent_ < out_.size()) {
      const ssize_t written = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) return watch_.want_write(true);
      if (written < 0) return end();
      sent_ += static_cast<std::size_t>(written);
    }
    state_ = State::kLeaving;
    watch_.want_write(false);
    ::shutdown(fd_.get(), SHUT_WR);
    deadline_.once(kFarewell);
    watch_.want_read(true);
  }

  void too_late() {
    if (state_ == State::kReading) return in_.empty() ? refused_and_ended() : refuse(http_text(408, "too slow"));
    if (state_ == State::kAnswering) return respond(http_text(503, "the answer took too long to make"));
    end();
  }

  // Somebody who has not said anything gets no answer either.
  void refused_and_ended() {
    server_.refused_.fetch_add(1, std::memory_order_relaxed);
    end();
  }

  void end() {
    if (std::exchange(state_, State::kEnded) == State::kEnded) return;
    watch_.detach();
    deadline_.cancel();
    fd_.reset();
    server_.forget(id_);
  }

  HttpServer& server_;
  const uint64_t id_;
  Fd fd_;
  FdWatch watch_;
  Timer deadline_;
  State state_ = State::kReading;
  bool with_body_ = true;
  std::string in_, out_;
  std::size_t sent_ = 0;
};

HttpServer::HttpServer(const HttpLimits& limits, Handler handler)
    : limits_(limits),
      handler_(std::move(handler)),
      door_(std::make_shared<Door>()),
      pause_(loop_, [this] { watch_listeners(); }) {
  door_->server = this;
}

HttpServer::~HttpServer() {
  stop();
  const std::lock_guard lock(door_->mutex);
  door_->server = nullptr;
}

void HttpServer::add(int listening) { listeners_.push_back(std::make_unique<Listener>(*this, listening)); }

void HttpServer::start() {
  watch_listeners();
  thread_ = start_thread("http", [this] { loop_.run(); });
}

void HttpServer::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  listeners_.clear();
  connections_.clear();
}

void HttpServer::watch_listeners() {
  const bool room = connections_.size() < limits_.connections && !pause_.armed();
  for (const auto& listener : listeners_) listener->listen(room);
}

void HttpServer::take_from(int listening) {
  while (connections_.size() < limits_.connections) {
    Fd fd(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) {
        log.limited("accept").warn("cannot take an HTTP connection: {}", std::generic_category().message(errno));
        pause_.once(kPause);
      }
      break;
    }
    const uint64_t id = next_id_++;
    connections_.emplace(id, std::make_unique<Connection>(*this, id, std::move(fd)));
  }
  watch_listeners();
}

void HttpServer::forget(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  loop_.defer_delete(std::move(found->second));
  connections_.erase(found);
  watch_listeners();
}

}  // namespace base
