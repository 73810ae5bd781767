#include "pooler/session_state.h"

#include <algorithm>
#include <utility>

namespace pooler {
namespace {

using analyzer::Kind;
using analyzer::Setting;

}  // namespace

void SessionState::add(Change::Kind kind, std::string name, std::string value) {
  log_.push_back({false, {kind, std::move(name), std::move(value)}});
}

void SessionState::done(const analyzer::Statement& statement, std::string_view tag) {
  switch (statement.kind) {
    case Kind::kCommit:
    case Kind::kPrepareTransaction:
      if (tag == "ROLLBACK")
        log_.clear();
      else
        commit();
      return;
    case Kind::kRollback: log_.clear(); return;
    case Kind::kSavepoint:
      // Before anything was done there is nothing to come back to: a ROLLBACK TO a name that is not here takes all.
      if (!log_.empty()) log_.push_back({true, {Change::Kind::kSet, statement.name, {}}});
      return;
    case Kind::kRelease: release(statement.name); return;
    case Kind::kRollbackTo: roll_back_to(statement.name); return;
    case Kind::kListen: add(Change::Kind::kListen, statement.name); return;
    case Kind::kUnlisten:
      add(statement.all ? Change::Kind::kUnlistenAll : Change::Kind::kUnlisten, statement.all ? "" : statement.name);
      return;
    case Kind::kDiscard:
      if (statement.discard == "all") {
        add(Change::Kind::kReset, "session_authorization");
        add(Change::Kind::kReset, "role");
        add(Change::Kind::kResetAll, {});
        add(Change::Kind::kUnlistenAll, {});
      }
      return;
    default: break;
  }
  for (const Setting& setting : statement.settings) {
    if (setting.local) continue;  // gone at the end, whatever that is
    switch (setting.op) {
      case Setting::Op::kSet: add(Change::Kind::kSet, setting.name, setting.value); break;
      case Setting::Op::kReset: add(Change::Kind::kReset, setting.name); break;
      case Setting::Op::kResetAll: add(Change::Kind::kResetAll, {}); break;
      case Setting::Op::kSetQuery: {
        const auto at = std::lower_bound(ask_.begin(), ask_.end(), setting.name);
        if (at == ask_.end() || *at != setting.name) ask_.insert(at, setting.name);
        break;
      }
    }
  }
}

void SessionState::commit() {
  for (auto& entry : log_)
    if (!entry.savepoint) committed_.push_back(std::move(entry.change));
  log_.clear();
}

void SessionState::roll_back_to(std::string_view name) {
  while (!log_.empty() && !(log_.back().savepoint && log_.back().change.name == name)) log_.pop_back();
}

void SessionState::release(std::string_view name) {
  // The savepoint and those made after it are no more; what was done since belongs to what is around it.
  std::size_t at = log_.size();
  while (at > 0 && !(log_[at - 1].savepoint && log_[at - 1].change.name == name)) --at;
  if (at == 0) {
    // Made before anything was done: all that stand here came later.
    std::erase_if(log_, [](const Entry& entry) { return entry.savepoint; });
    return;
  }
  const auto first = log_.begin() + static_cast<std::ptrdiff_t>(at - 1);
  log_.erase(std::remove_if(first, log_.end(), [](const Entry& entry) { return entry.savepoint; }), log_.end());
}

SessionState::Outcome SessionState::ready(wire::TxStatus status) {
  const bool failed = std::exchange(failed_, false);
  if (status != wire::TxStatus::kIdle || idle()) return {};
  // Outside a transaction block the statements of one message, or of one batch, were a transaction of their own.
  if (failed)
    log_.clear();
  else
    commit();
  return {std::exchange(committed_, {}), std::exchange(ask_, {}), std::exchange(seen_, {})};
}

}  // namespace pooler
