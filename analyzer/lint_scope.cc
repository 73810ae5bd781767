#include "analyzer/lint_scope.h"

#include <algorithm>
#include <array>

namespace analyzer {

namespace {

// Is the object a query? The arms of a set operation stand under these names.
bool is_query(Node node) {
  const auto key = node.key();
  return key == "SelectStmt" || ((key == "larg" || key == "rarg") && node.has("limitOption"));
}

bool is_with_query(const LintText& text, std::string_view name) {
  for (const Node with : all_inside(text, text.statement(), "CommonTableExpr"))
    if (with["ctename"].text() == name) return true;
  return false;
}

FromItem item_of(const LintText& text, Node node, const LintCatalog* catalog) {
  FromItem item;
  item.node = node;
  item.alias = node["alias"]["aliasname"].text();
  if (!node.has("relname")) return item;
  item.schema = node["schemaname"].text();
  item.name = node["relname"].text();
  item.table = !item.schema.empty() || !is_with_query(text, item.name);
  if (item.table && catalog != nullptr) item.known = catalog->find(item.schema, item.name);
  return item;
}

void add_items(const LintText& text, Node list, const LintCatalog* catalog, std::vector<FromItem>& out) {
  struct Open {
    Node node;
    bool outer;
  };
  for (const Node entry : list) {
    std::vector<Open> open{{entry.inner(), false}};
    while (!open.empty()) {
      const auto [node, outer] = open.back();
      open.pop_back();
      if (node.key() != "JoinExpr") {
        out.push_back(item_of(text, node, catalog));
        out.back().outer_joined = outer;
        continue;
      }
      const auto type = node["jointype"].text();
      const bool full = type == "JOIN_FULL";
      open.push_back({node["rarg"].inner(), outer || full || type == "JOIN_LEFT"});
      open.push_back({node["larg"].inner(), outer || full || type == "JOIN_RIGHT"});
    }
  }
}

void add_conditions(Node expression, std::vector<Node>& out) {
  std::vector<Node> open{expression};
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    if (node.key() != "BoolExpr" || node["boolop"].text() != "AND_EXPR") {
      out.push_back(node);
      continue;
    }
    std::vector<Node> arms;
    for (const Node arm : node["args"]) arms.push_back(arm.inner());
    open.insert(open.end(), arms.rbegin(), arms.rend());
  }
}

}  // namespace

std::vector<Node> all_inside(const LintText& text, Node node, std::string_view key) {
  std::vector<Node> found;
  if (!node) return found;
  for (std::size_t i = node.position(); i < node.position() + node.total(); ++i) {
    const Node one = text.tree().at(i);
    if (one.key() == key) found.push_back(one);
  }
  return found;
}

bool has_inside(const LintText& text, Node node, std::string_view key) {
  if (!node) return false;
  for (std::size_t i = node.position(); i < node.position() + node.total(); ++i)
    if (text.tree().at(i).key() == key) return true;
  return false;
}

std::vector<Node> queries_of(const LintText& text) {
  std::vector<Node> found;
  const Node all = text.statement();
  for (std::size_t i = all.position(); i < all.position() + all.total(); ++i)
    if (const Node one = text.tree().at(i); is_query(one) && one["op"].text() == "SETOP_NONE") found.push_back(one);
  return found;
}

std::vector<FromItem> items_of(const LintText& text, Node query, const LintCatalog* catalog) {
  std::vector<FromItem> items;
  if (const Node written = query["relation"]) items.push_back(item_of(text, written, catalog));
  add_items(text, query["fromClause"], catalog, items);
  add_items(text, query["usingClause"], catalog, items);
  return items;
}

std::vector<Node> conditions_of(Node query) {
  std::vector<Node> found;
  if (const Node where = query["whereClause"]) add_conditions(where.inner(), found);
  for (const std::string_view list : {"fromClause", "usingClause"}) {
    for (const Node entry : query[list]) {
      std::vector<Node> open{entry.inner()};
      while (!open.empty()) {
        const Node node = open.back();
        open.pop_back();
        if (node.key() != "JoinExpr") continue;
        if (const Node on = node["quals"]) add_conditions(on.inner(), found);
        open.push_back(node["larg"].inner());
        open.push_back(node["rarg"].inner());
      }
    }
  }
  return found;
}

Node query_around(Node node) {
  for (Node up = node.parent(); up; up = up.parent())
    if (is_query(up) || up.key() == "UpdateStmt" || up.key() == "DeleteStmt") return up;
  return {};
}

Node targets_of(Node query) { return query["targetList"]; }

bool is_column(Node node) {
  if (node.key() != "ColumnRef") return false;
  for (const Node field : node["fields"])
    if (field.inner().key() == "A_Star") return false;
  return true;
}

std::string_view column_name(Node column) {
  std::string_view name;
  for (const Node field : column["fields"]) name = field["String"]["sval"].text();
  return name;
}

std::string_view qualifier(Node column) {
  std::string_view name, before;
  for (const Node field : column["fields"]) {
    before = name;
    name = field["String"]["sval"].text();
  }
  return before;
}

std::optional<FromItem> owner_of(const LintText& text, Node column, const LintCatalog* catalog) {
  const auto named = qualifier(column);
  const auto name = column_name(column);
  for (Node query = query_around(column); query; query = query_around(query)) {
    const std::vector<FromItem> items = items_of(text, query, catalog);
    if (!named.empty()) {
      for (const FromItem& item : items)
        if (item.called() == named) return item;
      continue;
    }
    if (items.size() == 1 && (items[0].known == nullptr || items[0].known->column(name) != nullptr)) return items[0];
    std::optional<FromItem> only;
    std::size_t unknown = 0;
    for (const FromItem& item : items) {
      if (item.known == nullptr)
        ++unknown;
      else if (item.known->column(name) != nullptr)
        only = item;
    }
    if (only) return only;
    if (unknown > 0) return std::nullopt;
  }
  return std::nullopt;
}

const LintColumn* known_column(const LintText& text, Node column, const LintCatalog* catalog) {
  if (catalog == nullptr || !is_column(column)) return nullptr;
  const auto owner = owner_of(text, column, catalog);
  return owner && owner->known != nullptr ? owner->known->column(column_name(column)) : nullptr;
}

bool is_value(const LintText& text, Node node) {
  return node && !has_inside(text, node, "ColumnRef") && !has_inside(text, node, "SubLink");
}

std::string_view operator_of(Node expression) {
  std::string_view name;
  for (const Node part : expression["name"]) name = part["String"]["sval"].text();
  return name;
}

std::string_view function_of(Node call) {
  std::string_view name;
  for (const Node part : call["funcname"]) name = part["String"]["sval"].text();
  return name;
}

bool is_aggregate(std::string_view function) {
  static constexpr std::array<std::string_view, 21> kAggregates = {
      "count",     "sum",        "avg",      "min",       "max",        "array_agg",      "string_agg",
      "bool_and",  "bool_or",    "every",    "json_agg",  "jsonb_agg",  "json_object_agg", "jsonb_object_agg",
      "stddev",    "stddev_pop", "variance", "var_pop",   "percentile_cont", "percentile_disc", "mode"};
  return std::find(kAggregates.begin(), kAggregates.end(), function) != kAggregates.end();
}

bool aggregates(const LintText& text, Node query) {
  if (query["groupClause"].size() > 0 || query.has("havingClause")) return true;
  for (const Node call : all_inside(text, targets_of(query), "FuncCall"))
    if (query_around(call) == query && !call.has("over") && (is_aggregate(function_of(call)) || call["agg_star"].flag()))
      return true;
  return false;
}

bool fixes_one_row(const LintText& text, const FromItem& item, const std::vector<Node>& conditions, std::size_t items,
                   const LintCatalog* catalog) {
  if (item.known == nullptr) return false;
  std::vector<std::string_view> fixed;
  for (const Node condition : conditions) {
    if (condition.key() != "A_Expr" || condition["kind"].text() != "AEXPR_OP" || operator_of(condition) != "=") continue;
    const Node left = condition["lexpr"].inner(), right = condition["rexpr"].inner();
    for (const auto& [column, value] : {std::pair(left, right), std::pair(right, left)}) {
      if (!is_column(column) || !is_value(text, value)) continue;
      const auto owner = items == 1 ? std::optional(item) : owner_of(text, column, catalog);
      if (owner && owner->node == item.node) fixed.push_back(column_name(column));
    }
  }
  return std::any_of(item.known->indexes.begin(), item.known->indexes.end(), [&](const LintIndex& index) {
    return index.unique && !index.columns.empty() &&
           std::all_of(index.columns.begin(), index.columns.end(), [&](const std::string& column) {
             return std::find(fixed.begin(), fixed.end(), column) != fixed.end();
           });
  });
}

}  // namespace analyzer
