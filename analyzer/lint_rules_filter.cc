// Rules about rows that are found the long way; and what all rules share.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analyzer/lint_rewrite.h"
#include "analyzer/lint_rules.h"

namespace analyzer::lint_rules {

namespace {

constexpr double kSlowMs = 10;  // what takes less is fast, whatever the plan

bool is_number_type(std::string_view type) { return type == "int2" || type == "int4" || type == "int8"; }

// An index whose definition has this call: "date(ts)", "lower((name)::text)".
bool expression_indexed(const FromItem& owner, std::string_view function, std::string_view column) {
  if (owner.known == nullptr) return false;
  return std::any_of(owner.known->indexes.begin(), owner.known->indexes.end(), [&](const LintIndex& index) {
    return index.expressions && index.definition.find(function) != std::string::npos &&
           index.definition.find(column) != std::string::npos;
  });
}

bool trigram_indexed(const FromItem& owner, std::string_view column) {
  if (owner.known == nullptr) return false;
  return std::any_of(owner.known->indexes.begin(), owner.known->indexes.end(), [&](const LintIndex& index) {
    return index.definition.find("_trgm_ops") != std::string::npos && index.definition.find(column) != std::string::npos;
  });
}

// The only column that the expression is made of; nothing if it is a column itself, or more than one.
Node wrapped_column(const LintContext& context, Node side) {
  if (side.key() != "FuncCall" && side.key() != "TypeCast" && side.key() != "A_Expr") return {};
  if (has_inside(context.text, side, "SubLink")) return {};
  const std::vector<Node> columns = all_inside(context.text, side, "ColumnRef");
  if (columns.size() != 1 || !is_column(columns[0])) return {};
  if (side.key() == "A_Expr" && side["kind"].text() != "AEXPR_OP") return {};
  if (side.key() == "FuncCall" && (is_aggregate(function_of(side)) || side.has("over"))) return {};
  return columns[0];
}

// In WHERE or ON, and of an inner query too; not in a select list or HAVING.
bool filters(Node node) {
  const Node query = query_around(node);
  for (const Node condition : conditions_of(query))
    if (condition.contains(node)) return true;
  return false;
}

}  // namespace

// ---- shared ----

std::vector<Node> comparisons(const LintText& text) {
  static constexpr std::array<std::string_view, 6> kSigns = {"=", "<>", "<", ">", "<=", ">="};
  std::vector<Node> found;
  for (const Node expression : all_inside(text, text.statement(), "A_Expr")) {
    const auto kind = expression["kind"].text();
    if (kind != "AEXPR_OP" && kind != "AEXPR_IN" && kind != "AEXPR_OP_ANY") continue;
    if (std::find(kSigns.begin(), kSigns.end(), operator_of(expression)) != kSigns.end()) found.push_back(expression);
  }
  return found;
}

Node without_cast(Node value) {
  while (value.key() == "TypeCast") value = value["arg"].inner();
  return value;
}

bool is_parameter(Node value) { return without_cast(value).key() == "ParamRef"; }

bool is_null(Node value) {
  value = without_cast(value);
  return value.key() == "A_Const" && value["isnull"].flag();
}

std::string grouped(double number) {
  std::string digits = fmt::format("{:.0f}", number);
  for (std::size_t at = digits.size(); at > 3 + (digits.front() == '-' ? 1U : 0U);) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

LintHit hit(const LintContext& context, Node evidence, std::string note) {
  return {.evidence = context.text.slice(evidence), .note = std::move(note)};
}

// ---- rules ----

void deep_offset(const LintContext& context, Hits& hits) {
  for (const Node query : queries_of(context.text)) {
    const Node value = query["limitOffset"].inner();
    if (!value) continue;
    const ParameterFacts& facts = context.facts_of(value);
    if (facts.numbers == 0 || facts.number_max < context.limits.offset) continue;
    const auto skipped = static_cast<double>(facts.number_max);
    LintHit found = hit(context, value, fmt::format("up to {} rows are thrown away", grouped(skipped)));
    found.evidence = "OFFSET " + found.evidence;
    found.rewritten = keyset(context.text, query, context.catalog);
    const double returned = std::max(context.statement.mean_rows(), 1.0);
    found.lost = std::clamp(1 - returned / (skipped / 2 + returned), 0.0, 0.99);
    found.confidence = found.rewritten.empty() ? Confidence::kMedium : Confidence::kHigh;
    hits.push_back(std::move(found));
  }
}

void function_on_column(const LintContext& context, Hits& hits) {
  const LintStatement& statement = context.statement;
  // As fast as with an index: it has one, or there is little to read.
  if (statement.mean_ms() < 1 || statement.mean_rows() > statement.mean_ms() * 500) return;
  for (const Node comparison : comparisons(context.text)) {
    Node left = comparison["lexpr"].inner(), right = comparison["rexpr"].inner();
    if (is_value(context.text, left)) std::swap(left, right);
    if (!is_value(context.text, right) || operator_of(comparison) == "<>" || !filters(comparison)) continue;
    const Node column = wrapped_column(context, left);
    if (!column) continue;
    const auto owner = owner_of(context.text, column, context.catalog);
    if (!owner || !owner->table) continue;
    const LintColumn* known = owner->known != nullptr ? owner->known->column(column_name(column)) : nullptr;
    std::string_view function = left.key() == "FuncCall" ? function_of(left) : std::string_view();
    if (left.key() == "TypeCast") {
      for (const Node part : left["typeName"]["names"]) function = part["String"]["sval"].text();
      // A column that is text already, or a cast that changes nothing: the index is still of use.
      if (known != nullptr && known->type == function) continue;
      if (function == "text" && (known == nullptr || known->type == "varchar" || known->type == "text")) continue;
    }
    if (function == "coalesce" && known != nullptr && known->not_null) continue;
    if (expression_indexed(*owner, function, column_name(column))) continue;
    LintHit found = hit(context, comparison);
    found.rewritten = bare_column(context.text, comparison, context.catalog);
    if (found.rewritten.empty()) {
      found.severity = LintSeverity::kInfo;
      found.confidence = Confidence::kLow;
    }
    found.lost = 0.9;
    hits.push_back(std::move(found));
  }
}

void leading_wildcard(const LintContext& context, Hits& hits) {
  if (context.statement.mean_ms() < kSlowMs) return;
  for (const Node like : all_inside(context.text, context.text.statement(), "A_Expr")) {
    const auto kind = like["kind"].text();
    if ((kind != "AEXPR_LIKE" && kind != "AEXPR_ILIKE") || operator_of(like).starts_with("!")) continue;
    const Node column = like["lexpr"].inner(), pattern = like["rexpr"].inner();
    const std::vector<Node> columns = all_inside(context.text, column, "ColumnRef");
    if (columns.size() != 1 || !is_column(columns[0]) || !filters(like)) continue;
    const ParameterFacts& facts = context.facts_of(pattern);
    // '%' || $1 begins with a value of the text.
    bool wild = facts.wild_first > 0;
    if (pattern.key() == "A_Expr" && operator_of(pattern) == "||") {
      Node first = pattern;
      while (first.key() == "A_Expr" && operator_of(first) == "||") first = first["lexpr"].inner();
      wild = context.facts_of(first).wild_first > 0;
    }
    if (!wild) continue;
    const auto owner = owner_of(context.text, columns[0], context.catalog);
    if (owner && trigram_indexed(*owner, column_name(columns[0]))) continue;
    LintHit found = hit(context, like);
    const Node query = query_around(like);
    if (items_of(context.text, query, nullptr).size() > 1 || query != context.text.statement() ||
        aggregates(context.text, query))
      found.severity = LintSeverity::kInfo;
    found.lost = 0.9;
    hits.push_back(std::move(found));
  }
}

void cast_of_column(const LintContext& context, Hits& hits) {
  constexpr uint32_t kFloat4 = 700, kFloat8 = 701, kNumeric = 1700;
  for (const Node comparison : comparisons(context.text)) {
    const Node left = comparison["lexpr"].inner(), right = comparison["rexpr"].inner();
    for (const auto& [column, value] : {std::pair(left, right), std::pair(right, left)}) {
      const LintColumn* known = known_column(context.text, column, context.catalog);
      if (known == nullptr || !is_number_type(known->type) || !filters(comparison)) continue;
      std::string type;
      if (value.key() == "TypeCast") {
        for (const Node part : value["typeName"]["names"]) type = part["String"]["sval"].text();
        if (type != "numeric" && type != "float8" && type != "float4") continue;
        if (!is_value(context.text, value)) continue;
      } else {
        const uint32_t oid = context.facts_of(value).type;
        if (value.key() != "ParamRef" || (oid != kFloat4 && oid != kFloat8 && oid != kNumeric)) continue;
        type = oid == kNumeric ? "numeric" : oid == kFloat8 ? "float8" : "float4";
      }
      LintHit found = hit(context, comparison, fmt::format("{} is {}, the value {}", known->name, known->type, type));
      Edits edits(context.text);
      const Extent where = context.text.extent(value);
      edits.replace(where, fmt::format("CAST({} AS {})", context.text.text().substr(where.at, where.size), known->type));
      found.rewritten = edits.apply();
      found.lost = 0.9;
      found.confidence = Confidence::kHigh;
      hits.push_back(std::move(found));
    }
  }
}

void or_over_tables(const LintContext& context, Hits& hits) {
  if (context.statement.mean_ms() < kSlowMs) return;
  for (const Node query : queries_of(context.text)) {
    if (items_of(context.text, query, context.catalog).size() < 2) continue;
    for (const Node condition : conditions_of(query)) {
      if (condition.key() != "BoolExpr" || condition["boolop"].text() != "OR_EXPR") continue;
      Node first;
      bool differ = false, plain = true;
      for (const Node arm : condition["args"]) {
        Node own;  // the one table of this arm
        for (const Node column : all_inside(context.text, arm, "ColumnRef")) {
          const auto owner = owner_of(context.text, column, context.catalog);
          if (!owner || (own && own != owner->node)) plain = false;
          if (owner) own = owner->node;
        }
        if (!own) plain = false;
        if (first && own && own != first) differ = true;
        if (!first) first = own;
      }
      if (!plain || !differ || has_inside(context.text, condition, "SubLink")) continue;
      hits.push_back(hit(context, condition));
    }
  }
}

void random_order(const LintContext& context, Hits& hits) {
  for (const Node query : queries_of(context.text)) {
    bool random = false;
    Node evidence;
    for (const Node by : query["sortClause"]) {
      const Node call = by.inner()["node"].inner();
      if (call.key() != "FuncCall") continue;
      const auto function = function_of(call);
      if (function != "random" && function != "gen_random_uuid" && function != "uuid_generate_v4") continue;
      random = true;
      evidence = call;
    }
    if (!random) continue;
    double rows = context.statement.mean_rows();
    const std::vector<FromItem> items = items_of(context.text, query, context.catalog);
    for (const FromItem& item : items) rows = std::max(rows, item.known != nullptr ? item.known->rows : 0);
    if (rows < context.limits.rows) continue;
    LintHit found = hit(context, evidence, fmt::format("{} rows are sorted", grouped(rows)));
    found.evidence = "ORDER BY " + found.evidence;
    found.lost = 0.9;
    found.confidence = Confidence::kHigh;
    hits.push_back(std::move(found));
  }
}

void long_list(const LintContext& context, Hits& hits) {
  constexpr uint32_t kLong = 200;
  const LintFacts* facts = context.statement.facts;
  for (const Node in : all_inside(context.text, context.text.statement(), "A_Expr")) {
    if (in["kind"].text() != "AEXPR_IN") continue;
    const std::size_t here = in["rexpr"]["List"]["items"].size();
    // A list that was cut to its first value is the longest of its text.
    const std::size_t length = here == 1 && facts != nullptr ? facts->list_max() : here;
    if (length < kLong) continue;
    LintHit found = hit(context, in, fmt::format("{} values", grouped(static_cast<double>(length))));
    found.rewritten = any_of_array(context.text, in);
    found.lost = 0.3;
    found.confidence = Confidence::kHigh;
    hits.push_back(std::move(found));
  }
}

}  // namespace analyzer::lint_rules
