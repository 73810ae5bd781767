// Rules about statements that do not mean what they say.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analyzer/lint_rewrite.h"
#include "analyzer/lint_rules.h"

namespace analyzer::lint_rules {

namespace {

// SET c = NULL is an assignment, and has no A_Expr; but CASE x WHEN NULL and the like are left alone.
bool compares(Node expression) {
  const auto sign = operator_of(expression);
  return expression["kind"].text() == "AEXPR_OP" && (sign == "=" || sign == "<>");
}

// WHERE true, WHERE 1 = 1: a condition without any column.
bool always_true(const LintText& text, Node where) {
  if (!where) return true;
  const Node condition = where.inner();
  if (condition.key() == "A_Const") return true;
  if (condition.key() == "TypeCast") return condition["arg"].inner().key() == "A_Const";
  if (condition.key() != "A_Expr") return false;
  const Node left = condition["lexpr"].inner(), right = condition["rexpr"].inner();
  static constexpr std::array<std::string_view, 2> kConstant = {"A_Const", "ParamRef"};
  const auto constant = [&](Node side) {
    return side && std::find(kConstant.begin(), kConstant.end(), side.key()) != kConstant.end() && is_value(text, side);
  };
  return compares(condition) && constant(left) && constant(right);
}

bool excludes_null(const LintText& text, Node query, std::string_view column) {
  for (const Node condition : conditions_of(query)) {
    if (condition.key() == "NullTest" && condition["nulltesttype"].text() == "IS_NOT_NULL" &&
        column_name(condition["arg"].inner()) == column)
      return true;
    // A comparison is not true of NULL either.
    if (condition.key() == "A_Expr")
      for (const Node side : {condition["lexpr"].inner(), condition["rexpr"].inner()})
        if (is_column(side) && column_name(side) == column && condition["kind"].text() == "AEXPR_OP") return true;
  }
  return has_inside(text, query["groupClause"], "GroupingSet");  // left alone
}

}  // namespace

void null_comparison(const LintContext& context, Hits& hits) {
  if (context.catalog != nullptr && context.catalog->null_is_equal) return;
  for (const Node expression : all_inside(context.text, context.text.statement(), "A_Expr")) {
    if (!compares(expression)) continue;
    const bool left = is_null(expression["lexpr"].inner()), right = is_null(expression["rexpr"].inner());
    if (left == right) continue;
    LintHit found = hit(context, expression);
    found.rewritten = null_test(context.text, expression);
    found.confidence = Confidence::kHigh;
    hits.push_back(std::move(found));
  }
}

void not_in(const LintContext& context, Hits& hits) {
  if (context.catalog == nullptr) return;
  for (const Node negation : all_inside(context.text, context.text.statement(), "BoolExpr")) {
    if (negation["boolop"].text() != "NOT_EXPR") continue;
    Node link;
    for (const Node argument : negation["args"]) link = argument.inner();
    if (link.key() != "SubLink" || link["subLinkType"].text() != "ANY_SUBLINK") continue;
    const Node query = link["subselect"].inner();
    if (query["targetList"].size() != 1) continue;
    Node target;
    for (const Node entry : query["targetList"]) target = entry.inner()["val"].inner();
    if (!is_column(target)) continue;
    const LintColumn* column = known_column(context.text, target, context.catalog);
    if (column == nullptr) continue;
    const auto owner = owner_of(context.text, target, context.catalog);
    if (column->not_null && !(owner && owner->outer_joined)) continue;
    if (excludes_null(context.text, query, column_name(target))) continue;
    LintHit found = hit(context, negation, fmt::format("{} may be NULL", column->name));
    if (column->null_share > 0) {
      found.note = fmt::format("{} is NULL in some rows: the result is always empty", column->name);
      found.severity = LintSeverity::kError;
      found.confidence = Confidence::kHigh;
    }
    found.rewritten = not_exists(context.text, negation, context.catalog);
    hits.push_back(std::move(found));
  }
}

void no_where(const LintContext& context, Hits& hits) {
  constexpr double kRowsChanged = 100, kTableRows = 1000;
  for (const std::string_view kind : {"UpdateStmt", "DeleteStmt"}) {
    for (const Node write : all_inside(context.text, context.text.statement(), kind)) {
      if (write["fromClause"].size() > 0 || write["usingClause"].size() > 0) continue;
      if (!always_true(context.text, write["whereClause"])) continue;
      const std::vector<FromItem> items = items_of(context.text, write, context.catalog);
      const double rows = items.empty() || items[0].known == nullptr ? -1 : items[0].known->rows;
      if (context.statement.mean_rows() <= kRowsChanged && rows <= kTableRows) continue;
      if (rows >= 0 && rows <= kTableRows) continue;
      LintHit found = hit(context, write, fmt::format("{} rows a call", grouped(context.statement.mean_rows())));
      found.evidence = fmt::format("{} {}", kind == "UpdateStmt" ? "UPDATE" : "DELETE FROM",
                                   items.empty() ? std::string_view() : items[0].name);
      found.lost = 0.9;
      found.confidence = Confidence::kHigh;
      hits.push_back(std::move(found));
    }
  }
}

void limit_without_order(const LintContext& context, Hits& hits) {
  const Node query = context.text.statement();
  if (context.text.kind() != "SelectStmt" || !query.has("limitCount") || query["sortClause"].size() > 0) return;
  if (query["op"].text() != "SETOP_NONE" || query["fromClause"].size() == 0) return;
  if (is_null(query["limitCount"].inner())) return;
  if (aggregates(context.text, query) && query["groupClause"].size() == 0) return;
  // Any row will do where nothing of it is asked for.
  bool asks = false;
  for (const Node target : query["targetList"]) asks = asks || has_inside(context.text, target, "ColumnRef");
  if (!asks || query.has("lockingClause")) return;  // a queue takes any row
  const std::vector<FromItem> items = items_of(context.text, query, context.catalog);
  const std::vector<Node> conditions = conditions_of(query);
  for (const FromItem& item : items) {
    if (!item.table || fixes_one_row(context.text, item, conditions, items.size(), context.catalog)) return;
    // Without the catalogue: a column called id is as good as a key.
    if (item.known != nullptr) continue;
    for (const Node condition : conditions) {
      if (condition.key() != "A_Expr" || condition["kind"].text() != "AEXPR_OP" || operator_of(condition) != "=") continue;
      for (const Node side : {condition["lexpr"].inner(), condition["rexpr"].inner()})
        if (is_column(side) && (column_name(side) == "id" || column_name(side) == "uuid")) return;
    }
  }
  // As many rows as there are, or one: nothing was left out.
  if (context.statement.mean_rows() <= 1) return;
  const Extent limit = context.text.word("limit", 0);
  LintHit found = hit(context, query["limitCount"].inner());
  if (limit.size > 0) found.evidence = "LIMIT " + found.evidence;
  found.lost = 0;
  found.confidence = Confidence::kLow;
  hits.push_back(std::move(found));
}

void cartesian(const LintContext& context, Hits& hits) {
  constexpr double kProduct = 1'000'000;
  for (const Node query : queries_of(context.text)) {
    std::vector<FromItem> items = items_of(context.text, query, context.catalog);
    if (items.size() < 2 || items.size() > 64) continue;
    // Written as one, or not a plain join of tables: it is meant.
    if (std::any_of(items.begin(), items.end(), [](const FromItem& item) { return !item.table; })) continue;
    bool cross = false;
    for (const Node join : all_inside(context.text, query["fromClause"], "JoinExpr"))
      cross = cross || (!join.has("quals") && join["usingClause"].size() == 0) || join["isNatural"].flag();
    if (cross) continue;
    const std::vector<Node> conditions = conditions_of(query);
    std::vector<std::size_t> group(items.size());
    for (std::size_t i = 0; i < group.size(); ++i) group[i] = i;
    const auto unite = [&group](std::size_t a, std::size_t b) {
      const std::size_t from = group[b], to = group[a];
      for (std::size_t& one : group)
        if (one == from) one = to;
    };
    // USING links its two sides; which tables they are does not matter for a group.
    bool unclear = has_inside(context.text, query["fromClause"], "usingClause");
    for (const Node condition : conditions) {
      std::optional<std::size_t> first;
      for (const Node column : all_inside(context.text, condition, "ColumnRef")) {
        const auto owner = owner_of(context.text, column, context.catalog);
        if (!owner) {
          unclear = true;
          continue;
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
          if (items[i].node != owner->node) continue;
          if (first) unite(*first, i);
          first = first.value_or(i);
        }
      }
    }
    if (unclear || std::all_of(group.begin(), group.end(), [&group](std::size_t one) { return one == group[0]; })) continue;
    double product = 1;
    bool single = false;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (fixes_one_row(context.text, items[i], conditions, items.size(), context.catalog)) {
        single = single || std::count(group.begin(), group.end(), group[i]) == 1;
        continue;
      }
      product *= items[i].known != nullptr ? std::max(items[i].known->rows, 1.0) : 1;
    }
    if (single || (product < kProduct && context.statement.mean_rows() < kProduct)) continue;
    std::string names;
    for (const FromItem& item : items) names += (names.empty() ? "" : ", ") + std::string(item.called());
    LintHit found = hit(context, query["fromClause"]);
    found.evidence = "FROM " + names;
    found.lost = 0.9;
    hits.push_back(std::move(found));
  }
}

void idle_in_transaction(const LintContext& context, Hits& hits) {
  constexpr double kWarn = 5000, kBad = 60'000;
  const LintStatement& statement = context.statement;
  if (statement.calls == 0) return;
  const double mean = static_cast<double>(statement.idle_us) / 1000 / static_cast<double>(statement.calls);
  if (mean < kWarn) return;
  LintHit found = hit(context, context.text.statement(), fmt::format("{:.1f} s a call", mean / 1000));
  found.evidence = "idle in transaction";
  if (mean >= kBad) found.severity = LintSeverity::kError;
  found.lost = 0;
  found.confidence = Confidence::kHigh;
  hits.push_back(std::move(found));
}

void long_transaction(const LintContext& context, Hits& hits) {
  constexpr double kWrites = 60, kAny = 600;  // seconds
  const bool writes = context.text.kind() == "InsertStmt" || context.text.kind() == "UpdateStmt" ||
                      context.text.kind() == "DeleteStmt";
  const double seconds = static_cast<double>(context.statement.open_us) / 1'000'000;
  if (seconds < (writes ? kWrites : kAny)) return;
  LintHit found = hit(context, context.text.statement(), fmt::format("open for {} s", grouped(seconds)));
  found.evidence = "a transaction ran this last, and is open";
  found.lost = 0;
  found.confidence = Confidence::kHigh;
  hits.push_back(std::move(found));
}

}  // namespace analyzer::lint_rules
