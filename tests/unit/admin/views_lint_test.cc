#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

#include "analyzer/lint_report.h"
#include "analyzer/pool_advice.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;

// The rows of a view, as text.
std::string shown(const AdviceAccess& advice, std::string_view name) {
  World world;
  Sources sources{.inspector = world.inspector, .config = {}, .console = {}, .version = "0"};
  sources.advice = advice;
  const View* view = find_view(name);
  if (view == nullptr) return "no such view";
  std::string out;
  view->take(sources, [&out, view](const SnapshotPtr& snapshot) {
    for (const auto& row : to_table(view->columns, *snapshot).rows) {
      for (std::size_t i = 0; i < row.size(); ++i)
        out += encode_cell(row[i], view->columns[i].type, wire::Format::kText).value_or("NULL") + "|";
      out += "\n";
    }
  });
  return out;
}

AdviceAccess one_of_each() {
  auto report = std::make_shared<analyzer::LintReport>();
  analyzer::LintFinding finding;
  finding.rule = analyzer::find_rule("EQNULL");
  finding.severity = analyzer::LintSeverity::kError;
  finding.fingerprint = 0xabc;
  finding.database = "app";
  finding.query = "SELECT a FROM t WHERE b = NULL";
  finding.evidence = "b = NULL";
  finding.rewritten = "SELECT a FROM t WHERE b IS NULL";
  finding.calls = 12;
  finding.lost_ms_per_hour = 1.5;
  finding.confidence = analyzer::Confidence::kHigh;
  report->lint.findings = {finding};
  analyzer::LoopFinding loop;
  loop.loops.database = "app";
  loop.loops.fingerprint = 0xdef;
  loop.loops.loops = 4;
  loop.loops.calls = 80;
  loop.loops.server_us = 160'000;
  loop.rewritten = "SELECT a FROM b WHERE c = ANY ($1)";
  report->loops = {loop};
  analyzer::PoolAdvice pool;
  pool.database = "app";
  pool.user = "alice";
  pool.change = "default_pool_size 3 -> 6";
  pool.size = 3;
  pool.suggested_size = 6;
  return {.report = [report](const auto& done) { done(report); }, .pools = [pool] { return std::vector{pool}; }};
}

TEST(ViewsLint, ShowWhatWasFound) {
  EXPECT_EQ(shown(one_of_each(), "LINT"),
            "error|EQNULL|app|0000000000000abc|1.5|12|high|b = NULL||IS NULL or IS NOT NULL.|SELECT a FROM t WHERE b IS "
            "NULL|SELECT a FROM t WHERE b = NULL|\n");
  EXPECT_THAT(shown(one_of_each(), "N_PLUS_ONE"), HasSubstr("app|0000000000000def|4|80|20|0|0|2|0|"));
  EXPECT_THAT(shown(one_of_each(), "POOL_ADVICE"), HasSubstr("app|alice|default_pool_size 3 -> 6|3|6|"));
}

TEST(ViewsLint, AreEmptyWithoutAdvice) {
  for (const std::string_view name : {"LINT", "N_PLUS_ONE", "POOL_ADVICE"}) EXPECT_EQ(shown({}, name), "") << name;
}

TEST(ViewsLint, TheRulesAreATable) {
  World world;
  Client root(world);
  EXPECT_THAT(root.query("SHOW LINT_RULES"), HasSubstr("D(EQNULL|error|"));
  const std::string warnings = root.query("SELECT rule FROM lint_rules WHERE severity = 'warning'");
  EXPECT_THAT(warnings, HasSubstr("D(OFFSET)"));
  EXPECT_THAT(warnings, Not(HasSubstr("D(STAR)")));
}

}  // namespace
}  // namespace admin
