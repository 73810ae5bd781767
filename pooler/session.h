#pragma once
// Session: one client connection, from its first byte to its last.
//
// It has the sockets and no rules: how a client logs in is ClientLogin's, what a message becomes is Translator's, what
// a reply answers is ReplyQueue's. It lives on one worker and dies through defer_delete. In transaction mode it borrows
// a server from the first complete request until the server is idle again.
//
//   Login ──done──► Ready: idle ─request─► waiting ─server─► linked ─ReadyForQuery, idle─► idle
//                     └ console: everything goes to the admin console

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "pooler/client_login.h"
#include "pooler/console.h"
#include "pooler/follower.h"
#include "pooler/lint_watch.h"
#include "pooler/pool.h"
#include "pooler/prepared.h"
#include "pooler/query_meter.h"
#include "pooler/sentry.h"
#include "pooler/server.h"
#include "pooler/translate.h"
#include "wire/socket_stream.h"

namespace pooler {

class Worker;

class Session final : public base::Deferred,
                      private wire::StreamHandler,
                      private ServerHandler,
                      private Waiter,
                      private Follower::Host,
                      private SlowListener,
                      private TraceListener,
                      private ConsoleOut {
 public:
  Session(Worker& worker, uint64_t id, int fd, ListenerInfo listener);
  ~Session() override;

  void start();

  uint64_t id() const { return id_; }
  // A cancel request with this client's key arrived.
  void on_cancel_request();
  // Ends the session with an error: at once, whatever runs.
  void kill(const base::Error& error);
  // Ends it as soon as it has no request and no transaction; returns true if that is now.
  bool end_when_idle(const base::Error& error);
  // Timeouts, a few times a second.
  void check_time(base::TimePoint now);
  // The settings changed.
  void reconfigure();

  SocketRow row() const;
  // What it is doing; nothing while it has neither a request nor a transaction.
  std::optional<ActivityRow> activity() const;
  const PoolPtr& pool() const { return pool_; }
  bool logging_in() const { return login_ != nullptr; }
  const std::string& database() const { return database_; }
  bool on_console() const { return console_ != nullptr; }

 private:
  // wire::StreamHandler: the client's stream
  std::size_t on_data(std::string_view bytes) override;
  void on_drained() override;
  void on_closed(const base::Error& error) override;
  // ServerHandler
  void on_reply(std::string_view bytes) override;
  void on_reply_end() override;
  void on_ready(wire::TxStatus status, bool forwarded) override;
  void on_parameter(std::string_view name, std::string_view value) override;
  void on_error_reply(const wire::ServerReport& report) override;
  std::string_view on_completed(const Watch& watch, std::size_t index, std::string_view tag) override;
  void on_answered(const QueryMeter::Answer& answer) override;
  bool hold_ready(wire::TxStatus status) override;
  void on_guard_failed(const base::Error& error) override;
  bool may_send_again(std::string_view batch, std::size_t owed) const override;
  void send_again(std::string_view batch) override;
  ClientStatements* client_statements() override { return statements_.get(); }
  void on_server_drained() override;
  void on_server_lost(const base::Error& error) override;
  // Waiter
  void on_server(Lease lease) override;
  void on_no_server(const base::Error& error) override;
  // Follower::Host
  void resume_input() override;
  void on_settled() override;
  void on_news() override;
  void on_ready_due() override;
  void end(const base::Error& error) override;
  // SlowListener
  void on_slow(const SlowCall& call) override;
  // TraceListener
  void on_traced(const TracedCall& call) override;
  // ConsoleOut
  void write(std::string_view bytes) override;
  void flush() override;
  void close() override;
  std::size_t pending() const override { return client_.pending(); }
  void hold_input() override;
  void release_input() override;

  void on_login(base::Result<LoginResult> result);
  void on_welcome_known();
  void send_welcome(const ParamList& reported);
  void try_param(const std::string& name, const std::string& value);
  void start_replication();

  void on_first_request();
  std::size_t relay(std::string_view bytes);
  enum class Go { kOn, kWait, kSwallow };
  Go go_without_server(const wire::FrameHeader& header, std::string_view rest);
  bool answer_alone(const wire::FrameHeader& header, std::string_view rest);
  void link(Lease lease);
  Translator translator();
  void release();
  void count_transaction();
  void end_of_transaction();
  // It keeps its server between transactions.
  bool keeps_server() const { return mode_ == conf::PoolMode::kSession || (follower_ && follower_->pinned_now()); }
  // Messages are followed, as the server may be another's next.
  bool followed() const { return follower_ != nullptr && mode_ != conf::PoolMode::kSession; }
  void refuse_request(const base::Error& error);
  void answer_refusal(const wire::FrameHeader& header, std::string_view rest);
  // Statistics
  void count_sent(const wire::FrameHeader& header, std::string_view rest, const QueryMeter::Said& said);
  void count_lost(std::string_view sqlstate, bool all);
  void meter_as_set();
  void ask_plan(const SlowCall& call, uint64_t number);
  void keep_sample(const SlowCall& call);
  // Rules about statements
  void guard_as_set();
  Sentry::Say ask_sentry(const wire::FrameHeader& header, std::string_view rest);
  Translator::Step guarded_message(Translator& translator, const wire::FrameHeader& header, std::string_view rest,
                                   bool& refused);
  void check_overdue(base::TimePoint now);
  void on_overdue_answered();
  void on_overdue_canceled(bool in_doubt);
  void on_terminate();
  void fail(const base::Error& error);  // FATAL, then gone
  void leave(std::string_view why);     // gone, no word
  void finish(bool let_server_finish);
  void swallow(const wire::FrameHeader& header, std::size_t at_hand);
  void proceed();  // input that was kept may be handled now

  Worker& worker_;
  const uint64_t id_;
  wire::SocketStream client_;
  std::unique_ptr<ClientLogin> login_;  // until the login is done
  std::unique_ptr<LoginResult> welcome_;  // between login and welcome
  PoolPtr pool_;
  std::string database_, user_;
  std::string address_;
  ParamsPtr params_;
  ParamsPtr login_values_;     // kept for follower_; null: it will have none
  std::shared_ptr<Catalogue> catalogue_;  // the same: it is forgotten when nobody holds it
  std::unique_ptr<ClientStatements> statements_;  // since its first request, as is what follows
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<LintWatch> lint_;    // null while its statements are held against no rules
  std::unique_ptr<QueryMeter> meter_;  // null until somebody looks at its statements
  std::unique_ptr<Sentry> sentry_;     // null until there are rules
  // A request that takes longer than a rule allows, which PostgreSQL is asked to cancel. Until that is over, the next one
  // waits: it would be hit.
  struct Overdue {
    uint64_t number = 0;
    base::Error error;
    base::TimePoint since;
    bool sent = false, answered = false, canceled = false;
  };
  std::unique_ptr<Overdue> overdue_;
  std::unique_ptr<ConsoleSession> console_;
  std::unique_ptr<ServerLogin> replication_login_;
  wire::CancelKey cancel_key_;
  WaitTicket ticket_;
  Lease lease_;
  ParamsPtr link_params_;      // for the next server, where it is not params_
  ServerId last_server_{};     // the one it had last

  std::unique_ptr<std::string> notices_;  // for the welcome

  std::size_t body_left_ = 0;  // of a message that is passing in parts
  std::size_t counted_ = 0;    // bytes kept by the stream that the statistics know already
  int client_port_ = 0, local_port_ = 0;
  std::string local_address_;

  const base::TimePoint connected_at_ = base::now();
  base::TimePoint last_activity_{};  // bytes from or to the client
  base::TimePoint wait_started_{};
  base::TimePoint transaction_started_{};
  base::TimePoint request_started_{};
  base::TimePoint last_request_{};
  base::WallTime connect_time_{};

  conf::PoolMode mode_ = conf::PoolMode::kTransaction;
  enum class Sink : uint8_t { kServer, kNowhere } body_sink_ = Sink::kServer;
  bool skipping_ = false;     // an error was answered without a server: everything up to Sync is ignored
  bool leaving_ = false;      // Terminate arrived: gone when the server has answered
  bool ended_ = false;
  bool replay_failed_ = false;  // a server refused the client's values
  bool hold_ = false;         // the next message waits until all is answered
  bool stalled_ = false;      // input waits for what the server still owes
  bool notified_ = false;     // the client was told that it waits
  bool in_relay_ = false;
  bool welcomed_ = false;
  bool replication_ = false;
  bool end_when_idle_ = false;
  std::unique_ptr<base::Error> refusal_;      // answers the request that waits
  std::unique_ptr<base::Error> last_error_;   // to say at the end, with end_when_idle_
};

}  // namespace pooler
