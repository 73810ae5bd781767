#pragma once
// Pool: the server connections of one database and user, bounded over all workers, and the clients in line for them.
//
// Clients are served first come, first served; a waiter on the server's own worker may go before one elsewhere that
// came at most a millisecond earlier, because moving a server to another worker costs system calls. Servers are
// taken last in, first out (or in turns). A server that lies idle stays attached to the worker that used it last.
//
// The lists are guarded by one small mutex; a Server itself is touched only on the worker it lives on.

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "conf/config.h"
#include "pooler/budget.h"
#include "pooler/console.h"
#include "pooler/server.h"
#include "pooler/server_login.h"
#include "pooler/stats.h"
#include "wire/client_auth.h"

namespace pooler {

class Pool;
struct Runtime;

// Exclusive use of a server. Its end gives the server back: reused when provably clean, recovered when possible,
// closed otherwise.
class Lease {
 public:
  Lease() = default;
  explicit Lease(Server& server) : server_(&server) {}
  Lease(Lease&& other) noexcept : server_(std::exchange(other.server_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    reset();
    server_ = std::exchange(other.server_, nullptr);
    return *this;
  }
  ~Lease() { reset(); }

  Server* operator->() const { return server_; }
  Server& operator*() const { return *server_; }
  explicit operator bool() const { return server_ != nullptr; }
  // The client is done with it, or gone: what still runs is cancelled.
  void reset();
  // The client said goodbye: what it sent before is left to finish.
  void let_finish();

 private:
  Server* server_ = nullptr;
};

// A client in line. Called on its own worker, never from inside acquire().
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void on_server(Lease lease) = 0;
  virtual void on_no_server(const base::Error& error) = 0;
};

// A place in line; its end leaves the line.
class WaitTicket {
 public:
  WaitTicket() = default;
  WaitTicket(WaitTicket&&) noexcept = default;
  WaitTicket& operator=(WaitTicket&& other) noexcept {
    reset();
    slot_ = std::move(other.slot_);
    return *this;
  }
  ~WaitTicket() { reset(); }
  void reset();
  explicit operator bool() const { return slot_ != nullptr; }

 private:
  friend class Pool;
  struct Slot;
  explicit WaitTicket(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
  std::shared_ptr<Slot> slot_;
};

enum class ServerState : uint8_t { kIdle, kTested, kActive, kRecovering, kBeingCanceled, kMoving };

class Pool final : public Spender, public std::enable_shared_from_this<Pool> {
 public:
  Pool(Runtime& runtime, std::string database, std::string user);
  ~Pool() override;

  const std::string& database() const { return database_; }
  const std::string& user() const { return user_; }

  // New settings, at the start and on reload. Connections that were made under others are replaced.
  void configure(PoolSettings settings);
  PoolSettingsPtr settings() const;

  // What a client proved at its login helps to log in to the server as the same user.
  void learn(const wire::LearnedSecrets& secrets);
  // For a connection outside the pool's lists (replication).
  ServerCredentials login_credentials() const {
    const Lock lock(mutex_);
    return credentials(lock);
  }

  // A server at once, or a place in line. For `worker`'s thread. Where `preferred` is idle it is that one: what it knows
  // of this client's doings may still be of use.
  Lease acquire(int worker, Waiter& waiter, WaitTicket& ticket, ServerId preferred = {});
  // By Lease: on the server's worker.
  void give_back(Server& server, bool cancel);
  void on_idle_server_lost(Server& server, const base::Error& error);

  // Once in a while, on every worker: timeouts of idle servers, minimum size, retries.
  void maintain(int worker, base::TimePoint now);

  // Parameters as the server reported them at login, in its order; null while none is known.
  std::shared_ptr<const ParamList> welcome() const;
  // Parameter values that this server has taken before need no trial.
  bool known_good(const std::string& name, const std::string& value) const;
  void remember_good(const std::string& name, const std::string& value, const std::string& canonical);
  // As the server spells a value that it has taken ("UTC" for "utc").
  std::string canonical(const std::string& name, const std::string& value) const;
  // Some server of this pool has parsed this statement.
  bool has_parsed(const Prepared& statement) const;
  void remember_parsed(const Prepared& statement);
  // A connection that is made for one client alone and closed after it.
  Lease adopt(int worker, ServerConnection connection);

  // The console's commands.
  void pause();
  void resume();
  bool paused() const;
  bool quiescent() const;   // no server lent out
  void close_servers();     // RECONNECT: idle ones now, others when they come back
  void kill_servers();      // KILL: all of them, now
  bool any_close_needed() const;
  // At the end of the process, when no worker runs any more: says goodbye to every server.
  void close_down();
  // Fails everyone in line.
  void fail_waiters(const base::Error& error);

  // A cancel connection that may hit what runs on `server` begins or ends. On the server's worker.
  void cancel_begins(Server& server);
  // `in_doubt`: it may still hit whatever runs there, so nobody else's shall.
  void cancel_ends(ServerId id, bool in_doubt);
  // The lease that a cancel was meant for goes on. On the server's worker.
  bool still_runs(ServerId id, uint64_t generation) const;

  PoolRow row() const;
  int server_count() const;  // logged in or logging in
  // Why there is no server, where the last attempt to get one failed and none is left. Has it tried once more, at the next
  // moment when a client's attempt would be.
  std::optional<base::Error> failure_and_ask_again();
  base::TimePoint last_used() const { return base::TimePoint(base::Duration(last_used_.load())); }
  // Servers that live on `worker`; on its thread.
  void each_server(int worker, const std::function<void(Server&)>& visit);

  // Clients of this pool read currval() or lastval(), as ORMs do or do not: learned when the first one does.
  bool sequences_used() const { return sequences_used_.load(std::memory_order_relaxed); }
  void note_sequences_used() { sequences_used_.store(true, std::memory_order_relaxed); }

  Stats& stats(int worker) { return stats_[static_cast<std::size_t>(worker)]; }
  std::atomic<int> clients{0};  // logged in, waiting ones included

  // Spender
  void budget_freed() override;
  bool shed_idle() override;

 private:
  friend class WaitTicket;
  using Slot = WaitTicket::Slot;
  using SlotPtr = std::shared_ptr<Slot>;
  using Lock = std::unique_lock<std::mutex>;

  // Those with a Lock expect it held and return with it held unless they say otherwise.
  Server* pick_idle(const Lock&, int worker, ServerId preferred);
  ServerCredentials credentials(const Lock&) const;
  SlotPtr next_waiter(const Lock&, int worker);
  std::size_t waiting(const Lock&) const;
  base::TimePoint oldest_wait(const Lock&) const;
  int size_limit(const Lock&, base::TimePoint now) const;
  bool wants_launch(const Lock&, base::TimePoint now) const;
  void try_launch(int worker);          // takes the lock itself
  void start_login(int worker, PoolSettingsPtr settings);
  void on_login(uint64_t attempt, int worker, const PoolSettingsPtr& settings, base::Result<ServerConnection> result);
  void make_available(Server& server);  // on the server's worker
  void hand_over(Server& server, SlotPtr slot);
  void deliver(Server& server, SlotPtr slot);  // on the slot's worker, where the server lives by now
  void check_then_deliver(Server& server, SlotPtr slot);  // on the server's worker
  void send_back(const SlotPtr& slot);
  bool stale(const Lock&, const Server& server, base::TimePoint now) const;
  Lease lend(Server& server);
  void recover(Server& server, bool cancel);
  void finish_recovery(ServerId id, bool clean);
  void end_at_home(ServerId id);
  void retire(Server& server);          // closes and forgets; on its worker
  void set_state(Server& server, ServerState state) { server.books.state = static_cast<int>(state); }
  bool must_close(const Server& server, base::TimePoint now) const;
  bool must_yield();
  void fail_line(Lock&, const base::Error& error);  // returns with the lock released

  Runtime& runtime_;
  const std::string database_, user_;
  std::vector<Stats> stats_;  // one per worker, written by it alone

  mutable std::mutex mutex_;  // guards everything below
  PoolSettingsPtr settings_;
  std::unordered_map<ServerId, std::unique_ptr<Server>> servers_;
  std::vector<Server*> idle_;                     // oldest first
  std::vector<std::list<SlotPtr>> lines_;         // clients in line, per worker, oldest first
  std::unordered_map<uint64_t, std::unique_ptr<ServerLogin>> logins_;
  int logins_running_ = 0;
  uint64_t next_attempt_ = 1;
  bool paused_ = false;
  base::TimePoint retry_at_{};
  base::Duration retry_delay_{};
  std::optional<base::Error> last_failure_;
  bool asked_again_ = false;  // since the last failure
  std::optional<wire::ScramKeys> learned_;  // by a client's login or an earlier one of ours
  std::shared_ptr<const ParamList> welcome_;
  std::unordered_map<std::string, std::string> known_good_;  // name=value -> as reported
  std::unordered_set<uint64_t> parsed_;  // ids of statements; a dead one's id is never given out again
  std::atomic<int64_t> last_used_{0};
  std::atomic<bool> single_use_{false};  // settings_->lifetime is 0
  std::atomic<bool> resets_{false};  // settings_->reset_query is not empty
  std::atomic<bool> sequences_used_{false};
  std::atomic<bool> shares_{false};  // some budget has a limit
};

}  // namespace pooler
