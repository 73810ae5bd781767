// Session: its messages before the rules about statements, and what becomes of one that is refused.

#include <string>

#include "analyzer/redact.h"
#include "base/event_time.h"
#include "base/log.h"
#include "pooler/rewrite.h"
#include "pooler/session.h"
#include "pooler/worker.h"
#include "wire/codec.h"

namespace pooler {
namespace {

const base::Logger log{"guards"};

// Of a refused statement, so much is logged, without its values.
constexpr std::size_t kTextShown = 256;
// A server that is asked to cancel and has not for so long is given up, and its client with it: a function that looks at no
// interrupts, a COPY that waits for its data.
constexpr base::Duration kCancelPatience = std::chrono::seconds(5);

}  // namespace

// Rules are there or not, as the configuration has it now.
void Session::guard_as_set() {
  const GuardRulesPtr& rules = worker_.guards();
  if (!rules || !statements_ || console_ || replication_) {
    sentry_.reset();
    return;
  }
  if (!sentry_) sentry_ = std::make_unique<Sentry>(worker_.statements(), database_, user_);
  sentry_->follow(rules);
}

Sentry::Say Session::ask_sentry(const wire::FrameHeader& header, std::string_view rest) {
  constexpr wire::TypeSet kAsked("QBPF");
  if (!kAsked.has(header.type)) return Sentry::Say::kPass;
  if (lease_ && lease_->status() == wire::TxStatus::kFailed) return Sentry::Say::kPass;  // nothing runs there
  const Sentry::Head head{header,  rest, *statements_, worker_.max_prepared_statements() != 0,
                          params_, lease_ ? &lease_->replies() : nullptr};
  const bool ahead = !lease_ && header.type == 'P';
  const auto say = ahead ? sentry_->ask_ahead(head, base::now(), base::wall_now())
                         : sentry_->ask(head, base::now(), base::wall_now());
  if (say == Sentry::Say::kRefuse && worker_.config()->weir.log_pooler_errors) {
    log.limited(sentry_->refused_by().name())
        .warn("client {} {} (\"{}\" on \"{}\", {}): {}; fingerprint {:016x}: {}", id_, address_, user_, database_,
              application_name(params_), base::to_text(sentry_->error()), sentry_->fingerprint(),
              analyzer::without_values(sentry_->text().substr(0, kTextShown)));
  }
  return say;
}

// Without a server it is answered here. On a server it is the server that says it, so that the transaction, the batch and
// what comes behind it are what they are after any error.
Translator::Step Session::guarded_message(Translator& translator, const wire::FrameHeader& header, std::string_view rest,
                                          bool& refused) {
  switch (ask_sentry(header, rest)) {
    case Sentry::Say::kMore: return Translator::Step::kNeedMore;
    case Sentry::Say::kWait: return Translator::Step::kStall;
    case Sentry::Say::kRefuse: break;
    case Sentry::Say::kPass: {
      const auto step = translator.message(header, rest);
      if (step == Translator::Step::kWritten) sentry_->passed(header.type);
      return step;
    }
  }
  refused = true;
  lease_->forget_batch();
  const base::Error& error = sentry_->error();
  if (header.type == 'Q' || header.type == 'F') {
    statements_->unnamed.reset();
    lease_->write_for_client(raising(error));
  } else {
    if (header.type == 'B') {  // what was bound there before is not what an Execute behind it means
      const std::string_view portal = wire::Reader(rest.substr(wire::kHeaderSize)).cstring();
      std::erase_if(statements_->portals, [portal](const auto& one) { return one.first == portal; });
    }
    lease_->write_in_batch(raising(error));
  }
  if (meter_) meter_->refused(header, {nullptr, sentry_->text()}, params_, error.sqlstate, base::EventTime::now());
  return Translator::Step::kWritten;
}

// Whether a rule's time is over for what the client waits for. The server is asked to cancel it, as after statement_timeout:
// the session goes on. Where that might hit what the client has sent behind it, the client is ended instead.
void Session::check_overdue(base::TimePoint now) {
  if (overdue_) {
    if (!overdue_->answered && now - overdue_->since > kCancelPatience) fail(overdue_->error);
    return;
  }
  const GuardRulePtr rule = sentry_->overdue(now - request_started_, base::wall_now());
  if (!rule) return;
  const auto error = base::with_detail(base::query_canceled("canceling statement due to query_timeout"),
                                       "It is that of guard \"" + rule->name() + "\".");
  if (worker_.config()->weir.log_pooler_errors) {
    log.limited(rule->name())
        .warn("client {} {} (\"{}\" on \"{}\", {}): {}; fingerprint {:016x}", id_, address_, user_, database_,
              application_name(params_), base::to_text(error), sentry_->fingerprint());
  }
  const uint64_t number = worker_.runtime().new_id();
  const auto asked = [&worker = worker_, client = id_, number]() -> Session* {
    Session* session = worker.find(client);
    return session != nullptr && session->overdue_ && session->overdue_->number == number ? session : nullptr;
  };
  const ReplyQueue& replies = lease_->replies();
  const bool alone = replies.ready_owed() + (replies.open_batch() ? 1 : 0) == 1;
  overdue_ = std::make_unique<Overdue>(Overdue{.number = number, .error = error, .since = now});
  const CancelAsks asks{.still_meant =
                            [asked] {
                              Session* session = asked();
                              if (session != nullptr) session->overdue_->sent = true;
                              return session != nullptr;
                            },
                        .over =
                            [asked](bool in_doubt) {
                              if (Session* session = asked()) session->on_overdue_canceled(in_doubt);
                            }};
  if (!alone || !cancel_what_runs(worker_.runtime(), *lease_, asks)) {
    fail(error);
    return;
  }
  lease_->explain_cancel(std::make_unique<base::Error>(error));
}

void Session::on_overdue_answered() {
  lease_->explain_cancel(nullptr);
  overdue_->answered = true;
  if (!overdue_->sent || overdue_->canceled) overdue_.reset();
}

void Session::on_overdue_canceled(bool in_doubt) {
  overdue_->canceled = true;
  if (in_doubt) {
    fail(overdue_->error);
    return;
  }
  if (!overdue_->answered) return;
  overdue_.reset();
  stalled_ = false;
  proceed();
}

}  // namespace pooler
