#pragma once
// Offload: threads for work that would hold up a loop: PBKDF2, host names, files, PAM, LDAP.
//
// The queue is bounded: what does not fit is refused at once, which the caller turns into an error of its own. An
// Offload must be destroyed before the loops that it calls back.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "base/ticket.h"

namespace base {

class Offload {
 public:
  // Jobs in line. A job is a few hundred bytes; a line this long already means seconds of waiting.
  static constexpr std::size_t kQueueMax = 1024;

  // Threads carry `name` and a number, at most 15 characters in all.
  Offload(std::string name, std::size_t threads, std::size_t queue_max = kQueueMax);
  // Jobs in line are forgotten; those that run are waited for.
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  // Runs `work` on a thread, then `done` on `loop`, unless the ticket was dropped by then. A job whose ticket is
  // dropped while it is still in line is not run. 53400 when the line is full. For the loop's own thread.
  Result<Ticket> submit(std::function<void()> work, std::function<void()> done, EventLoop& loop);

  // The same for work with a result, which `done` receives. A library's exception in `work` arrives as an Error
  // where the result can be one; otherwise `done` does not come.
  template <typename Work, typename Done>
  Result<Ticket> compute(Work work, Done done, EventLoop& loop) {
    using Value = std::invoke_result_t<Work>;
    auto value = std::make_shared<std::optional<Value>>();
    return submit([value, work = std::move(work)] { value->emplace(work()); },
                  [value, done = std::move(done)] {
                    if (value->has_value())
                      done(*std::move(*value));
                    else if constexpr (std::is_constructible_v<Value, Error>)
                      done(Value(internal_error("the work could not be done")));
                  },
                  loop);
  }

  // Runs `work` on a thread; nobody waits for it. False when the line is full. From any thread.
  bool run(std::function<void()> work);

  std::size_t queued() const;

 private:
  struct Job;
  void serve();
  bool enqueue(std::shared_ptr<Job> job);

  const std::string name_;
  const std::size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;  // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace base
