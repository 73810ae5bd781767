#include "base/offload.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include "base/log.h"
#include "base/thread.h"

namespace base {
namespace {

const Logger log{"offload"};

}  // namespace

struct Offload::Job {
  std::function<void()> work;
  std::function<void()> done;  // touched on the loop's thread only, once the job is in line
  EventLoop* loop = nullptr;   // null: nobody waits
  std::atomic<bool> dropped = false;
};

Offload::Offload(std::string name, std::size_t threads, std::size_t queue_max)
    : name_(std::move(name)), queue_max_(queue_max) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    const std::string suffix = "-" + std::to_string(i);
    threads_.push_back(
        start_thread(name_.substr(0, kThreadNameMax - suffix.size()) + suffix, [this] { serve(); }));
  }
}

Offload::~Offload() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<Ticket> Offload::submit(std::function<void()> work, std::function<void()> done, EventLoop& loop) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->done = std::move(done);
  job->loop = &loop;
  if (!enqueue(job)) return configuration_limit("too much work in line for threads \"" + name_ + "\"");
  return Ticket([job] {
    job->dropped.store(true, std::memory_order_release);
    job->done = nullptr;
  });
}

bool Offload::run(std::function<void()> work) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  return enqueue(std::move(job));
}

bool Offload::enqueue(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_ && !queue_.empty()) {
      // Those whose tickets are gone give up their places.
      std::erase_if(queue_, [](const auto& waiting) { return waiting->dropped.load(std::memory_order_acquire); });
    }
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

std::size_t Offload::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Offload::serve() {
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    if (job->dropped.load(std::memory_order_acquire)) continue;
    try {
      job->work();
    } catch (const std::exception& failure) {  // a library's, bad_alloc mostly; `done` finds no result
      log.error("internal error in a job: {}", failure.what());
    }
    job->work = nullptr;
    if (job->loop == nullptr) continue;
    EventLoop& loop = *job->loop;
    loop.post([job = std::move(job)] {
      if (auto done = std::exchange(job->done, nullptr)) done();
    });
  }
}

}  // namespace base
