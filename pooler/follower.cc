#include "pooler/follower.h"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/words.h"
#include "base/text.h"
#include "pooler/leftovers.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "pooler/worker.h"
#include "wire/codec.h"
#include "wire/frame.h"

namespace pooler {

using analyzer::Effect;
using analyzer::Effects;
using analyzer::Kind;

namespace {

using Made = SessionState::Change;

// What a pin may be for; the rest is followed or nothing.
constexpr Effects kPins = kAskable | kUnfollowable | Effect::kSequenceMade;

// Whether DDL may change what functions do, or where they are called unseen: then the catalogue is read again before
// the client's next transaction. That of tables and indexes is most of it, and need not wait.
bool may_change_functions(std::string_view sql) {
  constexpr std::array<std::string_view, 7> kWords{"function", "procedure", "trigger", "rule", "extension", "view", "policy"};
  const std::string text = base::to_lower(sql);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&text](std::string_view word) { return text.find(word) != std::string::npos; });
}

bool notifies(const analyzer::Statement& statement) {
  return statement.kind == Kind::kNotify ||
         std::any_of(statement.functions.begin(), statement.functions.end(),
                     [](const auto& function) { return function.name == "pg_notify"; });
}

}  // namespace

std::string pin_reasons(Effects effects) {
  std::string out;
  const auto name = [&](Effects these, std::string_view text) {
    if (!effects.any(these)) return;
    if (!out.empty()) out += ", ";
    out += text;
  };
  name(Effect::kTemporary, "temporary objects");
  name(Effect::kAdvisoryLock, "advisory locks");
  name(Effect::kHoldCursor, "cursors WITH HOLD");
  name(Effect::kPrepared, "prepared statements");
  name(Effect::kSequenceMade, "currval and lastval");
  name(Effect::kAnySetting, "settings made by a function");
  name(Effect::kLibrary, "LOAD");
  name(Effect::kLasting, "a function with state");
  name(Effect::kUnknown, "unknown effects");
  return out;
}

Follower::Follower(Worker& worker, std::shared_ptr<Pool> pool, uint64_t id, ParamsPtr login_values, ParamsPtr& params,
                   Host& host)
    : Tracking(worker.statements(), *login_values),
      worker_(worker),
      pool_(std::move(pool)),
      login_values_(std::move(login_values)),
      params_(params),
      host_(host) {
  client = id;
  if (worker_.runtime().catalogues != nullptr) catalogue_ = CatalogueView(worker_.runtime().catalogues->of(pool_));
  if (pool_->settings()->refuse_pins) refused = kPins.without(Effect::kSequenceMade) | Effect::kSequenceUse;
}

Follower::~Follower() = default;

Follower::Rest& Follower::rest() {
  if (!rest_) rest_ = std::make_unique<Rest>();
  return *rest_;
}

void Follower::begin() {
  if (read_ != params_) {
    read_ = params_;
    const std::string* search_path = find_param(*params_, "search_path");
    path = search_path != nullptr ? std::string_view(*search_path) : std::string_view();
    standard_conforming_strings = standard_strings(*params_);
  }
  sequences_used = pool_->sequences_used();
  pinned = pinned_now() && rest_->pin.reasons.has(Effect::kSequenceMade) && reads_sequences_;
}

ParamsPtr Follower::params_for(const wire::FrameHeader& header, std::string_view bytes) {
  if (bytes.size() < header.size || (header.type != 'Q' && header.type != 'P')) return params_;
  begin();
  wire::Reader reader(bytes.substr(wire::kHeaderSize, header.size - wire::kHeaderSize));
  if (header.type == 'P') (void)reader.cstring();
  const analyzer::Analysis& analysis = *statements.get(reader.cstring(), standard_conforming_strings);
  if (!reader.ok() || analysis.statements.size() != 1) return params_;
  const auto& statement = analysis.statements.front();
  ParamList rest = *params_;
  const bool all = statement.kind == Kind::kDiscard && statement.discard == "all";
  const bool every = std::any_of(statement.settings.begin(), statement.settings.end(),
                                 [](const auto& setting) { return setting.op == analyzer::Setting::Op::kResetAll; });
  std::erase_if(rest, [&](const auto& entry) {
    if (is_reported_and_settable(entry.first)) return false;
    if (all || (every && !is_identity(entry.first))) return true;
    return std::any_of(statement.settings.begin(), statement.settings.end(),
                       [&](const auto& setting) { return setting.name == entry.first; });
  });
  return intern_params(std::move(rest));
}

bool Follower::ready_to_begin() {
  if (!catalogue_ || catalogue_.catalogue().known()) return true;
  rest().catalogue_wait = catalogue_.catalogue().when_known(worker_.index(), [this] { host_.resume_input(); });
  return false;
}

// ---- what is sent ----

bool Follower::listening(const analyzer::Analysis& analysis) {
  Rest& r = rest();
  if (r.listen_asked) return false;
  if (r.listen_error) {
    listen_error = &*r.listen_error;
    return true;
  }
  std::vector<std::string> missing;
  for (const auto& statement : analysis.statements)
    if (statement.kind == Kind::kListen && (!r.subscription || !r.subscription->channels().contains(statement.name)))
      missing.push_back(statement.name);
  if (missing.empty()) return true;
  if (!r.subscription) {
    const std::string* encoding = find_param(*params_, "client_encoding");
    r.subscription = worker_.runtime().listen_hubs->subscribe(pool_, worker_.index(),
                                                              encoding != nullptr ? *encoding : "UTF8", *this);
  }
  r.listen_asked = true;
  r.subscription->listen(std::move(missing), [this](base::Status status) {
    rest_->listen_asked = false;
    if (!status.ok()) rest_->listen_error = status.error();
    host_.resume_input();
  });
  return false;
}

// LISTEN takes effect at the commit. The channels of this transaction are heard since its LISTEN: what came on them until
// now was committed before it.
bool Follower::may_commit() {
  if (!rest_ || !rest_->subscription || rest_->listens_from_here) return true;
  if (rest_->listen_asked) return false;
  const std::set<std::string>& heard = rest_->subscription->channels();
  if (std::includes(rest_->channels.begin(), rest_->channels.end(), heard.begin(), heard.end())) return true;
  rest_->listen_asked = true;
  rest_->subscription->sync([this] {
    rest_->listen_asked = false;
    rest_->listens_from_here = true;
    rest_->subscription->keep_only(rest_->channels);
    host_.resume_input();
  });
  return false;
}

Effects Follower::hidden_effects(const analyzer::Analysis& analysis, std::string_view sql) {
  const bool listens = rest_ && rest_->subscription;
  const bool temporary_path = rest_ && rest_->temporary_path;
  Effects hidden;
  for (const auto& statement : analysis.statements) {
    const bool ddl = statement.kind == Kind::kDdl;
    if (ddl && !ddl_) ddl_ = may_change_functions(sql);
    if (temporary_path && (ddl || statement.kind == Kind::kSelect)) hidden |= Effect::kTemporary;
    Hidden more;
    if (!catalogue_.empty()) more = catalogue_.get().of(statement);
    hidden |= analyzer::with_doubt(more.effects);
    if (listens && (more.notifies || notifies(statement))) rest_->notified = true;
  }
  return hidden;
}

void Follower::sent(Effects effects, std::string_view sql, uint64_t fingerprint) {
  state_.sent(effects.without(kUnfollowable));
  if (effects.has(Effect::kListen) && rest_) rest_->listens_from_here = false;
  if (effects.any(kUnfollowable)) rest().tried |= effects & kUnfollowable;
  if (effects.has(Effect::kSequenceUse)) {
    reads_sequences_ = true;
    pool_->note_sequences_used();
  }
  if (effects.any(kPins)) rest().candidate = {effects, {}, std::string(sql), fingerprint};
  if (listen_error != nullptr) {
    listen_error = nullptr;
    rest_->listen_error.reset();
  }
}

// ---- what is answered ----

std::string_view Follower::on_completed(const Watch& watch, std::size_t index, std::string_view tag, Server& server,
                                        ClientStatements& names) {
  const auto& all = watch.analysis->statements;
  const analyzer::Statement& statement = all[std::min(index, all.size() - 1)];
  std::string_view other;
  if (index < watch.reworded.size()) {
    const Reworded& reworded = watch.reworded[index];
    other = reworded.tag;
    if (reworded.adds && !watch.names_changed) {
      names.add(reworded.name, reworded.adds);
      server.statements().add(reworded.adds);
    }
    if (reworded.removes && !watch.names_changed) {
      names.remove(reworded.name);
      server.statements().remove(*reworded.removes);
    }
    if (reworded.removes_all && !watch.names_changed) names.clear();
  }
  state_.done(statement, other.empty() ? tag : other);
  if (watch.effects.any(kUnfollowable)) state_.sent(watch.effects & kUnfollowable);
  for (const auto& setting : statement.settings)
    if (setting.name == "search_path" && setting.value.find("pg_temp") != std::string::npos)
      rest().temporary_path = true;
  if (statement.kind == Kind::kDiscard) {
    if (statement.discard == "temp") state_.sent(Effect::kTemporary);
    if (rest_ && statement.discard == "sequences")
      rest_->pin.reasons = rest_->pin.reasons.without(Effect::kSequenceMade);
    if (rest_ && statement.discard == "all") rest_->pin.reasons = rest_->pin.reasons & kLasting;
    // Not in our words, so this server has the values of its own login now, which the client has not.
    if (statement.discard == "all" && other.empty()) server.books.close_needed = true;
  }
  return other;
}

void Follower::on_error(std::string_view sqlstate) {
  state_.failed();
  if (!rest_) return;
  // Settings are rolled back; of a text that the server does not understand nothing was done.
  if (sqlstate != "42601") rest_->doubted |= rest_->tried.without(Effect::kAnySetting);
  rest_->tried = {};
}

void Follower::on_ready(wire::TxStatus status) {
  if (ddl_ && status == wire::TxStatus::kIdle) {
    ddl_ = false;
    if (catalogue_) catalogue_.catalogue().note_ddl();
  }
  if (state_.idle()) {
    (void)state_.ready(status);
    return;
  }
  SessionState::Outcome outcome = state_.ready(status);
  if (outcome.empty()) return;
  auto& over = rest().over;
  std::move(outcome.changes.begin(), outcome.changes.end(), std::back_inserter(over.changes));
  for (auto& name : outcome.ask)
    if (std::find(over.ask.begin(), over.ask.end(), name) == over.ask.end()) over.ask.push_back(std::move(name));
  over.seen |= outcome.seen;
}

bool Follower::hold_ready(wire::TxStatus status) {
  if (!rest_ || !rest_->notified || status != wire::TxStatus::kIdle) return false;
  rest_->notified = false;
  if (!rest_->subscription || rest_->subscription->channels().empty()) return false;
  rest_->syncing = true;
  rest_->subscription->sync([this] {
    rest_->syncing = false;
    host_.on_ready_due();
  });
  return true;
}

bool Follower::settle(Server& server) {
  if (!rest_) {
    server.untaint(server.tainted());
    return true;
  }
  const SessionState::Outcome over = std::exchange(rest_->over, {});
  rest_->tried = {};
  rest_->listens_from_here = false;
  if (over.empty()) {
    conclude(server, {}, {}, {});
    return true;
  }
  apply(server, over.changes);
  reconcile_channels();  // also of a LISTEN that was rolled back
  const Effects ask = over.seen & kAskable;
  if (ask.empty() && over.ask.empty()) {
    conclude(server, over.seen, {}, {});
    return true;
  }
  rest_->asking = true;
  server.run_query(leftovers_query(ask, over.ask), [this, &server, ask, seen = over.seen,
                                                    names = over.ask](base::Result<Rows> rows) {
    rest_->asking = false;
    Effects found;
    if (!rows.ok() || rows->size() != 1) {
      found = ask | Effect::kUnknown;  // not knowing is reason enough
    } else {
      const Leftovers left = read_leftovers(ask, rows->front());
      found = left.found;
      std::vector<Made> changes;
      for (std::size_t i = 0; i < std::min(names.size(), left.values.size()); ++i) {
        const auto& value = left.values[i];
        changes.push_back({value ? Made::Kind::kSet : Made::Kind::kReset, names[i], value.value_or("")});
      }
      apply(server, changes);
    }
    conclude(server, seen, ask, found);
    host_.on_settled();
  });
  return false;
}

void Follower::conclude(Server& server, Effects seen, Effects asked, Effects found) {
  Pin& pin = rest_->pin;
  Effects reasons = pin.reasons.without(asked) | found | (seen & kUnfollowable);
  if (seen.has(Effect::kSequenceMade) && pool_->sequences_used()) {
    reasons |= Effect::kSequenceMade;
    rest_->hold_until = base::now() + kSequenceHold;
  } else if (!reads_sequences_) {
    reasons = reasons.without(Effect::kSequenceMade);  // its next transaction did not want them
  }
  server.untaint(server.tainted());
  server.taint(reasons | std::exchange(rest_->doubted, {}));
  if (pin.reasons.empty() && !reasons.empty()) {
    pin = std::move(rest_->candidate);
    pin.since = base::now();
    pin.stay = worker_.runtime().pins.begin(pool_->database(), pool_->user(), pin_reasons(reasons),
                                            pin.fingerprint, pin.statement);
  }
  if (reasons.empty()) pin.stay.end();
  pin.reasons = reasons;
}

bool Follower::hold_is_over(base::TimePoint now) const {
  return pinned_now() && !reads_sequences_ && rest_->pin.reasons == Effects(Effect::kSequenceMade) && !busy() &&
         now > rest_->hold_until;
}

void Follower::end_hold(Server& server) { conclude(server, {}, Effect::kSequenceMade, {}); }

// What has come to hold, for the client and for the server it happened on.
void Follower::apply(Server& server, const std::vector<Made>& changes) {
  if (changes.empty()) return;
  ParamList params = *params_;
  ServerParams& there = server.params();
  const auto set = [&](const std::string& name, const std::string& value) {
    if (there.reports(name)) return;  // the server has told
    if (name == "session_authorization") params = with_param(std::move(params), "role", nullptr);
    params = with_param(std::move(params), name, &value);
    there.on_set(name, value);
  };
  const auto reset = [&](const std::string& name) {
    if (there.reports(name)) return;
    if (const std::string* own = find_param(startup, name)) {
      set(name, *own);
      return;
    }
    if (name == "session_authorization") params = with_param(std::move(params), "role", nullptr);
    params = with_param(std::move(params), name, nullptr);
    there.on_unset(name);
  };
  for (const Made& change : changes) {
    switch (change.kind) {
      case Made::Kind::kSet: set(change.name, change.value); break;
      case Made::Kind::kReset: reset(change.name); break;
      case Made::Kind::kResetAll: {
        const ParamList before = params;
        for (const auto& [name, value] : before)
          if (!is_identity(name)) reset(name);
        for (const auto& [name, value] : startup)
          if (!is_identity(name)) set(name, value);
        rest_->pin.reasons = rest_->pin.reasons.without(Effect::kAnySetting);
        break;
      }
      case Made::Kind::kListen: rest_->channels.insert(change.name); break;
      case Made::Kind::kUnlisten: rest_->channels.erase(change.name); break;
      case Made::Kind::kUnlistenAll: rest_->channels.clear(); break;
    }
  }
  params_ = intern_params(std::move(params));
}

// ---- notifications ----

void Follower::reconcile_channels() {
  if (!rest_->subscription) return;
  const std::set<std::string> heard = rest_->subscription->channels();
  for (const std::string& channel : heard)
    if (!rest_->channels.contains(channel)) rest_->subscription->unlisten(channel);
}

void Follower::deliver(std::string& out) {
  if (!rest_ || !rest_->subscription) return;
  while (const NotificationPtr notification = rest_->subscription->take()) out += notification->encoded;
}

void Follower::on_notifications() { host_.on_news(); }
void Follower::on_overflow(const base::Error& error) { host_.end(error); }

}  // namespace pooler
