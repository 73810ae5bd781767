#pragma once
// Channels: who listens to what on one listening connection, and what to tell the server next. Pure.
//
// Every request becomes a statement on the connection, also one for channels that it listens to already: its answer
// marks the point in the stream of notifications from which the client hears them, so that nobody hears what was
// committed before it asked. A request for no channel is such a mark alone.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pooler {

// The name as PostgreSQL keeps it: its first 63 bytes, cut between UTF-8 characters (NAMEDATALEN).
std::string channel_name(std::string_view name);

class Channels {
 public:
  // Statements in one text, where several clients ask at once or a new connection listens again on everything.
  static constexpr std::size_t kBatchMax = 100;

  using Who = uint64_t;
  struct Request {
    Who who = 0;
    uint64_t token = 0;  // for the answer
    std::vector<std::string> channels;
    bool alone = false;  // it failed in company: who of them is to blame is found out one by one
    int losses = 0;      // connections lost while it was asked
  };
  struct Answer {
    Who who = 0;
    uint64_t token = 0;
    base::Status status;
  };
  using Answers = std::vector<Answer>;

  explicit Channels(std::size_t limit) : limit_(limit) {}

  // Puts a request in line. An error if that would be more channels than the limit allows.
  base::Status ask(Request request);
  // From now on `who` hears nothing of that channel, or of any. What it asked for and was not answered yet is answered,
  // but not listened to.
  void leave(Who who, const std::string& channel, base::TimePoint now);
  void leave_all(Who who, base::TimePoint now);
  // The same, and its requests are not answered.
  void forget(Who who, base::TimePoint now);

  // Those who hear a channel; null if nobody does.
  const std::vector<Who>* listeners(const std::string& channel) const;

  // A new connection listens to nothing.
  void on_connected();
  // What to run next, if anything; succeeded() or failed() must follow before the next call, or on_lost(). First what a
  // new connection has to listen to again, then requests, then UNLISTEN of what nobody has wanted for `linger`.
  std::optional<std::string> next(base::TimePoint now, base::Duration linger);
  // What runs is about channels that clients were promised to hear: its failure is the connection's.
  bool restoring() const { return step_ == Step::kRestore; }
  Answers succeeded();
  Answers failed(const base::Error& error);
  // The connection is gone. Requests under way are tried once more on the next one.
  Answers on_lost(const base::Error& error);
  // No connection can be had.
  Answers fail_all(const base::Error& error);

  bool anybody() const { return !heard_by_.empty(); }
  bool idle() const { return heard_by_.empty() && waiting_.empty() && asked_.empty(); }
  bool asked() const { return !waiting_.empty() || !asked_.empty(); }
  std::size_t size() const { return channels_.size(); }

 private:
  enum class Step : uint8_t { kNone, kRestore, kListen, kUnlisten };
  struct Channel {
    std::vector<Who> listeners;  // none: nobody has wanted it since `unwanted_since`
    base::TimePoint unwanted_since{};
  };

  void drop(const std::string& channel, Who who, base::TimePoint now);

  const std::size_t limit_;
  std::unordered_map<std::string, Channel> channels_;            // the server listens, or will again
  std::unordered_map<Who, std::set<std::string>> heard_by_;  // only those who hear something
  std::deque<Request> waiting_;
  std::size_t waiting_names_ = 0;    // in waiting_ and asked_, at most; for the limit
  std::vector<Request> asked_;       // in the statement that runs
  std::vector<std::string> to_restore_;
  Step step_ = Step::kNone;
};

}  // namespace pooler
