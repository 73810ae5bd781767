#pragma once
// LintKeeper: brings together what workers have seen, has it held against the rules, and keeps what was found.
//
// Asking is done by the main loop, as for the history; reading the catalogue on one worker's loop beside its sessions; the
// rules on a thread of their own. While lint is off nothing of this happens but a look at the pools every few seconds.
//
// Lives as long as the process.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "analyzer/lint_report.h"
#include "analyzer/pool_advice.h"
#include "base/loop.h"
#include "base/offload.h"
#include "conf/config.h"
#include "pooler/console.h"
#include "pooler/lint_reader.h"

namespace pooler {

class Pools;

// What one worker has seen.
struct LintPart {
  analyzer::QuerySnapshot queries;
  std::vector<analyzer::LintBook::Entry> facts;
  std::vector<analyzer::Loops> loops;
  std::vector<ActivityRow> activity;
};

using LintReportPtr = std::shared_ptr<const analyzer::LintReport>;

class LintKeeper {
 public:
  // A report as young as this is not made anew when somebody asks.
  static constexpr base::Duration kFresh = std::chrono::seconds(2);
  // What was read of a catalogue is good for so long.
  static constexpr base::Duration kCatalogAge = std::chrono::minutes(10);
  static constexpr base::Duration kLook = std::chrono::seconds(5);
  static constexpr std::size_t kToldMax = 1000;  // errors that go into the log

  struct Asks {
    std::function<void(std::function<void(std::vector<LintPart>)>)> parts;  // answers on the loop
    std::function<std::vector<analyzer::PoolMoment>()> pools;
  };
  LintKeeper(base::EventLoop& loop, Runtime& runtime, Pools& pools, Asks asks);
  ~LintKeeper();
  LintKeeper(const LintKeeper&) = delete;
  LintKeeper& operator=(const LintKeeper&) = delete;

  // On the loop's thread.
  void start();
  void configure(const conf::Advice& settings);
  // Any thread; `done` is called on the loop.
  void report(std::function<void(LintReportPtr)> done);
  // Any thread.
  std::vector<analyzer::PoolAdvice> pool_advice() const;
  // When the workers' loops have ended.
  void stop();

 private:
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;

  void look_at_pools();
  void run();
  void prepare(const WorkPtr& work);
  void read_next(const WorkPtr& work);
  void judge(const WorkPtr& work);
  void publish(const WorkPtr& work);

  base::EventLoop& loop_;
  Runtime& runtime_;
  Pools& pools_;
  Asks asks_;
  base::Offload thread_;
  base::Timer timer_, look_timer_;

  // On the loop's thread alone.
  base::Duration interval_{};
  bool running_ = false;
  base::TimePoint since_{}, made_{};
  LintReportPtr last_;
  std::vector<std::function<void(LintReportPtr)>> waiting_;
  std::set<std::string> told_;  // errors that the log has
  struct Known {
    base::TimePoint at{};
    std::vector<std::string> tables;
    analyzer::LintCatalog catalog;
  };
  std::map<std::string, Known, std::less<>> catalogs_;  // by database
  std::unique_ptr<LintReader> reader_;                  // of the first worker's loop

  mutable std::mutex mutex_;
  analyzer::PoolAdvisor advisor_;  // guarded by mutex_
};

// What the settings mean to the rules.
analyzer::LintLimits lint_limits(const conf::Advice& settings);

}  // namespace pooler
