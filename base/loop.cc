#include "base/loop.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cassert>
#include <exception>
#include <utility>

#include "base/event_time.h"
#include "base/log.h"

namespace base {
namespace {

const Logger log{"loop"};
std::atomic<uint64_t> internal_error_count{0};

uint64_t this_thread() { return static_cast<uint64_t>(pthread_self()); }

// The trampoline: exceptions of libraries (bad_alloc, mostly) end here.
template <typename Work, typename OnError>
void guarded(Work&& work, OnError&& on_error) noexcept {
  const EventTime::Handling handling;
  try {
    work();
  } catch (const std::exception& failure) {
    internal_error_count.fetch_add(1, std::memory_order_relaxed);
    log.error("internal error in a callback: {}", failure.what());
    on_error(failure.what());
  }
}

template <typename Work>
void guarded(Work&& work) noexcept {
  guarded(std::forward<Work>(work), [](const char*) {});
}

struct timeval to_timeval(Duration delay) {
  if (delay < Duration::zero()) delay = Duration::zero();
  return {.tv_sec = static_cast<time_t>(delay.count() / 1'000'000),
          .tv_usec = static_cast<suseconds_t>(delay.count() % 1'000'000)};
}

}  // namespace

void free_event(struct event* e) { event_free(e); }
void free_event_base(struct event_base* b) { event_base_free(b); }

uint64_t EventLoop::internal_errors() { return internal_error_count.load(std::memory_order_relaxed); }

EventLoop::EventLoop() {
  // No locks inside libevent: a base is used by its own thread alone, and post() wakes it by an eventfd.
  struct event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base_.reset(event_base_new_with_config(config));
  event_config_free(config);
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  wake_event_.reset(event_new(
      base_.get(), wake_fd_, EV_READ | EV_PERSIST,
      [](int fd, short, void* self) {
        uint64_t count;
        [[maybe_unused]] const auto got = read(fd, &count, sizeof count);
        static_cast<EventLoop*>(self)->run_posted();
      },
      this));
  event_add(wake_event_.get(), nullptr);
  deferred_event_.reset(event_new(
      base_.get(), -1, 0, [](int, short, void* self) { static_cast<EventLoop*>(self)->run_deferred(); }, this));
}

EventLoop::~EventLoop() {
  // What is still waiting is forgotten, not run: whoever posted it may be gone.
  std::exchange(posted_, {}).clear();
  std::exchange(deferred_, {}).clear();
  while (!doomed_.empty()) std::exchange(doomed_, {}).clear();
  deferred_event_.reset();
  wake_event_.reset();
  close(wake_fd_);
}

void EventLoop::run() {
  thread_.store(this_thread(), std::memory_order_relaxed);
  event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY);
  run_posted();
  run_deferred();
}

void EventLoop::stop() {
  post([this] { event_base_loopbreak(base_.get()); });
}

bool EventLoop::in_loop_thread() const { return thread_.load(std::memory_order_relaxed) == this_thread(); }

void EventLoop::post(std::function<void()> work) {
  bool wake = false;
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(work));
    wake = !std::exchange(wake_pending_, true);
  }
  if (wake) {
    const uint64_t one = 1;
    [[maybe_unused]] const auto sent = write(wake_fd_, &one, sizeof one);
  }
}

void EventLoop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
    wake_pending_ = false;
  }
  for (auto& item : work) guarded(item);
}

void EventLoop::defer(std::function<void()> work) {
  deferred_.push_back(std::move(work));
  event_active(deferred_event_.get(), EV_TIMEOUT, 0);
}

void EventLoop::defer_delete(std::unique_ptr<Deferred> object) {
  doomed_.push_back(std::move(object));
  event_active(deferred_event_.get(), EV_TIMEOUT, 0);
}

void EventLoop::run_deferred() {
  while (!deferred_.empty() || !doomed_.empty()) {
    auto work = std::exchange(deferred_, {});
    for (auto& item : work) guarded(item);
    auto doomed = std::exchange(doomed_, {});
    guarded([&doomed] { doomed.clear(); });
  }
}

Timer::Timer(EventLoop& loop, std::function<void()> callback) : callback_(std::move(callback)), loop_(loop) {
  event_.reset(event_new(
      loop.base_.get(), -1, 0,
      [](int, short, void* argument) {
        auto& self = *static_cast<Timer*>(argument);
        if (self.repeating_) {
          const auto tv = to_timeval(self.period_);
          event_add(self.event_.get(), &tv);
        }
        // The callback may destroy its timer: call a copy's target, not the member.
        auto callback_copy = self.callback_;
        guarded(callback_copy);
      },
      this));
}

void Timer::once(Duration delay) {
  repeating_ = false;
  const auto tv = to_timeval(delay);
  event_add(event_.get(), &tv);
}

void Timer::every(Duration period) {
  repeating_ = true;
  period_ = period;
  const auto tv = to_timeval(period);
  event_add(event_.get(), &tv);
}

void Timer::cancel() {
  repeating_ = false;
  event_del(event_.get());
}

bool Timer::armed() const { return event_pending(event_.get(), EV_TIMEOUT, nullptr) != 0; }

void FdWatch::attach(EventLoop& loop, int fd, FdHandler& handler) {
  assert(loop_ == nullptr);
  loop_ = &loop;
  fd_ = fd;
  handler_ = &handler;
}

void FdWatch::detach() {
  read_event_.reset();
  write_event_.reset();
  reading_ = writing_ = false;
  loop_ = nullptr;
  handler_ = nullptr;
  fd_ = -1;
}

void FdWatch::want_read(bool wanted) {
  if (wanted == reading_ || loop_ == nullptr) return;
  reading_ = wanted;
  if (!read_event_)
    read_event_.reset(event_new(loop_->base_.get(), fd_, EV_READ | EV_PERSIST, &FdWatch::dispatch, this));
  wanted ? event_add(read_event_.get(), nullptr) : event_del(read_event_.get());
}

void FdWatch::want_write(bool wanted) {
  if (wanted == writing_ || loop_ == nullptr) return;
  writing_ = wanted;
  if (!wanted) {
    write_event_.reset();  // rare and short-lived: not worth its memory on an idle connection
    return;
  }
  write_event_.reset(event_new(loop_->base_.get(), fd_, EV_WRITE | EV_PERSIST, &FdWatch::dispatch, this));
  event_add(write_event_.get(), nullptr);
}

void FdWatch::dispatch(int, short what, void* argument) {
  FdHandler& handler = *static_cast<FdWatch*>(argument)->handler_;
  guarded(
      [&handler, what] {
        if ((what & EV_WRITE) != 0)
          handler.on_writable();
        else
          handler.on_readable();
      },
      [&handler](const char* problem) { handler.on_internal_error(problem); });
}

SignalWatch::SignalWatch(EventLoop& loop, int signal_number, std::function<void()> callback)
    : callback_(std::move(callback)) {
  event_.reset(event_new(
      loop.base_.get(), signal_number, EV_SIGNAL | EV_PERSIST,
      [](int, short, void* self) { guarded(static_cast<SignalWatch*>(self)->callback_); }, this));
  event_add(event_.get(), nullptr);
}

}  // namespace base
