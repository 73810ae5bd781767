#include "pooler/query_meter.h"

#include <algorithm>

#include "analyzer/statement_trace.h"
#include "pooler/prepared.h"
#include "wire/codec.h"
#include "wire/error_fields.h"

namespace pooler {

namespace {

// Portals of one transaction that are told apart. Drivers have one or two; what runs in others is not known.
constexpr std::size_t kPortalsMax = 256;
// The fingerprint of what was prepared unseen: with max_prepared_statements = 0, or by SQL's PREPARE.
constexpr uint64_t kUnseen = 0;
constexpr std::string_view kUnseenText = "a prepared statement that was not seen";

// Messages that say which statement they are of.
constexpr wire::TypeSet kCounted("QPBE");

// How many rows a command tag tells of: "INSERT 0 5", "SELECT 3"; 0 where it does not.
uint64_t rows_of(std::string_view tag) {
  if (tag.ends_with('\0')) tag.remove_suffix(1);
  uint64_t rows = 0, place = 1;
  while (!tag.empty() && tag.back() >= '0' && tag.back() <= '9') {
    rows += static_cast<uint64_t>(tag.back() - '0') * place;
    place *= 10;
    tag.remove_suffix(1);
  }
  return rows;
}

}  // namespace

QueryMeter::QueryMeter(analyzer::LocalStatements& statements, const std::string& database, const std::string& user)
    : statements_cache_(statements), database_(database), user_(user) {}

QueryMeter::~QueryMeter() { attach(nullptr); }

void QueryMeter::attach(analyzer::QueryStats* stats, bool counts) {
  counts_ = counts;
  if (stats == stats_) return;
  while (!ring_.empty()) drop_front();
  close_portals();
  set_last(nullptr);
  idle_ = {};
  params_.reset();
  owner_.reset();
  stats_ = stats;
}

void QueryMeter::watch(const SlowLimits& limits, SlowListener* listener) {
  slow_ = listener != nullptr ? limits : SlowLimits();
  listener_ = listener;
}

void QueryMeter::trace(Tracer* tracer, TraceListener* listener) {
  if (tracer != tracer_) params_.reset();  // they are looked at once more
  tracer_ = tracer;
  trace_listener_ = listener;
  if (tracer == nullptr) session_trace_.reset();
}

// ---- rows ----

void QueryMeter::follow(const ParamsPtr& params) {
  if (owner_ && params == params_) return;
  params_ = params;
  standard_conforming_strings_ = !params || standard_strings(*params);
  owner_ = stats_->owner(database_, user_, application_name(params));
  if (tracer_ == nullptr) return;
  const std::string* const said = params ? find_param(*params, kTraceSetting) : nullptr;
  session_trace_ = said != nullptr ? analyzer::trace_context(*said) : std::nullopt;
}

const analyzer::Analysis& QueryMeter::analysis_of(const Said& said) {
  if (said.analysis != nullptr) return *said.analysis;
  return said.cut ? *statements_cache_.get_cut(said.text, standard_conforming_strings_)
                  : *statements_cache_.get(said.text, standard_conforming_strings_);
}

QueryMeter::Row& QueryMeter::row_of(const analyzer::Analysis& analysis, std::string_view text) {
  const bool empty = analysis.statements.front().kind == analyzer::Kind::kEmpty;
  return stats_->find(analysis.fingerprint, owner_, empty ? std::string_view(";") : text);
}

QueryMeter::Row& QueryMeter::row_of(const Said& said) {
  if (said.analysis == nullptr && said.text.data() == nullptr) return stats_->find(kUnseen, owner_, kUnseenText);
  return row_of(analysis_of(said), said.text);
}

QueryMeter::Sent& QueryMeter::enter(Row& row, base::TimePoint at) {
  Sent& entered = ring_.push_back();
  stats_->hold(row);
  entered.row = &row;
  entered.at = at;
  entered.wait = std::exchange(wait_, {});
  entered.bytes_in = 0;
  entered.rows_most = 0;
  entered.executed = entered.simple = false;
  entered.call = true;
  entered.keeps = false;
  return entered;
}

// Parse, Bind and Execute of one statement are one.
QueryMeter::Sent& QueryMeter::join(Row& row, base::TimePoint at) {
  Sent* const last = newest();
  return last != nullptr && !last->executed && last->row == &row ? *last : enter(row, at);
}

void QueryMeter::drop_front() {
  Sent& front = ring_.front();
  if (front.keeps) front.kept->clear();
  if (front.rows) {
    for (Row* row : *front.rows) stats_->release(*row);
    front.rows.reset();
  } else {
    stats_->release(*front.row);
  }
  ring_.pop_front();
  ++first_;
}

void QueryMeter::set_last(Row* row) {
  if (row == last_) return;
  if (row != nullptr) stats_->hold(*row);
  if (last_ != nullptr) stats_->release(*last_);
  last_ = row;
}

// ---- what is kept in case that it is slow, or as it is traced ----

KeptStatement& QueryMeter::kept(Sent& sent) {
  if (!sent.kept) sent.kept = std::make_unique<KeptStatement>();
  sent.keeps = true;
  return *sent.kept;
}

void QueryMeter::keep_query(Sent& sent, const Said& said, const KeptStatement::Facts& facts) {
  if (facts.several || KeptStatement::worth_keeping(said.text, slow_))
    kept(sent).keep_text(said.text, said.cut, facts, slow_);
}

void QueryMeter::keep_bind(Sent& sent, std::string_view frame, const Said& said) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  reader.cstring();
  const std::string_view name = reader.cstring();
  if (!name.empty()) kept(sent).keep_name(name);
  if (said.text.data() == nullptr) return;
  if (KeptStatement::worth_keeping(said.text, slow_)) {
    const analyzer::Statement& only = analysis_of(said).statements.front();
    kept(sent).keep_text(said.text, said.cut, {only.kind, only.writes}, slow_);
  }
  if (!slow_.values) return;
  std::string_view types = said.types;
  std::string parse;
  if (said.prepared != nullptr) {
    parse = said.prepared->parse_body();
    types = std::string_view(parse).substr(std::min(parse.size(), parse.find('\0') + 1));
  }
  kept(sent).keep_bind(reader.rest(), types);
}

std::optional<TraceMark> QueryMeter::mark_of(const Said& said) {
  if (tracer_ == nullptr) return std::nullopt;
  const auto context = tracer_->trace_of(said.text, said.cut, session_trace_);
  if (!context) return std::nullopt;
  if (said.analysis == nullptr && said.text.data() == nullptr) return TraceMark{.context = *context};
  const analyzer::Statement& first = analysis_of(said).statements.front();
  return TraceMark{*context, first.kind, analyzer::only_collection(first)};
}

void QueryMeter::traced(Sent& sent, const Row& row, const analyzer::QueryRecord& record) {
  trace_listener_->on_traced({.mark = *sent.trace(),
                              .row = row,
                              .rows = sent.rows.get(),
                              .owner = owner_,
                              .total = record.ended - sent.at + record.wait,
                              .record = record});
  sent.kept->forget_trace();
}

// ---- from the client ----

QueryMeter::Tag QueryMeter::sent(const wire::FrameHeader& header, std::string_view frame, const Said& said,
                                 const ParamsPtr& params, base::TimePoint at) {
  if (stats_ == nullptr) return 0;
  if (idle_ != base::TimePoint{}) end_idle(at);
  switch (header.type) {
    case 'Q':
      follow(params);
      query(header, said, at);
      return newest_tag();
    case 'P': {
      follow(params);
      Row& row = row_of(said);
      if (counts_) stats_->parsed(row, true, said.server_parses);
      join(row, at).bytes_in += header.size;
      return newest_tag();
    }
    case 'B':
      follow(params);
      bind(header, frame, said, at);
      return newest_tag();
    case 'E':
      follow(params);
      execute(header, frame, at);
      return newest_tag();
    case 'D':
      if (Sent* const last = newest(); last != nullptr && !last->executed) last->bytes_in += header.size;
      return 0;
    case 'd':
    case 'c':
    case 'f': copied_in_ += header.size; return 0;
    default: return 0;
  }
}

void QueryMeter::query(const wire::FrameHeader& header, const Said& said, base::TimePoint at) {
  const analyzer::Analysis& analysis = analysis_of(said);
  if (analysis.statements.size() == 1) {
    const analyzer::Statement& only = analysis.statements.front();
    const KeptStatement::Facts facts{only.kind, only.writes};
    auto mark = mark_of(said);
    Sent& entered = enter(row_of(analysis, said.text), at);
    if (slow_.on()) keep_query(entered, said, facts);
    if (mark) kept(entered).keep_trace(*std::move(mark));
    entered.bytes_in = header.size;
    entered.executed = entered.simple = true;
    return;
  }
  // Each statement counts as what it is alone. To look one up may make the cache forget the whole text's facts.
  std::vector<std::string_view> texts;
  texts.reserve(analysis.statements.size());
  // One whose values are not shown hides them all.
  KeptStatement::Facts facts{analysis.statements.front().kind, analysis.writes, true};
  for (const auto& statement : analysis.statements) {
    texts.push_back(said.text.substr(statement.at, statement.size));
    if (!analyzer::HiddenValues::has_any(statement.kind)) facts.kind = analyzer::Kind::kUnknown;
  }
  auto mark = mark_of(said);
  auto rows = std::make_unique<std::vector<Row*>>();
  rows->reserve(texts.size());
  for (const std::string_view text : texts) {
    rows->push_back(&row_of({.text = text}));
    stats_->hold(*rows->back());
  }
  Sent& entered = enter(*rows->front(), at);
  stats_->release(*rows->front());  // it is held as one of them
  entered.rows = std::move(rows);
  if (slow_.on()) keep_query(entered, said, facts);
  if (mark) kept(entered).keep_trace(*std::move(mark));
  entered.bytes_in = header.size;
  entered.executed = entered.simple = true;
}

void QueryMeter::bind(const wire::FrameHeader& header, std::string_view frame, const Said& said, base::TimePoint at) {
  Row& row = row_of(said);
  if (said.server_parses > 0 && counts_) stats_->parsed(row, false, said.server_parses);
  Sent& joined = join(row, at);
  joined.bytes_in += header.size;
  if (slow_.on()) keep_bind(joined, frame, said);
  Portal* const portal = add_portal(wire::Reader(frame.substr(wire::kHeaderSize)).cstring(), row);
  if (tracer_ != nullptr && portal != nullptr) portal->trace = mark_of(said);
}

QueryMeter::Portal* QueryMeter::find_portal(std::string_view name) {
  if (name.empty()) return &unnamed_;
  const auto found = std::find_if(portals_.rbegin(), portals_.rend(), [name](const auto& one) { return one.first == name; });
  return found != portals_.rend() ? &found->second : nullptr;
}

QueryMeter::Portal* QueryMeter::add_portal(std::string_view name, Row& row) {
  Portal* portal = find_portal(name);
  if (portal == nullptr) {
    if (portals_.size() >= kPortalsMax) return nullptr;
    portal = &portals_.emplace_back(name, Portal()).second;
  }
  stats_->hold(row);
  if (portal->row != nullptr) stats_->release(*portal->row);
  *portal = {&row, false};
  return portal;
}

void QueryMeter::close_portals() {
  if (unnamed_.row != nullptr) stats_->release(*unnamed_.row);
  unnamed_ = {};
  for (auto& [name, portal] : portals_) stats_->release(*portal.row);
  portals_.clear();
}

void QueryMeter::execute(const wire::FrameHeader& header, std::string_view frame, base::TimePoint at) {
  wire::Reader reader(frame.substr(wire::kHeaderSize));
  const std::string_view name = reader.cstring();
  const auto rows_most = static_cast<int32_t>(reader.u32());
  Portal* portal = find_portal(name);
  Portal unseen;
  if (portal == nullptr || portal->row == nullptr) {  // a cursor of DECLARE, or nothing at all
    unseen.row = &row_of({});
    portal = &unseen;
  }
  Sent& entered = join(*portal->row, at);
  entered.bytes_in += header.size;
  entered.rows_most = rows_most > 0 ? static_cast<uint32_t>(rows_most) : 0;
  entered.executed = true;
  entered.call = !portal->begun;
  portal->begun = true;
  if (tracer_ != nullptr && portal->trace) kept(entered).keep_trace(*portal->trace);
}

void QueryMeter::parsed(std::size_t size, const Said& said, const ParamsPtr& params) {
  if (stats_ == nullptr || !counts_) return;
  follow(params);
  Row& row = row_of(said);
  stats_->parsed(row, true, 0, size);
}

void QueryMeter::refused(const wire::FrameHeader& header, const Said& said, const ParamsPtr& params,
                         std::string_view sqlstate, base::TimePoint now) {
  if (stats_ == nullptr || !kCounted.has(header.type)) return;
  follow(params);
  const bool seen = said.text.data() != nullptr;
  Said first = said;
  if (seen && header.type == 'Q')
    if (const auto& all = analysis_of(said).statements; all.size() > 1)  // none of them has run
      first = {.text = said.text.substr(all.front().at, all.front().size)};
  Row& row = row_of(first);
  const analyzer::QueryRecord record{
      .sqlstate = sqlstate, .bytes_in = header.size, .wait = std::exchange(wait_, {}), .ended = now};
  if (record.wait >= slow_.from) listener_->on_slow({.row = row, .prepared = header.type != 'Q', .record = record});
  if (const auto mark = mark_of(said))
    trace_listener_->on_traced({.mark = *mark, .row = row, .owner = owner_, .total = record.wait, .record = record});
  if (counts_) stats_->record(row, record);
}

// ---- from the server ----

void QueryMeter::answered(const Answer& answer, base::TimePoint now) {
  const Tag ahead = ((answer.tag & ~kTag) - first_) & ~kTag;
  if (stats_ == nullptr || answer.tag == 0 || ahead >= ring_.size()) return;
  for (uint32_t i = 0; i < ahead; ++i) drop_front();
  Sent& sent = ring_.front();
  Row& row = sent.rows ? *(*sent.rows)[std::min(answer.index, sent.rows->size() - 1)] : *sent.row;
  analyzer::QueryRecord record{.call = sent.call, .bytes_in = sent.bytes_in, .wait = sent.wait, .ended = now};
  record.server = now - std::max(sent.at, done_);
  const uint64_t out = out_ + answer.unpassed;
  record.bytes_out = out - counted_out_;
  counted_out_ = out;
  std::string state;
  switch (answer.type) {
    case 'C': record.rows = rows_of(answer.body); break;
    case 's': record.rows = sent.rows_most; break;
    case 'E':
      state = wire::parse_report(answer.body).error.sqlstate;
      record.sqlstate = state;
      break;
    case kLost: record.sqlstate = answer.body; break;
    default: break;
  }
  const bool failed = !record.sqlstate.empty();
  if (copied_in_ > 0 && (failed || answer.body.starts_with("COPY "))) record.bytes_in += std::exchange(copied_in_, 0);
  set_last(&row);
  const bool is_traced = tracer_ != nullptr && sent.trace() != nullptr;
  if (sent.rows && (slow_.on() || is_traced)) {
    part_done(sent, answer.index, record);
  } else {
    if (record.wait + record.server >= slow_.from)
      listener_->on_slow({row, sent.keeps ? sent.kept.get() : nullptr, !sent.simple, record});
    if (is_traced) traced(sent, row, record);
  }
  if (counts_) stats_->record(row, record);
  done_ = now;
  ++statements_;
  sent.bytes_in = 0;
  sent.wait = {};
  // An error ends all of a text: what comes behind it has not run. Of a text that nobody could parse one call is known, and
  // what all its statements did.
  if (failed || !sent.simple)
    drop_front();
  else if (!sent.rows || answer.index + 1 >= sent.rows->size())
    sent.call = false;
}

// Of several statements in one text.
void QueryMeter::part_done(Sent& sent, std::size_t index, const analyzer::QueryRecord& record) {
  const analyzer::QueryRecord& sum = kept(sent).add(record);
  if (record.sqlstate.empty() && index + 1 < sent.rows->size()) return;
  if (sum.wait + sum.server >= slow_.from) listener_->on_slow({*sent.rows->front(), sent.kept.get(), false, sum});
  if (tracer_ != nullptr && sent.trace() != nullptr) traced(sent, *sent.rows->front(), sum);
}

void QueryMeter::ready(wire::TxStatus status, bool all, base::TimePoint now) {
  counted_out_ = out_;
  if (stats_ == nullptr) return;
  if (all) {
    while (!ring_.empty()) drop_front();
    copied_in_ = 0;
  }
  if (status == wire::TxStatus::kIdle) {
    statements_ = 0;
    if (unnamed_.row != nullptr || !portals_.empty()) close_portals();
    set_last(nullptr);
  } else if (all) {
    idle_ = now;
  }
}

void QueryMeter::end_idle(base::TimePoint now) {
  if (last_ != nullptr && counts_) stats_->idled(*last_, now - idle_);
  idle_ = {};
}

void QueryMeter::ended(base::TimePoint now) {
  if (idle_ != base::TimePoint{}) end_idle(now);
}

}  // namespace pooler
