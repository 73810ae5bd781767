#include "wire/socket_stream.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "wire/process_limits.h"
#include "wire/tls.h"

namespace wire {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kLastReads = 4;  // of what nobody will look at: some may send for ever
// Pieces at least this large are sent from where they lie instead of being gathered first.
constexpr std::size_t kDirectWrite = 8 * 1024;
constexpr std::size_t kRecycledBuffers = 64;  // per thread; each at most kRecycledSize
constexpr std::size_t kRecycledSize = 64 * 1024;
constexpr base::Duration kLinger = std::chrono::seconds(5);

std::array<char, kReadSize>& lent_buffer() {
  thread_local const auto buffer = std::make_unique<std::array<char, kReadSize>>();
  return *buffer;
}

std::vector<std::unique_ptr<Output>>& recycled() {
  thread_local std::vector<std::unique_ptr<Output>> buffers;
  return buffers;
}

// As recv() and send(), which in a process with threads are points where a thread may be cancelled: two atomic operations
// around each call, for what nobody does here.
ssize_t receive_bytes(int fd, char* into, std::size_t room, int flags) {
  return ::syscall(SYS_recvfrom, fd, into, room, flags, nullptr, nullptr);
}
ssize_t send_bytes(int fd, std::string_view bytes, int flags) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), flags, nullptr, 0);
}

std::string errno_text(int code) { return std::system_category().message(code); }

}  // namespace

SocketStream::SocketStream(int fd) : fd_(fd) {}

SocketStream::~SocketStream() { close(); }

void SocketStream::attach(base::EventLoop& loop, StreamHandler& handler) {
  assert(loop_ == nullptr);
  loop_ = &loop;
  handler_ = &handler;
  watch_.attach(loop, fd_, *this);
  update_interest();
}

void SocketStream::detach() {
  assert(pending() == 0);
  watch_.detach();
  loop_ = nullptr;
  handler_ = nullptr;
}

void SocketStream::write(std::string_view bytes) {
  if (out_ && !blocked_ && bytes.size() < kDirectWrite && fd_ >= 0 && !failure_) {
    out_->bytes.append(bytes);
    if (pending() > kHighWatermark) was_above_high_ = true;
    return;
  }
  begin_output(bytes);
}

// The first piece, a large one, or one behind what the socket did not take.
void SocketStream::begin_output(std::string_view bytes) {
  if (fd_ < 0 || failure_ || bytes.empty()) return;
  if (bytes.size() >= kDirectWrite && !blocked_ && !on_secured_) {
    flush();
    if (!out_) {
      std::size_t sent = 0;
      if (transmit(bytes, sent) == Io::kBlocked) blocked_ = true;
      bytes.remove_prefix(sent);
    }
    if (bytes.empty() || failure_) return;
  }
  if (!out_) {
    auto& spare = recycled();
    if (spare.empty()) {
      out_ = std::make_unique<Output>();
    } else {
      out_ = std::move(spare.back());
      spare.pop_back();
    }
  }
  out_->bytes.append(bytes);
  if (pending() > kHighWatermark) was_above_high_ = true;
  if (blocked_) update_interest();
}

void SocketStream::flush() {
  if (fd_ < 0 || on_secured_ || (!out_ && !failure_)) return;
  while (!blocked_ && pending() > 0 && !failure_) {
    std::size_t sent = 0;
    if (transmit(std::string_view(out_->bytes).substr(out_->sent), sent) == Io::kBlocked) blocked_ = true;
    out_->sent += sent;
  }
  if (pending() == 0)
    release_output();
  else
    compact_output();
  if (blocked_ || failure_ || watch_.wants_write()) update_interest();
}

// A stream that is never quite drained must not keep what it has sent.
void SocketStream::compact_output() {
  if (out_->sent < kHighWatermark) return;
  out_->bytes.erase(0, out_->sent);
  out_->sent = 0;
}

void SocketStream::release_output() {
  if (!out_) return;
  if (out_->bytes.capacity() <= kRecycledSize && recycled().size() < kRecycledBuffers) {
    out_->bytes.clear();
    out_->sent = 0;
    recycled().push_back(std::move(out_));
  }
  out_.reset();
}

SocketStream::Io SocketStream::failed(std::string why) {
  failure_ = std::make_unique<std::string>(std::move(why));
  return Io::kEnd;
}

SocketStream::Io SocketStream::transmit(std::string_view bytes, std::size_t& sent) {
  if (tls_) {
    const auto result = tls_->write(bytes);
    sent = result.bytes;
    if (result.io == TlsIo::kDone) return Io::kProgress;
    if (result.io == TlsIo::kWantRead || result.io == TlsIo::kWantWrite) return Io::kBlocked;
    return failed("TLS write failed: " + tls_->error());
  }
  const ssize_t count = send_bytes(fd_, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count >= 0) {
    sent = static_cast<std::size_t>(count);
    return sent < bytes.size() ? Io::kBlocked : Io::kProgress;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS) return Io::kBlocked;
  return failed("could not send data: " + errno_text(errno));
}

SocketStream::Io SocketStream::receive(char* into, std::size_t room, std::size_t& got) {
  got = 0;
  if (tls_) {
    const auto result = tls_->read(into, room);
    got = result.bytes;
    if (result.io == TlsIo::kDone) return Io::kProgress;
    if (result.io == TlsIo::kWantRead || result.io == TlsIo::kWantWrite) return Io::kBlocked;
    return failed(result.io == TlsIo::kClosed ? "end of file" : "TLS read failed: " + tls_->error());
  }
  const ssize_t count = receive_bytes(fd_, into, room, MSG_DONTWAIT);
  if (count > 0) {
    got = static_cast<std::size_t>(count);
    return Io::kProgress;
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return Io::kBlocked;
  return failed(count == 0 ? "end of file" : "could not receive data: " + errno_text(errno));
}

void SocketStream::on_readable() {
  if (on_secured_) {
    continue_handshake();
    return;
  }
  if (failure_) {
    fail(*failure_);
    return;
  }
  if (tls_ && blocked_) {  // TLS may have needed to read before it could write
    blocked_ = false;
    flush();
    tell_drained();
    if (fd_ < 0) return;
  }
  if (first_byte_) {
    char byte = 0;
    if (::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
      const auto look = std::move(first_byte_);
      if ((*look)(byte)) return;
    }
  }
  auto& buffer = lent_buffer();
  // The lent buffer is larger than a TLS record, so nothing decrypted stays behind in TLS when a turn ends.
  const int turns = read_turns();
  for (int turn = 0; turn < turns && !paused_ && fd_ >= 0; ++turn) {
    std::size_t got = 0;
    const std::size_t room = read_limit_ > 0 ? std::min(read_limit_, buffer.size()) : buffer.size();
    const Io io = receive(buffer.data(), room, got);
    if (io == Io::kBlocked) return;
    if (io == Io::kEnd) {
      fail(*failure_);
      return;
    }
    deliver({buffer.data(), got});
    if (fd_ < 0 || on_secured_ || first_byte_) return;
    const bool more = tls_ ? tls_->buffered() : got == buffer.size();
    if (!more) return;
  }
}

void SocketStream::deliver(std::string_view fresh) {
  // `kept_` leaves the object during the call: the handler may close us.
  std::size_t consumed = 0;
  delivering_ = true;
  if (kept_.empty()) {
    consumed = handler_->on_data(fresh);
    if (fd_ >= 0 && consumed < fresh.size()) kept_.assign(fresh.substr(consumed));
  } else {
    std::string all = std::move(kept_);
    kept_ = std::string();
    all.append(fresh);
    consumed = handler_->on_data(all);
    if (fd_ >= 0 && consumed < all.size()) {
      all.erase(0, consumed);
      kept_ = std::move(all);
    }
  }
  delivering_ = false;
}

void SocketStream::redeliver() {
  if (fd_ < 0 || delivering_ || handler_ == nullptr || kept_.empty()) return;
  deliver({});
}

void SocketStream::pause_reading() {
  if (paused_) return;
  paused_ = true;
  update_interest();
}

void SocketStream::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  update_interest();
}

void SocketStream::on_writable() {
  if (on_secured_) {
    continue_handshake();
    return;
  }
  blocked_ = false;
  flush();
  if (failure_) {
    fail(*failure_);
    return;
  }
  if (pending() == 0 && closing_) {
    close_politely();
    return;
  }
  tell_drained();
}

void SocketStream::tell_drained() {
  if (!was_above_high_ || pending() > kLowWatermark) return;
  was_above_high_ = false;
  if (handler_ != nullptr) handler_->on_drained();
}

void SocketStream::update_interest() {
  if (fd_ < 0 || loop_ == nullptr) return;
  if (on_secured_) return;  // the handshake sets its own
  // A broken socket is reported from the loop: it is readable then (error or end of file).
  watch_.want_read((!paused_ && !closing_) || failure_);
  watch_.want_write(pending() > 0 && blocked_ && !failure_);
}

void SocketStream::fail(std::string reason) {
  if (fd_ < 0) return;
  StreamHandler* handler = handler_;
  const bool told = !closing_;
  close();
  if (handler != nullptr && told) handler->on_closed(base::connection_failure(std::move(reason)));
}

void SocketStream::on_internal_error(const char* what) noexcept {
  fail(std::string("internal error: ") + what);
}

void SocketStream::close() {
  if (fd_ < 0) return;
  watch_.detach();
  linger_.reset();
  if (tls_) tls_->shutdown();
  ::close(fd_);
  fd_ = -1;
  loop_ = nullptr;
  handler_ = nullptr;
  kept_ = std::string();
  out_.reset();
}

// Closing a socket with unread input makes the kernel reset it, and a reset may overtake our last words.
void SocketStream::close_politely() {
  for (int turn = 0; turn < kLastReads; ++turn)
    if (::recv(fd_, lent_buffer().data(), kReadSize, MSG_DONTWAIT) <= 0) break;
  close();
}

void SocketStream::close_after_flush() {
  if (fd_ < 0) return;
  flush();
  if (pending() == 0 || failure_ || loop_ == nullptr) {
    close_politely();
    return;
  }
  closing_ = true;
  handler_ = nullptr;
  kept_ = std::string();
  linger_ = std::make_unique<base::Timer>(*loop_, [this] { close(); });
  linger_->once(kLinger);
  update_interest();
}

bool SocketStream::quiet() const {
  if (fd_ < 0 || failure_ || !kept_.empty() || (tls_ && tls_->buffered())) return false;
  char byte = 0;
  const ssize_t count = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void SocketStream::start_tls(std::unique_ptr<TlsSession> session, std::function<void(base::Status)> on_secured) {
  assert(kept_.empty() && pending() == 0);
  tls_ = std::move(session);
  on_secured_ = std::make_unique<std::function<void(base::Status)>>(std::move(on_secured));
  continue_handshake();
}

void SocketStream::peek_first_byte(std::function<bool(char)> look) {
  first_byte_ = std::make_unique<std::function<bool(char)>>(std::move(look));
}

void SocketStream::continue_handshake() {
  const auto result = tls_->handshake();
  switch (result.io) {
    case TlsIo::kWantRead:
      watch_.want_write(false);
      watch_.want_read(true);
      return;
    case TlsIo::kWantWrite:
      watch_.want_read(false);
      watch_.want_write(true);
      return;
    case TlsIo::kDone: break;
    default: {
      const auto done = std::move(on_secured_);
      auto text = tls_->error();
      (*done)(base::connection_failure("TLS handshake failed: " + (text.empty() ? "end of file" : text)));
      return;
    }
  }
  watch_.want_write(false);
  const auto done = std::move(on_secured_);
  update_interest();
  (*done)(base::Ok{});
}

}  // namespace wire
