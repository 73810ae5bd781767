#pragma once
// Traces: what workers have traced, on its way to whoever sends it, and what became of it.
//
// Each worker puts into a line of its own, whose lock nobody holds for longer than it takes to move pointers. Together the
// lines are bounded: what finds no room is dropped and counted. Thread-safe, but for set_workers().

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement_trace.h"
#include "base/clock.h"

namespace pooler {

// All since the start, and of statements.
struct TraceCounts {
  uint64_t waiting = 0;
  uint64_t exported = 0;  // the collector has taken them
  uint64_t dropped = 0;   // there were too many
  uint64_t lost = 0;      // the collector was away, or would not have them
  uint64_t requests = 0, retries = 0;
  uint64_t rejected_spans = 0;  // of those exported: the collector said that it did not keep them
  std::string failure{};        // why the last ones were lost; empty when all is well
  base::WallTime failed_at{};   // the epoch: never
};

class Traces {
 public:
  // Before the workers start.
  void set_workers(std::size_t count) { lines_ = std::vector<Line>(count); }
  // `batch`: when so many wait, `ready` is called, on a worker's thread; it must not block.
  void configure(std::size_t waiting_max, std::size_t batch);
  void when_ready(std::function<void()> ready) { ready_ = std::move(ready); }  // before the workers start

  // False: there were too many, and it is dropped.
  bool put(std::size_t worker, analyzer::StatementTracePtr trace);
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  std::vector<analyzer::StatementTracePtr> take(std::size_t most);

  void sent(bool again);
  void exported(std::size_t statements, uint64_t rejected_spans, std::string_view why);
  void lost(std::size_t statements, std::string_view why);
  TraceCounts counts() const;

 private:
  struct alignas(64) Line {
    std::mutex mutex;
    std::vector<analyzer::StatementTracePtr> traces;
  };

  std::vector<Line> lines_;
  std::function<void()> ready_;
  std::size_t first_ = 0;  // the line that is emptied first: of whoever takes
  std::atomic<std::size_t> waiting_max_{0}, batch_{1}, waiting_{0};
  std::atomic<uint64_t> exported_{0}, dropped_{0}, lost_{0}, requests_{0}, retries_{0}, rejected_{0};
  mutable std::mutex mutex_;
  std::string failure_;         // guarded by mutex_
  base::WallTime failed_at_{};  // the same
};

}  // namespace pooler
