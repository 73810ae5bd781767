#include "pooler/server.h"

#include <cassert>
#include <utility>

#include "base/log.h"
#include "pooler/pool.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/frame.h"

namespace pooler {
namespace {

const base::Logger log{"server"};

// Messages of these types may be large and pass in parts; the others are judged whole.
constexpr bool may_stream(char type) { return std::string_view("DdTtVEN").find(type) != std::string_view::npos; }
// An error is read as a whole up to this size, for its SQLSTATE; above it, it passes unread.
constexpr std::size_t kReadableReport = 64 * 1024;
// A message that must be whole and is larger than this is no message of PostgreSQL's.
constexpr std::size_t kLargestWhole = 1024 * 1024;

// A statement that no server has.
constexpr std::string_view kNoStatement = "weir_ps_none";

std::string_view inserted_reply(char type) {
  static constexpr char kParseComplete[] = {'1', 0, 0, 0, 4};
  static constexpr char kCloseComplete[] = {'3', 0, 0, 0, 4};
  return {type == '1' ? kParseComplete : kCloseComplete, 5};
}

bool is_async(char type) { return type == 'N' || type == 'S' || type == 'A'; }

}  // namespace

Server::Server(ServerId id, ServerConnection connection, Pool& pool)
    : id_(id),
      pool_(pool),
      stream_(std::move(connection.stream)),
      key_(std::move(connection.key)),
      address_(std::move(connection.address)) {
  for (const auto& [name, value] : connection.reported)
    params_.on_reported(name, value, ServerParams::Cause::kServer);
}

Server::~Server() = default;

void Server::attach(base::EventLoop& loop) {
  loop_ = &loop;
  stream_->attach(loop, *this);
}

void Server::detach() {
  stream_->detach();
  loop_ = nullptr;
}

void Server::resume_reading() {
  stream_->resume_reading();
  stream_->redeliver();
}

void Server::insert_due_replies() {
  bool any = false;
  while (const char type = replies_.next_insert()) {
    if (handler_ != nullptr) handler_->on_reply(inserted_reply(type));
    any = true;
  }
  if (!any) return;
  settle();
  if (handler_ != nullptr) handler_->on_reply_end();
}

std::size_t Server::on_data(std::string_view bytes) {
  if (passing_through_) {
    if (handler_ != nullptr) {
      handler_->on_reply(bytes);
      handler_->on_reply_end();
    }
    return bytes.size();
  }
  std::size_t position = 0;
  std::size_t run = 0;  // where the bytes begin that are the client's and not passed on yet
  const auto pass_run = [&](std::size_t end) {
    if (end > run && handler_ != nullptr) handler_->on_reply(bytes.substr(run, end - run));
  };

  while (position < bytes.size() && !lost_) {
    if (body_left_ > 0) {
      const std::size_t part = std::min(body_left_, bytes.size() - position);
      if (!body_forwarded_) {
        pass_run(position);
        run = position + part;
      }
      position += part;
      body_left_ -= part;
      continue;
    }
    const auto header = wire::peek_frame(bytes.substr(position));
    if (!header) break;
    if (!header->valid()) {
      lose(base::protocol_violation("the server sent a message with an invalid length"));
      break;
    }
    const char type = header->type;
    const std::size_t here = std::min(header->size, bytes.size() - position);
    const bool whole = here == header->size;
    if (!whole) {
      const bool readable = (type == 'E' || type == 'N') && header->size <= kReadableReport;
      if (!may_stream(type) && header->size > kLargestWhole) {
        lose(base::protocol_violation("the server sent a message of an unexpected size"));
        break;
      }
      if (!may_stream(type) || readable) break;  // wait for the rest
    }
    bool forward = false;
    if (!handle_reply(type, bytes.substr(position, here), whole, forward)) break;
    const std::size_t begin = position;
    position += here;
    body_left_ = header->size - here;
    body_forwarded_ = forward;
    if (!forward) {
      pass_run(begin);
      run = position;
    } else if (type == 'E' && whole) {
      if (const auto error = error_in_client_names(bytes.substr(begin, here))) {
        pass_run(begin);
        if (handler_ != nullptr) handler_->on_reply(*error);
        run = position;
      }
    }
    if (!replies_.settled().empty()) settle();
    if (type == 'C' && whole) handle_command_complete(bytes.substr(begin, here));
    if (type == 'Z' && !lost_) {
      pass_run(position);
      run = position;
      handle_ready(bytes.substr(begin, here), forward);
      if (stream_->closed() || loop_ == nullptr) return bytes.size();
    }
    if (body_left_ > 0) continue;
    while (const char insert = replies_.next_insert()) {
      pass_run(position);
      run = position;
      if (handler_ != nullptr) handler_->on_reply(inserted_reply(insert));
      settle();
    }
  }
  if (lost_) return bytes.size();
  pass_run(position);
  if (handler_ != nullptr) handler_->on_reply_end();
  return position;
}

// False: the connection is lost.
bool Server::handle_reply(char type, std::string_view frame, bool whole, bool& forward) {
  using Verdict = ReplyQueue::Verdict;
  if (is_async(type)) {
    const Verdict verdict = replies_.on_async();
    forward = verdict == Verdict::kForward && handler_ != nullptr;
    if (type == 'S') handle_parameter(frame, verdict);
    return true;
  }
  std::optional<wire::ServerReport> report;
  if (type == 'E' && whole) {
    report = wire::parse_report(frame.substr(wire::kHeaderSize));
    if (report->severity == wire::Severity::kFatal || report->severity == wire::Severity::kPanic) {
      // The server's last word: what it means for the client is decided there.
      lose(report->error);
      return false;
    }
  }
  const Verdict verdict = replies_.on_reply(type);
  if (report) {
    if (verdict == Verdict::kUnexpected) {
      lose(report->error);
      return false;
    }
    if (verdict == Verdict::kInternalError) {
      if (internal_) {
        internal_->result = report->error;
      } else if (handler_ != nullptr) {
        lose(report->error);
        return false;
      }
      return true;
    }
    if (handler_ != nullptr) handler_->on_error_reply(*report);
  }
  if (verdict == Verdict::kUnexpected) {
    lose(base::protocol_violation(std::string("the server sent an unexpected message of type \"") + type + "\""));
    return false;
  }
  forward = verdict == Verdict::kForward && handler_ != nullptr;
  return true;
}

// An ErrorResponse that calls a statement by the name that we gave it.
std::optional<std::string> Server::error_in_client_names(std::string_view frame) const {
  const ClientStatements* client = handler_ != nullptr ? handler_->client_statements() : nullptr;
  if (client == nullptr) return std::nullopt;
  const auto body = in_client_names(frame.substr(wire::kHeaderSize), *client);
  if (!body) return std::nullopt;
  std::string out;
  wire::Writer writer(out);
  writer.begin('E');
  writer.bytes(*body);
  if (!writer.end().ok()) return std::nullopt;
  return out;
}

void Server::handle_ready(std::string_view frame, bool forwarded) {
  const char status = frame.size() == 6 ? frame[5] : '?';
  if (status != 'I' && status != 'T' && status != 'E') {
    lose(base::protocol_violation("the server sent an unknown transaction status"));
    return;
  }
  status_ = static_cast<wire::TxStatus>(status);
  if (replies_.needs_probe()) {
    std::string probe;
    (void)wire::append_query(probe, "");
    stream_->write(probe);
    stream_->flush();
    replies_.expect(Expect::kProbe, Action::kDrop);
  }
  if (internal_ && replies_.empty()) {
    const auto finished = std::move(internal_);
    finished->done(std::move(finished->result));
    return;
  }
  if (recovery_) {
    continue_recovery();
    return;
  }
  if (handler_ != nullptr) handler_->on_ready(status_, forwarded);
}

// DEALLOCATE ALL and DISCARD ALL took the statements of everybody who uses this server.
void Server::handle_command_complete(std::string_view frame) {
  const std::string_view tag = frame.substr(wire::kHeaderSize);
  const bool discard = tag == std::string_view("DISCARD ALL\0", 12);
  if (!discard && tag != std::string_view("DEALLOCATE ALL\0", 15)) return;
  statements_.clear();
  if (handler_ != nullptr)
    if (auto* client = handler_->client_statements()) client->clear();
  if (discard) params_.on_reset();
}

void Server::handle_parameter(std::string_view frame, ReplyQueue::Verdict verdict) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  const std::string_view name = reader.cstring(), value = reader.cstring();
  if (name.empty()) return;
  const bool ours = verdict == ReplyQueue::Verdict::kDrop;
  const auto cause = handler_ == nullptr && replies_.empty() ? ServerParams::Cause::kServer
                     : ours                                  ? ServerParams::Cause::kOurs
                                                             : ServerParams::Cause::kClient;
  params_.on_reported(name, value, cause);
  if (handler_ != nullptr && !ours) handler_->on_parameter(name, value);
}

void Server::settle() {
  for (auto& settled : replies_.settled()) {
    if (settled.how == ReplyQueue::Settled::How::kDone) {
      if (settled.change->server_op == Change::Op::kAdded) pool_.remember_parsed(*settled.change->statement);
      continue;
    }
    undo(*settled.change, settled.how == ReplyQueue::Settled::How::kSkipped, statements_,
         handler_ != nullptr ? handler_->client_statements() : nullptr);
  }
  replies_.settled().clear();
}

void Server::on_drained() {
  if (handler_ != nullptr) handler_->on_server_drained();
}

void Server::on_closed(const base::Error& error) {
  auto reason = error;
  if (reason.message == "end of file") reason.message = "server closed the connection unexpectedly";
  lose(reason);
}

void Server::lose(const base::Error& error) {
  if (lost_) return;
  lost_ = true;
  stream_->close();
  if (auto internal = std::move(internal_)) {
    internal->done(error);
  } else if (auto recovery = std::move(recovery_)) {
    recovery->done(false);
  } else if (handler_ != nullptr) {
    std::exchange(handler_, nullptr)->on_server_lost(error);
  } else {
    pool_.on_idle_server_lost(*this, error);
  }
}

void Server::run_internal(std::string_view sql, std::function<void(base::Status)> done) {
  assert(!internal_);
  internal_ = std::make_unique<Internal>();
  internal_->done = std::move(done);
  prefix_internal(sql);
  stream_->flush();
}

void Server::prefix_internal(std::string_view sql) {
  std::string query;
  (void)wire::append_query(query, sql);  // ours, and bounded
  stream_->write(query);
  replies_.expect(Expect::kQuery, Action::kInternal);
  statements_.unnamed.reset();
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
    stream_->flush();
  }
  stream_->resume_reading();
  stream_->redeliver();
  if (recovery_ && replies_.empty()) continue_recovery();
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
  if (!recovery_->reset_sql.empty()) {
    const std::string sql = std::exchange(recovery_->reset_sql, {});
    run_internal(sql, [this, go_on](base::Status status) {
      if (status.ok()) {
        params_.on_reset();
        statements_.clear();
      }
      go_on(std::move(status));
    });
    return;
  }
  auto recovery = std::move(recovery_);
  recovery->done(clean());
}

void Server::add_stray_statement(std::string name) {
  if (!stray_) stray_ = std::make_unique<std::vector<std::string>>();
  stray_->push_back(std::move(name));
}

void Server::close_stray_statements() {
  if (!has_stray_statements()) return;
  std::string closes;
  for (const auto& name : *stray_) {
    wire::append_close_statement(closes, name);
    replies_.expect(Expect::kClose, Action::kDrop);
  }
  wire::append_sync(closes);
  stray_.reset();
  stream_->write(closes);
  replies_.expect(Expect::kSync, Action::kDrop);
}

void Server::close() {
  handler_ = nullptr;
  internal_.reset();
  recovery_.reset();
  if (lost_) return;
  lost_ = true;
  if (!half_message_) {
    std::string terminate;
    wire::append_terminate(terminate);
    stream_->write(terminate);
    stream_->flush();
  }
  stream_->close();
}

}  // namespace pooler
