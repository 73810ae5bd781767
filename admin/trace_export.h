#pragma once
// TraceExporter: sends what was traced to a collector, by OTLP over HTTP, from a thread of its own that starts when there is
// a collector.
//
// A batch goes when it is full, or when its first statement may have waited for flush_interval. One request is under way at a
// time: while the collector is slow or away, statements wait in Traces, which is bounded. What the collector asks to be sent
// again is, a few times; then it is lost, and counted.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "admin/otlp.h"
#include "base/clock.h"
#include "base/outbox.h"
#include "conf/settings.h"
#include "pooler/traces.h"

namespace admin {

class TraceExporter {
 public:
  // Once more after the first time and each of these waits, unless the answer says how long to wait.
  static constexpr base::Duration kFirstBackoff = std::chrono::milliseconds(500);
  static constexpr int kRetries = 4;
  // Nobody waits for longer than this, whatever the collector says.
  static constexpr base::Duration kBackoffMax = std::chrono::seconds(30);
  // One body: less than what collectors take (20 MiB), and half of what the outbox does.
  static constexpr std::size_t kBodyMax = std::size_t{4} << 20;

  // base::Outbox::post, or what stands for it.
  using Post = std::function<bool(base::PostRequest, base::Outbox::Done)>;
  // `traces` outlives it.
  TraceExporter(pooler::Traces& traces, Post post, std::string version, base::Duration first_backoff = kFirstBackoff);
  ~TraceExporter();
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  // Any thread.
  void configure(const conf::Traces& settings);
  // Sends what waits, and ends; for so long at most. When the workers have ended, and before the outbox does.
  void finish(base::Duration patience);

 private:
  struct Settings {
    std::string endpoint;
    std::vector<std::string> headers;
    std::string service;
    std::size_t batch = 1;
    base::Duration interval{}, timeout{};
  };

  void run();
  void send_batch(const Settings& settings);
  void send(const Settings& settings, std::string body, std::size_t statements);
  base::PostOutcome post(const Settings& settings, const std::string& body);
  bool pause(base::Duration length);
  base::Duration time_left(base::Duration wanted);

  pooler::Traces& traces_;
  const Post post_;
  const std::string version_;
  const base::Duration first_backoff_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Settings settings_;
  bool ready_ = false;      // a batch is full, or there are other settings
  bool finishing_ = false;
  base::TimePoint give_up_{};  // where finishing_
  std::thread thread_;
};

// What an answer says: may the same be sent again?
bool may_retry(const base::PostOutcome& outcome);
// How many spans a collector that took the others has refused, from its answer.
uint64_t rejected_spans(std::string_view answer);

}  // namespace admin
