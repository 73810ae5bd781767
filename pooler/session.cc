#include "pooler/session.h"

#include <algorithm>
#include <utility>

#include "base/event_time.h"
#include "base/log.h"
#include "pooler/cancel.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/options.h"
#include "wire/process_limits.h"
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

// Messages after which a server answers, or may.
constexpr wire::TypeSet kRequestEnds("QSHF");

uint64_t micros(base::Duration d) { return static_cast<uint64_t>(std::max<int64_t>(d.count(), 0)); }

// Whether `bytes` hold a whole request: everything up to a Query, Sync, Flush or FunctionCall; or so much that it is
// time to begin.
bool request_in_hand(std::string_view bytes) {
  std::size_t position = 0;
  while (const auto header = wire::peek_frame(bytes.substr(position))) {
    if (!header->valid()) return true;
    position += header->size;
    if (position > bytes.size()) break;
    if (kRequestEnds.has(header->type)) return true;
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
  last_activity_ = base::EventTime::now();
  client_.attach(worker_.loop(), *this);
}

// ---- from the client ----

std::size_t Session::on_data(std::string_view bytes) {
  last_activity_ = base::EventTime::now();
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
  if (!statements_) on_first_request();
  constexpr std::size_t kNowhere = std::string_view::npos;
  std::size_t position = 0, batch = kNowhere;  // where the batch begins, if it may be sent again
  bool in_batch = false;
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
    if (header->size - 1 > wire::largest_packet()) {
      fail(base::protocol_violation("message is larger than max_packet_size"));
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
    if (followed() && follower_->busy()) {
      stalled_ = true;
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
    if (replies.size() >= kMaxOwed || (hold_ && !replies.empty()) || (overdue_ && !copy_data && !replies.open_batch())) {
      stalled_ = true;
      break;
    }
    // The transaction of a session that keeps its server begins with the first message.
    const bool begins = request_started_ == base::TimePoint{} && keeps_server() && replies.empty() &&
                        server.status() == wire::TxStatus::kIdle;
    if (!std::exchange(in_batch, true) && !replies.open_batch()) {
      server.forget_batch();
      batch = server.status() == wire::TxStatus::kIdle && !replies.owes_client() ? position : kNowhere;
    }
    using Step = Translator::Step;
    Translator translator = this->translator();
    bool refused = false;
    const Step step =
        sentry_ ? guarded_message(translator, *header, rest, refused) : translator.message(*header, rest);
    hold_ = translator.hold();
    if (step == Step::kNeedMore) {
      if (header->size > worker_.max_query_size() && (header->type != 'Q' || followed()))
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
      last_request_ = last_activity_;
    }
    if (meter_ && !refused) count_sent(*header, rest, translator.said());
    position += at_hand;
    body_left_ = header->size - at_hand;
    body_sink_ = refused ? Sink::kNowhere : Sink::kServer;
    if (refused) batch = kNowhere;
    if (body_left_ > 0) server.set_half_message(true);
    if (header->type == 'S' || header->type == 'Q') {
      const bool again = batch != kNowhere && (header->type == 'S' || translator.executes_prepared());
      if (again) server.keep_batch(bytes.substr(batch, position - batch));
      in_batch = false;
    }
  }
  return position;
}

void Session::swallow(const wire::FrameHeader& header, std::size_t at_hand) {
  if (sentry_) sentry_->passed(header.type);
  body_left_ = header.size - at_hand;
  body_sink_ = Sink::kNowhere;
}

// What a client without a server says: answered here, or reason to get one.
Session::Go Session::go_without_server(const wire::FrameHeader& header, std::string_view rest) {
  const char type = header.type;
  if (!meter_) meter_as_set();
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
    answer_refusal(header, rest);
    return Go::kSwallow;
  }
  if (answer_alone(header, rest)) return Go::kSwallow;
  if (ticket_ || !request_in_hand(rest)) return Go::kWait;
  if (sentry_) {
    const Sentry::Say say = ask_sentry(header, rest);
    if (say == Sentry::Say::kRefuse) {
      wait_started_ = base::EventTime::now();  // for nothing
      refusal_ = std::make_unique<base::Error>(sentry_->error());
      answer_refusal(header, rest);
      return Go::kSwallow;
    }
    if (say != Sentry::Say::kPass) return Go::kWait;
  }
  if (followed() && !follower_->ready_to_begin()) return Go::kWait;
  wait_started_ = base::EventTime::now();
  notified_ = false;
  if (replay_failed_ && followed()) link_params_ = follower_->params_for(header, rest);
  Lease lease = pool_->acquire(worker_.index(), *this, ticket_, followed() ? last_server_ : ServerId());
  if (!lease) return Go::kWait;
  link(std::move(lease));
  return lease_ ? Go::kOn : Go::kWait;
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
  const auto now = base::EventTime::now();
  auto& stats = pool_->stats(worker_.index());
  stats.server_assignments.add(1);
  stats.wait_us.add(micros(now - wait_started_));
  if (meter_) meter_->waited(now - wait_started_);
  transaction_started_ = now;
  server.set_handler(this);
  server.books.link_id = id_;
  server.books.request_started = now;
  if (server.has_stray_statements()) server.close_stray_statements();
  const ParamsPtr wanted = link_params_ ? std::exchange(link_params_, nullptr) : params_;
  replay_failed_ = false;
  server.sync_params(wanted);
  if (followed() && pool_->sequences_used() && server.sequences_of() != id_) {
    server.set_sequences_of(id_);
    server.guard(Server::Guard::kNeed, "DISCARD SEQUENCES");
  }
  last_server_ = server.id();
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

void Session::count_transaction() {
  const auto now = base::EventTime::now();
  auto& stats = pool_->stats(worker_.index());
  stats.transactions.add(1);
  stats.transaction_us.add(micros(now - transaction_started_));
  transaction_started_ = now;
}

void Session::release() {
  count_transaction();
  request_started_ = {};
  overdue_.reset();  // the pool lends the server to nobody while it may be hit
  lease_.reset();
}

// ---- from the server ----

void Session::on_reply(std::string_view bytes) {
  if (!welcomed_) return;
  pool_->stats(worker_.index()).sent.add(bytes.size());
  if (meter_) meter_->passed(bytes.size());
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
  if (!forwarded) return;  // ours, in front of what the client has sent or is about to
  const auto now = base::EventTime::now();
  last_activity_ = now;
  if (meter_) meter_->ready(status, lease_->replies().empty(), now);
  if (sentry_) sentry_->ready(lease_->replies().empty());
  if (overdue_) on_overdue_answered();
  auto& stats = pool_->stats(worker_.index());
  stats.queries.add(1);
  if (request_started_ != base::TimePoint{}) stats.query_us.add(micros(now - request_started_));
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
  if (followed()) {
    follower_->on_ready(status);
    if (status == wire::TxStatus::kIdle && !statements_->portals.empty()) statements_->portals.clear();
  }
  if (!lease_->clean() || replication_) return;
  if (!followed() || follower_->settle(*lease_)) end_of_transaction();
}

// The server owes nothing, and what the transaction has left is known.
void Session::end_of_transaction() {
  if (leaving_) {
    leave("client close request");
    return;
  }
  if (keeps_server())
    count_transaction();
  else
    release();
  if (follower_ && follower_->has_news() && !follower_->busy()) on_news();
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
  if (followed()) follower_->on_error(report.error.sqlstate);
  if (lease_->poisoned()) replay_failed_ = true;
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
  const bool in_session = keeps_server() || replication_ || !welcomed_;
  if (lease_->mid_message()) {
    leave("server connection lost in the middle of a message: " + error.message);
    return;
  }
  if (in_session || lease_->status() != wire::TxStatus::kIdle) {
    fail(error);
    return;
  }
  if (meter_) count_lost(error.sqlstate, true);
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
  overdue_.reset();
  lease_.reset();
  if (sentry_) sentry_->idle();
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

}  // namespace pooler
