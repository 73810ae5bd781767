// Session: how it ends, and what time and operators ask of it.

#include "pooler/session.h"

#include <algorithm>
#include <utility>

#include "analyzer/redact.h"
#include "base/event_time.h"
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

}  // namespace

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
  if (meter_) count_lost(error.sqlstate, false);
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
  if (meter_) {
    if (!let_server_finish) count_lost("08006", false);  // nobody is there to read the answer
    meter_->ended(base::EventTime::now());
  }
  if (lint_) lint_->end(worker_.loop_limits());
  if (sentry_) sentry_->idle();
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
      (keeps_server() && lease_ && lease_->clean())) {
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
  if (lint_) lint_->end_if_idle(now, worker_.loop_limits());
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
  if (keeps_server() && lease_ && lease_->clean() && lease_->books.close_needed &&
      worker_.config()->weir.server_fast_close) {
    fail(base::admin_shutdown("server connection is being closed (server_fast_close)"));
    return;
  }
  if (followed() && lease_ && lease_->clean() && follower_->hold_is_over(now)) {
    follower_->end_hold(*lease_);
    end_of_transaction();
    return;
  }
  if (!lease_ || (keeps_server() && lease_->clean())) {
    if (passed(last_activity_, limits.client_idle))
      fail(base::Error{"57P05", "client_idle_timeout", {}, {}});
    return;
  }
  if (passed(transaction_started_, limits.transaction)) {
    fail(base::Error{"25P04", "transaction_timeout", {}, {}});
  } else if (request_started_ != base::TimePoint{} && !lease_->replies().empty()) {
    if (passed(request_started_, limits.query)) {
      fail(base::query_canceled("query_timeout"));
    } else if (sentry_) {
      check_overdue(now);
    }
  } else if (lease_->status() != wire::TxStatus::kIdle && passed(last_activity_, limits.idle_transaction)) {
    fail(base::Error{"25P03", "idle_transaction_timeout", {}, {}});
  }
}

void Session::reconfigure() {
  // Within a transaction the mode stays what it was.
  if (pool_ && !lease_) mode_ = pool_->settings()->mode;
  if (meter_) meter_as_set();
  guard_as_set();
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
  row.request_time =
      last_request_ == base::TimePoint{} ? connect_time_ : base::wall_now() - (base::now() - last_request_);
  if (ticket_) row.wait = base::now() - wait_started_;
  row.close_needed = end_when_idle_;
  row.id = id_;
  row.link_id = lease_ ? lease_->id().value() : 0;
  row.tls = client_.tls() != nullptr ? client_.tls()->version_text() : std::string();
  if (replication_) row.replication = "logical";
  row.application_name = application_name(params_);
  row.prepared_statements = statements_ ? static_cast<int>(statements_->size()) : 0;
  if (const Pin* pin = follower_ ? follower_->pin() : nullptr) {
    row.pin_reasons = pin_reasons(pin->reasons);
    row.pin_statement = analyzer::without_values(pin->statement);
    row.pinned = base::now() - pin->since;
    row.pin_fingerprint = pin->fingerprint;
    if (lease_) row.pinned_to_pid = static_cast<int>(lease_->cancel_key().pid());
  }
  row.recv_pos = static_cast<int>(client_.kept());
  row.send_remain = static_cast<int>(client_.pending());
  return row;
}

}  // namespace pooler
