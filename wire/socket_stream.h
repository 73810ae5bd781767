#pragma once
// SocketStream: a Stream over a socket, plain or TLS.
//
// An idle stream owns no buffer: reads go through one buffer that the thread lends for the call, output
// buffers come from a small store of the thread and go back when they are drained; only what could not be
// consumed or sent is kept. A stream belongs to one loop at a time; detach() and attach() move it to another.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/result.h"
#include "wire/stream.h"

namespace wire {

class TlsContext;
class TlsSession;

// Bytes on their way out.
struct Output {
  std::string bytes;
  std::size_t sent = 0;
};

class SocketStream final : public Stream, private base::FdHandler {
 public:
  // Takes the descriptor, which must be non-blocking and connected.
  explicit SocketStream(int fd);
  ~SocketStream() override;

  // Starts (or goes on) on `loop`, calling `handler`, which outlives the attachment.
  void attach(base::EventLoop& loop, StreamHandler& handler);
  // Leaves its loop. Nothing may be queued for sending. What was received and not consumed stays.
  void detach();

  void write(std::string_view bytes) override;
  void flush() override;
  std::size_t pending() const override { return out_ ? out_->bytes.size() - out_->sent : 0; }
  void pause_reading() override;
  void resume_reading() override;
  void redeliver() override;
  void close() override;
  void close_after_flush() override;

  // Reads at most so many bytes at once; 0: as many as there are. For what must not be read past.
  void limit_reads(std::size_t most) { read_limit_ = most; }
  // Shows the next byte, once, before it is read: returning true means that it was taken care of (start_tls).
  void peek_first_byte(std::function<bool(char)> look);

  // Bytes received and not consumed yet.
  std::size_t kept() const { return kept_.size(); }
  bool closed() const { return fd_ < 0; }
  int fd() const { return fd_; }

  // A look at the socket without waiting: anything to read, an end of file or an error. For connections on which
  // nothing is expected.
  bool quiet() const;

  // Puts TLS under everything sent and received from now on. The handshake runs by itself; on_secured tells the
  // handler's owner how it ended. Nothing may be kept or pending: plaintext before the handshake is an attack.
  void start_tls(std::unique_ptr<TlsSession> session, std::function<void(base::Status)> on_secured);
  const TlsSession* tls() const { return tls_.get(); }

 private:
  void on_readable() override;
  void on_writable() override;
  void on_internal_error(const char* what) noexcept override;

  enum class Io { kProgress, kBlocked, kEnd };
  Io receive(char* into, std::size_t room, std::size_t& got);
  Io transmit(std::string_view bytes, std::size_t& sent);
  void continue_handshake();
  void deliver(std::string_view fresh);
  void fail(std::string reason);
  void update_interest();
  void begin_output(std::string_view bytes);
  void release_output();
  void compact_output();
  Io failed(std::string why);
  void tell_drained();
  void close_politely();

  int fd_ = -1;
  base::EventLoop* loop_ = nullptr;
  StreamHandler* handler_ = nullptr;
  base::FdWatch watch_;
  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<std::function<void(base::Status)>> on_secured_;  // set while the handshake runs
  std::string kept_;
  std::unique_ptr<Output> out_;           // while there is something to send
  std::unique_ptr<std::string> failure_;  // why the socket is of no use any more; told from the loop, never from a write
  std::size_t read_limit_ = 0;
  std::unique_ptr<std::function<bool(char)>> first_byte_;
  bool paused_ = false;
  bool blocked_ = false;          // the socket takes no more for now
  bool closing_ = false;          // close when everything is sent
  bool was_above_high_ = false;
  bool delivering_ = false;
  std::unique_ptr<base::Timer> linger_;  // bounds close_after_flush
};

}  // namespace wire
