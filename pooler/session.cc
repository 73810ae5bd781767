#include "pooler/session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pooler/cancel.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/options.h"
#include "wire/tls.h"

namespace pooler {
namespace {

const base::Logger log{"session"};

// Input of a waiting client that we hold; the rest stays in the kernel, and with the client.
constexpr std::size_t kHeldInput = 64 * 1024;
// A request that is larger than this gets its server before its end has been seen.
constexpr std::size_t kRequestInHand = 16 * 1024;
// Replies that one server may owe: a client that pipelines more waits for some of them.
constexpr std::size_t kMaxOwed = 64 * 1024;

uint64_t micros(base::Duration d) { return static_cast<uint64_t>(std::max<int64_t>(d.count(), 0)); }

// Whether `bytes` hold a whole request: everything up to a Query, Sync, Flush or FunctionCall; or so much that it is
// time to begin.
bool request_in_hand(std::string_view bytes) {
  std::size_t position = 0;
  while (const auto header = wire::peek_frame(bytes.substr(position))) {
    if (!header->valid()) return true;
    position += header->size;
    if (position > bytes.size()) break;
    if (std::string_view("QSHF").find(header->type) != std::string_view::npos) return true;
    if (position == bytes.size()) break;
  }
  return bytes.size() >= kRequestInHand;
}

}  // namespace

Session::Session(Worker& worker, uint64_t id, int fd, ListenerInfo listener)
    : worker_(worker),
      id_(id),
      client_(fd),
      local_port_(listener.local_port),
      local_address_(listener.local_address),
      connect_time_(base::wall_now()) {
  login_ = ClientLogin::start(worker, client_, listener,
                              [this](base::Result<LoginResult> result) { on_login(std::move(result)); });
}

Session::~Session() = default;

void Session::start() {
  last_activity_ = base::now();
  client_.attach(worker_.loop(), *this);
}

// ---- logging in ----

void Session::on_login(base::Result<LoginResult> result) {
  if (ended_) return;
  address_ = login_->address();
  client_port_ = login_->port();
  user_ = login_->user();
  database_ = login_->database();
  if (!result.ok() && result.error().sqlstate == kNothingToSay) {
    finish(false);
    return;
  }
  if (!result.ok()) {
    log.limited(result.error().sqlstate).info("client {} {}: login as \"{}\" to \"{}\" failed: {}", id_, address_, user_,
                database_, result.error().message);
    fail(result.error());
    return;
  }
  welcome_ = std::make_unique<LoginResult>(std::move(result).value());
  user_ = welcome_->user;
  database_ = welcome_->database;
  // The login object is on the stack below us: it goes when this turn of the loop is over.
  worker_.loop().defer_delete(std::make_unique<Worker::Doomed<ClientLogin>>(std::move(login_)));
  replication_ = welcome_->replication != wire::Replication::kNone;

  if (welcome_->console) {
    std::string hello = std::move(welcome_->preface);
    wire::append_authentication_ok(hello);
    for (const auto& [name, value] : worker_.runtime().console_parameters)
      wire::append_parameter_status(hello, name, value);
    cancel_key_ = worker_.cancels().add(worker_.index(), id_, welcome_->version);
    wire::append_backend_key_data(hello, cancel_key_);
    wire::append_ready_for_query(hello, wire::TxStatus::kIdle);
    client_.write(hello);
    client_.flush();
    console_ = worker_.console().open(ConsoleUser{user_, *welcome_->console, address_, welcome_->startup}, *this);
    welcome_.reset();
    welcomed_ = true;
    proceed();
    return;
  }

  auto pool = worker_.pools().find_or_make(database_, user_);
  if (!pool.ok()) {
    fail(pool.error());
    return;
  }
  if (auto admitted = worker_.pools().admit(**pool); !admitted.ok()) {
    fail(admitted.error());
    return;
  }
  pool_ = std::move(pool).value();
  pool_->learn(welcome_->learned);
  mode_ = pool_->settings()->mode;
  pool_->stats(worker_.index()).logins.add(1);
  if (replication_) {
    start_replication();
    return;
  }
  wait_started_ = base::now();
  if (pool_->welcome() != nullptr) {
    on_welcome_known();
    return;
  }
  if (Lease lease = pool_->acquire(worker_.index(), *this, ticket_)) on_server(std::move(lease));
}

// The server's parameters are known: what the client asked for is tried where it is new, then the client is let in.
void Session::on_welcome_known() {
  const auto reported = pool_->welcome();
  if (!reported) {
    fail(base::cannot_connect_now("the server went away during the login"));
    return;
  }
  for (const auto& [name, value] : welcome_->startup) {
    if (name == "application_name" || pool_->known_good(name, value)) continue;
    if (!lease_) {
      if (Lease lease = pool_->acquire(worker_.index(), *this, ticket_))
        on_server(std::move(lease));
      return;
    }
    try_param(name, value);
    return;
  }
  lease_.reset();
  send_welcome(*reported);
}

// A parameter that this server has not seen yet. What it refuses is left out and said, never fatal.
void Session::try_param(const std::string& name, const std::string& value) {
  lease_->run_internal(set_statement(name, value), [this, name, value](base::Status status) {
    if (ended_) return;
    if (lease_->lost()) {
      lease_.reset();
      fail(status.ok() ? base::connection_failure("server connection lost during the login") : status.error());
      return;
    }
    if (status.ok()) {
      const std::string* canonical = lease_->params().value(name);
      pool_->remember_good(name, value, is_reported_and_settable(name) && canonical != nullptr ? *canonical : value);
      lease_->params().on_set(name, value);
    } else {
      std::erase_if(welcome_->startup, [&name](const auto& entry) { return entry.first == name; });
      log.limited("startup parameter").info("client {}: startup parameter \"{}\" ignored: {}", id_, name,
                  status.error().message);
      auto notice = status.error();
      notice.message = "startup parameter \"" + name + "\" was ignored: " + notice.message;
      wire::append_notice_response(notices_, notice, wire::Severity::kWarning);
    }
    on_welcome_known();
  });
}

void Session::send_welcome(const ParamList& reported) {
  ParamList wanted = welcome_->startup;
  std::string hello = std::move(welcome_->preface);
  wire::append_authentication_ok(hello);
  for (const auto& [name, value] : reported) {
    const std::string key = wire::normalize_setting_name(name);
    const std::string* own = is_reported_and_settable(key) ? find_param(wanted, key) : nullptr;
    const std::string shown = own != nullptr ? pool_->canonical(key, *own) : value;
    wire::append_parameter_status(hello, name, shown);
    if (is_reported_and_settable(key)) wanted = with_param(wanted, key, &shown);
  }
  params_ = intern_params(std::move(wanted));
  cancel_key_ = worker_.cancels().add(worker_.index(), id_, welcome_->version);
  wire::append_backend_key_data(hello, cancel_key_);
  hello += notices_;
  notices_ = std::string();
  wire::append_ready_for_query(hello, wire::TxStatus::kIdle);
  client_.write(hello);
  client_.flush();
  welcome_.reset();
  welcomed_ = true;
  statements_ = std::make_unique<ClientStatements>();
  if (worker_.config()->weir.log_connections)
    log.info("client {} {}: logged in as \"{}\" to \"{}\"", id_, address_, user_, database_);
  last_activity_ = base::now();
  proceed();
}

void Session::start_replication() {
  ParamList extra = welcome_->startup;
  extra.emplace_back("replication", welcome_->replication == wire::Replication::kPhysical ? "true" : "database");
  replication_login_ = ServerLogin::start(
      worker_.runtime(), worker_.loop(), pool_->settings(), pool_->login_credentials(), 0, std::move(extra),
      [this](base::Result<ServerConnection> result) {
        auto login = std::move(replication_login_);
        worker_.loop().defer_delete(std::move(login));
        if (!result.ok()) {
          fail(result.error());
          return;
        }
        const ParamList reported = result->reported;
        lease_ = pool_->adopt(worker_.index(), std::move(result).value());
        lease_->set_handler(this);
        lease_->books.link_id = id_;
        lease_->pass_through();
        statements_ = std::make_unique<ClientStatements>();
        send_welcome(reported);
      });
}

// ---- from the client ----

std::size_t Session::on_data(std::string_view bytes) {
  last_activity_ = base::now();
  if (login_) return login_->on_data(bytes);
  if (ended_) return bytes.size();
  if (!welcomed_) {
    if (bytes.size() > kHeldInput) client_.pause_reading();
    return 0;
  }
  if (console_) return console_->on_data(bytes);
  pool_->stats(worker_.index()).received.add(bytes.size() - std::min(bytes.size(), counted_));
  in_relay_ = true;
  const std::size_t consumed = relay(bytes);
  in_relay_ = false;
  counted_ = bytes.size() - consumed;
  if (ended_) return bytes.size();
  if (lease_) {
    lease_->insert_due_replies();
    if (lease_) lease_->flush();
    if (lease_ && lease_->above_high_watermark()) client_.pause_reading();
  }
  client_.flush();
  if (lease_ && body_left_ > 0 && consumed < bytes.size() && !lease_->above_high_watermark())
    return consumed + on_data(bytes.substr(consumed));  // it drained while we were at it
  if (counted_ > kHeldInput && (ticket_ || stalled_)) client_.pause_reading();
  return consumed;
}

std::size_t Session::relay(std::string_view bytes) {
  std::size_t position = 0;
  while (position < bytes.size() && !ended_) {
    const std::string_view rest = bytes.substr(position);
    if (replication_) {
      lease_->write(rest);
      return bytes.size();
    }
    if (body_left_ > 0) {
      const std::size_t part = std::min(body_left_, rest.size());
      if (body_sink_ == Sink::kServer && lease_) lease_->write(rest.substr(0, part));
      position += part;
      body_left_ -= part;
      if (body_left_ == 0 && lease_) lease_->set_half_message(false);
      if (lease_ && lease_->above_high_watermark()) break;
      continue;
    }
    const auto header = wire::peek_frame(rest);
    if (!header || leaving_) break;
    if (!header->valid() || (!wire::may_be_large(header->type) && header->size - 1 > wire::kSmallMessageLimit)) {
      fail(base::protocol_violation("invalid message length"));
      break;
    }
    if (!wire::is_frontend_type(header->type) || header->type == 'p') {
      fail(base::protocol_violation("invalid frontend message type " +
                                    std::to_string(static_cast<unsigned char>(header->type))));
      break;
    }
    const std::size_t at_hand = std::min(header->size, rest.size());
    if (header->type == 'Q' && worker_.config()->weir.disable_pqexec) {
      fail(base::feature_not_supported("simple queries are not allowed (disable_pqexec)"));
      break;
    }
    if (header->type == 'X') {
      position += at_hand;
      on_terminate();
      break;
    }
    if (!lease_) {
      const Go go = go_without_server(*header, rest);
      if (go == Go::kWait) break;
      if (go == Go::kSwallow) {
        swallow(*header, at_hand);
        position += at_hand;
        continue;
      }
    }
    Server& server = *lease_;
    const ReplyQueue& replies = server.replies();
    const bool copy_data = header->type == 'd' || header->type == 'c' || header->type == 'f';
    if ((replies.skipping() && header->type != 'S') || (copy_data && !replies.may_copy_in())) {
      swallow(*header, at_hand);
      position += at_hand;
      continue;
    }
    if (replies.size() >= kMaxOwed) {
      stalled_ = true;
      break;
    }
    // The transaction of a session that keeps its server begins with the first message.
    const bool begins = request_started_ == base::TimePoint{} && mode_ == conf::PoolMode::kSession && replies.empty() &&
                        server.status() == wire::TxStatus::kIdle;
    auto& stats = pool_->stats(worker_.index());
    using Step = Translator::Step;
    Translator translator(server, *statements_, worker_.max_prepared_statements(), stats);
    const Step step = translator.message(*header, rest);
    if (step == Step::kNeedMore) {
      if (header->size > worker_.max_query_size())
        fail(base::Error{"54000", "message is larger than max_query_size", {}, {}});
      break;
    }
    if (step == Step::kStall) {
      stalled_ = true;
      break;
    }
    if (step == Step::kBad) {
      fail(base::protocol_violation("invalid message format"));
      break;
    }
    if (request_started_ == base::TimePoint{}) {
      request_started_ = last_activity_;
      if (begins) transaction_started_ = last_activity_;
      request_time_ = base::wall_now();
    }
    position += at_hand;
    body_left_ = header->size - at_hand;
    body_sink_ = Sink::kServer;
    if (body_left_ > 0) server.set_half_message(true);
  }
  return position;
}

void Session::swallow(const wire::FrameHeader& header, std::size_t at_hand) {
  body_left_ = header.size - at_hand;
  body_sink_ = Sink::kNowhere;
}

// What a client without a server says: answered here, or reason to get one.
Session::Go Session::go_without_server(const wire::FrameHeader& header, std::string_view rest) {
  const char type = header.type;
  if (skipping_ && type != 'S') return Go::kSwallow;
  if (type == 'S') {
    skipping_ = false;
    std::string ready;
    wire::append_ready_for_query(ready, wire::TxStatus::kIdle);
    client_.write(ready);
    return Go::kSwallow;
  }
  if (type == 'H' || type == 'd' || type == 'c' || type == 'f') return Go::kSwallow;
  if (refusal_) {
    answer_refusal(type);
    return Go::kSwallow;
  }
  if (answer_alone(header, rest)) return Go::kSwallow;
  if (ticket_ || !request_in_hand(rest)) return Go::kWait;
  wait_started_ = base::now();
  notified_ = false;
  Lease lease = pool_->acquire(worker_.index(), *this, ticket_);
  if (!lease) return Go::kWait;
  link(std::move(lease));
  return lease_ ? Go::kOn : Go::kWait;
}

// A statement that a server of this pool has parsed before needs no server to be named again, and to forget a name
// needs none either.
bool Session::answer_alone(const wire::FrameHeader& header, std::string_view rest) {
  if ((header.type != 'P' && header.type != 'C') || rest.size() < header.size || worker_.max_prepared_statements() == 0)
    return false;
  wire::Reader reader(rest.substr(wire::kHeaderSize, header.size - wire::kHeaderSize));
  std::string answer;
  if (header.type == 'P') {
    const std::string_view name = reader.cstring();
    if (!reader.ok() || name.empty() || statements_->find(name) != nullptr) return false;
    PreparedPtr statement = intern_statement(reader.rest());
    if (!pool_->has_parsed(*statement)) return false;
    pool_->stats(worker_.index()).client_parses.add(1);
    statements_->add(name, std::move(statement));
    wire::append_parse_complete(answer);
  } else {
    const char kind = static_cast<char>(reader.u8());
    const std::string_view name = reader.cstring();
    if (!reader.ok() || kind != 'S') return false;
    if (name.empty())
      statements_->unnamed.reset();
    else
      statements_->remove(name);
    wire::append_close_complete(answer);
  }
  client_.write(answer);
  return true;
}

void Session::on_terminate() {
  leaving_ = true;
  if (!lease_ || lease_->replies().open_batch() || lease_->replies().empty()) {
    leave("client close request");
    return;
  }
  // PostgreSQL would answer what came before: so it does, and then we go.
}

void Session::proceed() {
  if (in_relay_ || ended_) return;
  client_.resume_reading();
  client_.redeliver();
}

// ---- a server ----

void Session::link(Lease lease) {
  lease_ = std::move(lease);
  Server& server = *lease_;
  const auto now = base::now();
  auto& stats = pool_->stats(worker_.index());
  stats.server_assignments.add(1);
  stats.wait_us.add(micros(now - wait_started_));
  transaction_started_ = now;
  server.set_handler(this);
  server.books.link_id = id_;
  server.books.request_started = now;
  if (server.has_stray_statements()) server.close_stray_statements();
  const std::string sql = server.params().plan(params_);
  if (!sql.empty()) server.prefix_internal(sql);
  server.params().on_planned(params_);
}

void Session::on_server(Lease lease) {
  ticket_.reset();
  if (ended_) return;
  if (!lease) {  // what we were to get died on the way
    if (lease = pool_->acquire(worker_.index(), *this, ticket_); !lease) return;
  }
  if (!welcomed_) {
    lease_ = std::move(lease);
    lease_->set_handler(this);
    on_welcome_known();
    return;
  }
  link(std::move(lease));
  proceed();
}

void Session::on_no_server(const base::Error& error) {
  ticket_.reset();
  if (ended_) return;
  if (!welcomed_)
    fail(error);
  else
    refuse_request(error);
}

// Answers the request at the head of the input with an error, as PostgreSQL would: the session goes on.
void Session::refuse_request(const base::Error& error) {
  ticket_.reset();
  refusal_ = std::make_unique<base::Error>(error);
  proceed();
}

void Session::answer_refusal(char type) {
  const auto error = std::move(refusal_);
  std::string answer;
  wire::append_error_response(answer, *error);
  if (type == 'Q' || type == 'F')
    wire::append_ready_for_query(answer, wire::TxStatus::kIdle);
  else
    skipping_ = true;
  client_.write(answer);
}

void Session::release() {
  const auto now = base::now();
  auto& stats = pool_->stats(worker_.index());
  stats.transactions.add(1);
  stats.transaction_us.add(micros(now - transaction_started_));
  request_started_ = {};
  lease_.reset();
}

// ---- from the server ----

void Session::on_reply(std::string_view bytes) {
  if (!welcomed_) return;
  pool_->stats(worker_.index()).sent.add(bytes.size());
  client_.write(bytes);
}

void Session::on_reply_end() {
  if (ended_) return;
  client_.flush();
  if (lease_ && client_.above_high_watermark()) lease_->pause_reading();
  if (stalled_) {
    stalled_ = false;
    proceed();
  }
}

void Session::on_ready(wire::TxStatus status, bool forwarded) {
  const auto now = base::now();
  last_activity_ = now;
  if (forwarded) {
    auto& stats = pool_->stats(worker_.index());
    stats.queries.add(1);
    if (request_started_ != base::TimePoint{}) stats.query_us.add(micros(now - request_started_));
  }
  if (lease_->replies().empty()) {
    request_started_ = {};
  } else {
    request_started_ = now;
  }
  if (mode_ == conf::PoolMode::kStatement && status != wire::TxStatus::kIdle) {
    fail(base::feature_not_supported("transaction blocks not allowed in statement pooling mode"));
    return;
  }
  if (leaving_ && lease_->replies().empty()) {
    leave("client close request");
    return;
  }
  if (!lease_->clean() || replication_) return;
  if (mode_ == conf::PoolMode::kSession) {
    pool_->stats(worker_.index()).transactions.add(1);
    pool_->stats(worker_.index()).transaction_us.add(micros(now - transaction_started_));
    transaction_started_ = now;
  } else {
    release();
  }
  if (end_when_idle_) {
    fail(*last_error_);
    return;
  }
  client_.flush();
  if (stalled_ || client_.kept() > 0) {
    stalled_ = false;
    proceed();
  }
}

void Session::on_parameter(std::string_view name, std::string_view value) {
  const std::string key = wire::normalize_setting_name(name);
  if (!params_ || !is_reported_and_settable(key)) return;
  const std::string text(value);
  if (const std::string* have = find_param(*params_, key); have != nullptr && *have == text) return;
  params_ = intern_params(with_param(*params_, key, &text));
}

void Session::on_error_reply(const wire::ServerReport& report) {
  // Told by its SQLSTATE, as messages are translated; for the few other errors that have it, no harm is done.
  if (report.error.sqlstate == "0A000" && statements_) statements_->retire_all();
}

void Session::on_server_drained() { proceed(); }

// The client learns what the server said. Outside a transaction its session goes on: every request that was under way
// is answered with the error, once.
void Session::on_server_lost(const base::Error& error) {
  if (ended_) {
    lease_.reset();
    return;
  }
  const ReplyQueue& replies = lease_->replies();
  const bool in_session = mode_ == conf::PoolMode::kSession || replication_ || !welcomed_;
  if (lease_->mid_message()) {
    leave("server connection lost in the middle of a message: " + error.message);
    return;
  }
  if (in_session || lease_->status() != wire::TxStatus::kIdle) {
    fail(error);
    return;
  }
  std::string answer;
  bool answered = replies.error_answered() || replies.skipping();
  for (std::size_t owed = replies.ready_owed(); owed > 0; --owed) {
    if (!answered) wire::append_error_response(answer, error);
    wire::append_ready_for_query(answer, wire::TxStatus::kIdle);
    answered = false;
  }
  if (replies.open_batch()) {
    if (!answered) wire::append_error_response(answer, error);
    skipping_ = true;
  }
  log.info("client {} {}: server connection lost: {}", id_, address_, error.message);
  if (body_left_ > 0) body_sink_ = Sink::kNowhere;
  request_started_ = {};
  stalled_ = false;
  lease_.reset();
  client_.write(answer);
  client_.flush();
  if (leaving_)
    leave("client close request");
  else
    proceed();
}

void Session::on_drained() {
  if (console_) {
    console_->on_drained();
    return;
  }
  if (lease_) lease_->resume_reading();
}

// ---- the end ----

void Session::on_closed(const base::Error& error) {
  if (leaving_ && lease_) {
    // It said goodbye and did not wait for the answers: its requests are not taken back.
    finish(true);
    return;
  }
  leave(error.message);
}

void Session::fail(const base::Error& error) {
  if (ended_) return;
  std::string last;
  wire::append_error_response(last, error, wire::Severity::kFatal);
  client_.write(last);
  if (worker_.config()->weir.log_pooler_errors && welcomed_)
    log.limited(error.sqlstate).info("client {} {}: closing: {}", id_, address_, error.message);
  finish(false);
}

void Session::leave(std::string_view why) {
  if (ended_) return;
  if (welcomed_ && worker_.config()->weir.log_disconnections)
    log.info("client {} {}: closing: {} (\"{}\" on \"{}\")", id_, address_, why, user_, database_);
  finish(leaving_);
}

void Session::finish(bool let_server_finish) {
  if (ended_) return;
  ended_ = true;
  ticket_.reset();
  if (let_server_finish)
    lease_.let_finish();
  else
    lease_.reset();
  if (pool_) worker_.pools().dismiss(*pool_);
  if (!cancel_key_.empty()) worker_.cancels().remove(cancel_key_);
  replication_login_.reset();
  client_.close_after_flush();
  worker_.session_ended(*this);
}

void Session::kill(const base::Error& error) { fail(error); }

bool Session::end_when_idle(const base::Error& error) {
  if (ended_) return true;
  if (login_ || console_ || (!lease_ && !ticket_ && client_.kept() == 0) ||
      (mode_ == conf::PoolMode::kSession && lease_ && lease_->clean())) {
    fail(error);
    return true;
  }
  end_when_idle_ = true;
  last_error_ = std::make_unique<base::Error>(error);
  return false;
}

void Session::on_cancel_request() {
  if (ended_ || !welcomed_) return;
  if (console_) {
    console_->on_cancel();
  } else if (ticket_) {
    refuse_request(base::query_canceled("canceling statement due to user request"));
  } else if (lease_ && (!lease_->replies().empty() || lease_->replies().in_copy_in() || replication_)) {
    cancel_what_runs(worker_.runtime(), *lease_);
  }
}

void Session::check_time(base::TimePoint now) {
  if (ended_) {
    if (client_.closed()) worker_.forget(*this);
    return;
  }
  if (login_) {
    const auto limit = worker_.config()->weir.client_login_timeout;
    if (limit.count() > 0 && now - connected_at_ > limit)
      fail(base::Error{"08P01", "client_login_timeout", {}, {}});
    return;
  }
  if (!pool_ || replication_) return;
  const Timeouts& limits = worker_.timeouts(database_, user_);
  const auto passed = [now](base::TimePoint since, base::Duration limit) {
    return limit.count() > 0 && now - since > limit;
  };
  if (ticket_) {
    if (passed(wait_started_, limits.query_wait)) {
      const auto error = base::with_detail(base::too_many_connections("query_wait_timeout"),
                                           "No server connection became free in time.");
      if (welcomed_)
        refuse_request(error);
      else
        fail(error);
    } else if (welcomed_ && !notified_ && passed(wait_started_, limits.query_wait_notify)) {
      notified_ = true;
      std::string notice;
      wire::append_notice_response(
          notice, base::Error{"00000", "no server connection available, client being queued", {}, {}});
      client_.write(notice);
      client_.flush();
    }
    return;
  }
  if (mode_ == conf::PoolMode::kSession && lease_ && lease_->clean() && lease_->books.close_needed &&
      worker_.config()->weir.server_fast_close) {
    fail(base::admin_shutdown("server connection is being closed (server_fast_close)"));
    return;
  }
  if (!lease_ || (mode_ == conf::PoolMode::kSession && lease_->clean())) {
    if (passed(last_activity_, limits.client_idle))
      fail(base::Error{"57P05", "client_idle_timeout", {}, {}});
    return;
  }
  if (passed(transaction_started_, limits.transaction)) {
    fail(base::Error{"25P04", "transaction_timeout", {}, {}});
  } else if (request_started_ != base::TimePoint{} && !lease_->replies().empty()) {
    if (passed(request_started_, limits.query)) fail(base::query_canceled("query_timeout"));
  } else if (lease_->status() != wire::TxStatus::kIdle && passed(last_activity_, limits.idle_transaction)) {
    fail(base::Error{"25P03", "idle_transaction_timeout", {}, {}});
  }
}

void Session::reconfigure() {
  // Within a transaction the mode stays what it was.
  if (pool_ && !lease_) mode_ = pool_->settings()->mode;
}

// ---- the console's side ----

void Session::write(std::string_view bytes) { client_.write(bytes); }
void Session::flush() { client_.flush(); }
void Session::close() {
  if (!ended_) finish(false);
}
void Session::hold_input() { client_.pause_reading(); }
void Session::release_input() { proceed(); }

SocketRow Session::row() const {
  SocketRow row;
  row.type = 'C';
  row.user = login_ ? std::string(login_->user()) : user_;
  row.database = login_ ? std::string(login_->database()) : database_;
  row.state = login_ || !welcomed_ ? "login" : ticket_ ? "waiting" : lease_ || console_ ? "active" : "idle";
  row.addr = login_ ? login_->address() : address_;
  row.port = login_ ? login_->port() : client_port_;
  row.local_addr = local_address_;
  row.local_port = local_port_;
  row.connect_time = connect_time_;
  row.request_time = request_time_ == base::WallTime{} ? connect_time_ : request_time_;
  if (ticket_) row.wait = base::now() - wait_started_;
  row.close_needed = end_when_idle_;
  row.id = id_;
  row.link_id = lease_ ? lease_->id().value() : 0;
  row.tls = client_.tls() != nullptr ? client_.tls()->version_text() : std::string();
  if (replication_) row.replication = "logical";
  if (params_)
    if (const std::string* name = find_param(*params_, "application_name")) row.application_name = *name;
  row.prepared_statements = statements_ ? static_cast<int>(statements_->size()) : 0;
  row.recv_pos = static_cast<int>(client_.kept());
  row.send_remain = static_cast<int>(client_.pending());
  return row;
}

}  // namespace pooler
