// Session: what of its statements goes into the statistics, and what an operator sees of them while they run.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "analyzer/statement_trace.h"
#include "base/event_time.h"
#include "pooler/advice_sample.h"
#include "pooler/explain_text.h"
#include "pooler/session.h"
#include "pooler/slow_log.h"
#include "pooler/slow_plans.h"
#include "pooler/traces.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"

namespace pooler {
namespace {

// What stands for the address of a client that came by a Unix socket.
constexpr std::string_view kUnixClient = "unix";

}  // namespace

// Statistics and the slow log are on or off as the configuration has it now. A client that asks nothing needs nothing for
// them.
void Session::meter_as_set() {
  SlowLimits slow;
  if (worker_.looks_at_queries()) slow = worker_.timeouts(database_, user_).slow;
  const bool traces = worker_.tracer().on();
  const bool wanted = worker_.counts_queries() || slow.on() || traces;
  if (!meter_ && wanted && welcomed_ && !console_ && !replication_)
    meter_ = std::make_unique<QueryMeter>(worker_.statements(), database_, user_);
  if (!meter_) return;
  meter_->attach(wanted ? &worker_.counted_queries() : nullptr, worker_.counts_queries());
  meter_->watch(slow, this);
  meter_->trace(traces ? &worker_.tracer() : nullptr, this);
  if (!worker_.lints()) lint_.reset();
}

void Session::on_slow(const SlowCall& call) {
  if (worker_.lints()) {
    if (!lint_) lint_ = std::make_unique<LintWatch>(id_, worker_.lint_books());
    lint_->add(call, lease_ && lease_->status() != wire::TxStatus::kIdle, worker_.loop_limits());
  }
  SlowLog* const slow_log = worker_.runtime().slow_log;
  const SlowLimits& limits = worker_.timeouts(database_, user_).slow;
  if (limits.samples) keep_sample(call);
  if (slow_log == nullptr || !worker_.slow_recent().wanted(limits, call.record.wait + call.record.server) ||
      !slow_log->admit(call.record.ended))
    return;
  const bool shows_values = worker_.config()->weir.slow_log_parameters;
  auto told = std::make_shared<analyzer::SlowStatement>(describe(call, shows_values ? &worker_.hidden_values() : nullptr));
  told->ended = base::wall_now();
  told->client = address_ == kUnixClient ? "[local]" : address_;
  if (lease_) told->server_pid = static_cast<int>(lease_->cancel_key().pid());
  const uint64_t number = worker_.slow_recent().add(told);
  slow_log->put(std::move(told));
  if (worker_.config()->weir.slow_log_explain && call.kept != nullptr && call.record.wait + call.record.server >= limits.limit)
    ask_plan(call, number);
}

// For the advisor, which measures with what really ran.
void Session::keep_sample(const SlowCall& call) {
  if (call.kept == nullptr || !call.record.sqlstate.empty()) return;
  const uint64_t fingerprint = call.row.fingerprint();
  const auto place = worker_.samples().wants(fingerprint, database_);
  if (!place) return;
  const std::string* const role = params_ ? find_param(*params_, "role") : nullptr;
  if (role != nullptr && *role != "none") return;  // another may see other things
  const std::string* const path = params_ ? find_param(*params_, "search_path") : nullptr;
  auto sample = sample_of(*call.kept, call.prepared, worker_.hidden_values(),
                          path != nullptr ? std::optional<std::string_view>(*path) : std::nullopt);
  if (sample) worker_.samples().put(fingerprint, database_, *place, *std::move(sample));
}

// What the server would do with it; where it is not one to ask about, nothing happens.
void Session::ask_plan(const SlowCall& call, uint64_t number) {
  SlowPlans* const plans = worker_.runtime().slow_plans;
  const uint64_t fingerprint = call.row.fingerprint();
  if (plans == nullptr || !plans->wanted(worker_.index(), *pool_, fingerprint, call.record.ended)) return;
  const std::string* const role = params_ ? find_param(*params_, "role") : nullptr;
  if (role != nullptr && *role != "none") return;  // another may see other things
  const std::string* const path = params_ ? find_param(*params_, "search_path") : nullptr;
  auto text = explain_text(*call.kept, call.prepared,
                           path != nullptr ? std::optional<std::string_view>(*path) : std::nullopt);
  if (!text) return;
  Worker& worker = worker_;
  plans->ask(worker_.index(),
             {.pool = pool_,
              .fingerprint = fingerprint,
              .text = *std::move(text),
              .rows_before = path != nullptr ? 1U : 0U,
              .shows_values = worker_.config()->weir.slow_log_parameters &&
                              worker_.hidden_values().may_show(call.kept->text(), call.kept->facts().kind),
              .done = [&worker, number](std::string plan) { worker.slow_recent().set_plan(number, std::move(plan)); }},
             call.record.ended);
}

void Session::on_traced(const TracedCall& call) {
  auto trace = std::make_unique<analyzer::StatementTrace>();
  const uint64_t span = worker_.tracer().new_span();
  const base::WallTime ended = base::wall_now();
  const std::size_t statements = call.rows != nullptr ? call.rows->size() : 1;
  trace->context = call.mark.context;
  trace->span = span;
  trace->ended = ended;
  trace->total = call.total;
  trace->wait = call.record.wait;
  trace->server = call.record.server;
  trace->owner = call.owner;
  trace->operation = statements > 1 ? "BATCH" : analyzer::operation_name(call.mark.kind, call.row.text());
  if (statements == 1) trace->collection = call.mark.collection;
  if (worker_.config()->traces.query_text) trace->query = traced_text(call);
  trace->statements = statements;
  trace->fingerprint = call.row.fingerprint();
  trace->rows = call.record.rows;
  trace->sqlstate = call.record.sqlstate;
  trace->client = address_;
  if (lease_) {
    trace->server_address = lease_->address().host;
    trace->server_port = lease_->address().port;
    trace->server_pid = static_cast<int>(lease_->cancel_key().pid());
  }
  if (!worker_.runtime().traces->put(static_cast<std::size_t>(worker_.index()), std::move(trace))) return;
  if (statements > 1 || !call.record.call) return;  // the histogram has no such one
  analyzer::Exemplar exemplar{call.mark.context, static_cast<uint64_t>(std::max<int64_t>(call.record.server.count(), 0)), ended};
  exemplar.context.span = span;
  worker_.exemplars().put(database_, user_, exemplar);
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
