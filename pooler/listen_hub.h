#pragma once
// ListenHubs: LISTEN for clients that share servers.
//
// A client's LISTEN never reaches a server that is lent to it. Each pool has, while anybody listens, one connection of
// its own that listens on all channels its clients want (a second one for clients with another client_encoding, for
// PostgreSQL writes names and payloads in it), and what arrives there goes to everybody who listens. That connection
// lives on one worker's loop; subscriptions live on their sessions' workers.
//
// What is promised, as PostgreSQL does it (NOTIFY in its manual): what commits after listen() was answered is
// delivered, in the order in which it was committed, and nothing that was committed before listen() was called. One
// exception: while the listening connection is lost, nothing is heard. It is made anew, listens again on everything,
// and the loss is logged and counted; PostgreSQL keeps notifications for nobody who is away.
//
// How a session uses it:
//   subscription_ = hubs.subscribe(pool, worker, "UTF8", *this);    // once, at the first LISTEN
//   subscription_->listen({"jobs"}, [this](base::Status status) {   // BEFORE the COMMIT is sent on: then a NOTIFY of
//     ...send the COMMIT, or fail it with the error                 // the same transaction is heard too, and a failure
//   });                                                             // can still be the COMMIT's, as PostgreSQL's is
//   subscription_->unlisten("jobs");                                // after a commit; or if that COMMIT failed
//   void on_notifications() override;                               // something waits: take() it when it may be told
//   subscription_->sync([this] { ...send ReadyForQuery });          // after a commit that notified, where the client
//                                                                   // listens itself: its own come before that

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "pooler/console.h"

namespace pooler {

class ListenHub;
class Pool;
struct Runtime;

// One notification, shared by all who hear it.
struct Notification {
  std::string channel;
  std::string encoded;  // the whole NotificationResponse
  // What it counts as where it waits: its bytes and, about, what holds them.
  std::size_t cost() const { return encoded.size() + channel.size() + 64; }
};
using NotificationPtr = std::shared_ptr<const Notification>;

// A client that listens. Called on its own worker, never from inside a call of its Subscription.
class ListenSubscriber {
 public:
  virtual ~ListenSubscriber() = default;
  // take() has something, and had nothing before.
  virtual void on_notifications() = 0;
  // So much was not taken that the rest is dropped and the subscription is at its end: the client has to be told with
  // this error and be disconnected, because it can no longer know what it missed.
  virtual void on_overflow(const base::Error& error) = 0;
};

// What one session listens to. For its worker's thread. Its end forgets everything; whatever is on its way then is
// dropped, and no callback follows.
class Subscription {
 public:
  // Bytes of notifications not taken, with which a client is given up: a client that stays in a transaction or does not
  // read for so long. PostgreSQL's own queue would grow to gigabytes and then fail every NOTIFY.
  static constexpr std::size_t kWaitingBytesMax = 16 * 1024 * 1024;
  // Channels of one client, and of all clients of a pool (as one encoding has them): some megabytes of names.
  static constexpr std::size_t kChannelsMax = 10'000;
  static constexpr std::size_t kPoolChannelsMax = 100'000;

  using Done = std::function<void(base::Status)>;

  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // `done` is called once, later, when the server has confirmed that it listens on all of them. On an error, which is
  // the server's own where it has said one, none of those that are new is listened to. Names are as PostgreSQL folds
  // them, without quotes; only their first 63 bytes count.
  void listen(std::vector<std::string> channels, Done done);
  // From now on nothing of it is delivered, not even what waits.
  void unlisten(const std::string& channel);
  void unlisten_all();
  // `done` is called when everything that was committed before this call waits here to be taken. At once, yet never
  // inside the call, if nothing is listened to or nothing can be heard; after ListenHubs::kSyncTimeout in any case.
  void sync(std::function<void()> done);

  // Drops what waits, but for these channels. With sync() in front, it is as if the others were listened to from now on.
  void keep_only(const std::set<std::string>& channels);

  // What pg_listening_channels() would say, in order.
  const std::set<std::string>& channels() const { return channels_; }

  bool waiting() const { return !queue_.empty(); }
  // The oldest one that waits; null if there is none.
  NotificationPtr take();

 private:
  friend class ListenHub;
  friend class ListenHubs;
  struct Mailbox;
  // Something asked of the hub.
  struct Asked {
    std::vector<std::string> channels;  // those that are new, and still wanted
    Done done;
    base::TimePoint deadline = base::TimePoint::max();  // of a sync
  };
  Subscription(std::shared_ptr<ListenHub> hub, int worker, base::EventLoop& loop, ListenSubscriber& subscriber);
  // By the hub, on the session's worker.
  void arrive(const NotificationPtr& notification);
  void overflow();
  void on_answer(uint64_t token, const base::Status& status);

  std::vector<std::string> unknown_of(const std::vector<std::string>& channels) const;
  void answer_soon(uint64_t token, base::Status status);
  void on_sync_timeout();

  std::shared_ptr<ListenHub> hub_;
  std::shared_ptr<Mailbox> mailbox_;  // shared with the hub
  ListenSubscriber& subscriber_;
  std::set<std::string> channels_;
  std::deque<NotificationPtr> queue_;
  std::map<uint64_t, Asked> asked_;  // by token, in order
  uint64_t next_token_ = 1;
  base::Timer sync_timer_;
};

class ListenHubs {
 public:
  // A connection on whose channels nobody listens any more is kept for so long, and so is a channel: clients that come
  // and go cost no statement each.
  static constexpr base::Duration kLinger = std::chrono::seconds(5);
  // How long sync() may hold a client up. (An answer to LISTEN is awaited as long as SideConnection waits for the
  // connection and for the statement.)
  static constexpr base::Duration kSyncTimeout = std::chrono::seconds(1);
  // Between attempts to connect again: the first, doubled up to the last.
  static constexpr base::Duration kRetryMin = std::chrono::milliseconds(200);
  static constexpr base::Duration kRetryMax = std::chrono::seconds(5);
  // A connection that was silent for so long is asked whether it is still there.
  static constexpr base::Duration kHeartbeat = std::chrono::seconds(30);

  explicit ListenHubs(Runtime& runtime) : runtime_(runtime) {}
  ~ListenHubs();
  ListenHubs(const ListenHubs&) = delete;
  ListenHubs& operator=(const ListenHubs&) = delete;

  // For `worker`'s thread. `client_encoding` is the client's, as the server reports it.
  std::unique_ptr<Subscription> subscribe(const std::shared_ptr<Pool>& pool, int worker,
                                          const std::string& client_encoding, ListenSubscriber& subscriber);
  // Any thread. One for each connection that is there or wanted, in the order of database, user, encoding.
  std::vector<ListenRow> rows() const;
  // The console's RECONNECT and KILL: connections of that database (empty: all) are made anew. Any thread.
  void reconnect(const std::string& database);
  // Closes the connections that live on this worker. On its loop, or when that has ended for good.
  void stop_worker(int worker);

 private:
  friend class ListenHub;
  using Key = std::tuple<std::string, std::string, std::string>;  // database, user, encoding
  // By the hub, on its loop: nobody uses it any more. False if somebody came in the meantime.
  bool retire(const ListenHub& hub);

  Runtime& runtime_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<ListenHub>> hubs_;  // guarded by mutex_
};

}  // namespace pooler
