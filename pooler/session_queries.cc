// Session: what of its statements goes into the statistics, and what an operator sees of them while they run.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/event_time.h"
#include "pooler/session.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"

namespace pooler {

// Statistics are on or off as the configuration has it now. A client that asks nothing needs nothing for them.
void Session::meter_as_set() {
  analyzer::QueryStats* const stats = worker_.query_stats();
  if (!meter_ && stats != nullptr && welcomed_ && !console_ && !replication_)
    meter_ = std::make_unique<QueryMeter>(worker_.statements(), database_, user_);
  if (meter_) meter_->attach(stats);
}

void Session::count_sent(const wire::FrameHeader& header, std::string_view rest, const QueryMeter::Said& said) {
  const auto could_be_sent = std::max(last_activity_, transaction_started_);
  const auto tag = meter_->sent(header, rest.substr(0, header.size), said, params_, could_be_sent);
  if (tag != 0) lease_->tag_newest(tag);
}

void Session::on_answered(const QueryMeter::Answer& answer) {
  if (meter_) meter_->answered(answer, base::EventTime::now());
}

// No answer will come for the request under way, or for `all` of them.
void Session::count_lost(std::string_view sqlstate, bool all) {
  if (!lease_) return;
  const auto now = base::EventTime::now();
  for (const auto tag : lease_->replies().tags_under_way()) {
    meter_->lost(tag, sqlstate, now);
    if (!all) return;
  }
}

std::optional<ActivityRow> Session::activity() const {
  const bool asked = lease_ && !lease_->replies().empty();
  const bool open = lease_ && lease_->status() != wire::TxStatus::kIdle;
  if (login_ || !welcomed_ || console_ || replication_ || ended_ || (!ticket_ && !asked && !open)) return std::nullopt;
  const auto now = base::EventTime::now();
  ActivityRow row;
  row.id = id_;
  row.database = database_;
  row.user = user_;
  row.application_name = application_name(params_);
  row.active = asked || ticket_;
  row.in_transaction = open;
  row.state = ticket_                                          ? "waiting"
              : asked                                          ? "active"
              : lease_->status() == wire::TxStatus::kFailed    ? "idle in failed transaction"
                                                               : "idle in transaction";
  row.age = now - (ticket_ ? wait_started_ : asked ? request_started_ : last_activity_);
  if (open) row.transaction_age = now - transaction_started_;
  if (lease_) row.server_pid = static_cast<int>(lease_->cancel_key().pid());
  if (meter_) {
    row.statements = meter_->statements();
    if (const auto* current = ticket_ ? nullptr : meter_->current()) {
      row.fingerprint = current->fingerprint();
      row.query = current->text();
    }
  }
  return row;
}

// The request that waits is answered with an error, as PostgreSQL would: the session goes on.
void Session::answer_refusal(const wire::FrameHeader& header, std::string_view rest) {
  const auto error = std::move(refusal_);
  if (sentry_) sentry_->idle();
  if (meter_) {
    QueryMeter::Said said;
    wire::Reader reader(rest.substr(std::min(rest.size(), wire::kHeaderSize)));
    if (header.type == 'P' || header.type == 'B') {
      const std::string_view first = reader.cstring();
      const std::string_view name = header.type == 'B' ? reader.cstring() : first;
      const PreparedPtr known = header.type == 'B' && !name.empty() ? statements_->find(name) : nullptr;
      if (header.type == 'P')
        said.text = reader.cstring();
      else if (known && known->sql.empty())
        said = {known->analysis.get(), known->text()};
      else if (name.empty() && statements_->unnamed)
        said = {statements_->unnamed->analysis.get(), statements_->unnamed->text()};
    } else if (header.type == 'Q') {
      said.text = rest.size() < header.size ? reader.rest() : reader.cstring();
      said.cut = rest.size() < header.size;
    }
    const auto now = base::EventTime::now();
    meter_->waited(now - wait_started_);
    meter_->refused(header, said, params_, error->sqlstate, now);
  }
  std::string answer;
  wire::append_error_response(answer, *error);
  if (header.type == 'Q' || header.type == 'F')
    wire::append_ready_for_query(answer, wire::TxStatus::kIdle);
  else
    skipping_ = true;
  client_.write(answer);
}

}  // namespace pooler
