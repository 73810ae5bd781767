#pragma once
// ListenHub: what listens for one pool and one client_encoding: its connection, who hears what, and the way back to
// each session's worker. ListenHubs (listen_hub.h) has them all and is what others use.
//
// Lives on one worker's loop, its home. Whoever holds it may post() to it from any thread.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "pooler/channels.h"
#include "pooler/listen_hub.h"
#include "pooler/side_connection.h"

namespace pooler {

// What hub and subscription share.
struct Subscription::Mailbox {
  Mailbox(uint64_t id_, int worker_, base::EventLoop& loop_) : id(id_), worker(worker_), loop(loop_) {}
  const uint64_t id;
  const int worker;
  base::EventLoop& loop;  // the session's
  std::atomic<std::size_t> waiting{0};  // bytes on the way or not taken
  Subscription* owner = nullptr;        // of the session's worker alone; null when that is gone
};

class ListenHub final : public std::enable_shared_from_this<ListenHub>, private SideHandler {
 public:
  using MailboxPtr = std::shared_ptr<Subscription::Mailbox>;

  ListenHub(ListenHubs& hubs, Runtime& runtime, int home, std::weak_ptr<Pool> pool, std::string database,
            std::string user, std::string client_encoding);

  const std::string& database() const { return database_; }
  int home() const { return home_; }
  ListenHubs::Key key() const { return {database_, user_, encoding_}; }
  uint64_t new_id() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  ListenRow row() const;
  // Runs `work` at home, soon, unless the hub was stopped by then.
  void post(std::function<void(ListenHub&)> work);

  // Everything below: at home.
  void join(MailboxPtr mailbox);
  void leave(uint64_t id);
  void listen(uint64_t id, uint64_t token, std::vector<std::string> channels);
  void sync(uint64_t id, uint64_t token);
  void unlisten(uint64_t id, const std::string& channel);
  void unlisten_all(uint64_t id);
  // Makes the connection anew, if there is one.
  void renew();
  // Closes it, for good.
  void stop();

  // Subscriptions that have not left; raised and compared with 0 under the lock of ListenHubs.
  std::atomic<int> users{0};

 private:
  enum class State : uint8_t { kClosed, kConnecting, kListening, kWaiting };

  // SideHandler
  void on_connected() override;
  void on_notification(std::string_view channel, std::string_view frame) override;
  void on_read_end() override { send_out(); }
  void on_lost(const base::Error& error) override;

  void connect();
  void go_on();
  void on_answer(const base::Result<wire::PgRows>& rows);
  void answer(const Channels::Answers& answers);
  void answer(uint64_t id, uint64_t token, base::Status status);
  void lose(const base::Error& error);
  void drop_connection();
  void give_up_on(uint64_t id);
  void send_out();
  void on_tick();
  void look_at_settings();
  void become(State state) { state_ = state; }

  ListenHubs& hubs_;
  Runtime& runtime_;
  const int home_;
  base::EventLoop& loop_;
  const std::weak_ptr<Pool> pool_;
  const std::string database_, user_, encoding_;
  std::atomic<uint64_t> next_id_{1};
  std::atomic<bool> stopped_{false};  // set at home

  // For the console.
  std::atomic<State> state_{State::kClosed};
  std::atomic<std::size_t> channel_count_{0};
  std::atomic<int> remote_pid_{0};
  std::atomic<uint64_t> received_{0}, delivered_{0}, losses_{0}, overflows_{0};
  mutable std::mutex row_mutex_;
  base::WallTime connected_since_{};  // guarded by row_mutex_
  std::string last_error_;            // the same

  // At home alone.
  Channels channels_{Subscription::kPoolChannelsMax};
  std::unordered_map<uint64_t, MailboxPtr> members_;
  std::unique_ptr<SideConnection> connection_;
  std::optional<base::Timer> tick_, retry_;
  base::Duration retry_delay_{};
  base::TimePoint connected_at_{}, failed_at_{};
  base::TimePoint heard_at_{};   // the last word of the server's
  base::TimePoint unused_since_{};
  // Read and not posted yet, by worker.
  std::vector<std::vector<std::pair<MailboxPtr, NotificationPtr>>> outgoing_;
};

}  // namespace pooler
