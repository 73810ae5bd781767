#include "admin/session.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/error_fields.h"
#include "wire/frontend.h"
#include "wire/stream.h"

namespace admin {

namespace {

// As PostgreSQL reads a boolean setting, less its abbreviations.
std::optional<bool> switched_on(std::string_view value) {
  const std::string word = base::to_lower(value);
  if (word == "on" || word == "true" || word == "yes" || word == "1") return true;
  if (word == "off" || word == "false" || word == "no" || word == "0") return false;
  return std::nullopt;
}

}  // namespace

Session::Session(const Services& services, const Sources& sources, Meter& meter, pooler::ConsoleUser user,
                 pooler::ConsoleOut& out)
    : services_(services), sources_(sources), meter_(meter), user_(std::move(user)), out_(out),
      prepared_(QueryContext{.user = user_.name, .role = user_.role}) {
  meter_.opened();
  for (const auto& [name, value] : user_.parameters) {
    if (name == kLegacyColumns) prepared_.use_legacy_columns(switched_on(value).value_or(false));
  }
}

Session::~Session() { meter_.closed(); }

// ---- Input ----

std::size_t Session::on_data(std::string_view bytes) {
  std::size_t consumed = 0;
  delivering_ = true;
  while (!closed_ && !busy()) {
    const auto frame = next_frame(bytes.substr(consumed));
    if (!frame) break;
    consumed += frame->size;
    on_frame(*frame);
    if (buffer_.size() > wire::Stream::kLowWatermark) send();
  }
  delivering_ = false;
  meter_.received(consumed);
  send();
  if (!closed_ && busy() && !held_) {
    held_ = true;
    out_.hold_input();
  }
  return closed_ ? bytes.size() : consumed;
}

std::optional<Session::Frame> Session::next_frame(std::string_view bytes) {
  if (bytes.size() < wire::kHeaderSize) return std::nullopt;
  wire::Reader reader(bytes);
  const char type = static_cast<char>(reader.u8());
  const uint32_t length = reader.u32();  // counts itself
  if (length < 4) {
    die(base::protocol_violation("invalid message length"));
    return std::nullopt;
  }
  if (length > kMaxMessage) {
    die(base::protocol_violation(fmt::format("console messages are limited to {} bytes", kMaxMessage)));
    return std::nullopt;
  }
  if (reader.remaining() < length - 4) return std::nullopt;
  return Frame{type, reader.bytes(length - 4), std::size_t{length} + 1};
}

template <typename Message>
void Session::handle(std::string_view body) {
  const auto message = wire::decode<Message>(body);
  message.ok() ? on(message.value()) : fail(message.error());
}

// PostgreSQL, "Message Flow": after an error in the extended protocol everything up to Sync is thrown away, and
// copy data outside COPY always is.
void Session::on_frame(const Frame& frame) {
  if (frame.type == wire::Terminate::kType) {
    send();
    closed_ = true;
    return out_.close();
  }
  if (skipping_ && frame.type != wire::Sync::kType) return;
  in_extended_ = frame.type != wire::Query::kType && frame.type != wire::FunctionCall::kType;
  switch (frame.type) {
    case wire::Query::kType:
      in_query_ = true;
      handle<wire::Query>(frame.body);
      return continue_query();
    case wire::FunctionCall::kType:
      handle<wire::FunctionCall>(frame.body);
      return ready_for_query();
    case wire::Parse::kType: return handle<wire::Parse>(frame.body);
    case wire::Bind::kType: return handle<wire::Bind>(frame.body);
    case wire::Describe::kType: return handle<wire::Describe>(frame.body);
    case wire::Execute::kType: return handle<wire::Execute>(frame.body);
    case wire::Close::kType: return handle<wire::Close>(frame.body);
    case wire::Flush::kType: return;  // on_data sends what there is
    case wire::Sync::kType: return sync();
    case wire::CopyData::kType:
    case wire::CopyDone::kType:
    case wire::CopyFail::kType: return;
    default:
      die(base::protocol_violation(
          fmt::format("invalid frontend message type {}", static_cast<int>(static_cast<unsigned char>(frame.type)))));
  }
}

void Session::on(const wire::Query& query) {
  prepared_.close_statement("");
  prepared_.close_portal("");
  const auto statements = parse(query.sql);
  if (!statements.ok()) return fail(statements.error());
  if (statements->empty()) return wire::append_empty_query_response(buffer_);
  for (const Statement& statement : *statements) {
    auto invocation = prepared_.understand_here(statement, text_of(statement, query.sql));
    if (!invocation.ok()) {  // nothing runs of a query that is wrong somewhere
      query_.clear();
      return fail(invocation.error());
    }
    query_.push_back(*std::move(invocation));
  }
}

void Session::on(const wire::Parse& parse) {
  const auto status = prepared_.parse(parse);
  status.ok() ? wire::append_parse_complete(buffer_) : fail(status.error());
}

void Session::on(const wire::Bind& bind) {
  const auto status = prepared_.bind(bind);
  status.ok() ? wire::append_bind_complete(buffer_) : fail(status.error());
}

void Session::on(const wire::Describe& describe) {
  const std::vector<ColumnInfo>* columns = nullptr;
  std::span<const wire::Format> formats;
  if (describe.target == wire::Target::kStatement) {
    const Prepared* prepared = prepared_.statement(describe.name);
    if (prepared == nullptr) return fail(no_such_statement(describe.name));
    wire::append_parameter_description(buffer_, prepared->parameter_types);
    columns = &prepared->columns;
  } else {
    const Portal* portal = prepared_.portal(describe.name);
    if (portal == nullptr) return fail(no_such_portal(describe.name));
    columns = &portal->columns;
    formats = portal->formats;
  }
  columns->empty() ? wire::append_no_data(buffer_) : append_description(buffer_, *columns, formats);
}

void Session::on(const wire::Execute& execute) {
  Portal* portal = prepared_.portal(execute.portal);
  if (portal == nullptr) return fail(no_such_portal(execute.portal));
  if (!portal->invocation) return wire::append_empty_query_response(buffer_);
  if (!portal->reply) {
    return start({.invocation = *portal->invocation,
                  .portal = std::string(execute.portal),
                  .max_rows = execute.max_rows});
  }
  if (!portal->reply->table) {
    return fail(base::object_not_ready(
        fmt::format("portal \"{}\" cannot be run anymore", std::string_view(execute.portal))));
  }
  send_rows(*portal, execute.max_rows);
}

void Session::on(const wire::Close& close) {
  close.target == wire::Target::kStatement ? prepared_.close_statement(close.name)
                                           : prepared_.close_portal(close.name);
  wire::append_close_complete(buffer_);
}

void Session::on(const wire::FunctionCall&) {
  fail(base::feature_not_supported("the console has no functions to call"));
}

void Session::sync() {
  skipping_ = false;
  in_extended_ = false;
  ready_for_query();
}

// ---- Commands ----

void Session::start(Running running) {
  running.start = services_.clock();
  const Invocation invocation = running.invocation;
  running_ = std::move(running);
  const uint64_t generation = ++generation_;

  if (auto refused = refusal(invocation); !refused.ok()) return answered(std::move(refused).error());
  if (invocation.query && prepared_.open_answers() >= kMaxOpenAnswers) {
    return answered(base::Error{"54000", "too many SELECTs with rows that were not fetched", {}, {}});
  }
  if (auto answer = run_in_session(invocation)) return answered(*std::move(answer));
  audit(invocation, AuditEvent::Outcome::kStarted);

  // An answer inside the call is kept until the call has returned: only then is the token known.
  auto early = std::make_shared<std::optional<Answer>>();
  auto inside = std::make_shared<bool>(true);
  token_ = run(invocation, sources_, services_.operations,
               [this, alive = std::weak_ptr<char>(alive_), generation, early, inside](Answer answer) {
                 if (*inside) {
                   *early = std::move(answer);
                 } else if (!alive.expired() && generation == generation_ && running_) {
                   answered(std::move(answer));
                   resume();
                 }
               });
  *inside = false;
  if (*early) answered(**std::move(early));
}

void Session::answered(Answer answer) {
  const Running ended = *std::exchange(running_, std::nullopt);
  token_.reset();
  meter_.ran(services_.clock() - ended.start);
  if (!answer.ok()) {
    const bool denied = answer.error().sqlstate == "42501";
    audit(ended.invocation, denied ? AuditEvent::Outcome::kDenied : AuditEvent::Outcome::kFailed,
          answer.error().message);
    query_.clear();
    return fail(answer.error());
  }
  if (!ended.portal) return send_reply(*answer);
  Portal* portal = prepared_.portal(*ended.portal);
  portal->reply = *std::move(answer);
  append_notices(*portal->reply);
  if (portal->reply->table) return send_rows(*portal, ended.max_rows);
  wire::append_command_complete(buffer_, portal->reply->tag);
}

base::Status Session::refusal(const Invocation& invocation) const {
  const bool leaves = invocation.command == Command::kCommit || invocation.command == Command::kRollback ||
                      invocation.command == Command::kRollbackTo;
  if (transaction_ == wire::TxStatus::kFailed && !leaves) {
    return base::Error{"25P02", "current transaction is aborted, commands ignored until end of transaction block",
                       {}, {}};
  }
  return permitted(invocation, user_.role);
}

// What concerns this session alone; nothing for all other commands.
std::optional<Answer> Session::run_in_session(const Invocation& invocation) {
  Reply reply = done_reply(invocation);
  switch (invocation.command) {
    case Command::kBegin:
      if (transaction_ == wire::TxStatus::kInTransaction) {
        reply.notices.push_back({base::Error{"25001", "there is already a transaction in progress", {}, {}},
                                 wire::Severity::kWarning});
      }
      transaction_ = wire::TxStatus::kInTransaction;
      return reply;
    case Command::kCommit:
    case Command::kRollback: return end_transaction(invocation.command);
    case Command::kRollbackTo:
      if (transaction_ == wire::TxStatus::kFailed) transaction_ = wire::TxStatus::kInTransaction;
      return reply;
    case Command::kDeallocate:
      invocation.name.empty() ? prepared_.close_all_statements() : prepared_.close_statement(invocation.name);
      if (invocation.name.empty()) reply.tag += " ALL";
      return reply;
    case Command::kDiscard: prepared_.close_all_statements(); return reply;
    case Command::kSetParameter:
      reply.notices.push_back(
          {base::Error{"00000", fmt::format("the console ignores \"{}\"", invocation.name), {}, {}}});
      return reply;
    case Command::kSetLegacy: {
      const auto wanted = switched_on(invocation.value);
      if (!wanted) {
        return base::invalid_parameter(fmt::format("parameter \"{}\" requires a Boolean value", invocation.name));
      }
      prepared_.use_legacy_columns(*wanted);
      return reply;
    }
    case Command::kReset:
    case Command::kSavepoint:
    case Command::kRelease:
    case Command::kCloseCursor:
    case Command::kUnlisten: return reply;
    default: return std::nullopt;
  }
}

Reply Session::end_transaction(Command command) {
  Reply reply{.table = {}, .tag = std::string(info_of(command).tag), .notices = {}};
  if (transaction_ == wire::TxStatus::kIdle) {
    reply.notices.push_back(
        {base::Error{"25P01", "there is no transaction in progress", {}, {}}, wire::Severity::kWarning});
  }
  if (transaction_ == wire::TxStatus::kFailed) reply.tag = info_of(Command::kRollback).tag;
  transaction_ = wire::TxStatus::kIdle;
  return reply;
}

void Session::audit(const Invocation& invocation, AuditEvent::Outcome outcome, std::string_view problem) {
  if (info_of(invocation.command).audit == Audit::kNo) return;
  services_.audit({.user = user_.name,
                   .address = user_.address,
                   .command = describe(invocation),
                   .outcome = outcome,
                   .problem = problem});
}

// ---- Output ----

void Session::append_notices(const Reply& reply) {
  for (const Notice& notice : reply.notices) wire::append_notice_response(buffer_, notice.text, notice.severity);
}

void Session::send_reply(const Reply& reply) {
  append_notices(reply);
  if (reply.table) {
    append_description(buffer_, reply.table->columns);
    for (const auto& row : reply.table->rows) append_row(buffer_, reply.table->columns, row);
  }
  wire::append_command_complete(buffer_, reply.tag);
}

void Session::send_rows(Portal& portal, int32_t max_rows) {
  Table& table = *portal.reply->table;
  const std::size_t left = table.rows.size() - portal.next_row;
  const std::size_t wanted = max_rows <= 0 ? left : std::min(left, static_cast<std::size_t>(max_rows));
  for (std::size_t i = 0; i < wanted; ++i) {
    append_row(buffer_, table.columns, table.rows[portal.next_row++], portal.formats);
  }
  if (wanted == left) {  // nobody will ask for them again
    table.rows.clear();
    portal.next_row = 0;
  }
  // As PostgreSQL has it, a portal that gave exactly as many rows as it was asked for is suspended, though none is
  // left: it has not looked.
  if (max_rows > 0 && wanted == static_cast<std::size_t>(max_rows)) return wire::append_portal_suspended(buffer_);
  wire::append_command_complete(buffer_, portal.reply->tag);
}

void Session::fail(const base::Error& error) {
  wire::append_error_response(buffer_, error);
  if (transaction_ == wire::TxStatus::kInTransaction) transaction_ = wire::TxStatus::kFailed;
  if (in_extended_) skipping_ = true;
}

void Session::ready_for_query() {
  if (transaction_ == wire::TxStatus::kIdle) prepared_.close_all_portals();  // they end with their transaction
  wire::append_ready_for_query(buffer_, transaction_);
}

void Session::die(const base::Error& error) {
  wire::append_error_response(buffer_, error, wire::Severity::kFatal);
  send();
  closed_ = true;
  out_.close();
}

void Session::send() {
  if (closed_ || buffer_.empty()) return;
  meter_.sent(buffer_.size());
  out_.write(buffer_);
  out_.flush();
  buffer_.clear();
}

bool Session::choked() const { return out_.pending() > wire::Stream::kHighWatermark; }

// ---- Going on ----

void Session::continue_query() {
  while (!running_ && !query_.empty()) {
    Invocation next = std::move(query_.front());
    query_.pop_front();
    start({.invocation = std::move(next)});
    if (buffer_.size() > wire::Stream::kLowWatermark) send();
    if (choked()) return;  // on_drained goes on
  }
  if (running_ || !in_query_) return;
  in_query_ = false;
  ready_for_query();
}

void Session::on_cancel() {
  if (!running_) return;  // too late, or nothing to cancel: PostgreSQL, too, says nothing
  ++generation_;
  token_.reset();
  answered(base::query_canceled("canceling statement due to user request"));
  resume();
}

void Session::on_drained() { resume(); }

void Session::resume() {
  if (closed_ || delivering_) return;
  if (in_query_) continue_query();
  send();
  if (busy() || !held_) return;
  held_ = false;
  out_.release_input();  // may call on_data, and may end us: the last thing we do
}

}  // namespace admin
