// Translator: statements that concern the session.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "pooler/translate.h"
#include "wire/build.h"

namespace pooler {

using analyzer::AnalysisPtr;
using analyzer::Effect;
using analyzer::Effects;
using analyzer::Kind;

namespace {

// Of a watched statement, so much is kept to be shown.
constexpr std::size_t kTextShown = 256;

// INSERT and its like may call nextval() in a default or a trigger.
bool may_make_sequence_values(const analyzer::Analysis& analysis) {
  return std::any_of(analysis.statements.begin(), analysis.statements.end(), [](const analyzer::Statement& s) {
    return s.writes && s.kind != Kind::kDelete && s.kind != Kind::kSet && !s.effects.has(Effect::kTransaction);
  });
}

}  // namespace

// What ends a transaction, or may: after a guard that has failed it would let the rest run.
bool Translator::may_end_transaction(const analyzer::Analysis& analysis) {
  switch (analysis.statements.front().kind) {
    case Kind::kCommit:
    case Kind::kRollback:
    case Kind::kPrepareTransaction:
    case Kind::kUnknown: return true;
    default: return false;
  }
}

Rewriting Translator::reword(std::string_view text, const analyzer::Analysis& analysis, Effects hidden) const {
  const bool alone = server_.status() == wire::TxStatus::kIdle && server_.replies().executes_nothing();
  return rewrite(text, analysis, {tracking_->startup, client_, alone, limit_ != 0, tracking_->refused, hidden,
                                  tracking_->listen_error});
}

// What was put in front of a simple query is a batch of its own, of which the client sees nothing but an error.
void Translator::end_hidden_batch() {
  std::string sync;
  wire::append_sync(sync);
  server_.write(sync);
  server_.expect(Expect::kSync, Action::kDrop);
}

Translator::Step Translator::watched_query(std::string_view frame, std::string_view sql, const AnalysisPtr& analysis,
                                           Effects hidden) {
  const ReplyQueue& replies = server_.replies();
  const bool in_batch = replies.open_batch();
  if (must_wait(*analysis)) return Step::kStall;
  const bool names = limit_ != 0 && analysis->effects.any(Effect::kPrepared | Effect::kDiscard);
  if (names && !replies.executes_nothing() && !in_batch) return Step::kStall;

  Rewriting rewriting = reword(sql, *analysis, hidden);
  if (server_.status() != wire::TxStatus::kFailed) {
    for (const PreparedPtr& statement : rewriting.needs) {
      if (server_.statements().has(*statement)) continue;
      if (!statement->sql.empty() && !in_batch) {
        server_.statements().add(statement);
        server_.guard(Server::Guard::kNeed, "PREPARE " + statement->name + statement->sql);
        continue;
      }
      ensure(statement);
      if (!in_batch) end_hidden_batch();
    }
    for (const std::string& name : rewriting.taken) {
      take_name(name);
      if (!in_batch) end_hidden_batch();
    }
    forget_sequences(analysis->effects, in_batch);
  }
  const Effects effects = analysis->effects | hidden | rewriting.inner;
  leave(effects, sql, analysis->fingerprint);
  hold_ = names;
  executes_prepared_ = names && analysis->statements.size() == 1 && analysis->statements.front().kind == Kind::kExecute;
  client_.unnamed.reset();
  server_.statements().unnamed.reset();
  auto watch = std::make_shared<Watch>();
  watch->analysis = analysis;
  watch->effects = effects;
  watch->reworded = std::move(rewriting.reworded);
  watch->edits = std::move(rewriting.edits);
  if (rewriting.changed) {
    std::string query;
    (void)wire::append_query(query, rewriting.text);  // no longer than what came and the settings of a login
    server_.write(query);
  } else {
    server_.write(frame);
  }
  server_.expect(Expect::kQuery, Action::kForward, nullptr, std::move(watch));
  return Step::kWritten;
}

// ---- what is watched ----

Effects Translator::watched(const AnalysisPtr& analysis, std::string_view sql, Effects& hidden) const {
  hidden = tracking_->hidden_effects(*analysis, sql);
  Effects effects = analysis->effects.without(Effect::kSequenceMade) | hidden;
  if (tracking_->sequences_used && !tracking_->pinned && may_make_sequence_values(*analysis)) {
    hidden |= Effect::kSequenceMade;
    effects |= Effect::kSequenceMade;
  }
  return effects;
}

bool Translator::must_wait(const analyzer::Analysis& analysis) {
  if (server_.guarded() && may_end_transaction(analysis)) return true;
  if (analysis.statements.front().kind == Kind::kCommit && !tracking_->may_commit()) return true;
  return analysis.effects.has(Effect::kListen) && !tracking_->listening(analysis);
}

// currval() and lastval() of a client that was not the last on this server would read what another has left there.
void Translator::forget_sequences(Effects effects, bool in_batch) {
  if (!effects.has(Effect::kSequenceUse) || server_.sequences_of() == tracking_->client) return;
  if (server_.status() != wire::TxStatus::kIdle) return;
  server_.set_sequences_of(tracking_->client);
  if (in_batch)
    server_.write_in_batch("DISCARD SEQUENCES");
  else if (server_.replies().executes_nothing())
    server_.guard(Server::Guard::kNeed, "DISCARD SEQUENCES");
}

// What is about to be sent may leave this behind.
void Translator::leave(Effects effects, std::string_view sql, uint64_t fingerprint) {
  Effects handled = Effect::kTransaction | Effect::kDiscard;
  if (limit_ != 0) handled |= Effect::kPrepared;  // names of ours
  effects = effects.without(handled);
  server_.taint(effects);
  tracking_->sent(effects, sql.substr(0, kTextShown), fingerprint);
}

Translator::Reworking Translator::rework(std::string_view text, std::string_view types, const AnalysisPtr& analysis,
                                         Effects hidden, const PreparedPtr& as_is) {
  if (must_wait(*analysis)) return {};
  const ReplyQueue& replies = server_.replies();
  // What becomes of names in batches before this one is not known yet.
  if (analysis->effects.any(Effect::kPrepared | Effect::kDiscard) && replies.unsettled_before_this_segment()) return {};
  // With what went before it answered, DISCARD ALL can be reworded.
  if (analysis->effects.has(Effect::kDiscard) && !replies.executes_nothing() && replies.batch_executes_nothing()) return {};
  Rewriting rewriting = reword(text, *analysis, hidden);
  if (server_.status() != wire::TxStatus::kFailed) {
    for (const PreparedPtr& statement : rewriting.needs) ensure(statement);
    for (const std::string& name : rewriting.taken) take_name(name);
    forget_sequences(analysis->effects, true);
  }
  auto watch = std::make_shared<Watch>();
  watch->analysis = analysis;
  watch->reworded = std::move(rewriting.reworded);
  watch->effects = analysis->effects | hidden | rewriting.inner;
  watch->edits = std::move(rewriting.edits);
  watch->names_changed = true;
  watch->text = text.substr(0, kTextShown);
  if (!rewriting.changed) return {as_is, std::move(watch)};
  return {intern_statement(rewriting.text + '\0' + std::string(types)), std::move(watch)};
}

void Translator::forget_portal(std::string_view name) {
  if (!client_.portals.empty()) std::erase_if(client_.portals, [name](const auto& one) { return one.first == name; });
}

// The statement that a Bind or Describe means, if it is watched. Without a watch in it: wait.
std::optional<Translator::Reworking> Translator::watched_statement(std::string_view name, const PreparedPtr& named) {
  if (tracking_ == nullptr) return std::nullopt;
  const AnalysisPtr* analysis = nullptr;
  std::string_view body;
  if (named) {
    analysis = &named->analysis;
    body = named->body;
  } else if (name.empty() && client_.unnamed) {
    analysis = &client_.unnamed->analysis;
    body = client_.unnamed->body;
  }
  if (analysis == nullptr || !*analysis) return std::nullopt;
  Effects hidden;
  const std::size_t text_end = body.find('\0');
  if (watched(*analysis, body.substr(0, text_end), hidden).empty()) return std::nullopt;
  if (limit_ == 0) {
    if (must_wait(**analysis)) return Reworking{};
    auto watch = std::make_shared<Watch>();
    watch->analysis = *analysis;
    watch->effects = (*analysis)->effects | hidden;
    return Reworking{nullptr, std::move(watch)};
  }
  return rework(body.substr(0, text_end), body.substr(text_end + 1), *analysis, hidden, named);
}

}  // namespace pooler
