#include "pooler/slow_log.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/thread.h"

namespace pooler {
namespace {

const base::Logger log{"slow"};

// So long what was left out is summed up before it is told: the rate is of a second.
constexpr base::Duration kTellAfter = std::chrono::seconds(1);

std::size_t bytes_of(const analyzer::SlowStatement& one) {
  std::size_t bytes = sizeof one + one.query.size() + one.application.size();
  for (const auto& value : one.values) bytes += sizeof value + value.text.size();
  return bytes;
}

}  // namespace

SlowLog::~SlowLog() {
  std::unique_lock lock(mutex_);
  if (!writer_.joinable()) return;
  stopping_ = true;
  work_came_.notify_one();
  (void)work_done_.wait_for(lock, kPatience, [this] { return stopped_; });
  lock.unlock();
  writer_.join();
}

base::Status SlowLog::configure(const SlowLogSettings& settings) {
  rate_max_.store(settings.rate_max, std::memory_order_relaxed);
  Output output{.file = std::nullopt, .json = settings.json};
  if (!settings.file.empty()) {
    TRY(output.file, base::LineFile::open(settings.file));
  }
  const std::lock_guard lock(mutex_);
  next_output_ = std::move(output);
  work_came_.notify_one();
  return base::Ok{};
}

void SlowLog::reopen() {
  const std::lock_guard lock(mutex_);
  reopen_ = true;
  work_came_.notify_one();
}

bool SlowLog::admit(base::TimePoint now) {
  const uint64_t most = rate_max_.load(std::memory_order_relaxed);
  if (most == 0) return true;
  const int64_t second = now.time_since_epoch() / std::chrono::seconds(1);
  int64_t counted = second_.load(std::memory_order_relaxed);
  if (counted != second && second_.compare_exchange_strong(counted, second, std::memory_order_relaxed))
    in_second_.store(0, std::memory_order_relaxed);
  if (in_second_.fetch_add(1, std::memory_order_relaxed) < most) return true;
  over_rate_.fetch_add(1, std::memory_order_relaxed);
  if (untold_.fetch_add(1, std::memory_order_relaxed) == 0) {
    const std::lock_guard lock(mutex_);
    ensure_writer();
    tell_ = true;
    tell_at_ = base::now() + kTellAfter;
    work_came_.notify_one();
  }
  return false;
}

void SlowLog::put(analyzer::SlowStatementPtr statement) {
  const std::size_t bytes = bytes_of(*statement);
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  ensure_writer();
  if (queue_.size() >= kQueueMax || queue_bytes_ + bytes > kQueueBytesMax) {
    ++refused_;
    queue_full_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queue_bytes_ += bytes;
  ++taken_in_;
  queue_.push_back(std::move(statement));
  if (queue_.size() == 1) work_came_.notify_one();
}

SlowLogCounts SlowLog::counts() const {
  const std::lock_guard lock(mutex_);
  return {.written = written_.load(std::memory_order_relaxed),
          .over_rate = over_rate_.load(std::memory_order_relaxed),
          .queue_full = queue_full_.load(std::memory_order_relaxed),
          .lost = lost_.load(std::memory_order_relaxed),
          .failure = failure_};
}

bool SlowLog::flush(base::Duration patience) {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = taken_in_;
  return !writer_.joinable() || work_done_.wait_for(lock, patience, [this, wanted] {
    return worked_off_ >= wanted && !reopen_ && !next_output_ && refused_ == 0;
  });
}

// Nobody needs the thread before there is something to write.
void SlowLog::ensure_writer() {
  if (!writer_.joinable() && !stopping_) writer_ = base::start_thread("weir-slow-log", [this] { run(); });
}

void SlowLog::run() {
  Output output;
  std::unique_lock lock(mutex_);
  const auto awake = [this] { return !queue_.empty() || stopping_ || reopen_ || next_output_ || refused_ > 0; };
  const auto due = [this] { return tell_ && base::now() >= tell_at_; };
  while (true) {
    while (!awake() && !due()) {
      if (tell_)
        work_came_.wait_until(lock, tell_at_);
      else
        work_came_.wait(lock);
    }
    const bool telling = tell_ && (stopping_ || due());
    if (telling) tell_ = false;
    const auto batch = std::exchange(queue_, {});
    queue_bytes_ = 0;
    const uint64_t refused = refused_;
    auto next = std::exchange(next_output_, std::nullopt);
    const bool reopen = std::exchange(reopen_, false);
    const bool last = stopping_;
    lock.unlock();
    if (next) {
      output = *std::move(next);
      failing_ = false;
    }
    if (reopen && output.file) {
      if (const auto status = output.file->reopen(); !status.ok())
        log.error("{}; still using the old one", base::to_text(status.error()));
    }
    for (const auto& statement : batch) write(output, *statement);
    if (refused > 0) write_missing(output, refused, "they came faster than they could be written");
    if (const uint64_t untold = telling ? untold_.exchange(0, std::memory_order_relaxed) : 0; untold > 0)
      write_missing(output, untold,
                    fmt::format("slow_log_max_rate = {} in a second", rate_max_.load(std::memory_order_relaxed)));
    lock.lock();
    refused_ -= refused;
    worked_off_ += batch.size();
    failure_ = failing_ && output.file ? output.file->failure() : "";
    if (last && queue_.empty()) stopped_ = true;
    work_done_.notify_all();
    if (stopped_) return;
  }
}

void SlowLog::write(Output& output, const analyzer::SlowStatement& statement) {
  if (!output.file) {
    log.info("{}", analyzer::slow_summary(statement));
    written_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (output.file->write(output.json ? analyzer::slow_json(statement) : analyzer::slow_text(statement)) > 0) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return lose(output);
  }
  failing_ = false;
  written_.fetch_add(1, std::memory_order_relaxed);
}

void SlowLog::write_missing(Output& output, uint64_t statements, const std::string& why) {
  log.limited(why).warn("{} slow statements were not logged: {}", statements, why);
  if (!output.file) return;
  const auto at = base::wall_now();
  const std::string text =
      output.json ? analyzer::missing_json(at, statements, why) : analyzer::missing_text(at, statements, why);
  if (output.file->write(text) > 0) lose(output);
}

// Once per failure somebody should hear of it.
void SlowLog::lose(Output& output) {
  if (std::exchange(failing_, true)) return;
  log.error("could not write to slow_log_file \"{}\": {}", output.file->name(), output.file->failure());
}

}  // namespace pooler
