// Server: what we ask of it ourselves, beside the client's statements, before them, or when the client is gone.

#include <cassert>
#include <utility>

#include "pooler/leftovers.h"
#include "pooler/replay.h"
#include "pooler/server.h"
#include "wire/build.h"

namespace pooler {
namespace {

// Our own statement and portal within a client's batch, gone before the client's next message.
constexpr std::string_view kOurStatement = "weir_own";
// Of a Bind: no formats, no values, no result formats.
constexpr std::string_view kNoValues{"\0\0\0\0\0\0", 6};

}  // namespace

void Server::run_internal(std::string_view sql, std::function<void(base::Status)> done) {
  assert(!internal_);
  internal_ = std::make_unique<Internal>();
  internal_->done = std::move(done);
  write_query(sql, Action::kInternal);
  stream_->flush();
}

void Server::run_query(std::string_view sql, std::function<void(base::Result<Rows>)> done) {
  auto rows = std::make_shared<Rows>();
  run_internal(sql, [rows, done = std::move(done)](base::Status status) {
    if (status.ok())
      done(std::move(*rows));
    else
      done(status.error());
  });
  internal_->rows = std::move(rows);
}

void Server::write_query(std::string_view sql, Action action) {
  std::string query;
  (void)wire::append_query(query, sql);  // ours, and bounded
  stream_->write(query);
  replies_.expect(Expect::kQuery, action);
  statements_.unnamed.reset();
}

void Server::write_in_batch(std::string_view sql) {
  std::string messages;
  wire::append_close_statement(messages, kOurStatement);  // one that failed before is still there
  (void)wire::append_parse(messages, kOurStatement, sql, {});
  (void)wire::append_bind_header(messages, kOurStatement, kOurStatement, kNoValues.size());
  messages += kNoValues;
  wire::append_execute(messages, kOurStatement);
  wire::append_close_portal(messages, kOurStatement);
  wire::append_close_statement(messages, kOurStatement);
  stream_->write(messages);
  for (const Expect each : {Expect::kClose, Expect::kParse, Expect::kBind, Expect::kExecute, Expect::kClose, Expect::kClose})
    replies_.expect(each, Action::kDrop);
}

// ---- guards ----

void Server::guard(Guard kind, std::string_view sql) {
  if (!guard_) guard_ = std::make_unique<Guards>();
  guard_->owed.push_back(kind);
  write_query(sql, Action::kGuard);
}

void Server::sync_params(const ParamsPtr& client) {
  const std::string sql = params_.plan(client);
  if (!sql.empty()) {
    auto before = std::make_unique<ServerParams>(params_);
    // READ COMMITTED, because a serializable transaction may have to wait for a snapshot.
    guard(Guard::kSync, "BEGIN ISOLATION LEVEL READ COMMITTED;" + sql + (sql.back() == ';' ? "COMMIT" : ";COMMIT"));
    guard_->before = std::move(before);
    guard_->resets = sql.starts_with("RESET ") || sql.starts_with("SET SESSION AUTHORIZATION DEFAULT");
  }
  params_.on_planned(client);
}

void Server::handle_guard_ready() {
  const Guard kind = guard_->owed.front();
  guard_->owed.erase(guard_->owed.begin());
  if (kind == Guard::kSync && guard_->error && guard_->before) {
    params_ = std::move(*guard_->before);
    guard_->before.reset();
    // Without a failed transaction that holds them back, the client's statements are running already.
    if (status_ != wire::TxStatus::kFailed) {
      lose(*guard_->error);
      return;
    }
    guard_->poisoned = true;
    // What an earlier client set cannot be taken back: this server is of no use to anybody.
    if (guard_->resets) books.close_needed = true;
  }
  if (guard_->owed.empty() && !guard_->error) guard_.reset();
}

// The client has read why its statements did not run: now the transaction block that held them back is ended. Returns
// true if ReadyForQuery is told later.
bool Server::end_poison(bool forwarded) {
  if (!guard_ || !guard_->poisoned) return false;
  if (!replies_.empty() || replies_.open_batch()) {
    if (handler_ != nullptr) handler_->on_ready(wire::TxStatus::kIdle, forwarded);
    return true;
  }
  run_internal("ROLLBACK", [this, forwarded](base::Status status) {
    const auto guard = std::move(guard_);
    if (handler_ == nullptr) return;
    if (lost_)
      std::exchange(handler_, nullptr)
          ->on_server_lost(status.ok() ? base::connection_failure("server connection lost") : status.error());
    else if (forwarded)
      handler_->on_ready(status_, true);
    else
      handler_->on_guard_failed(*guard->error);
  });
  return true;
}

// ---- columns that have changed ----

// A Describe has brought the columns of a statement.
void Server::on_columns(const Watch& watch, std::optional<std::string_view> description) {
  const PreparedPtr& statement = watch.describes;
  if (statement->columns_are(description)) {
    statements_.set(*statement, ServerStatements::State::kChecked);
    return;
  }
  statements_.set(*statement, ServerStatements::State::kOther);
  retire_statement(*statement);
  ClientStatements* client = handler_ != nullptr && !watch.described_as.empty() ? handler_->client_statements() : nullptr;
  if (client != nullptr && client->find(watch.described_as) == statement)
    client->add(watch.described_as, renewed(*statement), client->told(watch.described_as));
}

bool Server::may_send_again(std::string_view report) const {
  return handler_ != nullptr && !kept_.empty() && !guard_ && status_ == wire::TxStatus::kIdle &&
         replies_.at_beginning() && is_changed_result(report) &&
         handler_->may_send_again(kept_, replies_.owed_to_client());
}

void Server::send_again(bool types_told) {
  settle();
  replies_.repeat(types_told);
  const std::string batch = std::exchange(kept_, {});  // once
  handler_->send_again(batch);
  stream_->flush();
}

void Server::recover(std::string_view reset_sql, std::function<void(bool)> done) {
  handler_ = nullptr;
  if (lost_ || half_message_ || passing_through_ || replies_.in_copy_in()) {
    done(false);
    return;
  }
  if (internal_) internal_->done = [this](base::Status) {
    if (recovery_) continue_recovery();
  };
  recovery_ = std::make_unique<Recovery>();
  recovery_->reset_sql = reset_sql;
  recovery_->done = std::move(done);
  if (replies_.open_batch()) {
    // A Sync alone would commit what the batch has done; an error before it makes PostgreSQL roll back, as it does when
    // a client of its own goes away.
    std::string abort;
    if (!replies_.skipping()) {
      wire::append_describe_statement(abort, kNoStatement);
      replies_.expect(Expect::kDescribeStatement, Action::kInternal);
    }
    wire::append_sync(abort);
    replies_.expect(Expect::kSync, Action::kDrop);
    stream_->write(abort);
  }
  stream_->flush();  // the client may have ended before what it had written was
  stream_->resume_reading();
  stream_->redeliver();
  if (recovery_ && replies_.empty()) continue_recovery();
}

// A COPY that waits for data of a client that is gone.
void Server::end_copy_of_the_dead() {
  if (!replies_.in_simple_query()) {
    // Which Sync it has swallowed cannot be told.
    auto recovery = std::move(recovery_);
    recovery->done(false);
    return;
  }
  std::string fail;
  wire::append_copy_fail(fail, "the client is gone");
  stream_->write(fail);
  stream_->flush();
  replies_.expect(Expect::kCopyEnd, Action::kDrop);
}

void Server::continue_recovery() {
  if (!replies_.empty()) return;  // more ReadyForQuery to come
  const auto go_on = [this](base::Status status) {
    if (!recovery_) return;
    if (!status.ok()) {
      auto recovery = std::move(recovery_);
      recovery->done(false);
      return;
    }
    continue_recovery();
  };
  if (status_ != wire::TxStatus::kIdle) {
    if (std::exchange(recovery_->rolled_back, true)) {
      auto recovery = std::move(recovery_);
      recovery->done(false);
      return;
    }
    run_internal("ROLLBACK", go_on);
    return;
  }
  if (!taint_.empty() && recovery_->reset_sql.empty()) {
    const Cleaning what = cleaning(taint_);
    if (!what.possible) {
      auto recovery = std::move(recovery_);
      recovery->done(false);
      return;
    }
    const bool settings = taint_.any(analyzer::Effect::kSettings | analyzer::Effect::kAnySetting);
    const bool names = taint_.has(analyzer::Effect::kPrepared);
    taint_ = {};
    if (!what.sql.empty()) {
      run_internal(what.sql, [this, settings, names, go_on](base::Status status) {
        if (status.ok() && settings) params_.on_reset();
        if (status.ok() && names) statements_.clear();
        go_on(std::move(status));
      });
      return;
    }
  }
  if (!recovery_->reset_sql.empty()) {
    const std::string sql = std::exchange(recovery_->reset_sql, {});
    run_internal(sql, [this, go_on](base::Status status) {
      if (status.ok()) {
        params_.on_reset();
        statements_.clear();
        taint_ = taint_ & kLasting;
      }
      go_on(std::move(status));
    });
    return;
  }
  auto recovery = std::move(recovery_);
  recovery->done(clean());
}

}  // namespace pooler
