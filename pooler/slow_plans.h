#pragma once
// SlowPlans: asks servers for the plans of slow statements, on connections beside the pools' (SideConnection), as the pools'
// own user. Each worker asks one question at a time, at most one a second, and the same statement again only after ten
// minutes; what comes while too many are in line is not asked.
//
// It is not the plan that was slow: the server says what it would do now.
//
// Lives as long as the process; everything of a worker happens on its loop. Before a loop ends, stop_worker() is called.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/lru.h"

namespace pooler {

class Pool;
struct Runtime;

class SlowPlans {
 public:
  static constexpr std::size_t kInLine = 32;       // questions of one worker
  static constexpr std::size_t kRemembered = 4096;  // statements that were asked about lately, by any worker
  static constexpr base::Duration kAskAgain = std::chrono::minutes(10);
  static constexpr base::Duration kGap = std::chrono::seconds(1);
  // A plan takes milliseconds; what takes longer waits for a lock.
  static constexpr base::Duration kTimeout = std::chrono::seconds(5);
  static constexpr base::Duration kIdle = std::chrono::seconds(30);  // then a connection is closed
  static constexpr std::size_t kPlanMax = 16 * 1024;                 // bytes of one that are kept

  // The plan, or a text that says why there is none.
  using Done = std::function<void(std::string plan)>;
  struct Question {
    std::shared_ptr<Pool> pool;
    uint64_t fingerprint = 0;
    std::string text{};         // of explain_text()
    std::size_t rows_before = 0;  // of the answer, in front of the plan
    bool shows_values = false;
    Done done{};                // called on the worker's loop, later
  };

  explicit SlowPlans(Runtime& runtime);
  ~SlowPlans();
  SlowPlans(const SlowPlans&) = delete;
  SlowPlans& operator=(const SlowPlans&) = delete;

  // Would this statement be asked about now? On the worker's loop, as are the others.
  bool wanted(int worker, const Pool& pool, uint64_t fingerprint, base::TimePoint now);
  void ask(int worker, Question question, base::TimePoint now);
  void stop_worker(int worker);

 private:
  class OfWorker;
  OfWorker& of(int worker);

  Runtime& runtime_;
  std::mutex mutex_;
  std::unordered_map<int, std::unique_ptr<OfWorker>> workers_;  // guarded by mutex_; each is its worker's alone
  base::Lru<uint64_t, base::TimePoint> asked_{kRemembered};     // guarded by mutex_; when, by statement and database
};

}  // namespace pooler
