#pragma once
// AlertWebhook: posts alerts that fire and that are resolved, one after the other and in order, until each is taken or given up.
//
// Of one loop, which is not a worker's; row() may be called from any thread. What is tried again is what may succeed then: no
// answer, 408, 429 and 5xx. In line are so many as the settings say; then the oldest is dropped.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "admin/alerts.h"
#include "base/loop.h"
#include "base/outbox.h"

namespace admin {

// The line of SHOW ALERTING.
struct AlertingRow {
  std::string state = "off";  // off, idle, sending, retrying
  std::string webhook{};      // what may be shown of its URL
  uint64_t rules = 0;
  uint64_t sent = 0, retries = 0, given_up = 0, dropped = 0, waiting = 0;
  std::string last_error{};
  base::WallTime last_error_at{}, last_sent_at{};
};

class AlertWebhook {
 public:
  // `post` is Outbox::post, or stands for it.
  using Post = std::function<bool(base::PostRequest, base::Outbox::Done)>;
  AlertWebhook(base::EventLoop& loop, Post post);

  void configure(const conf::Alerting& settings);
  void tell(const AlertEvent& event);
  AlertingRow row() const;

 private:
  struct Message {
    std::string body, about;
    int attempts = 0;
  };
  void send();
  void on_outcome(uint64_t turn, const base::PostOutcome& outcome);
  void fail(const std::string& why, bool for_good, base::Duration retry_after);
  void next();
  void publish(const std::string& state);

  base::EventLoop& loop_;
  const Post post_;
  conf::Alerting settings_;
  std::string place_;
  std::deque<Message> line_;
  bool under_way_ = false;
  uint64_t turn_ = 0;  // of the request under way; an answer to an earlier one comes too late
  base::Timer retry_;
  AlertingRow numbers_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  mutable std::mutex mutex_;
  AlertingRow shown_;  // guarded by mutex_
};

// Before the attempt after this one, the first being 1: twice as long each time.
base::Duration retry_delay(int attempt, base::Duration first, base::Duration most);
bool worth_a_retry(int status);

}  // namespace admin
