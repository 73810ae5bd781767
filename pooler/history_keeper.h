#pragma once
// HistoryKeeper: brings together what workers and pools have counted, interval by interval, and has it written.
//
// Asking is done by the main loop, counting by each worker on its own thread, as for SHOW QUERIES; taking the differences
// and writing them by a thread of its own. Intervals end where the clock on the wall says, and are as long as the other
// clock says: one that is set back makes an interval that is added to an earlier one, never a wrong number.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/history.h"
#include "analyzer/history_diff.h"
#include "analyzer/history_pools.h"
#include "base/loop.h"
#include "base/offload.h"
#include "conf/settings.h"

namespace pooler {

// What one worker had counted at one moment. Of one worker, a later one has the larger number.
struct QueryCount {
  std::size_t worker = 0;
  uint64_t number = 0;
  analyzer::QuerySnapshot snapshot;
};

class HistoryKeeper {
 public:
  struct Asks {
    std::function<void(std::function<void(std::vector<QueryCount>)>)> queries;  // answers on the loop
    std::function<std::vector<analyzer::PoolLook>()> pools;
  };
  HistoryKeeper(base::EventLoop& loop, const conf::History& settings, Asks asks);
  ~HistoryKeeper();
  HistoryKeeper(const HistoryKeeper&) = delete;
  HistoryKeeper& operator=(const HistoryKeeper&) = delete;

  // On the loop's thread.
  void start();
  // Any thread.
  void configure(const conf::History& settings);
  void take(std::vector<QueryCount> counts);  // what is about to be counted from nothing
  // A text that outlives the process, by its name.
  void keep(std::string name, std::string text);
  // `done` is called on the loop, unless there is none.
  void kept(std::string name, std::function<void(std::string text)> done);
  std::shared_ptr<analyzer::HistoryReader> reader() const { return history_; }
  // On the thread that writes, in turn; false when too much is in line.
  bool run(std::function<void()> work) { return thread_.run(std::move(work)); }
  // The open interval is the last one: waits until it is written, or for a few seconds. When the loops have ended.
  void finish(std::vector<QueryCount> counts);

 private:
  void look();
  void end_interval();
  bool write(std::vector<QueryCount> counts, base::WallTime at);

  base::EventLoop& loop_;
  const base::Duration interval_;
  Asks asks_;
  std::shared_ptr<analyzer::History> history_;
  analyzer::HistoryPools pools_;
  base::TimePoint began_{};
  bool asking_ = false;
  std::shared_ptr<analyzer::HistoryDiff> diff_;  // of the thread's jobs alone
  base::Offload thread_;
  base::Timer look_timer_, interval_timer_;
};

analyzer::HistoryLimits limits_of(const conf::History& settings);
// Where the interval that has just ended began: now is at its end, or a little beside it.
base::WallTime ended_at(base::WallTime now, base::Duration interval);
// Until the next one ends. At least half of one.
base::Duration until_end(base::WallTime now, base::Duration interval);

}  // namespace pooler
