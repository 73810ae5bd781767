#pragma once
// LintWatch: one client's statements on their way into its worker's LintBook and LoopBook (analyzer/lint_facts.h,
// n_plus_one.h). Lives with its session, while lint is on; no clock of its own.

#include <cstdint>

#include "analyzer/lint_facts.h"
#include "analyzer/n_plus_one.h"
#include "conf/settings.h"
#include "pooler/slow_statement.h"

namespace pooler {

// What a worker remembers of all its clients' statements.
struct LintBooks {
  analyzer::LintBook facts;
  analyzer::LoopBook loops;

  void clear() {
    facts.clear();
    loops.clear();
  }
};

class LintWatch {
 public:
  LintWatch(uint64_t client, LintBooks& books) : client_(client), books_(books) {}

  void add(const SlowCall& call, bool in_transaction, const analyzer::LoopLimits& limits);
  // The client is gone, or is to be looked at.
  void end(const analyzer::LoopLimits& limits) { loop_.end(limits, books_.loops); }
  void end_if_idle(base::TimePoint now, const analyzer::LoopLimits& limits) {
    loop_.end_if_idle(now, limits, books_.loops);
  }

 private:
  const uint64_t client_;
  LintBooks& books_;
  analyzer::LoopWatch loop_;
};

// What the settings mean to it.
analyzer::LoopLimits loop_limits(const conf::Advice& settings);

}  // namespace pooler
