// Rules about queries that ask for more than is needed.

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/lint_rewrite.h"
#include "analyzer/lint_rules.h"

namespace analyzer::lint_rules {

namespace {

bool is_star(Node target) {
  const Node what = target.inner()["val"].inner();
  return what.key() == "ColumnRef" && !is_column(what);
}

// count(*) or count(x), and nothing else.
bool only_counts(Node query) {
  if (query["targetList"].size() != 1) return false;
  for (const Node target : query["targetList"]) {
    const Node call = target.inner()["val"].inner();
    if (call.key() == "FuncCall" && function_of(call) == "count" && !call["agg_distinct"].flag() && !call.has("over") &&
        !call.has("agg_filter"))
      return true;
  }
  return false;
}

// What the arm of a UNION has in that place, if that is a value.
Node constant_at(const LintText& text, Node arm, std::size_t place) {
  std::size_t i = 0;
  for (const Node target : arm["targetList"]) {
    if (i++ != place) continue;
    const Node what = without_cast(target.inner()["val"].inner());
    return what && is_value(text, what) && (what.key() == "ParamRef" || what.key() == "A_Const") ? what : Node();
  }
  return {};
}

}  // namespace

void star(const LintContext& context, Hits& hits) {
  constexpr std::size_t kColumns = 15;
  constexpr double kWidth = 500, kBytesPerRow = 1000, kCallsPerHour = 100;
  const LintStatement& statement = context.statement;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || query["op"].text() != "SETOP_NONE" || context.catalog == nullptr) return;
  if (statement.calls_per_hour() < kCallsPerHour || statement.rows == 0) return;
  if (statement.mean_bytes() / std::max(statement.mean_rows(), 1.0) < kBytesPerRow) return;
  for (const Node target : query["targetList"]) {
    if (!is_star(target)) continue;
    for (const FromItem& item : items_of(context.text, query, context.catalog)) {
      if (item.known == nullptr || (item.known->kind != 'r' && item.known->kind != 'p')) continue;
      double width = 0;
      for (const LintColumn& column : item.known->columns) width += column.width;
      if (item.known->columns.size() < kColumns && width < kWidth) continue;
      LintHit found = hit(context, target, fmt::format("{} has {} columns; {} bytes a row", item.name,
                                                       item.known->columns.size(),
                                                       grouped(statement.mean_bytes() / std::max(statement.mean_rows(), 1.0))));
      if (found.evidence.empty()) found.evidence = "*";
      found.lost = 0.3;
      found.confidence = Confidence::kLow;
      hits.push_back(std::move(found));
      return;
    }
  }
}

void count_for_existence(const LintContext& context, Hits& hits) {
  for (const Node comparison : comparisons(context.text)) {
    if (comparison["kind"].text() != "AEXPR_OP") continue;
    Node left = comparison["lexpr"].inner(), right = comparison["rexpr"].inner();
    std::string sign(operator_of(comparison));
    if (right.key() == "SubLink") {
      std::swap(left, right);
      for (char& c : sign) c = c == '<' ? '>' : c == '>' ? '<' : c;
      if (sign == "><") sign = "<>";
    }
    if (left.key() != "SubLink" || left["subLinkType"].text() != "EXPR_SUBLINK") continue;
    const Node query = left["subselect"].inner();
    if (!only_counts(query) || query["groupClause"].size() > 0 || query.has("havingClause") || query.has("limitCount")) continue;
    if (query["op"].text() != "SETOP_NONE" || query["fromClause"].size() == 0 || query.has("limitOffset")) continue;
    // count(x) leaves NULLs out.
    Node call;
    for (const Node target : query["targetList"]) call = target.inner()["val"].inner();
    if (!call["agg_star"].flag()) continue;
    const ParameterFacts& facts = context.facts_of(right);
    std::optional<int64_t> with;
    if (facts.numbers > 0 && facts.numbers == facts.seen && facts.number_min == facts.number_max) with = facts.number_max;
    if (!with) continue;
    const bool there = (sign == ">" && *with == 0) || (sign == ">=" && *with == 1) || (sign == "<>" && *with == 0);
    const bool none = (sign == "=" && *with == 0) || (sign == "<" && *with == 1) || (sign == "<=" && *with == 0);
    if (!there && !none) continue;
    LintHit found = hit(context, comparison);
    found.rewritten = exists(context.text, comparison, none);
    found.lost = 0.7;
    found.confidence = Confidence::kHigh;
    hits.push_back(std::move(found));
  }
}

void count_all(const LintContext& context, Hits& hits) {
  constexpr double kRows = 100'000, kMs = 20, kCallsPerHour = 6;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || !only_counts(query) || query.has("whereClause")) return;
  if (query["groupClause"].size() > 0 || query["op"].text() != "SETOP_NONE") return;
  const std::vector<FromItem> items = items_of(context.text, query, context.catalog);
  if (items.size() != 1 || items[0].known == nullptr || items[0].known->rows < kRows) return;
  if (context.statement.mean_ms() < kMs || context.statement.calls_per_hour() < kCallsPerHour) return;
  LintHit found = hit(context, query["targetList"], fmt::format("{} rows are counted", grouped(items[0].known->rows)));
  found.lost = 0.95;
  found.confidence = Confidence::kHigh;
  hits.push_back(std::move(found));
}

void unbounded(const LintContext& context, Hits& hits) {
  constexpr double kBytes = 10'000'000;
  constexpr uint64_t kCalls = 5;
  const LintStatement& statement = context.statement;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || statement.calls < kCalls) return;
  if (query.has("limitCount") && !is_null(query["limitCount"].inner())) return;
  if (statement.mean_rows() < context.limits.rows && statement.mean_bytes() < kBytes) return;
  if (query["op"].text() == "SETOP_NONE") {
    if (query["fromClause"].size() == 0 || aggregates(context.text, query)) return;
    bool table = false;
    for (const FromItem& item : items_of(context.text, query, context.catalog)) table = table || item.table;
    if (!table) return;  // generate_series() and the like: as many as were asked for
  }
  LintHit found = hit(context, query["fromClause"], fmt::format("{} rows, {} bytes a call", grouped(statement.mean_rows()),
                                                                grouped(statement.mean_bytes())));
  found.evidence = found.evidence.empty() ? "no LIMIT" : "no LIMIT: FROM " + found.evidence;
  found.confidence = Confidence::kMedium;
  hits.push_back(std::move(found));
}

void distinct_join(const LintContext& context, Hits& hits) {
  for (const Node query : queries_of(context.text)) {
    if (!query.has("distinctClause")) continue;
    // DISTINCT ON has something in its list.
    bool on = false;
    for (const Node entry : query["distinctClause"]) on = on || entry.inner().size() > 0;
    const std::vector<FromItem> items = items_of(context.text, query, context.catalog);
    if (on || items.size() < 2 || items.size() > 16) continue;
    bool plain = std::all_of(items.begin(), items.end(), [](const FromItem& item) { return item.table && !item.outer_joined; });
    std::vector<bool> selected(items.size(), false);
    for (const std::string_view list : {"targetList", "sortClause"}) {
      for (const Node column : all_inside(context.text, query[list], "ColumnRef")) {
        if (!is_column(column)) {
          std::string_view first;
          for (const Node field : column["fields"]) first = first.empty() ? field["String"]["sval"].text() : first;
          for (std::size_t i = 0; i < items.size(); ++i)
            if (first.empty() || items[i].called() == first) selected[i] = true;
          continue;
        }
        const auto owner = owner_of(context.text, column, context.catalog);
        if (!owner) plain = false;
        for (std::size_t i = 0; i < items.size(); ++i)
          if (owner && items[i].node == owner->node) selected[i] = true;
      }
    }
    if (!plain || aggregates(context.text, query)) continue;
    const auto unused = std::find(selected.begin(), selected.end(), false);
    if (unused == selected.end() || std::find(selected.begin(), selected.end(), true) == selected.end()) continue;
    const FromItem& other = items[static_cast<std::size_t>(unused - selected.begin())];
    LintHit found = hit(context, query["targetList"], fmt::format("nothing of {} is selected", other.called()));
    found.evidence = "SELECT DISTINCT " + found.evidence;
    found.lost = 0.3;
    found.confidence = Confidence::kLow;
    hits.push_back(std::move(found));
  }
}

void union_distinct(const LintContext& context, Hits& hits) {
  constexpr double kRows = 1000;
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || query["op"].text() != "SETOP_UNION" || query["all"].flag()) return;
  if (context.statement.mean_rows() < kRows) return;
  const Node left = query["larg"], right = query["rarg"];
  if (left["op"].text() != "SETOP_NONE" || right["op"].text() != "SETOP_NONE") return;
  for (std::size_t i = 0; i < left["targetList"].size(); ++i) {
    const Node a = constant_at(context.text, left, i), b = constant_at(context.text, right, i);
    const ParameterFacts& one = context.facts_of(a);
    const ParameterFacts& other = context.facts_of(b);
    if (!a || !b || one.seen == 0 || other.seen == 0 || one.nulls + other.nulls > 0) continue;
    if (!one.always_same || !other.always_same || one.hash == other.hash) continue;
    LintHit found = hit(context, query);
    found.evidence = fmt::format("UNION: {} and {} differ", context.text.slice(a), context.text.slice(b));
    found.lost = 0.3;
    hits.push_back(std::move(found));
    return;
  }
}

void correlated_select(const LintContext& context, Hits& hits) {
  constexpr double kRows = 100;
  if (context.statement.mean_rows() < kRows || context.text.kind() != "SelectStmt") return;
  const Node query = context.text.statement();
  for (const Node target : query["targetList"]) {
    for (const Node link : all_inside(context.text, target, "SubLink")) {
      if (link["subLinkType"].text() != "EXPR_SUBLINK") continue;
      const Node inner = link["subselect"].inner();
      const std::vector<FromItem> outside = items_of(context.text, query, context.catalog);
      bool correlated = false;
      for (const Node column : all_inside(context.text, inner, "ColumnRef")) {
        const auto owner = is_column(column) ? owner_of(context.text, column, context.catalog) : std::nullopt;
        if (!owner) continue;
        for (const FromItem& item : outside) correlated = correlated || item.node == owner->node;
      }
      if (!correlated) continue;
      LintHit found = hit(context, link, fmt::format("run for each of {} rows", grouped(context.statement.mean_rows())));
      found.lost = 0.7;
      hits.push_back(std::move(found));
    }
  }
}

}  // namespace analyzer::lint_rules
