#pragma once
// EventLoop: one thread's events. All of libevent is behind this header.
//
// Everything here belongs to the thread that runs the loop, except post() and stop(), which any thread may
// call. Callbacks that throw are caught in one place (loop.cc): the event is logged, counted and handed to
// the handler's on_internal_error, so that one connection ends and not the process.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"

struct event;
struct event_base;

namespace base {

void free_event(struct event* e);
void free_event_base(struct event_base* b);
using EventPtr = Handle<struct event, free_event>;

// An object that may have to die inside its own callback: hand it to EventLoop::defer_delete.
class Deferred {
 public:
  virtual ~Deferred() = default;
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(). Runs everything posted before it returns; what is posted after that is forgotten.
  void run();
  void stop();

  // Runs `work` on the loop's thread, soon, in the order posted. Thread-safe; never runs it inside the call.
  void post(std::function<void()> work);

  // Deletes the object when the current callback has returned. For the loop's own thread.
  void defer_delete(std::unique_ptr<Deferred> object);

  // Runs `work` once after the callback that is running now, in the same turn of the loop where possible.
  void defer(std::function<void()> work);

  bool in_loop_thread() const;

  // Callbacks that threw, over all loops of the process.
  static uint64_t internal_errors();

 private:
  friend class Timer;
  friend class FdWatch;
  friend class SignalWatch;
  void run_deferred();
  void run_posted();

  Handle<struct event_base, free_event_base> base_;
  EventPtr wake_event_;
  EventPtr deferred_event_;
  int wake_fd_ = -1;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  bool wake_pending_ = false;                  // guarded by posted_mutex_
  std::vector<std::function<void()>> deferred_;
  std::vector<std::unique_ptr<Deferred>> doomed_;
  std::atomic<uint64_t> thread_{0};
};

// Calls back once after a delay, or over and over. Not armed when made.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> callback);
  void once(Duration delay);   // arms, or arms anew
  void every(Duration period);
  void cancel();
  bool armed() const;

 private:
  std::function<void()> callback_;
  EventPtr event_;
  EventLoop& loop_;
  bool repeating_ = false;
  Duration period_{};
};

class FdHandler {
 public:
  virtual ~FdHandler() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
  // A callback of this handler threw: end this connection, whatever it is.
  virtual void on_internal_error(const char* what) noexcept = 0;
};

// Watches one descriptor, level-triggered. Does not own it. Interest survives between callbacks: no system call
// is made while it does not change.
class FdWatch {
 public:
  FdWatch() = default;
  ~FdWatch() { detach(); }
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  void attach(EventLoop& loop, int fd, FdHandler& handler);
  void detach();
  void want_read(bool wanted);
  void want_write(bool wanted);
  bool wants_write() const { return writing_; }
  bool attached() const { return loop_ != nullptr; }

 private:
  static void dispatch(int fd, short what, void* self);

  EventLoop* loop_ = nullptr;
  FdHandler* handler_ = nullptr;
  EventPtr read_event_;
  EventPtr write_event_;
  int fd_ = -1;
  bool reading_ = false;
  bool writing_ = false;
};

// Calls back on the loop when the process receives a signal.
class SignalWatch {
 public:
  SignalWatch(EventLoop& loop, int signal_number, std::function<void()> callback);

 private:
  std::function<void()> callback_;
  EventPtr event_;
};

}  // namespace base
