#pragma once
// Advisor: looks from time to time at what statements cost, and says which indexes they lack (analyzer/advice_run.h).
//
// The main loop asks the workers what they have counted and which samples they keep; a thread of its own asks PostgreSQL, one
// database after the other. No worker waits for any of it. A database whose looks fail is left alone for a while.
//
// While [advice] is off there is no thread, and nothing is asked. With a [history], advice outlives the process.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/advice_book.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/result.h"
#include "conf/config.h"
#include "pooler/console.h"

namespace wire {
class Resolver;
}

namespace pooler {

// How the looks at one database went.
struct AdvisorRow {
  std::string database;
  std::string state;   // ok, truncated, failed, resting
  std::string hypopg;  // its version, or "not installed"
  uint64_t looks = 0, failures = 0;
  std::size_t queries = 0, candidates = 0;
  uint64_t questions = 0;  // of the last look, as are the two above
  base::Duration took{};
  base::WallTime last{};
  std::string notes;
};

class Advisor {
 public:
  static constexpr std::size_t kDatabasesMax = 32;  // looked at in one go, those that cost the most
  static constexpr int kFailuresMax = 3;            // in a row; then it rests
  static constexpr base::Duration kRest = std::chrono::minutes(30);
  static constexpr std::size_t kWaitersMax = 100;  // of ADVISE NOW
  static constexpr std::size_t kBuildsMax = 8;     // of ADVICE APPLY, in line

  struct Asks {
    std::function<void(std::function<void(std::vector<QueryRow>)>)> queries;               // answer on the main loop
    std::function<void(std::function<void(std::vector<analyzer::SampledKind>)>)> samples;  // the same
    // What outlives the process, if it has a history: keeps a text, and gives the last one on the main loop, if there is one.
    std::function<void(std::string)> keep;
    std::function<void(std::function<void(std::string)>)> kept;
    std::function<conf::ConfigPtr()> config;
    std::function<base::EventLoop&()> caller;  // the loop of whoever calls
  };
  Advisor(base::EventLoop& main, wire::Resolver& resolver, Asks asks);
  ~Advisor();
  Advisor(const Advisor&) = delete;
  Advisor& operator=(const Advisor&) = delete;

  // On the main loop.
  void start();
  void stop();  // waits for the question that is under way
  // Any thread.
  void reconfigure();

  // For the console; any thread.
  using Done = std::function<void(base::Status)>;
  using Token = std::shared_ptr<void>;
  // Looks now; `done` runs on the caller's loop when all databases are done, unless the token was dropped.
  Token advise_now(Done done);
  base::Status dismiss(const std::string& id);
  // Creates the index, one after the other, and calls as advise_now() does. It goes on if the token is dropped.
  Token apply(const std::string& id, Done done);
  std::vector<analyzer::Advice> advice() const;
  std::vector<analyzer::ConsideredIndex> considered() const;  // in the last look
  std::vector<analyzer::IndexFinding> unused() const;
  std::vector<analyzer::IndexFinding> redundant() const;
  std::vector<AdvisorRow> rows() const;

 private:
  struct Waiter {
    std::weak_ptr<Done> done;
    base::EventLoop* home = nullptr;
  };
  struct Database {
    AdvisorRow row;
    int failures = 0;
    base::TimePoint rests_until{};
    std::vector<analyzer::IndexFinding> unused, redundant;
    std::vector<analyzer::ConsideredIndex> considered;
  };

  void follow();  // the settings
  void restore();
  void keep() const;
  void look();
  void collected(std::vector<QueryRow> rows, std::vector<analyzer::SampledKind> samples);
  void look_at(const analyzer::Workload& workload, const conf::Config& config);  // on the thread
  void finished(const base::Status& status);
  static void answer(const Waiter& waiter, base::Status status);
  base::Result<analyzer::Advice> to_build(const std::string& id);
  void build(const analyzer::Advice& advice, const conf::Config& config, const Waiter& waiter);  // on its thread
  template <typename Row>
  std::vector<Row> of_all(std::vector<Row> Database::*which) const;

  base::EventLoop& main_;
  wire::Resolver& resolver_;
  const Asks asks_;
  std::atomic<bool> stopping_{false};

  // On the main loop.
  base::Timer timer_;
  base::Duration interval_{};
  bool looking_ = false, restored_ = false;
  std::vector<Waiter> waiters_;
  std::optional<base::Offload> thread_, builder_;

  mutable std::mutex mutex_;
  analyzer::AdviceBook book_;                  // guarded by mutex_
  std::map<std::string, Database> databases_;  // guarded by mutex_
  std::map<std::string, std::string> builds_;  // how far each is, by the advice's id; guarded by mutex_
};

// What each database's statements have cost, those with the most time first: rows of one kind from several users are one, and
// each has its samples. Pure.
std::vector<analyzer::Workload> workloads_of(const std::vector<QueryRow>& rows,
                                             const std::vector<analyzer::SampledKind>& samples, base::WallTime now);

}  // namespace pooler
