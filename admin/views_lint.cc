// SHOW LINT, N_PLUS_ONE, POOL_ADVICE and LINT_RULES: what statements and pools could rather be.

#include "admin/views.h"

#include "analyzer/lint_report.h"
#include "analyzer/pool_advice.h"

namespace admin {

namespace {

using analyzer::LintFinding;
using analyzer::LintRule;
using analyzer::LoopFinding;
using analyzer::PoolAdvice;
using pooler::ConsoleRole;

double per(uint64_t sum, uint64_t count) {
  return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
}

Columns<LintFinding> lint_columns() {
  return {
      {"severity", "error, warning or info.", [](const LintFinding& row) { return analyzer::name_of(row.severity); }},
      {"rule", "Its name: SHOW LINT_RULES says what it means.",
       [](const LintFinding& row) { return row.rule != nullptr ? row.rule->name : std::string_view(); }},
      {"database", "Name of the database.", &LintFinding::database},
      {"fingerprint", "The statement's, as in SHOW QUERIES.",
       [](const LintFinding& row) { return fingerprint_text(row.fingerprint); }},
      {"lost_ms_per_hour", "Milliseconds of servers that this may cost in an hour.", &LintFinding::lost_ms_per_hour},
      {"calls", "How often the statement was run.", [](const LintFinding& row) { return static_cast<int64_t>(row.calls); }},
      {"confidence", "How well that is known: low, medium or high.",
       [](const LintFinding& row) { return analyzer::name_of(row.confidence); }},
      {"evidence", "The piece of the statement.", &LintFinding::evidence},
      {"note", "Figures.", &LintFinding::note},
      {"advice", "What to do instead.",
       [](const LintFinding& row) { return row.rule != nullptr ? row.rule->fix : std::string_view(); }},
      {"rewritten", "The statement in other words, where that is mechanical.", &LintFinding::rewritten},
      {"query", "The statement, with $n for its values.", &LintFinding::query},
  };
}

Columns<LoopFinding> loop_columns() {
  const auto count = [](uint64_t analyzer::Loops::*member) {
    return [member](const LoopFinding& row) { return static_cast<int64_t>(row.loops.*member); };
  };
  return {
      {"database", "Name of the database.", [](const LoopFinding& row) { return row.loops.database; }},
      {"fingerprint", "The statement's, as in SHOW QUERIES.",
       [](const LoopFinding& row) { return fingerprint_text(row.loops.fingerprint); }},
      {"loops", "How many loops were seen.", count(&analyzer::Loops::loops)},
      {"calls", "Calls in them.", count(&analyzer::Loops::calls)},
      {"turns", "Calls of one loop, on average.",
       [](const LoopFinding& row) { return per(row.loops.calls, row.loops.loops); }},
      {"turns_max", "Of the longest.", count(&analyzer::Loops::turns_max)},
      {"clients", "Clients that ran them, about.",
       [](const LoopFinding& row) { return static_cast<int64_t>(row.loops.clients.estimate() + 0.5); }},
      {"server_ms", "Milliseconds of servers for one call.",
       [](const LoopFinding& row) { return per(row.loops.server_us, row.loops.calls) / 1000; }},
      {"gap_ms", "Milliseconds between two calls.",
       [](const LoopFinding& row) { return per(row.loops.gap_us, row.loops.calls) / 1000; }},
      {"lost_ms_per_hour", "Milliseconds that all turns but the first took, in an hour.", &LoopFinding::lost_ms_per_hour},
      {"confidence", "high where loops have as many turns as the statement before them had rows.",
       [](const LoopFinding& row) { return analyzer::name_of(row.confidence); }},
      {"query", "The statement, with $n for its values.", [](const LoopFinding& row) { return row.loops.query; }},
      {"source_fingerprint", "Of the statement before the loop.",
       [](const LoopFinding& row) { return fingerprint_text(row.loops.source); }},
      {"source_query", "That statement, where it is known.", &LoopFinding::source_query},
      {"rewritten", "One statement for all values, where that is mechanical.", &LoopFinding::rewritten},
  };
}

Columns<PoolAdvice> pool_columns() {
  return {
      {"database", "Name of the database.", &PoolAdvice::database},
      {"user", "Name of the user.", &PoolAdvice::user},
      {"change", "What to change and what that would do; empty if it is right as it is.", &PoolAdvice::change},
      {"pool_size", "As it is.", &PoolAdvice::size},
      {"suggested_pool_size", "As it should be.", &PoolAdvice::suggested_size},
      {"reserve_pool_size", "As it is.", &PoolAdvice::reserve},
      {"suggested_reserve_pool_size", "As it should be.", &PoolAdvice::suggested_reserve},
      {"query_wait_timeout_ms", "As it is; 0 is none.", &PoolAdvice::query_wait_timeout_ms},
      {"suggested_query_wait_timeout_ms", "As it should be.", &PoolAdvice::suggested_timeout_ms},
      {"seconds", "How long was looked.", &PoolAdvice::seconds},
      {"transactions_per_second", "How many came.", &PoolAdvice::transactions_per_second},
      {"held_ms", "How long one held its server, on average.", &PoolAdvice::held_ms},
      {"wait_ms", "How long one waited for a server, on average.", &PoolAdvice::wait_ms},
      {"wait_after_ms", "How long one would wait with the suggested size, by Erlang's formula.", &PoolAdvice::wait_after_ms},
      {"busy", "Servers that were busy, on average: transactions a second times how long each held one (Little's law).",
       &PoolAdvice::busy},
      {"busy_max", "The most at one look.", &PoolAdvice::busy_max},
      {"waiting_max", "The most clients in line at one look.", &PoolAdvice::waiting_max},
      {"longest_wait_ms", "The longest that somebody in line had waited at one look.", &PoolAdvice::longest_wait_ms},
  };
}

Columns<LintRule> rule_columns() {
  return {
      {"rule", "Its name.", &LintRule::name},
      {"severity", "error, warning or info.", [](const LintRule& row) { return analyzer::name_of(row.severity); }},
      {"what", "What it is about.", &LintRule::what},
      {"why", "What is wrong with that.", &LintRule::why},
      {"instead", "What to do instead.", &LintRule::fix},
      {"guard", "When it is silent.", &LintRule::guard},
  };
}

template <typename Row>
using Then = pooler::Inspector::Then<Row>;

}  // namespace

std::vector<View> lint_views() {
  std::vector<View> views;
  views.push_back(make_view("LINT", "Statements that are wrong, or cost more than they need to; looked at now.",
                            ConsoleRole::kStats, lint_columns(),
                            [](const Sources& sources, const Then<LintFinding>& then) {
                              if (!sources.advice.report) return then({});
                              sources.advice.report([then](const auto& report) { then(report->lint.findings); });
                            }));
  views.push_back(make_view("N_PLUS_ONE", "Loops of clients over the rows of another statement.", ConsoleRole::kStats,
                            loop_columns(), [](const Sources& sources, const Then<LoopFinding>& then) {
                              if (!sources.advice.report) return then({});
                              sources.advice.report([then](const auto& report) { then(report->loops); });
                            }));
  views.push_back(make_view("POOL_ADVICE", "How large each pool should be, and why.", ConsoleRole::kStats, pool_columns(),
                            [](const Sources& sources, const Then<PoolAdvice>& then) {
                              then(sources.advice.pools ? sources.advice.pools() : std::vector<PoolAdvice>());
                            }));
  views.push_back(make_view("LINT_RULES", "The rules of SHOW LINT.", ConsoleRole::kStats, rule_columns(),
                            [](const Sources&, const Then<LintRule>& then) {
                              const auto rules = analyzer::all_lint_rules();
                              then({rules.begin(), rules.end()});
                            }));
  return views;
}

}  // namespace admin
