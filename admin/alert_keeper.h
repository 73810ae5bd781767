#pragma once
// AlertKeeper: looks at the rules of [alerts] every so often, writes what has changed into the log and tells it on.
//
// Without rules it does nothing. With some, the main loop asks for numbers, workers copy what they have counted, as for SHOW
// QUERIES, and an offload thread does the rest. A look that is not done when the next one is due takes its place.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admin/alerts.h"
#include "base/loop.h"
#include "base/offload.h"
#include "conf/config.h"
#include "pooler/history_keeper.h"

namespace admin {

class AlertKeeper {
 public:
  struct Asks {
    std::function<void(std::function<void(std::vector<pooler::QueryCount>)>)> queries;  // answers on the loop
    std::function<void(std::function<void(std::vector<AlertGauge>)>)> gauges;           // the same
    std::function<bool(std::function<void()>)> aside;                                   // runs it on a thread, or says no
    std::function<void(const AlertEvent&)> tell;                                        // called on the loop
  };
  AlertKeeper(base::EventLoop& loop, Asks asks);
  AlertKeeper(const AlertKeeper&) = delete;
  AlertKeeper& operator=(const AlertKeeper&) = delete;

  // On the loop's thread; at the start and after each reload. Rules that are as they were keep their state.
  void configure(const conf::Config& config);
  // Any thread.
  std::vector<AlertRow> rows() const;

 private:
  using Rules = std::map<std::string, conf::Alert, std::less<>>;
  struct Work;
  struct Found {
    std::vector<AlertEvent> events;
    std::vector<AlertRow> rows;
  };
  void look();
  void evaluate(std::vector<pooler::QueryCount> counts, std::optional<std::vector<AlertGauge>> gauges);
  void show(Found found);

  base::EventLoop& loop_;
  const Asks asks_;
  base::Timer timer_;
  base::Duration interval_{};
  std::optional<Rules> new_rules_;  // for the next look
  bool any_ = false, of_statements_ = false;
  bool looking_ = false;
  std::shared_ptr<Work> work_;  // of one job at a time
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  mutable std::mutex mutex_;
  std::vector<AlertRow> shown_;  // guarded by mutex_
};

}  // namespace admin
