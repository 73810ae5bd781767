#pragma once
// Worker: one thread, one loop, and the client sessions that live there.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "analyzer/exemplars.h"
#include "analyzer/advice_samples.h"
#include "analyzer/query_stats.h"
#include "analyzer/statement_cache.h"
#include "base/loop.h"
#include "conf/config.h"
#include "pooler/cancel.h"
#include "pooler/client_login.h"
#include "pooler/console.h"
#include "pooler/guards.h"
#include "pooler/lint_watch.h"
#include "pooler/runtime.h"
#include "pooler/slow_recent.h"
#include "pooler/slow_statement.h"
#include "pooler/tracer.h"

namespace pooler {

class Pools;
class Session;

// The timeouts in force for a database and user. 0: none.
struct Timeouts {
  base::Duration query_wait{}, query_wait_notify{}, query{}, idle_transaction{}, transaction{}, client_idle{};
  SlowLimits slow{};
};

// What the settings say for them of the slow log.
SlowLimits slow_limits(const conf::Config& config, const std::string& database, const std::string& user);

class Worker {
 public:
  Worker(int index, Runtime& runtime, Pools& pools, conf::ConfigPtr config);
  ~Worker();

  // Runs the loop on a thread of its own until stop().
  void start();
  void stop();
  void join();

  int index() const { return index_; }
  base::EventLoop& loop() { return loop_; }
  Runtime& runtime() { return runtime_; }
  Pools& pools() { return pools_; }
  CancelKeys& cancels() { return runtime_.cancel_keys; }
  Console& console() { return *runtime_.console; }

  // Everything below: on the worker's own thread.
  void accept(int fd, ListenerInfo listener);
  void reconfigure(conf::ConfigPtr config);
  const conf::ConfigPtr& config() const { return config_; }
  const Timeouts& timeouts(const std::string& database, const std::string& user);
  std::size_t max_prepared_statements() const { return max_prepared_statements_; }
  std::size_t max_query_size() const { return max_query_size_; }
  analyzer::LocalStatements& statements() { return statements_; }
  // Null while there are no rules about statements.
  const GuardRulesPtr& guards() const { return guards_; }
  bool counts_queries() const { return config_->weir.query_stats; }
  // Statements are looked at: they are counted, may be slow, or are traced.
  bool looks_at_queries() const { return counts_queries() || some_are_slow_ || tracer_.on(); }
  // What was counted, whether or not it still is.
  analyzer::QueryStats& counted_queries() { return query_stats_; }
  // Whose values are shown.
  const analyzer::HiddenValues& hidden_values() const { return hidden_values_; }
  SlowRecent& slow_recent() { return slow_recent_; }
  Tracer& tracer() { return tracer_; }
  // Of statements that were traced.
  analyzer::Exemplars& exemplars() { return exemplars_; }
  // Statements are held against the rules of analyzer/lint.h.
  bool lints() const { return config_->advice.lint && counts_queries(); }
  LintBooks& lint_books() { return lint_books_; }
  const analyzer::LoopLimits& loop_limits() const { return loop_limits_; }
  analyzer::SampleStore& samples() { return samples_; }

  Session* find(uint64_t id);
  void each(const std::function<void(Session&)>& visit);
  // Called by a session that has ended; it is deleted when its last words are sent.
  void session_ended(Session& session);
  void forget(Session& session);
  std::size_t session_count() const { return sessions_.size(); }

  // An object that goes when the current turn of the loop is over.
  template <typename T>
  struct Doomed : base::Deferred {
    explicit Doomed(std::unique_ptr<T> doomed) : object(std::move(doomed)) {}
    std::unique_ptr<T> object;
  };

 private:
  void tick();
  void limit_query_stats();
  void follow_slow_settings();
  void follow_trace_settings();

  const int index_;
  Runtime& runtime_;
  Pools& pools_;
  conf::ConfigPtr config_;
  LintBooks lint_books_;              // outlives the sessions too
  analyzer::LoopLimits loop_limits_;
  analyzer::QueryStats query_stats_;  // outlives the sessions, which the loop may still hold
  base::EventLoop loop_;
  base::Timer ticker_;
  std::unordered_map<uint64_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, Timeouts> timeouts_;  // by database, NUL, user; emptied on reload
  bool some_are_slow_ = false;
  analyzer::HiddenValues hidden_values_;
  SlowRecent slow_recent_;
  Tracer tracer_;
  analyzer::Exemplars exemplars_;
  analyzer::SampleStore samples_;
  std::size_t max_prepared_statements_ = 0, max_query_size_ = 0;
  GuardRulesPtr guards_;
  analyzer::LocalStatements statements_;
  std::thread thread_;
};

}  // namespace pooler
