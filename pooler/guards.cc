#include "pooler/guards.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text.h"

namespace pooler {
namespace {

using conf::GuardPer;
using conf::StatementShape;

struct ShapeName {
  StatementShape said;
  analyzer::Shape meant;
};
constexpr ShapeName kShapes[] = {
    {StatementShape::kUpdateWithoutWhere, analyzer::Shape::kUpdateWithoutWhere},
    {StatementShape::kDeleteWithoutWhere, analyzer::Shape::kDeleteWithoutWhere},
    {StatementShape::kSelectWithoutWhere, analyzer::Shape::kSelectWithoutWhere},
    {StatementShape::kSelectWithoutLimit, analyzer::Shape::kSelectWithoutLimit},
    {StatementShape::kTruncate, analyzer::Shape::kTruncate},
    {StatementShape::kDrop, analyzer::Shape::kDrop},
    {StatementShape::kDdl, analyzer::Shape::kDdl},
    {StatementShape::kCopy, analyzer::Shape::kCopy},
    {StatementShape::kLockTable, analyzer::Shape::kLockTable},
};

analyzer::Shapes shapes_of(const conf::Guard& settings) {
  analyzer::Shapes shapes = 0;
  for (const ShapeName& one : kShapes)
    if (std::find(settings.shape.begin(), settings.shape.end(), one.said) != settings.shape.end())
      shapes |= static_cast<analyzer::Shapes>(one.meant);
  return shapes;
}

std::vector<uint64_t> fingerprints_of(const conf::Guard& settings) {
  std::vector<uint64_t> all;
  for (const std::string& text : settings.fingerprint) {
    uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);  // checked when the settings were read
    all.push_back(value);
  }
  return all;
}

Rate rate_of(const conf::Guard& settings) {
  return {std::max(settings.rate_limit, 1), settings.rate_period,
          settings.rate_burst > 0 ? settings.rate_burst : std::max(settings.rate_limit, 1)};
}

// Nothing said, or one of those said.
bool among(const conf::Names& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}
bool among_patterns(const conf::Names& patterns, std::string_view name) {
  const auto fits = [name](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern == name;
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
  };
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), fits);
}

std::string hex(uint64_t fingerprint) { return fmt::format("{:016x}", fingerprint); }

std::string conditions(const conf::Guard& settings) {
  std::string out;
  const auto add = [&out](std::string_view what, const auto& list) {
    if (!list.empty()) out += fmt::format("{}{}={}", out.empty() ? "" : " ", what, fmt::join(list, ","));
  };
  add("database", settings.database);
  add("user", settings.user);
  add("application_name", settings.application_name);
  add("fingerprint", settings.fingerprint);
  std::vector<std::string_view> shapes;
  for (const StatementShape shape : settings.shape) shapes.push_back(conf::to_string(shape));
  add("shape", shapes);
  return out;
}

std::string_view action(const conf::Guard& settings) {
  if (settings.deny) return "deny";
  if (settings.query_timeout.count() > 0) return "query_timeout";
  return settings.rate_limit > 0 ? "rate_limit" : "concurrency";
}

std::string rate_text(const conf::Guard& settings) {
  return fmt::format("{} in {}", settings.rate_limit, base::duration_text(settings.rate_period));
}

std::string limit(const conf::Guard& settings) {
  if (settings.deny) return {};
  if (settings.query_timeout.count() > 0) return base::duration_text(settings.query_timeout);
  std::string out = settings.rate_limit > 0 ? rate_text(settings) : fmt::format("{}", settings.concurrency);
  if (settings.rate_limit > 0 && settings.rate_burst > 0) out += fmt::format(", {} at once", settings.rate_burst);
  if (settings.per != GuardPer::kRule) out += fmt::format(" per {}", conf::to_string(settings.per));
  return out;
}

// ---- refusals ----

std::string message(const GuardRule& rule, std::string_view why = {}) {
  return fmt::format("statement refused by guard \"{}\"{}{}", rule.name(), why.empty() ? "" : ": ", why);
}

base::Error denial(const GuardRule& rule, analyzer::Shapes shapes) {
  base::Error error = base::insufficient_privilege(message(rule));
  const analyzer::Shapes said = rule.shapes() & shapes;
  for (const ShapeName& one : kShapes)
    if (error.detail.empty() && (said & static_cast<analyzer::Shapes>(one.meant)) != 0)
      error.detail = fmt::format("Its shape is {}.", conf::to_string(one.said));
  constexpr auto kWhere = static_cast<analyzer::Shapes>(static_cast<unsigned>(analyzer::Shape::kUpdateWithoutWhere) |
                                                        static_cast<unsigned>(analyzer::Shape::kDeleteWithoutWhere) |
                                                        static_cast<unsigned>(analyzer::Shape::kSelectWithoutWhere));
  error.hint = (said & kWhere) != 0 ? "Say with WHERE which rows are meant; WHERE true if it is all of them."
                                    : "Ask whoever operates the connection pooler.";
  return error;
}

std::string counted_per(const conf::Guard& settings) {
  return settings.per == GuardPer::kRule ? std::string()
                                         : fmt::format("The limit is for each {}.", conf::to_string(settings.per));
}

// Rounded up: whoever waits that long has waited long enough.
std::string waiting_hint(base::Duration wait) {
  if (wait == TokenBucket::kNever) return "The message has more statements than may begin at once: send them one by one.";
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  return fmt::format("Try again in {}.", base::duration_text(ceil<milliseconds>(wait)));
}

base::Error too_fast(const GuardRule& rule, base::Duration wait) {
  base::Error error =
      base::configuration_limit(message(rule, fmt::format("more statements than {}", rate_text(rule.settings()))));
  error.detail = counted_per(rule.settings());
  error.hint = waiting_hint(wait);
  return error;
}

base::Error too_many(const GuardRule& rule) {
  base::Error error = base::configuration_limit(
      message(rule, fmt::format("{} run already", rule.settings().concurrency)));
  error.detail = counted_per(rule.settings());
  error.hint = "Try again when one of them is done.";
  return error;
}

// ---- one message ----

struct Taken {
  GuardRulePtr rule;
  std::string key;
  int64_t n;
};

class Judgement {
 public:
  Judgement(const GuardOwner& owner, const std::vector<GuardSlot>& held, base::TimePoint now, base::WallTime wall)
      : owner_(owner), held_(held), now_(now), wall_(wall) {}

  // `statements` are those that the rule matches.
  void deny(const GuardRulePtr& rule, const std::vector<const GuardFacts*>& statements) {
    analyzer::Shapes shapes = 0;
    for (const GuardFacts* one : statements) shapes |= one->shapes;
    refuse(rule, statements.size(), [&] { return denial(*rule, shapes); });
  }

  void rate(const GuardRulePtr& rule, const std::vector<const GuardFacts*>& statements) {
    for (const auto& [key, n] : by_key(*rule, statements)) {
      const base::Duration wait = rule->rates().take(key, n, now_);
      if (wait == base::Duration::zero()) {
        taken_.push_back({rule, key, n});
      } else {
        refuse(rule, static_cast<uint64_t>(n), [&] { return too_fast(*rule, wait); });
        if (verdict_.error) return;
      }
    }
  }

  void concurrency(const GuardRulePtr& rule, const std::vector<const GuardFacts*>& statements) {
    for (auto& [key, n] : by_key(*rule, statements)) {
      const auto same = [&](const GuardSlot& slot) { return slot.is(*rule, key); };
      if (std::any_of(held_.begin(), held_.end(), same)) continue;
      switch (rule->running().begin(key, rule->settings().concurrency)) {
        case RunningTable::Begun::kYes: verdict_.slots.emplace_back(rule, key); break;
        case RunningTable::Begun::kUncounted: break;
        case RunningTable::Begun::kFull:
          refuse(rule, static_cast<uint64_t>(n), [&] { return too_many(*rule); });
          if (verdict_.error) return;
      }
    }
  }

  void timeout(const GuardRulePtr& rule) { verdict_.timeouts.push_back(rule); }

  bool refused() const { return verdict_.error.has_value(); }

  GuardVerdict end() {
    if (verdict_.error) {  // what does not run has used nothing
      for (const Taken& one : taken_) one.rule->rates().give_back(one.key, one.n);
      verdict_.slots.clear();
      verdict_.timeouts.clear();
    }
    return std::move(verdict_);
  }

 private:
  template <typename Make>
  void refuse(const GuardRulePtr& rule, uint64_t n, Make make) {
    rule->refused(n, wall_);
    if (rule->settings().dry_run || verdict_.error) return;
    verdict_.error = make();
    verdict_.by = rule;
  }

  std::map<std::string, int64_t> by_key(const GuardRule& rule, const std::vector<const GuardFacts*>& statements) const {
    std::map<std::string, int64_t> keys;
    for (const GuardFacts* one : statements) ++keys[rule.key(*one, owner_)];
    return keys;
  }

  const GuardOwner& owner_;
  const std::vector<GuardSlot>& held_;
  const base::TimePoint now_;
  const base::WallTime wall_;
  std::vector<Taken> taken_;
  GuardVerdict verdict_;
};

}  // namespace

// ---- a rule ----

GuardRule::GuardRule(conf::Guard settings, base::WallTime since)
    : settings_(std::move(settings)),
      fingerprints_(fingerprints_of(settings_)),
      shapes_(shapes_of(settings_)),
      since_(since),
      rates_(rate_of(settings_)) {}

bool GuardRule::concerns(const GuardOwner& owner) const {
  return among(settings_.database, owner.database) && among(settings_.user, owner.user) &&
         among_patterns(settings_.application_name, owner.application);
}

bool GuardRule::matches(const GuardFacts& statement) const {
  if (!statement.runs && !settings_.deny) return false;
  if (shapes_ != 0 && (shapes_ & statement.shapes) == 0) return false;
  const auto said = [this](uint64_t fingerprint) {
    return fingerprint != 0 && std::find(fingerprints_.begin(), fingerprints_.end(), fingerprint) != fingerprints_.end();
  };
  return fingerprints_.empty() || said(statement.fingerprint) || said(statement.inner);
}

std::string GuardRule::key(const GuardFacts& statement, const GuardOwner& owner) const {
  switch (settings_.per) {
    case GuardPer::kRule: return {};
    case GuardPer::kDatabase: return owner.database;
    case GuardPer::kUser: return owner.user;
    case GuardPer::kApplicationName: return owner.application;
    case GuardPer::kFingerprint: return hex(statement.inner != 0 ? statement.inner : statement.fingerprint);
  }
  return {};
}

bool GuardRule::looks_at_fingerprints() const {
  return !fingerprints_.empty() || settings_.per == GuardPer::kFingerprint;
}

void GuardRule::matched(uint64_t n, base::WallTime now) {
  matched_.fetch_add(n, std::memory_order_relaxed);
  last_matched_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

void GuardRule::refused(uint64_t n, base::WallTime now) {
  refused_.fetch_add(n, std::memory_order_relaxed);
  last_refused_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

GuardRow GuardRule::row() const {
  const auto time = [](const std::atomic<int64_t>& at) {
    return base::WallTime(base::Duration(at.load(std::memory_order_relaxed)));
  };
  GuardRow row;
  row.name = name();
  row.matches = conditions(settings_);
  row.action = action(settings_);
  row.limit = limit(settings_);
  row.dry_run = settings_.dry_run;
  row.matched = matched_.load(std::memory_order_relaxed);
  const uint64_t refused = refused_.load(std::memory_order_relaxed);
  (settings_.dry_run ? row.would_have_refused : row.refused) = refused;
  row.keys = keys();
  row.since = since_;
  row.last_matched = time(last_matched_);
  row.last_refused = time(last_refused_);
  return row;
}

// ---- all rules ----

GuardRulesPtr GuardRules::make(const Settings& settings, const GuardRulesPtr& before, base::WallTime now) {
  if (settings.empty()) return nullptr;
  auto made = std::make_shared<GuardRules>();
  for (const auto& [name, guard] : settings) {
    GuardRulePtr rule;
    if (before) {
      const auto same = std::find_if(before->rules_.begin(), before->rules_.end(),
                                     [&guard](const GuardRulePtr& old) { return old->settings() == guard; });
      if (same != before->rules_.end()) rule = *same;
    }
    made->rules_.push_back(rule ? std::move(rule) : std::make_shared<GuardRule>(guard, now));
  }
  return made;
}

std::vector<GuardRulePtr> GuardRules::about(const GuardOwner& owner) const {
  std::vector<GuardRulePtr> some;
  for (const GuardRulePtr& rule : rules_)
    if (rule->concerns(owner)) some.push_back(rule);
  return some;
}

std::vector<GuardRow> GuardRules::rows() const {
  std::vector<GuardRow> rows;
  rows.reserve(rules_.size());
  for (const GuardRulePtr& rule : rules_) rows.push_back(rule->row());
  return rows;
}

GuardVerdict judge(const std::vector<GuardRulePtr>& rules, const std::vector<GuardFacts>& statements,
                   const GuardOwner& owner, const std::vector<GuardSlot>& held, base::TimePoint now, base::WallTime wall) {
  Judgement judgement(owner, held, now, wall);
  std::vector<const GuardFacts*> matching;
  // What is denied anyway shall not use up what others may have.
  for (const bool denials : {true, false}) {
    for (const GuardRulePtr& rule : rules) {
      const conf::Guard& settings = rule->settings();
      if (settings.deny != denials) continue;
      matching.clear();
      for (const GuardFacts& one : statements)
        if (rule->matches(one)) matching.push_back(&one);
      if (matching.empty()) continue;
      rule->matched(matching.size(), wall);
      if (settings.deny)
        judgement.deny(rule, matching);
      else if (settings.rate_limit > 0)
        judgement.rate(rule, matching);
      else if (settings.concurrency > 0)
        judgement.concurrency(rule, matching);
      else
        judgement.timeout(rule);
      if (judgement.refused() && !denials) break;
    }
    if (judgement.refused()) break;
  }
  return judgement.end();
}

}  // namespace pooler
