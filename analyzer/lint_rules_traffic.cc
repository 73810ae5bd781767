// Rules about statements that are run in a way that costs.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analyzer/lint_rewrite.h"
#include "analyzer/lint_rules.h"

namespace analyzer::lint_rules {

namespace {

// Functions whose answer depends on nothing but their arguments, of those that queries are full of.
constexpr std::array<std::string_view, 29> kSteady = {
    "count", "sum",    "avg",        "min",       "max",  "coalesce", "lower", "upper",   "length",  "substring",
    "substr", "round", "date_trunc", "extract",   "date", "abs",      "trim",  "btrim",   "ltrim",   "rtrim",
    "concat", "replace", "date_part", "array_agg", "string_agg", "greatest", "least", "nullif", "json_agg"};

bool is_steady(const LintText& text) {
  for (const Node call : all_inside(text, text.statement(), "FuncCall"))
    if (std::find(kSteady.begin(), kSteady.end(), function_of(call)) == kSteady.end()) return false;
  return !has_inside(text, text.statement(), "SQLValueFunction") && !has_inside(text, text.statement(), "lockingClause") &&
         !has_inside(text, text.statement(), "LockingClause");
}

}  // namespace

void insert_loop(const LintContext& context, Hits& hits) {
  constexpr double kPartOfCalls = 0.1;
  const Node insert = context.text.statement();
  if (context.text.kind() != "InsertStmt" || context.statement.facts == nullptr) return;
  if (insert["selectStmt"]["SelectStmt"]["valuesLists"].size() != 1 || insert["returningList"].size() > 0) return;
  if (insert["onConflictClause"]["action"].text() == "ONCONFLICT_UPDATE" || insert.has("withClause")) return;
  const LintFacts& facts = *context.statement.facts;
  if (facts.in_long_runs() == 0) return;
  const double part = static_cast<double>(facts.in_long_runs()) / static_cast<double>(std::max<uint64_t>(facts.calls(), 1));
  if (part < kPartOfCalls) return;
  LintHit found = hit(context, insert["relation"], fmt::format("{:.0f} % of its calls in runs of {} or more", part * 100,
                                                               LintFacts::kLongRun));
  const Node into = insert["relation"];
  found.evidence = "INSERT INTO ";
  if (into.has("schemaname")) found.evidence += std::string(into["schemaname"].text()) + '.';
  found.evidence += into["relname"].text();
  found.rewritten = insert_rows(context.text);
  found.lost = std::min(part, 1.0) * 0.8;
  found.confidence = Confidence::kHigh;
  hits.push_back(std::move(found));
}

void cacheable(const LintContext& context, Hits& hits) {
  constexpr double kCallsPerHour = 60, kBytes = 64 * 1024, kWritten = 0.01, kRepeated = 0.8;
  constexpr uint64_t kCalls = 50;  // fewer say little about repetition
  const LintStatement& statement = context.statement;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || statement.facts == nullptr || statement.facts->calls() < kCalls) return;
  if (statement.calls_per_hour() < kCallsPerHour || statement.mean_bytes() > kBytes || !is_steady(context.text)) return;
  const double distinct = std::max(statement.facts->distinct(), 1.0);
  const double repeated = 1 - distinct / static_cast<double>(statement.facts->calls());
  if (repeated < kRepeated) return;
  bool table = false;
  double written = 0;
  for (const Node range : all_inside(context.text, query, "RangeVar")) {
    table = true;
    const auto found = context.writes.find(range["relname"].text());
    if (found != context.writes.end()) written += found->second.calls_per_hour;
  }
  if (!table || written > kWritten * statement.calls_per_hour()) return;
  LintHit found = hit(context, query["targetList"],
                      fmt::format("{:.0f} % of calls repeat values; {:.0f} writes an hour", repeated * 100, written));
  found.lost = repeated;
  hits.push_back(std::move(found));
}

void materialized_view(const LintContext& context, Hits& hits) {
  constexpr uint64_t kSlowUs = 1'000'000;
  constexpr double kCallsPerHour = 6, kValues = 3;
  constexpr std::size_t kTables = 3;
  const LintStatement& statement = context.statement;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || statement.p50_us < kSlowUs || statement.calls_per_hour() < kCallsPerHour) return;
  if (statement.facts == nullptr || statement.facts->distinct() > kValues || !aggregates(context.text, query)) return;
  if (all_inside(context.text, query, "RangeVar").size() < kTables || !is_steady(context.text)) return;
  LintHit found = hit(context, query["groupClause"], fmt::format("{:.1f} s a call", statement.mean_ms() / 1000));
  found.evidence = found.evidence.empty() ? "aggregates" : "GROUP BY " + found.evidence;
  found.lost = 0.9;
  found.confidence = Confidence::kLow;
  hits.push_back(std::move(found));
}

void partition(const LintContext& context, Hits& hits) {
  constexpr double kRows = 100e6, kBytes = 50e9;
  const Node remove = context.text.statement();
  if (context.text.kind() != "DeleteStmt") return;
  const std::vector<FromItem> items = items_of(context.text, remove, context.catalog);
  if (items.size() != 1 || items[0].known == nullptr || items[0].known->kind == 'p') return;
  if (items[0].known->rows < kRows && items[0].known->bytes < kBytes) return;
  for (const Node condition : conditions_of(remove)) {
    if (condition.key() != "A_Expr" || !operator_of(condition).starts_with("<")) continue;
    if (operator_of(condition) == "<>" || !is_column(condition["lexpr"].inner())) continue;
    LintHit found = hit(context, condition, fmt::format("{} has {} rows", items[0].name, grouped(items[0].known->rows)));
    found.lost = 0.9;
    found.confidence = Confidence::kLow;
    hits.push_back(std::move(found));
    return;
  }
}

void old_statistics(const LintContext& context, Hits& hits) {
  constexpr double kChanged = 0.2;
  if (context.text.kind() != "SelectStmt" || context.catalog == nullptr) return;
  for (const Node range : all_inside(context.text, context.text.statement(), "RangeVar")) {
    const LintTable* table = context.catalog->find(range["schemaname"].text(), range["relname"].text());
    if (table == nullptr || table->kind != 'r' || table->rows < context.limits.rows) continue;
    if (table->changed < kChanged * table->rows) continue;
    LintHit found = hit(context, range, fmt::format("{} of {} rows changed since ANALYZE", grouped(table->changed),
                                                    grouped(table->rows)));
    found.evidence = table->name;
    found.lost = 0.2;
    found.confidence = Confidence::kLow;
    hits.push_back(std::move(found));
    return;
  }
}

void not_prepared(const LintContext& context, Hits& hits) {
  constexpr double kCallsPerHour = 1000 * 60;
  const LintStatement& statement = context.statement;
  if (statement.parses > 0 || statement.calls_per_hour() < kCallsPerHour || statement.facts == nullptr) return;
  if (statement.facts->prepared() > 0 || statement.facts->distinct() < 2) return;
  if (all_inside(context.text, context.text.statement(), "ParamRef").empty()) return;
  static constexpr std::array<std::string_view, 4> kKinds = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"};
  if (std::find(kKinds.begin(), kKinds.end(), context.text.kind()) == kKinds.end()) return;
  LintHit found = hit(context, context.text.statement(),
                      fmt::format("{} calls a minute", grouped(statement.calls_per_hour() / 60)));
  found.evidence = "values in the text";
  found.lost = 0.2;
  found.confidence = Confidence::kLow;
  hits.push_back(std::move(found));
}

}  // namespace analyzer::lint_rules
