#include "pooler/sentry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "analyzer/lexer.h"
#include "pooler/translate.h"

namespace pooler {

using analyzer::Effect;
using analyzer::Kind;

namespace {

std::string_view up_to_zero(std::string_view text) { return text.substr(0, text.find('\0')); }

// What a named statement runs, whichever way it was prepared.
std::string_view text_of(const Prepared& known, bool standard_conforming_strings) {
  return known.sql.empty() ? known.text() : prepared_text(known.sql, standard_conforming_strings);
}

}  // namespace

std::string_view prepared_text(std::string_view rest, bool standard_conforming_strings) {
  analyzer::Lexer lexer(rest, standard_conforming_strings);
  int depth = 0;
  for (auto token = lexer.next(); token.kind != analyzer::TokenKind::kEnd; token = lexer.next()) {
    const std::string_view text = lexer.text_of(token);
    if (text == "(") ++depth;
    if (text == ")") --depth;
    if (depth == 0 && token.kind == analyzer::TokenKind::kWord && analyzer::is_word(text, "as"))
      return rest.substr(token.at + token.size);
  }
  return {};
}

Sentry::Sentry(analyzer::LocalStatements& statements, const std::string& database, const std::string& user)
    : statements_(statements), owner_{database, user, {}} {}

void Sentry::follow(GuardRulesPtr rules) {
  if (rules == rules_) return;
  rules_ = std::move(rules);
  chosen_ = false;
}

void Sentry::choose_rules(const ParamsPtr& params) {
  if (chosen_ && params == params_) return;
  params_ = params;
  chosen_ = true;
  owner_.application = application_name(params);
  standard_conforming_strings_ = !params || standard_strings(*params);
  mine_ = rules_ ? rules_->about(owner_) : std::vector<GuardRulePtr>();
  fingerprints_ = std::any_of(mine_.begin(), mine_.end(), [](const auto& rule) { return rule->looks_at_fingerprints(); });
}

// ---- what a message runs ----

Sentry::Say Sentry::ask(const Head& head, base::TimePoint now, base::WallTime wall) {
  if (head.header.type == judged_) return Say::kPass;
  choose_rules(head.params);
  if (mine_.empty()) return Say::kPass;
  facts_.clear();
  text_ = {};
  Say say = Say::kPass;
  switch (head.header.type) {
    case 'Q': say = ask_query(head); break;
    case 'B': say = ask_bind(head); break;
    case 'P': say = ask_parse(head); break;
    case 'F': read_unknown(); break;
    default: return Say::kPass;
  }
  return say == Say::kPass ? judge_facts(head.header.type, head.replies, now, wall) : say;
}

Sentry::Say Sentry::ask_query(const Head& head) {
  const bool short_enough = head.header.size <= kLargestRead;
  if (short_enough && head.bytes.size() < head.header.size) return Say::kMore;
  if (short_enough)
    read_text(up_to_zero(head.bytes.substr(wire::kHeaderSize, head.header.size - wire::kHeaderSize)), head.names);
  else
    read_unknown();
  return Say::kPass;
}

Sentry::Say Sentry::ask_bind(const Head& head) {
  const std::string_view body = head.bytes.substr(0, head.header.size).substr(std::min(head.bytes.size(), wire::kHeaderSize));
  const auto names = bind_names(body);
  if (!names) {
    const bool more = head.bytes.size() < head.header.size && head.bytes.size() < kLongestNames;
    return more ? Say::kMore : Say::kPass;  // malformed: whoever gets it says so
  }
  const std::string_view name = names->statement;
  if (!name.empty() && head.follows_names && head.replies != nullptr && head.replies->unsettled_before_this_segment() &&
      head.replies->unsettled(name, head.names.find(name).get()))
    return Say::kWait;
  read_prepared(name, head.names);
  return Say::kPass;
}

// Where names are not followed, nobody knows later what a Bind means.
Sentry::Say Sentry::ask_parse(const Head& head) {
  if (head.follows_names) return Say::kPass;
  if (head.bytes.size() < head.header.size) return Say::kMore;
  const std::string_view body = head.bytes.substr(wire::kHeaderSize, head.header.size - wire::kHeaderSize);
  const std::string_view name = up_to_zero(body);
  if (name.empty() || name.size() >= body.size()) return Say::kPass;
  read_text(up_to_zero(body.substr(name.size() + 1)), head.names);
  for (GuardFacts& one : facts_) one.runs = false;
  return Say::kPass;
}

Sentry::Say Sentry::ask_ahead(const Head& head, base::TimePoint now, base::WallTime wall) {
  if (judged_ != 0 || !head.follows_names) return ask(head, now, wall);
  choose_rules(head.params);
  if (mine_.empty()) return Say::kPass;
  std::vector<std::pair<std::string_view, std::string_view>> parsed;  // names and texts
  std::string_view rest = head.bytes;
  for (auto frame = wire::peek_frame(rest); frame && frame->valid() && frame->size <= rest.size();
       frame = wire::peek_frame(rest)) {
    const std::string_view body = rest.substr(wire::kHeaderSize, frame->size - wire::kHeaderSize);
    rest.remove_prefix(frame->size);
    if (frame->type == 'D') continue;
    if (frame->type == 'P') {
      const std::string_view name = up_to_zero(body);
      if (name.size() >= body.size()) return Say::kPass;
      parsed.emplace_back(name, up_to_zero(body.substr(name.size() + 1)));
      continue;
    }
    if (frame->type != 'B') return Say::kPass;
    const auto names = bind_names(body);
    if (!names) return Say::kPass;
    const std::string_view name = names->statement;
    facts_.clear();
    text_ = {};
    const auto found = std::find_if(parsed.rbegin(), parsed.rend(), [&](const auto& one) { return one.first == name; });
    if (found != parsed.rend())
      read_text(found->second, head.names);
    else
      read_prepared(name, head.names);
    return judge_facts('B', head.replies, now, wall);
  }
  return Say::kPass;
}

void Sentry::read_unknown() { facts_.emplace_back(); }

void Sentry::read_prepared(std::string_view name, const ClientStatements& names) {
  if (name.empty()) {
    if (names.unnamed)
      read_text(names.unnamed->text(), names);
    else
      read_unknown();
    return;
  }
  const PreparedPtr known = names.find(name);
  if (known)
    read_text(text_of(*known, standard_conforming_strings_), names);
  else
    read_unknown();
}

void Sentry::read_text(std::string_view text, const ClientStatements& names) {
  text_ = text;
  const analyzer::AnalysisPtr analysis = statements_.get(text, standard_conforming_strings_);
  const bool several = analysis->statements.size() > 1;
  for (const analyzer::Statement& statement : analysis->statements) {
    if (statement.effects.has(Effect::kTransaction) || statement.kind == Kind::kEmpty) continue;
    GuardFacts& one = facts_.emplace_back();
    one.shapes = statement.shapes;
    one.runs = statement.kind != Kind::kPrepare;
    // Each statement as SHOW QUERIES counts it: as what it is alone.
    if (!several)
      one.fingerprint = analysis->fingerprint;
    else if (fingerprints_)
      one.fingerprint = statements_.get(text.substr(statement.at, statement.size), standard_conforming_strings_)->fingerprint;
    if (statement.kind == Kind::kExecute) one.inner = execute(statement.name, names, one.shapes);
  }
}

// The statement that EXECUTE runs.
uint64_t Sentry::execute(const std::string& name, const ClientStatements& names, analyzer::Shapes& shapes) {
  const PreparedPtr known = names.find(name);
  if (!known) return 0;
  const analyzer::AnalysisPtr& analysis =
      statements_.get(text_of(*known, standard_conforming_strings_), standard_conforming_strings_);
  shapes |= analysis->statements.front().shapes;
  return analysis->fingerprint;
}

// ---- what the rules say ----

Sentry::Say Sentry::judge_facts(char type, const ReplyQueue* replies, base::TimePoint now, base::WallTime wall) {
  if (facts_.empty()) return Say::kPass;
  verdict_ = judge(mine_, facts_, owner_, slots_, now, wall);
  if (verdict_.error) return Say::kRefuse;
  judged_ = type;
  std::move(verdict_.slots.begin(), verdict_.slots.end(), std::back_inserter(slots_));
  verdict_.slots.clear();
  for (GuardRulePtr& rule : verdict_.timeouts)
    timeouts_.push_back({std::move(rule), replies != nullptr ? replies->ready_owed() : 0});
  return Say::kPass;
}

void Sentry::ready(bool all) {
  std::erase_if(timeouts_, [](const Timeout& one) { return one.requests_before == 0; });
  for (Timeout& one : timeouts_) --one.requests_before;
  if (all && judged_ == 0) idle();
}

void Sentry::idle() {
  judged_ = 0;
  slots_.clear();
  timeouts_.clear();
}

GuardRulePtr Sentry::overdue(base::Duration since, base::WallTime wall) {
  for (std::size_t i = 0; i < timeouts_.size(); ++i) {
    const GuardRulePtr rule = timeouts_[i].rule;
    if (timeouts_[i].requests_before != 0 || since <= rule->settings().query_timeout) continue;
    rule->refused(1, wall);
    if (!rule->settings().dry_run) return rule;
    timeouts_.erase(timeouts_.begin() + static_cast<std::ptrdiff_t>(i--));  // once
  }
  return nullptr;
}

}  // namespace pooler
