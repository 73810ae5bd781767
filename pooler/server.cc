#include "pooler/server.h"

#include <cassert>
#include <utility>

#include "pooler/pool.h"
#include "pooler/replay.h"
#include "pooler/rewrite.h"
#include "wire/backend.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/process_limits.h"

namespace pooler {
namespace {

// Messages of these types may be large and pass in parts; the others are judged whole.
constexpr wire::TypeSet kStreamed("DdTtVEN");
constexpr bool may_stream(char type) { return kStreamed.has(type); }
// An error is read as a whole up to this size, for its SQLSTATE; above it, it passes unread.
constexpr std::size_t kReadableReport = 64 * 1024;
// A message that must be whole and is larger than this is no message of PostgreSQL's.
constexpr std::size_t kLargestWhole = 1024 * 1024;

// Rows of our own queries that are kept: what they ask for is bounded by what one session does in one transaction.
constexpr std::size_t kRowsKept = 1024;
constexpr std::string_view kNoSuchStatement = "26000";

std::string_view inserted_reply(char type) {
  static constexpr char kParseComplete[] = {'1', 0, 0, 0, 4};
  static constexpr char kCloseComplete[] = {'3', 0, 0, 0, 4};
  return {type == '1' ? kParseComplete : kCloseComplete, 5};
}

// With these ends what a message of the client's has made the server do, or a part of it.
constexpr wire::TypeSet kStatementEnds("CEsI");
// What a Watch may be for.
constexpr wire::TypeSet kWatched("CEtTn");

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
  std::string instead;  // of what the server said
  std::size_t position = 0;
  const std::size_t largest = wire::largest_packet();
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
    if (header->size - 1 > largest) {
      lose({"54000", "the server sent a message that is larger than max_packet_size", {}, {}});
      break;
    }
    const char type = header->type;
    const std::size_t here = std::min(header->size, bytes.size() - position);
    if (handler_ != nullptr && replies_.just_passes(type)) {
      position += here;
      body_left_ = header->size - here;
      body_forwarded_ = true;
      continue;
    }
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
    WatchPtr watch;
    std::size_t index = 0;
    if (whole && kWatched.has(type)) {
      watch = replies_.watch();
      index = replies_.completed();
    }
    const QueryMeter::Tag tag = kStatementEnds.has(type) ? replies_.tag() : 0;
    const bool guard_ends = type == 'Z' && replies_.at_guard();
    const std::size_t begin = position;
    const std::string_view frame = bytes.substr(begin, here);
    if (!handle_reply(type, frame, whole, forward)) break;
    position += here;
    body_left_ = header->size - here;
    body_forwarded_ = forward;
    std::string_view told;  // to the client, in other words
    const auto pass_instead = [&](std::string_view other) {
      pass_run(begin);
      if (handler_ != nullptr && !other.empty()) handler_->on_reply(other);
      run = position;
    };
    if (!forward) {
      pass_instead({});
    } else if (type == 'E' && whole) {
      if (auto error = error_for_client(frame, watch.get())) {
        instead = *std::move(error);
        pass_instead(instead);
        told = std::string_view(instead).substr(wire::kHeaderSize);
      }
    } else if (type == 'Z' && handler_ != nullptr) {
      const bool last = replies_.empty() && whole && here == 6;
      if (last && handler_->hold_ready(static_cast<wire::TxStatus>(frame[5]))) {
        pass_instead({});
      } else if (guard_ && guard_->poisoned) {
        std::string idle;  // the failed transaction is ours, and no concern of the client's
        wire::append_ready_for_query(idle, wire::TxStatus::kIdle);
        pass_instead(idle);
      }
    }
    if (!replies_.settled().empty()) settle();
    if (recovery_ && (type == 'G' || type == 'W')) {
      end_copy_of_the_dead();
      if (lost_ || loop_ == nullptr) return bytes.size();
    }
    if (watch && watch->describes && whole) {
      const std::string_view body = frame.substr(wire::kHeaderSize);
      if (type == 't') watch->describes->learn_types(body);
      if (type == 'T') on_columns(*watch, body);
      if (type == 'n') on_columns(*watch, std::nullopt);
    }
    if (type == 'C' && whole) {
      handle_command_complete(frame);
      if (watch && forward && handler_ != nullptr) {
        const std::string_view body = frame.substr(wire::kHeaderSize);
        const std::string_view other = handler_->on_completed(*watch, index, body.substr(0, body.find('\0')));
        if (!other.empty()) {
          instead.clear();
          wire::append_command_complete(instead, other);
          pass_instead(instead);
          told = std::string_view(instead).substr(wire::kHeaderSize);
        }
      }
    }
    if (tag != 0 && forward && handler_ != nullptr)
      handler_->on_answered({tag, type, index, told.empty() ? frame.substr(wire::kHeaderSize) : told, position - run});
    if (guard_ends) {
      status_ = static_cast<wire::TxStatus>(bytes[begin + here - 1]);
      handle_guard_ready();
      if (lost_) break;
    }
    if (type == 'Z' && !lost_) {
      pass_run(position);
      run = position;
      handle_ready(frame, forward);
      if (stream_->closed() || loop_ == nullptr) return bytes.size();
    }
    if (body_left_ > 0) continue;
    bool inserted = false;
    while (const char insert = replies_.next_insert()) {
      pass_run(position);
      run = position;
      if (handler_ != nullptr) handler_->on_reply(inserted_reply(insert));
      settle();
      inserted = true;
    }
    if (inserted && recovery_) {
      continue_recovery();
      if (stream_->closed() || loop_ == nullptr) return bytes.size();
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
  if (type == 'E' && whole) return handle_error(frame, forward);
  if (is_async(type)) {
    const Verdict verdict = replies_.on_async();
    forward = verdict == Verdict::kForward && handler_ != nullptr;
    if (type == 'S') handle_parameter(frame, verdict);
    return true;
  }
  const Verdict verdict = replies_.on_reply(type);
  if (verdict == Verdict::kUnexpected) {
    lose(base::protocol_violation(std::string("the server sent an unexpected message of type \"") + type + "\""));
    return false;
  }
  if (type == 'D' && whole && verdict == Verdict::kDrop && internal_ && internal_->rows) keep_row(frame);
  forward = verdict == Verdict::kForward && handler_ != nullptr;
  return true;
}

// A whole ErrorResponse; false as above.
bool Server::handle_error(std::string_view frame, bool& forward) {
  using Verdict = ReplyQueue::Verdict;
  auto report = wire::parse_report(frame.substr(wire::kHeaderSize));
  if (const auto& watch = replies_.watch(); watch && watch->refuses && report.error.sqlstate == kNoSuchStatement)
    report.error.sqlstate = kChangedResult;
  if (report.severity == wire::Severity::kFatal || report.severity == wire::Severity::kPanic) {
    // The server's last word: what it means for the client is decided there.
    lose(report.error);
    return false;
  }
  const bool again = report.error.sqlstate == "0A000" && may_send_again(frame.substr(wire::kHeaderSize));
  const bool types_told = again && replies_.types_told();
  const Verdict verdict = replies_.on_reply('E');
  if (again) {
    send_again(types_told);
    return true;
  }
  if (verdict == Verdict::kUnexpected) {
    lose(report.error);
    return false;
  }
  if (verdict == Verdict::kGuardError) {
    if (guard_ && !guard_->error) guard_->error = report.error;
    return true;
  }
  if (verdict == Verdict::kInternalError) {
    if (internal_) {
      internal_->result = report.error;
    } else if (handler_ != nullptr) {
      lose(report.error);
      return false;
    }
    return true;
  }
  if (handler_ != nullptr) handler_->on_error_reply(report);
  forward = verdict == Verdict::kForward && handler_ != nullptr;
  return true;
}

// A row of our own query.
void Server::keep_row(std::string_view frame) {
  if (internal_->rows->size() >= kRowsKept) return;
  const auto row = wire::decode<wire::DataRow>(frame.substr(wire::kHeaderSize));
  if (row.ok()) internal_->rows->emplace_back(row->values.begin(), row->values.end());
}

// An ErrorResponse that is the client's in another form: the error of a guard that failed before, a cancel that has a
// reason, or one that calls a statement by the name that we gave it.
std::optional<std::string> Server::error_for_client(std::string_view frame, const Watch* watch) {
  if (guard_ && guard_->error) {
    std::string out;
    wire::append_error_response(out, *guard_->error);
    if (!guard_->poisoned) guard_.reset();  // what follows is the consequence, in PostgreSQL's own words
    return out;
  }
  if (watch != nullptr && watch->refuses) {
    const auto report = wire::parse_report(frame.substr(wire::kHeaderSize));
    if (report.error.sqlstate == kNoSuchStatement) return changed_result();
  }
  if (cancel_reason_ && wire::parse_report(frame.substr(wire::kHeaderSize)).error.sqlstate == cancel_reason_->sqlstate) {
    std::string out;
    wire::append_error_response(out, *cancel_reason_);
    return out;
  }
  const ClientStatements* client = handler_ != nullptr ? handler_->client_statements() : nullptr;
  if (client == nullptr) return std::nullopt;
  auto body = in_client_names(frame.substr(wire::kHeaderSize), *client);
  if (watch != nullptr && !watch->edits.empty()) {
    if (!body) body = frame.substr(wire::kHeaderSize);
    body = wire::with_position(*body, [watch](std::size_t at) { return client_position(at, watch->edits); });
  }
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
  if (end_poison(forwarded)) return;
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
