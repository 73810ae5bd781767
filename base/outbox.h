#pragma once
// Outbox: what leaves the process over HTTP by POST: alerts to a webhook, traces to a collector.
//
//   const bool taken = outbox.post({.url = url, .type = "application/json", .body = json},
//                                  [](const PostOutcome& outcome) { if (!outcome.delivered()) ...; });
//
// A thread of its own does it, a few requests at a time; nobody else ever waits. The thread starts with the first request.
// All is bounded: how many requests are held and how many bytes, how long one may take, how much of an answer is read.
//
// Requests go where their URL says and nowhere else: redirects are not followed, proxies of the environment are not asked,
// and the certificate of an https server must be good. Nothing is written to the log, and no text in an outcome has a
// header or a URL in it, so secrets may stand in both.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace base {

struct PostRequest {
  std::string url;   // http:// or https://; user:password@ is sent as Basic authorization
  std::string type;  // of the body: application/json
  std::string body;
  std::vector<std::string> headers{};  // further ones: "Authorization: Bearer ..."
  Duration deadline = std::chrono::seconds(10);  // from post() to the outcome, time in line included
  std::string ca_file{};                         // whom to believe; empty: whom the system believes
};

struct PostOutcome {
  int status = 0;          // of the answer; 0: there was none, and `error` says why
  std::string error{};     // empty if there was an answer
  std::string answer{};    // the begin of its body
  Duration retry_after{};  // what the answer asks for; 0: nothing

  bool delivered() const { return status >= 200 && status < 300; }
};

struct OutboxLimits {
  std::size_t items = 256;                    // requests held, in line and under way
  std::size_t bytes = std::size_t{8} << 20;   // of these
  std::size_t at_once = 4;                    // under way; one server that hangs does not hold up the others
  std::size_t answer = std::size_t{64} << 10; // bytes of an answer that are read; the connection of a longer one is closed
};

struct OutboxCounts {
  uint64_t sent = 0;     // answered with 2xx
  uint64_t failed = 0;   // refused, unanswered or too late
  uint64_t dropped = 0;  // not taken: too many or too much held already
  uint64_t held = 0;     // now
};

class Outbox {
 public:
  // On the outbox's thread, never inside of post(); once for each request that was taken, also when the outbox ends.
  // It must not block, throw or call stop(); post() is fine.
  using Done = std::function<void(const PostOutcome&)>;

  explicit Outbox(std::string user_agent, const OutboxLimits& limits = {});
  ~Outbox();  // stops at once
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // False: not taken, and `done` does not come. Any thread.
  bool post(PostRequest request, Done done);

  // Takes nothing more, goes on with what is held for at most `patience`, gives up the rest and ends the thread. When it
  // returns every `done` has come.
  void stop(Duration patience = {});

  OutboxCounts counts() const;

 private:
  struct Held;
  class Courier;
  void serve();
  std::unique_ptr<Held> next();
  void finish(std::unique_ptr<Held> held, const PostOutcome& outcome);
  void expire();
  Duration free_time() const;
  bool over() const;

  const std::string user_agent_;
  const OutboxLimits limits_;
  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<Held>> line_;  // guarded by mutex_
  std::size_t held_ = 0, held_bytes_ = 0;   // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  TimePoint give_up_{};                     // guarded by mutex_
  std::unique_ptr<Courier> courier_;        // made under mutex_ before the thread, which it belongs to
  std::thread thread_;
  std::atomic<uint64_t> sent_{0}, failed_{0}, dropped_{0};
};

}  // namespace base
