#pragma once
// The seam to the outside: bytes in, bytes out. Everything right of it is testable without a socket.

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace wire {

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // Bytes are here. `bytes` begins with whatever was left unconsumed before and is valid for this call
  // only. Returns how many were consumed; the stream keeps the rest and shows it again, longer, when more
  // arrives or when Stream::redeliver() asks for it. A handler that wants no more pauses the stream.
  virtual std::size_t on_data(std::string_view bytes) = 0;

  // Unsent output fell below the low watermark after having been above the high one.
  virtual void on_drained() = 0;

  // The other side is gone (`error` says how; an orderly end of file has SQLSTATE 08006 and the message
  // "end of file"). Called at most once and never from inside write() or flush(). The handler may destroy
  // the stream only through EventLoop::defer_delete.
  virtual void on_closed(const base::Error& error) = 0;
};

class Stream {
 public:
  // Above the high watermark of unsent bytes a producer should stop; at the low one it may go on.
  static constexpr std::size_t kHighWatermark = 128 * 1024;
  static constexpr std::size_t kLowWatermark = 64 * 1024;

  virtual ~Stream() = default;

  // Queues bytes; they leave at flush(), or earlier where that saves a copy.
  virtual void write(std::string_view bytes) = 0;
  // Sends what is queued; what the socket refuses is sent when it is writable again.
  virtual void flush() = 0;
  // Unsent bytes.
  virtual std::size_t pending() const = 0;
  bool above_high_watermark() const { return pending() > kHighWatermark; }

  // While paused, on_data is not called. Not counted: one resume ends any number of pauses.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // Shows the kept bytes to the handler again, at once.
  virtual void redeliver() = 0;

  // Closes without waiting; no callback follows. Idempotent.
  virtual void close() = 0;
  // Sends what is queued, then closes; no callback follows. Gives up after a few seconds.
  virtual void close_after_flush() = 0;
};

}  // namespace wire
