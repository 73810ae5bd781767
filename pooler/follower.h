#pragma once
// Follower: one client's session in a pool that shares servers.
//
// It hears what the client's statements do (Tracking, Watch) and what the server answers, and decides, when a
// transaction is over, whether the client may go on without its server: what can be followed has become the client's
// parameters, what cannot be followed pins the client to the server for as long as it is there. Where the text does
// not tell what is there, the server is asked before it goes to somebody else (`settle`).
//
// Lives with its session, on the same worker.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "pooler/catalogues.h"
#include "pooler/listen_hub.h"
#include "pooler/params.h"
#include "pooler/pin_book.h"
#include "pooler/server.h"
#include "pooler/session_state.h"
#include "pooler/translate.h"

namespace pooler {

class Pool;
class Worker;

// Why a client keeps its server.
struct Pin {
  analyzer::Effects reasons;
  base::TimePoint since{};
  std::string statement;  // the beginning of the one that brought it about
  uint64_t fingerprint = 0;
  PinBook::Stay stay{};  // counted for as long as it is there
};
// "temporary objects, advisory locks"
std::string pin_reasons(analyzer::Effects effects);

class Follower final : public Tracking, private ListenSubscriber {
 public:
  // The session, as far as this needs it.
  class Host {
   public:
    virtual ~Host() = default;
    // Input that was refused may be handled now.
    virtual void resume_input() = 0;
    // What settle() had to ask is answered.
    virtual void on_settled() = 0;
    // Notifications wait: call deliver() as soon as the client is idle.
    virtual void on_news() = 0;
    // ReadyForQuery that was held back is due.
    virtual void on_ready_due() = 0;
    virtual void end(const base::Error& error) = 0;
  };

  // `params` is the session's: the values of its login now.
  Follower(Worker& worker, std::shared_ptr<Pool> pool, uint64_t id, ParamsPtr login_values, ParamsPtr& params, Host& host);
  ~Follower();

  // Before messages are translated.
  void begin();
  // After a server has refused the client's values: those that the request at hand needs, without what it sets or
  // resets itself. Otherwise the client could never be rid of them.
  ParamsPtr params_for(const wire::FrameHeader& header, std::string_view bytes);
  // False: what the database's functions do is being read; Host::resume_input() follows. Asked before a transaction.
  bool ready_to_begin();
  // While true, nothing of the client's may be sent.
  bool busy() const { return rest_ && (rest_->asking || rest_->syncing); }

  // From the server.
  std::string_view on_completed(const Watch& watch, std::size_t index, std::string_view tag, Server& server,
                                ClientStatements& statements);
  void on_error(std::string_view sqlstate);
  void on_ready(wire::TxStatus status);
  // Whether ReadyForQuery waits until this client's own notifications are here.
  bool hold_ready(wire::TxStatus status);

  // The server owes nothing and no transaction is open. True: decided, see pinned(). False: Host::on_settled() follows.
  bool settle(Server& server);
  // A client that made values of a sequence is given so long to read them, where clients of the pool do that. Longer
  // than a driver needs between INSERT and lastval(); short for who waits in line.
  static constexpr base::Duration kSequenceHold = std::chrono::milliseconds(100);
  // That time is over, and nothing else keeps the server.
  bool hold_is_over(base::TimePoint now) const;
  void end_hold(Server& server);
  bool pinned_now() const { return rest_ && !rest_->pin.reasons.empty(); }
  const Pin* pin() const { return pinned_now() ? &rest_->pin : nullptr; }

  // Notifications for the client, to be written now.
  void deliver(std::string& out);
  bool has_news() const { return rest_ && rest_->subscription && rest_->subscription->waiting(); }

  // Tracking
  bool listening(const analyzer::Analysis& analysis) override;
  bool may_commit() override;
  analyzer::Effects hidden_effects(const analyzer::Analysis& analysis, std::string_view sql) override;
  void sent(analyzer::Effects effects, std::string_view sql, uint64_t fingerprint) override;

 private:
  // Most clients never need it.
  struct Rest {
    SessionState::Outcome over;  // of transactions that are over and not settled
    Pin pin, candidate;
    analyzer::Effects tried;   // sent and not completed yet, of what cannot be asked for
    analyzer::Effects doubted; // of these, what an error leaves in doubt
    bool temporary_path = false;  // a search_path may make temporary tables without the word
    std::unique_ptr<Subscription> subscription;
    std::set<std::string> channels;  // listened to, as committed
    std::optional<base::Error> listen_error;
    bool listen_asked = false;
    bool listens_from_here = false;  // what was sent before this COMMIT is not heard on the channels that it adds
    bool notified = false;  // the open transaction has sent notifications
    bool asking = false, syncing = false;
    base::TimePoint hold_until{};  // the server is kept for currval() and lastval(), no longer than this
    base::Ticket catalogue_wait;
  };
  Rest& rest();
  void on_notifications() override;
  void on_overflow(const base::Error& error) override;
  void apply(Server& server, const std::vector<SessionState::Change>& changes);
  void conclude(Server& server, analyzer::Effects seen, analyzer::Effects asked, analyzer::Effects found);
  void reconcile_channels();

  Worker& worker_;
  std::shared_ptr<Pool> pool_;
  ParamsPtr login_values_;
  ParamsPtr& params_;
  Host& host_;
  ParamsPtr read_;  // what path and standard_conforming_strings were taken from, and what path lies in
  SessionState state_;
  CatalogueView catalogue_;
  bool reads_sequences_ = false;  // this client has read currval() or lastval(): it keeps what it makes
  bool ddl_ = false;  // the open transaction has sent some
  std::unique_ptr<Rest> rest_;
};

}  // namespace pooler
