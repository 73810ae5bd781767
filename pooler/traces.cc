#include "pooler/traces.h"

#include <algorithm>
#include <iterator>

namespace pooler {

void Traces::configure(std::size_t waiting_max, std::size_t batch) {
  waiting_max_.store(waiting_max, std::memory_order_relaxed);
  batch_.store(batch, std::memory_order_relaxed);
}

bool Traces::put(std::size_t worker, analyzer::StatementTracePtr trace) {
  const std::size_t before = waiting_.fetch_add(1, std::memory_order_relaxed);
  if (before >= waiting_max_.load(std::memory_order_relaxed)) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  {
    Line& line = lines_[worker];
    const std::lock_guard lock(line.mutex);
    line.traces.push_back(std::move(trace));
  }
  if (before + 1 == batch_.load(std::memory_order_relaxed) && ready_) ready_();
  return true;
}

std::vector<analyzer::StatementTracePtr> Traces::take(std::size_t most) {
  std::vector<analyzer::StatementTracePtr> out;
  for (std::size_t i = 0; i < lines_.size() && out.size() < most; ++i) {
    Line& line = lines_[(first_ + i) % lines_.size()];
    const std::lock_guard lock(line.mutex);
    const auto end = line.traces.begin() + static_cast<std::ptrdiff_t>(std::min(most - out.size(), line.traces.size()));
    out.insert(out.end(), std::make_move_iterator(line.traces.begin()), std::make_move_iterator(end));
    line.traces.erase(line.traces.begin(), end);
  }
  if (!lines_.empty()) first_ = (first_ + 1) % lines_.size();
  waiting_.fetch_sub(out.size(), std::memory_order_relaxed);
  return out;
}

void Traces::sent(bool again) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  if (again) retries_.fetch_add(1, std::memory_order_relaxed);
}

void Traces::exported(std::size_t statements, uint64_t rejected_spans, std::string_view why) {
  exported_.fetch_add(statements, std::memory_order_relaxed);
  rejected_.fetch_add(rejected_spans, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  failure_ = why;
  if (!why.empty()) failed_at_ = base::wall_now();
}

void Traces::lost(std::size_t statements, std::string_view why) {
  lost_.fetch_add(statements, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  failure_ = why;
  failed_at_ = base::wall_now();
}

TraceCounts Traces::counts() const {
  const std::lock_guard lock(mutex_);
  return {.waiting = waiting(),
          .exported = exported_.load(std::memory_order_relaxed),
          .dropped = dropped_.load(std::memory_order_relaxed),
          .lost = lost_.load(std::memory_order_relaxed),
          .requests = requests_.load(std::memory_order_relaxed),
          .retries = retries_.load(std::memory_order_relaxed),
          .rejected_spans = rejected_.load(std::memory_order_relaxed),
          .failure = failure_,
          .failed_at = failed_at_};
}

}  // namespace pooler
