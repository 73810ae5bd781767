#pragma once
// Guards: rules about statements ([guards.NAME]), and whether a message may pass. Pure but for the tables of limits, which
// the workers share (guard_limits.h); no clock of their own.
//
//   GuardRules    all rules that are in force; a reload makes another, in which unchanged rules are the same objects
//   GuardRule     one rule, with what it has counted
//   judge()       the statements of one message before the rules that concern a client
//
// A message with several statements is refused as a whole, before any of them runs, as one with a syntax error is.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/statement.h"
#include "base/clock.h"
#include "base/error.h"
#include "conf/settings.h"
#include "pooler/console.h"
#include "pooler/guard_limits.h"

namespace pooler {

// What is known of one statement.
struct GuardFacts {
  uint64_t fingerprint = 0;
  uint64_t inner = 0;           // of the prepared statement that EXECUTE runs; 0: none, or not known
  analyzer::Shapes shapes = 0;  // of both
  bool runs = true;             // PREPARE runs nothing
};

// Whose statement it is.
struct GuardOwner {
  std::string database, user, application;
};

// Thread-safe.
class GuardRule {
 public:
  GuardRule(conf::Guard settings, base::WallTime since);

  const conf::Guard& settings() const { return settings_; }
  const std::string& name() const { return settings_.name; }
  bool concerns(const GuardOwner& owner) const;
  bool matches(const GuardFacts& statement) const;
  // What rate_limit and concurrency count it under.
  std::string key(const GuardFacts& statement, const GuardOwner& owner) const;
  bool looks_at_fingerprints() const;
  analyzer::Shapes shapes() const { return shapes_; }  // that are said; 0: none
  GuardRow row() const;

  // Counting
  void matched(uint64_t n, base::WallTime now);
  void refused(uint64_t n, base::WallTime now);

  RateTable& rates() { return rates_; }
  RunningTable& running() { return running_; }
  std::size_t keys() const { return rates_.size() + running_.size(); }

 private:
  const conf::Guard settings_;
  const std::vector<uint64_t> fingerprints_;
  const analyzer::Shapes shapes_;
  const base::WallTime since_;
  std::atomic<uint64_t> matched_{0}, refused_{0};
  std::atomic<int64_t> last_matched_{0}, last_refused_{0};  // since the epoch; 0: never
  RateTable rates_;
  RunningTable running_;
};
using GuardRulePtr = std::shared_ptr<GuardRule>;

class GuardRules;
using GuardRulesPtr = std::shared_ptr<const GuardRules>;

class GuardRules {
 public:
  using Settings = std::map<std::string, conf::Guard, std::less<>>;
  // Null if there are none. Rules of `before` that are still said in the same words go on.
  static GuardRulesPtr make(const Settings& settings, const GuardRulesPtr& before, base::WallTime now);

  std::vector<GuardRulePtr> about(const GuardOwner& owner) const;
  std::vector<GuardRow> rows() const;

 private:
  std::vector<GuardRulePtr> rules_;  // by name
};

// One of those that a rule with `concurrency` lets run, until this is destroyed.
class GuardSlot {
 public:
  GuardSlot(GuardRulePtr rule, std::string key) : rule_(std::move(rule)), key_(std::move(key)) {}
  ~GuardSlot() {
    if (rule_) rule_->running().end(key_);
  }
  GuardSlot(GuardSlot&& other) noexcept = default;
  GuardSlot& operator=(GuardSlot&& other) noexcept = delete;
  bool is(const GuardRule& rule, std::string_view key) const { return rule_.get() == &rule && key_ == key; }

 private:
  GuardRulePtr rule_;
  std::string key_;
};

struct GuardVerdict {
  std::optional<base::Error> error;    // why it may not pass
  GuardRulePtr by;                     // who says so
  std::vector<GuardSlot> slots;        // to be kept while it runs
  std::vector<GuardRulePtr> timeouts;  // rules that say how long it may
};

// `rules` are those that concern the owner, `held` what the client has running already: it is counted once.
GuardVerdict judge(const std::vector<GuardRulePtr>& rules, const std::vector<GuardFacts>& statements,
                   const GuardOwner& owner, const std::vector<GuardSlot>& held, base::TimePoint now, base::WallTime wall);

}  // namespace pooler
