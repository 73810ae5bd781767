#pragma once
// Process: what the console sees and does, over all workers and pools. One per process.
//
// Inspector and Operations may be called from any worker and from the main loop; answers come back on the loop of the
// caller. What takes time (PAUSE, shutdown) is watched by a timer on the main loop.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/advice_samples.h"
#include "base/loop.h"
#include "conf/config.h"
#include "pooler/console.h"
#include "pooler/history_keeper.h"
#include "pooler/lint_keeper.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"
#include "pooler/stats_book.h"

namespace pooler {

class Session;

class Process final : public Inspector, public Operations {
 public:
  // What stands right of the pooler does for it.
  struct Hooks {
    std::function<void(Done)> reload;                           // on the main loop, and answers there
    std::function<base::Status(conf::ConfigPtr)> apply;         // any thread
    std::function<void(bool suspended)> suspend_listening;      // on the main loop
    std::function<void()> stop_listening;                       // on the main loop
    std::function<void()> quit;                                 // on the main loop: ends the process
  };
  Process(base::EventLoop& main_loop, Runtime& runtime, Pools& pools, Hooks hooks);

  // Begins to count averages. On the main loop's thread.
  void start();
  bool shutting_down() const { return shutting_down_.load(std::memory_order_relaxed); }

  // Inspector
  void clients(Then<SocketRow> done) override;
  void servers(Then<SocketRow> done) override;
  void pools(Then<PoolRow> done) override;
  void databases(Then<DatabaseRow> done) override;
  void users(Then<UserRow> done) override;
  void stats(Then<StatsRow> done) override;
  void lists(Then<ListRow> done) override;
  void mem(Then<MemRow> done) override;
  void dns_hosts(Then<DnsHostRow> done) override;
  void peers(Then<PeerRow> done) override;
  void peer_pools(Then<PeerPoolRow> done) override;
  void pin_counts(Then<PinCountRow> done) override;
  void listeners(Then<ListenRow> done) override;
  void statement_cache(Then<StatementCacheRow> done) override;
  void queries(Then<QueryRow> done) override;
  void statement_metrics(Then<StatementMetrics> done) override;
  void readiness(Then<ReadyRow> done) override;
  void activity(Then<ActivityRow> done) override;
  void guards(Then<GuardRow> done) override;
  void slow_queries(Then<SlowRow> done) override;
  void slow_log(Then<SlowLogRow> done) override;
  void traces(Then<TracesRow> done) override;
  void exemplars(Then<analyzer::PoolExemplars> done) override;
  RunState state() override;

  // Operations
  Token pause(const std::string& database, Done done) override;
  Token suspend(Done done) override;
  Token wait_close(const std::string& database, Done done) override;
  base::Status resume(const std::string& database) override;
  base::Status disable(const std::string& database) override;
  base::Status enable(const std::string& database) override;
  base::Status reconnect(const std::string& database) override;
  base::Status kill(const std::string& database) override;
  base::Status kill_client(uint64_t id) override;
  base::Status shutdown(ShutdownMode mode) override;
  void reload(Done done) override;
  void reset_queries(Done done) override;
  Token advise_now(Done done) override;
  base::Status dismiss_advice(const std::string& id) override;
  Token apply_advice(const std::string& id, Done done) override;
  base::Status set(std::string_view key, std::string_view value) override;

  // For the history: what every worker has counted so far, and how the pools are.
  void count_queries(std::function<void(std::vector<QueryCount>)> done);
  std::vector<analyzer::PoolLook> look_at_pools() const;
  // For the advisor: statements as they ran.
  void samples(Then<analyzer::SampledKind> done);
  // Shown what a RESET QUERIES is about to sweep away. Set before the workers start.
  void before_reset(std::function<void(std::vector<QueryCount>)> show) { before_reset_ = std::move(show); }
  // For advice: what every worker has seen of statements, and how the pools are.
  void look_for_lint(std::function<void(std::vector<LintPart>)> done);
  std::vector<analyzer::PoolMoment> pool_moments() const;
  // The last counts, when no worker runs any more.
  std::vector<QueryCount> last_counts();

  // The loop of the worker that calls; the main one on any other thread.
  base::EventLoop& caller() const;

 private:
  // One operation that waits for a state of the process.
  struct Wait {
    std::function<bool()> reached;
    std::function<void()> on_timeout{};
    base::TimePoint deadline = base::TimePoint::max();
    std::function<void()> undo{};
    Done done;
    base::EventLoop* home = nullptr;   // where `done` runs and the token goes
    std::atomic<bool> dropped{false};
    bool finished = false;             // of home's thread
  };
  using WaitPtr = std::shared_ptr<Wait>;
  struct Counts {
    int logged_in = 0, logging_in = 0;
  };
  struct Drain {
    ShutdownMode mode = ShutdownMode::kImmediate;
    base::TimePoint began{}, deadline = base::TimePoint::max();
    base::TimePoint swept{};
  };

  // Runs `collect` on every worker's thread, then `done` with what they collected, on the caller's loop.
  template <typename Row>
  void gather(std::function<void(Worker&, std::vector<Row>&)> collect, Then<Row> done);
  // What all workers have counted of statements, made into rows off the loops.
  template <typename Row>
  void report_queries(std::function<std::vector<Row>(std::vector<analyzer::QuerySnapshot>)> make, Then<Row> done);
  void on_every_worker(const std::function<void(Worker&)>& work);
  void kill_sessions(std::function<bool(const Session&)> which, std::function<void()> then);

  Token wait(WaitPtr wait);
  void answer_later(Done done, base::Status status);
  void poll();
  void poll_drain(base::TimePoint now);
  void begin_shutdown(ShutdownMode mode);
  void finish_shutdown();
  bool quiescent(const std::string& database) const;
  QueryCount count(Worker& worker);
  void sample();
  void end_period();

  base::EventLoop& main_;
  Runtime& runtime_;
  Pools& pools_;
  Hooks hooks_;
  StatsBook book_;
  std::atomic<bool> suspended_{false};
  std::atomic<bool> shutting_down_{false};
  std::function<void(std::vector<QueryCount>)> before_reset_;
  std::atomic<uint64_t> last_count_{0};

  // On the main loop's thread alone.
  base::Timer poll_timer_, sample_timer_, period_timer_;
  std::vector<WaitPtr> waits_;
  std::optional<Drain> drain_;
};

}  // namespace pooler
