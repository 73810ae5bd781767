#include "pooler/translate.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "wire/build.h"
#include "wire/codec.h"

namespace pooler {

using analyzer::AnalysisPtr;
using analyzer::Effect;
using analyzer::Effects;
using analyzer::Kind;

namespace {

std::unique_ptr<Change> added(PreparedPtr statement, bool on_server, std::string_view client_name) {
  auto change = std::make_unique<Change>();
  change->statement = std::move(statement);
  if (on_server) change->server_op = Change::Op::kAdded;
  if (!client_name.empty()) {
    change->client_op = Change::Op::kAdded;
    change->client_name = client_name;
  }
  return change;
}

// A Parse with another name in front of the same body.
std::string renamed_parse(std::string_view name, std::string_view body) {
  std::string out;
  wire::Writer writer(out);
  writer.begin('P');
  writer.cstring(name);
  writer.bytes(body);
  (void)writer.end();  // shorter than the largest message: names of ours are short, bodies came in one
  return out;
}

// A simple query that is smaller than this is waited for even where nobody but the statistics reads it.
constexpr std::size_t kSmallQuery = 64 * 1024;
// Of one that is not read so much is looked at.
constexpr std::size_t kBeginning = 4096;

std::string_view beginning(std::string_view query) {
  const std::string_view text = query.substr(std::min(query.size(), wire::kHeaderSize), kBeginning);
  return text.substr(0, text.find('\0'));
}

const AnalysisPtr& unread() {
  static const AnalysisPtr analysis = [] {
    auto unknown = std::make_shared<analyzer::Analysis>();
    unknown->effects = Effect::kUnknown;
    unknown->statements.resize(1);
    unknown->statements.front().effects = unknown->effects;
    return unknown;
  }();
  return analysis;
}

}  // namespace

std::optional<BindNames> bind_names(std::string_view body) {
  const std::size_t portal_end = body.find('\0');
  if (portal_end == std::string_view::npos) return std::nullopt;
  const std::size_t name_end = body.find('\0', portal_end + 1);
  if (name_end == std::string_view::npos) return std::nullopt;
  return BindNames{body.substr(0, portal_end), body.substr(portal_end + 1, name_end - portal_end - 1),
                   body.substr(name_end + 1)};
}

bool Translator::needs_whole(char type) {
  constexpr wire::TypeSet kWhole("PDCE");
  return kWhole.has(type);
}

Translator::Step Translator::message(const wire::FrameHeader& header, std::string_view bytes) {
  const bool whole = bytes.size() >= header.size;
  const std::string_view frame = bytes.substr(0, header.size);
  ahead_ = bytes;
  switch (header.type) {
    case 'P': return whole ? parse(frame) : Step::kNeedMore;
    case 'B': return bind(header, frame);
    case 'D': return whole ? describe(frame) : Step::kNeedMore;
    case 'C': return whole ? close(frame) : Step::kNeedMore;
    case 'E': return whole ? execute(frame) : Step::kNeedMore;
    case 'S': server_.expect(Expect::kSync, Action::kForward); break;
    case 'Q': return query(header, frame, whole);
    case 'F': server_.expect(Expect::kFunctionCall, Action::kForward); break;
    case 'c':
    case 'f': server_.expect(Expect::kCopyEnd, Action::kForward); break;
    case 'H':
    case 'd': break;
    default: return Step::kBad;
  }
  server_.write(frame);
  return Step::kWritten;
}

// ---- simple queries ----

Translator::Step Translator::query(const wire::FrameHeader& header, std::string_view frame, bool whole) {
  if (tracking_ != nullptr) {
    if (!whole && header.size <= kLargestRead) return Step::kNeedMore;
    const bool readable = whole && header.size <= kLargestRead && frame.back() == '\0';
    const std::string_view sql = readable ? frame.substr(wire::kHeaderSize, frame.size() - wire::kHeaderSize - 1) : "";
    const AnalysisPtr& analysis =
        readable ? tracking_->statements.get(sql, tracking_->standard_conforming_strings) : unread();
    said_ = readable ? QueryMeter::Said{analysis.get(), sql} : QueryMeter::Said{nullptr, beginning(frame), true};
    Effects hidden;
    if (!watched(analysis, sql, hidden).empty()) return watched_query(frame, sql, analysis, hidden);
  } else {
    if (!whole && header.size <= kSmallQuery) return Step::kNeedMore;
    const bool short_enough = whole && header.size <= kLargestRead && frame.back() == '\0';
    said_ = short_enough ? QueryMeter::Said{nullptr, frame.substr(wire::kHeaderSize, frame.size() - wire::kHeaderSize - 1)}
                         : QueryMeter::Said{nullptr, beginning(frame), true};
  }
  // A simple query drops the unnamed statement.
  client_.unnamed.reset();
  server_.statements().unnamed.reset();
  server_.expect(Expect::kQuery, Action::kForward);
  server_.write(frame);
  return Step::kWritten;
}

// ---- prepared statements ----

// The name is put on the server with an empty text, so that the server itself says that it exists.
void Translator::take_name(const std::string& name) {
  server_.write(renamed_parse(name, std::string_view("\0\0\0", 3)));
  server_.expect(Expect::kParse, Action::kDrop);
  server_.add_stray_statement(name);
}

bool Translator::unsettled(std::string_view name) const {
  const ReplyQueue& replies = server_.replies();
  return replies.unsettled_before_this_segment() && replies.unsettled(name, client_.find(name).get());
}

void Translator::make_room() {
  if (const PreparedPtr victim = server_.statements().over(limit_)) {
    auto change = std::make_unique<Change>();
    change->server_op = Change::Op::kRemoved;
    change->statement = victim;
    server_.statements().remove(*victim);
    std::string close;
    wire::append_close_statement(close, victim->name);
    server_.write(close);
    server_.expect(Expect::kClose, Action::kDrop, std::move(change));
  }
}

void Translator::ensure(const PreparedPtr& statement) {
  if (server_.statements().has(*statement)) return;
  server_.statements().add(statement);
  make_room();
  count_parse();
  if (!statement->sql.empty()) {
    server_.write_in_batch("PREPARE " + statement->name + statement->sql);
    return;
  }
  server_.write(renamed_parse(statement->name, statement->parse_body()));
  server_.expect(Expect::kParse, Action::kDrop, added(statement, true, {}));
}

void Translator::ensure_unnamed() {
  ServerStatements& statements = server_.statements();
  if (statements.unnamed == client_.unnamed) return;
  auto change = std::make_unique<Change>();
  change->server_unnamed = true;
  change->server_unnamed_before = statements.unnamed;
  statements.unnamed = client_.unnamed;
  if (client_.unnamed) {
    server_.write(renamed_parse({}, client_.unnamed->body));
    server_.expect(Expect::kParse, Action::kDrop, std::move(change));
    count_parse();
  } else {
    // Another client's unnamed statement lies there: not ours to use.
    std::string close;
    wire::append_close_statement(close, {});
    server_.write(close);
    server_.expect(Expect::kClose, Action::kDrop, std::move(change));
  }
}

Translator::Step Translator::parse(std::string_view frame) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  const std::string_view name = reader.cstring();
  const std::string_view body = reader.rest();
  stats_.client_parses.add(1);
  said_.text = body.substr(0, body.find('\0'));
  AnalysisPtr analysis;
  if (tracking_ != nullptr && reader.ok()) {
    analysis = parsed_ = tracking_->analysis_of(body);
    said_.analysis = analysis.get();
    if (server_.guarded() && may_end_transaction(*analysis)) return Step::kStall;
  }
  if (!reader.ok() || limit_ == 0) {
    // Their names are not followed, so neither is what they do.
    if (analysis && !name.empty() && !analysis->plain()) leave(analysis->effects | Effect::kUnknown, {}, 0);
    if (reader.ok() && name.empty()) client_.unnamed = std::make_shared<const Unnamed>(std::string(body), std::move(analysis));
    server_.write(frame);
    server_.expect(Expect::kParse, Action::kForward);
    count_parse();
    return Step::kWritten;
  }
  if (name.empty()) return parse_unnamed(frame, body, std::move(analysis));
  if (unsettled(name)) return Step::kStall;

  if (client_.find(name) != nullptr) {
    // PostgreSQL says "already exists" after it has looked at the text. So it gets the name, with an empty text, and
    // then the client's own message.
    take_name(std::string(name));
    server_.write(frame);
    server_.expect(Expect::kParse, Action::kForward);
    return Step::kWritten;
  }
  const PreparedPtr statement =
      intern_statement(body, tracking_ != nullptr ? tracking_->path : std::string_view(), std::move(analysis));
  if (server_.statements().has(*statement)) {
    client_.add(name, statement);
    if (server_.status() != wire::TxStatus::kFailed) {
      server_.expect(Expect::kParse, Action::kInsert, added(statement, false, name));
      return Step::kWritten;
    }
    // In a failed transaction only the server can tell whether this statement may be parsed.
    server_.write(frame);
    server_.expect(Expect::kParse, Action::kForward, added(statement, false, name));
    server_.add_stray_statement(std::string(name));
    count_parse();
    return Step::kWritten;
  }
  client_.add(name, statement);
  server_.statements().add(statement);
  make_room();
  server_.write(renamed_parse(statement->name, statement->parse_body()));
  server_.expect(Expect::kParse, Action::kForward, added(statement, true, name));
  if (statement->knows_columns()) check_columns(statement, name);
  count_parse();
  return Step::kWritten;
}

Translator::Step Translator::parse_unnamed(std::string_view frame, std::string_view body, AnalysisPtr analysis) {
  ServerStatements& statements = server_.statements();
  server_.write(frame);
  count_parse();
  if (client_.unnamed && client_.unnamed == statements.unnamed && client_.unnamed->body == body) {
    // The same text again: nothing changes whether it succeeds or not.
    server_.expect(Expect::kParse, Action::kForward);
    return Step::kWritten;
  }
  auto change = std::make_unique<Change>();
  change->server_unnamed = change->client_unnamed = true;
  change->server_unnamed_before = std::move(statements.unnamed);
  change->client_unnamed_before = std::move(client_.unnamed);
  client_.unnamed = statements.unnamed = std::make_shared<const Unnamed>(std::string(body), std::move(analysis));
  server_.expect(Expect::kParse, Action::kForward, std::move(change));
  return Step::kWritten;
}

Translator::Step Translator::bind(const wire::FrameHeader& header, std::string_view bytes) {
  if (bytes.size() < wire::kHeaderSize) return Step::kNeedMore;
  const auto names = bind_names(bytes.substr(wire::kHeaderSize));
  if (!names) {
    if (bytes.size() < header.size && bytes.size() < kLongestNames) return Step::kNeedMore;
    if (bytes.size() < header.size) return Step::kBad;
    server_.write(bytes);  // malformed: the server says so
    server_.expect(Expect::kBind, Action::kForward);
    return Step::kWritten;
  }
  const auto& [portal, name, rest] = *names;
  stats_.binds.add(1);

  if (!name.empty() && limit_ != 0 && unsettled(name)) return Step::kStall;
  PreparedPtr statement = client_.bound(portal, name);
  if (statement && statement->sql.empty()) {
    said_ = {.analysis = statement->analysis.get(), .text = statement->text(), .prepared = statement.get()};
  } else if (name.empty() && client_.unnamed) {
    const std::string_view text = client_.unnamed->text();
    said_ = {.analysis = client_.unnamed->analysis.get(),
             .text = text,
             .types = std::string_view(client_.unnamed->body).substr(std::min(text.size() + 1, client_.unnamed->body.size()))};
  }
  WatchPtr watch;
  if (const auto reworked = watched_statement(name, statement)) {
    if (!reworked->watch) return Step::kStall;
    statement = reworked->statement;
    watch = reworked->watch;
  }
  if (tracking_ != nullptr) {
    forget_portal(portal);
    if (watch) client_.portals.emplace_back(portal, std::move(watch));
  }
  if (statement == nullptr || limit_ == 0) {
    if (limit_ != 0 && name.empty()) ensure_unnamed();
    if (limit_ != 0 && name.starts_with(kServerNamePrefix)) return refuse_name(header, bytes, portal.size() + 1);
    server_.write(bytes);
    server_.expect(Expect::kBind, Action::kForward);
    return Step::kWritten;
  }
  switch (columns(name, statement)) {
    case Columns::kRight: break;
    case Columns::kWait: return Step::kStall;
    case Columns::kOther: refuse_columns(); return Step::kWritten;
  }
  const std::size_t rest_size = header.size - wire::kHeaderSize - portal.size() - name.size() - 2;
  static thread_local std::string head;  // keeps its memory
  head.clear();
  if (!wire::append_bind_header(head, portal, statement->name, rest_size).ok()) return Step::kBad;
  server_.write(head);
  server_.write(rest);
  server_.expect(Expect::kBind, Action::kForward);
  return Step::kWritten;
}

// A name of ours that this client does not have: a server may have it. In another spelling it does not.
Translator::Step Translator::refuse_name(const wire::FrameHeader& header, std::string_view bytes, std::size_t name_at) {
  std::string other(bytes);
  other[wire::kHeaderSize + name_at] = 'W';
  server_.write(other);
  server_.expect(header.type == 'B' ? Expect::kBind : Expect::kDescribeStatement, Action::kForward);
  return Step::kWritten;
}

Translator::Step Translator::execute(std::string_view frame) {
  WatchPtr watch;
  std::unique_ptr<Change> change;
  if (tracking_ != nullptr && !client_.portals.empty()) {
    const std::string_view portal = wire::Reader(frame.substr(wire::kHeaderSize)).cstring();
    for (const auto& [name, found] : client_.portals)
      if (name == portal) watch = found;
  }
  if (watch) {
    leave(watch->effects, watch->text, watch->analysis->fingerprint);
    if (!watch->reworded.empty()) change = name_change(watch->reworded.front());
  }
  server_.write(frame);
  server_.expect(Expect::kExecute, Action::kForward, std::move(change), std::move(watch));
  return Step::kWritten;
}

// PREPARE and DEALLOCATE: what follows in the same batch may use the name, or not, already.
std::unique_ptr<Change> Translator::name_change(const Reworded& reworded) {
  if (!reworded.adds && !reworded.removes && !reworded.removes_all) return nullptr;
  auto change = std::make_unique<Change>();
  if (reworded.removes_all) {
    change->client_cleared = client_.take_all();
    return change;
  }
  change->client_name = reworded.name;
  change->statement = reworded.adds ? reworded.adds : reworded.removes;
  change->client_op = change->server_op = reworded.adds ? Change::Op::kAdded : Change::Op::kRemoved;
  if (reworded.adds) {
    client_.add(reworded.name, reworded.adds);
    server_.statements().add(reworded.adds);
  } else {
    client_.remove(reworded.name);
    server_.statements().remove(*reworded.removes);
  }
  return change;
}

Translator::Step Translator::describe(std::string_view frame) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  const char kind = static_cast<char>(reader.u8());
  const std::string_view name = reader.cstring();
  const Expect expected = kind == 'S' ? Expect::kDescribeStatement : Expect::kDescribePortal;
  if (reader.ok() && kind == 'S' && limit_ != 0) {
    if (!name.empty() && unsettled(name)) return Step::kStall;
    PreparedPtr statement = name.empty() ? nullptr : client_.find(name);
    if (const auto reworked = watched_statement(name, statement)) {
      if (!reworked->watch) return Step::kStall;
      statement = reworked->statement;
    }
    if (statement) {
      if (server_.statements().look(*statement) == ServerStatements::State::kOther) {
        statement = renewed(*statement);
        client_.add(name, statement);
      }
      client_.tell(name);
      ensure(statement);
      std::string out;
      wire::append_describe_statement(out, statement->name);
      server_.write(out);
      std::shared_ptr<Watch> watch;
      const bool unchecked = server_.statements().look(*statement) == ServerStatements::State::kUnchecked;
      if ((!statement->knows_types() || unchecked) && statement->sql.empty()) {
        watch = std::make_shared<Watch>();
        watch->describes = statement;
        watch->described_as = name;
      }
      server_.expect(expected, Action::kForward, nullptr, std::move(watch));
      return Step::kWritten;
    }
    if (name.starts_with(kServerNamePrefix)) return refuse_name({'D', frame.size()}, frame, 1);
    if (name.empty()) ensure_unnamed();
  }
  std::shared_ptr<Watch> watch;
  if (PreparedPtr statement = kind == 'P' ? client_.tell_portal(name) : nullptr) {
    watch = std::make_shared<Watch>();
    watch->describes = std::move(statement);
  }
  server_.write(frame);
  server_.expect(expected, Action::kForward, nullptr, std::move(watch));
  return Step::kWritten;
}

Translator::Step Translator::close(std::string_view frame) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  const char kind = static_cast<char>(reader.u8());
  const std::string_view name = reader.cstring();
  if (!reader.ok() || kind != 'S' || limit_ == 0) {
    server_.write(frame);
    server_.expect(Expect::kClose, Action::kForward);
    return Step::kWritten;
  }
  if (name.empty()) {
    auto change = std::make_unique<Change>();
    change->server_unnamed = change->client_unnamed = true;
    change->server_unnamed_before = std::move(server_.statements().unnamed);
    change->client_unnamed_before = std::move(client_.unnamed);
    server_.write(frame);
    server_.expect(Expect::kClose, Action::kForward, std::move(change));
    return Step::kWritten;
  }
  if (unsettled(name)) return Step::kStall;
  // The statement stays on the server, for others; CloseComplete is the answer whether or not the name is known.
  std::unique_ptr<Change> change;
  if (PreparedPtr statement = client_.find(name)) {
    change = std::make_unique<Change>();
    change->client_op = Change::Op::kRemoved;
    change->client_name = name;
    change->statement = std::move(statement);
    client_.remove(name);
  }
  server_.expect(Expect::kClose, Action::kInsert, std::move(change));
  return Step::kWritten;
}

}  // namespace pooler
