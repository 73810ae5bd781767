// VALUES, UNION, INTERSECT and EXCEPT.
#include <fmt/format.h>

#include <utility>

#include "admin/sql_translator.h"

namespace admin {

using base::Error;

base::Result<Translator::Selected> Translator::values(Node node, const Scope* outer) {
  const Scope scope{.outer = outer};
  std::vector<std::vector<Expr>> columns;
  for (Node row : node["valuesLists"]) {
    TRY(std::vector<Expr> cells, expressions(row["List"]["items"], scope));
    if (columns.empty()) columns.resize(cells.size());
    if (cells.size() != columns.size()) return base::syntax_error("VALUES lists must all be the same length");
    for (std::size_t i = 0; i < cells.size(); ++i) columns[i].push_back(std::move(cells[i]));
  }
  Selected selected;
  std::vector<std::string> names, rows;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    TRY(const Type type, common_type(columns[i], "VALUES"));
    selected.columns.push_back({fmt::format("column{}", i + 1), {}, type});
    names.push_back(fmt::format("column{} AS {}", i + 1, output_name(i)));
  }
  for (std::size_t row = 0; row < columns.front().size(); ++row) {
    std::vector<std::string> cells;
    for (const auto& column : columns) cells.push_back(column[row].sql);
    rows.push_back("(" + list_of(cells) + ")");
  }
  TRY(const std::string order, order_of_set(node, selected.columns));
  selected.sql = "SELECT " + list_of(names) + " FROM (VALUES " + list_of(rows) + ")" + order;
  return selected;
}

// ---- UNION, INTERSECT, EXCEPT ----

base::Result<Translator::Selected> Translator::set_operation(Node node, const Scope* outer, const Hook& on_left) {
  const std::string_view op = node["op"].text();
  const std::string_view word = op == "SETOP_UNION" ? "UNION" : op == "SETOP_INTERSECT" ? "INTERSECT" : "EXCEPT";
  const bool all = node["all"].flag();
  if (all && word != "UNION") return unsupported("INTERSECT ALL and EXCEPT ALL");
  Selected selected;
  std::vector<ColumnInfo> right;
  TRY(std::string sql, operand(node["larg"], outer, false, selected.columns));
  if (on_left) on_left(selected.columns);
  TRY(const std::string right_sql, operand(node["rarg"], outer, true, right));
  if (right.size() != selected.columns.size()) {
    return base::syntax_error(fmt::format("each {} query must have the same number of columns", word));
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::vector<Expr> pair{{.sql = {}, .type = selected.columns[i].type}, {.sql = {}, .type = right[i].type}};
    TRY(selected.columns[i].type, common_type(pair, word));
  }
  TRY(const std::string order, order_of_set(node, selected.columns));
  selected.sql = fmt::format("{} {}{} {}{}", sql, word, all ? " ALL" : "", right_sql, order);
  return selected;
}

// SQLite takes no parentheses around an operand, and reads operators from left to right.
base::Result<std::string> Translator::operand(Node node, const Scope* outer, bool right,
                                              std::vector<ColumnInfo>& columns) {
  TRY(Selected selected, select(node, outer));
  columns = std::move(selected.columns);
  const bool compound = node["op"].text() != "SETOP_NONE" && right;
  const bool plain = !compound && !node.has("withClause") && !node.has("sortClause") && !node.has("limitCount") &&
                     !node.has("limitOffset");
  if (plain) return std::move(selected.sql);
  return "SELECT " + output_list(columns.size()) + " FROM (" + selected.sql + ")";
}

base::Result<std::string> Translator::order_of_set(Node node, const std::vector<ColumnInfo>& columns) {
  const Scope nothing;
  for (Node item : node["sortClause"]) {
    const Node key = item["SortBy"]["node"].inner();
    if (key.key() != "A_Const" && key.key() != "ColumnRef") {
      return unsupported("ordering by expressions behind UNION, INTERSECT, EXCEPT or VALUES");
    }
  }
  return order_by(node["sortClause"], nothing, &columns, nullptr);
}

}  // namespace admin
