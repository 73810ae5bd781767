#pragma once
// All that one look has brought.

#include <vector>

#include "analyzer/lint.h"
#include "analyzer/n_plus_one.h"
#include "base/clock.h"

namespace analyzer {

struct LintReport {
  bool on = false;  // lint is switched on
  LintResult lint;
  std::vector<LoopFinding> loops;
  base::WallTime at{};
};

}  // namespace analyzer
