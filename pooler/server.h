#pragma once
// Server: one logged-in connection to PostgreSQL.
//
// Bytes and the replies they will bring leave together (write + expect), so that every reply finds its message. What
// is the client's goes to the ServerHandler, unparsed where possible; what is ours ends here. A server belongs to
// its pool and lives on one worker's loop at a time; while it is lent, one session is its handler.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/strong.h"
#include "pooler/params.h"
#include "pooler/prepared.h"
#include "pooler/query_meter.h"
#include "pooler/reply_queue.h"
#include "pooler/watch.h"
#include "wire/error_fields.h"
#include "wire/scram.h"
#include "wire/socket_stream.h"
#include "wire/types.h"

namespace pooler {

class Pool;
struct PoolSettings;
using ServerId = base::Strong<struct ServerIdTag, uint64_t>;

// Where a server is, so that a cancel request can follow.
struct ServerAddress {
  std::string host;  // as configured; begins with '/' or '@' for a Unix socket
  int port = 0;
  std::string shown_addr;  // numeric, or "unix"
  bool operator==(const ServerAddress&) const = default;
};

// What a login yields.
struct ServerConnection {
  std::unique_ptr<wire::SocketStream> stream;
  wire::CancelKey key;
  ParamList reported;  // ParameterStatus of the login, names as the server wrote them
  ServerAddress address;
  std::optional<wire::ScramKeys> keys;  // worth keeping for the next login
};

// The session that has borrowed a server. Called on the server's loop.
class ServerHandler {
 public:
  virtual ~ServerHandler() = default;
  // Bytes for the client: whole messages, or the next part of a large one. Valid for the call.
  virtual void on_reply(std::string_view bytes) = 0;
  // The end of what one read brought: time to send.
  virtual void on_reply_end() = 0;
  // ReadyForQuery arrived and was passed on (or not: `forwarded`).
  virtual void on_ready(wire::TxStatus status, bool forwarded) = 0;
  // A parameter changed by the client's own doing.
  virtual void on_parameter(std::string_view name, std::string_view value) = 0;
  // An ErrorResponse is being passed on.
  virtual void on_error_reply(const wire::ServerReport& report) = 0;
  // The server has completed the `index`th statement of a message that is watched. Returns the command tag that the
  // client is to read, or nothing where it is the server's.
  virtual std::string_view on_completed(const Watch& watch, std::size_t index, std::string_view tag) = 0;
  // The server has done what carries a tag, or said why not: `answer` has the words that the client reads.
  virtual void on_answered(const QueryMeter::Answer& answer) { (void)answer; }
  // What had to be so before the client's statement cannot be, and nothing of the client's was sent.
  virtual void on_guard_failed(const base::Error& error) = 0;
  // Whether ReadyForQuery is kept back: then the handler writes its own when the time has come.
  virtual bool hold_ready(wire::TxStatus status) = 0;
  // "cached plan must not change result type" is the answer to what was kept of the client's (Server::keep_batch), of
  // which `owed` messages are not answered. Whether the client need not read it: then send_again() follows.
  virtual bool may_send_again(std::string_view batch, std::size_t owed) const = 0;
  virtual void send_again(std::string_view batch) = 0;
  // The client's prepared statements, for changes to be undone; null if there are none.
  virtual ClientStatements* client_statements() = 0;
  // The output that the server could not take has shrunk.
  virtual void on_server_drained() = 0;
  // The connection is gone; the lease must be given up. `error` holds the server's last words, if it had any.
  virtual void on_server_lost(const base::Error& error) = 0;
};

// Rows of one of our own statements, as text; null where SQL has NULL.
using Rows = std::vector<std::vector<std::optional<std::string>>>;

class Server final : public base::Deferred, private wire::StreamHandler {
 public:
  Server(ServerId id, ServerConnection connection, Pool& pool);
  ~Server() override;

  // Where it lives. detach() demands that nothing is owed.
  void attach(base::EventLoop& loop);
  void detach();
  base::EventLoop* loop() const { return loop_; }

  void set_handler(ServerHandler* handler) {
    handler_ = handler;
    cancel_reason_.reset();
  }
  // What the client reads when what it waits for is canceled (57014), instead of the server's words; null for these.
  void explain_cancel(std::unique_ptr<base::Error> reason) { cancel_reason_ = std::move(reason); }

  // Queues bytes for the server; whoever writes a message also enters what it will be answered with.
  void write(std::string_view bytes) { stream_->write(bytes); }
  void flush() { stream_->flush(); }
  bool above_high_watermark() const { return stream_->above_high_watermark(); }
  void pause_reading() { stream_->pause_reading(); }
  void resume_reading();
  void expect(Expect kind, Action action, std::unique_ptr<Change> change = nullptr, WatchPtr watch = nullptr) {
    replies_.expect(kind, action, std::move(change), std::move(watch));
  }
  // What was expected last is counted under this tag.
  void tag_newest(QueryMeter::Tag tag) { replies_.tag_newest(tag); }
  // Makes inserted replies that are due at once.
  void insert_due_replies();
  // A message of the client's is on its way whose end has not been written.
  void set_half_message(bool half) { half_message_ = half; }

  // Replication: from now on bytes pass as they come, in both directions.
  void pass_through() { passing_through_ = true; }

  const ReplyQueue& replies() const { return replies_; }
  ServerStatements& statements() { return statements_; }
  ServerParams& params() { return params_; }
  wire::TxStatus status() const { return status_; }
  // Nothing is owed, half said or in doubt, and no transaction is open.
  bool reusable() const {
    return replies_.clean() && !half_message_ && status_ == wire::TxStatus::kIdle && !lost_ && stream_->pending() == 0 &&
           !passing_through_;
  }
  // reusable(), and what is still to be sent may be sent later.
  bool clean() const {
    return replies_.clean() && !half_message_ && status_ == wire::TxStatus::kIdle && !lost_ && !passing_through_;
  }
  bool lost() const { return lost_; }
  // A message that goes to the client has begun and not ended.
  bool mid_message() const { return body_left_ > 0 && body_forwarded_; }
  // Nothing waits to be read on an idle connection.
  bool quiet() const { return stream_->quiet(); }

  // Runs our own statement when nothing is owed; `done` gets its error or success after its ReadyForQuery.
  void run_internal(std::string_view sql, std::function<void(base::Status)> done);
  // The same, with the rows that it returned.
  void run_query(std::string_view sql, std::function<void(base::Result<Rows>)> done);
  // Writes our own simple query in front of a client's messages, in the same send. If it fails, the client's statement
  // must not run as if it had not: the error becomes that of the client's own statement.
  // kSync gives the server the values of plan(client). It opens a transaction block of its own, so that its failure
  // leaves a failed one, in which PostgreSQL refuses all that follows; only what ends a transaction must not follow
  // before guarded() is false. kNeed makes what the client's statement names: without it that fails by itself.
  enum class Guard { kSync, kNeed };
  void guard(Guard kind, std::string_view sql);
  void sync_params(const ParamsPtr& client);
  // The client's batch that is sent now, whole and alone, in case it has to be sent again (Replay): copied into a place
  // that is used again and again. A larger one is not kept.
  static constexpr std::size_t kKeptBatch = 8 * 1024;
  void keep_batch(std::string_view batch) {
    if (batch.size() <= kKeptBatch) kept_.assign(batch);
  }
  void forget_batch() { kept_.clear(); }
  // Some guard has not been answered, or has failed and is being put right.
  bool guarded() const { return guard_ != nullptr; }
  // A guard has failed, and PostgreSQL refuses what the client sends.
  bool poisoned() const { return guard_ && guard_->poisoned; }
  // Our own statement within a batch of extended messages, dropped; its error is the client's.
  void write_in_batch(std::string_view sql);

  // A query of ours, of which the answer is the client's.
  void write_for_client(std::string_view sql) { write_query(sql, Action::kForward); }

  // What the client's statements may have left here and nobody has found to be gone again.
  void taint(analyzer::Effects effects) { taint_ |= effects; }
  void untaint(analyzer::Effects effects) { taint_ = taint_.without(effects); }
  analyzer::Effects tainted() const { return taint_; }
  // The client since whose coming nobody else can have made what currval() and lastval() read; 0: not known.
  uint64_t sequences_of() const { return sequences_of_; }
  void set_sequences_of(uint64_t client) { sequences_of_ = client; }
  // The client is gone: finishes what can be finished (an open batch, an open transaction), drops every reply, then
  // runs `reset_sql` unless it is empty. `done(true)` when provably clean, `done(false)` to have it closed.
  // Never commits: what an open batch did so far is made to fail first.
  void recover(std::string_view reset_sql, std::function<void(bool)> done);

  // Ends the connection: Terminate, then close. No callback follows.
  void close();

  // A client's own name that had to be sent as it is (see Translator) and must be closed before anybody else uses the
  // server.
  void add_stray_statement(std::string name);
  bool has_stray_statements() const { return stray_ != nullptr && !stray_->empty(); }
  void close_stray_statements();

  ServerId id() const { return id_; }
  Pool& pool() const { return pool_; }
  const wire::CancelKey& cancel_key() const { return key_; }
  const ServerAddress& address() const { return address_; }
  const wire::SocketStream& stream() const { return *stream_; }
  base::WallTime connect_wall_time() const { return connect_wall_time_; }
  base::TimePoint connected_at() const { return connected_at_; }

  // Kept by Pool.
  struct Books {
    int state = 0;  // Pool's ServerState
    base::TimePoint idle_since{};
    base::TimePoint request_started{};
    base::WallTime request_wall_time{};
    base::TimePoint dies_at{};     // server_lifetime, with its jitter
    std::atomic<bool> close_needed{false};  // RECONNECT, or settings changed
    std::shared_ptr<const PoolSettings> made_with;     // whose budgets it counts in
    int cancels_in_flight = 0;     // cancel connections that may still hit what runs here
    uint64_t link_id = 0;          // the client that has it
    std::atomic<int> worker{0};
    uint64_t generation = 0;       // counts leases: a cancel is meant for one
  } books;

 private:
  std::size_t on_data(std::string_view bytes) override;
  void on_drained() override;
  void on_closed(const base::Error& error) override;

  bool handle_reply(char type, std::string_view frame, bool whole, bool& forward);
  bool handle_error(std::string_view frame, bool& forward);
  std::optional<std::string> error_for_client(std::string_view frame, const Watch* watch);
  void keep_row(std::string_view frame);
  void handle_ready(std::string_view frame, bool forwarded);
  void handle_command_complete(std::string_view frame);
  void handle_guard_ready();
  void end_copy_of_the_dead();
  bool end_poison(bool forwarded);
  void write_query(std::string_view sql, Action action);
  bool may_send_again(std::string_view report) const;
  void send_again(bool types_told);
  void on_columns(const Watch& watch, std::optional<std::string_view> description);
  void handle_parameter(std::string_view frame, ReplyQueue::Verdict verdict);
  void settle();
  void lose(const base::Error& error);
  void continue_recovery();

  ServerId id_;
  Pool& pool_;
  std::unique_ptr<wire::SocketStream> stream_;
  wire::CancelKey key_;
  ServerAddress address_;
  base::EventLoop* loop_ = nullptr;
  ServerHandler* handler_ = nullptr;
  ReplyQueue replies_;
  ServerStatements statements_;
  ServerParams params_;
  wire::TxStatus status_ = wire::TxStatus::kIdle;

  std::size_t body_left_ = 0;  // of a large message that is passing
  bool body_forwarded_ = false;
  bool half_message_ = false;
  bool passing_through_ = false;
  std::string kept_;
  bool lost_ = false;

  struct Internal {
    std::function<void(base::Status)> done;
    base::Status result = base::Ok{};
    std::shared_ptr<Rows> rows;  // null where nobody wants them
  };
  std::unique_ptr<Internal> internal_;
  struct Recovery {
    std::string reset_sql;
    std::function<void(bool)> done;
    bool rolled_back = false;
  };
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<std::vector<std::string>> stray_;
  struct Guards {
    std::vector<Guard> owed;             // in the order in which they were sent
    std::unique_ptr<ServerParams> before;  // kSync: what was here, should it fail
    std::optional<base::Error> error;    // of the one that failed first
    bool resets = false;                 // kSync: values of an earlier client are among them
    bool poisoned = false;               // a failed transaction block of our own is open
  };
  std::unique_ptr<Guards> guard_;
  std::unique_ptr<base::Error> cancel_reason_;
  analyzer::Effects taint_;
  uint64_t sequences_of_ = 0;
  base::TimePoint connected_at_ = base::now();
  base::WallTime connect_wall_time_ = base::wall_now();
};

}  // namespace pooler
