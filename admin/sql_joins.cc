// JOIN ... ON, USING and NATURAL. What USING merges is one column from then on, as in PostgreSQL.
#include <fmt/format.h>

#include <algorithm>

#include "admin/sql_translator.h"

namespace admin {

using base::Error;

base::Result<std::string> Translator::from_join(Node join, Scope& scope, std::vector<Column>& columns) {
  if (join.has("alias") || join.has("join_using_alias")) return unsupported("an alias for a JOIN");
  std::vector<Column> left, right;
  TRY(const std::string left_sql, from_item(join["larg"].inner(), scope, left));
  TRY(std::string right_sql, from_item(join["rarg"].inner(), scope, right));
  if (join["rarg"].inner().key() == "JoinExpr") right_sql = "(" + right_sql + ")";

  const std::string_view type = join["jointype"].text();
  std::string_view word = "JOIN";
  if (type == "JOIN_LEFT") word = "LEFT JOIN";
  else if (type == "JOIN_RIGHT") word = "RIGHT JOIN";
  else if (type == "JOIN_FULL") word = "FULL JOIN";
  else if (type != "JOIN_INNER") return unsupported("this kind of JOIN");

  std::string on;
  std::vector<std::string> names;
  for (Node name : join["usingClause"]) names.emplace_back(name["String"]["sval"].text());
  if (join["isNatural"].flag()) {
    for (const Column& column : left) {
      const auto same = [&column](const Column& other) { return other.name == column.name; };
      if (std::any_of(right.begin(), right.end(), same)) names.push_back(column.name);
    }
  }
  if (!names.empty()) {
    TRY(on, join_using(names, type == "JOIN_FULL", type == "JOIN_RIGHT", left, right));
  } else if (join.has("quals")) {
    // Names of this join; those of the FROM item before it are none of its business.
    Scope inside{.outer = scope.outer, .relations = scope.relations};
    inside.columns = left;
    inside.columns.insert(inside.columns.end(), right.begin(), right.end());
    TRY(const Expr filter, condition(join["quals"].inner(), inside, "JOIN/ON"));
    if (filter.aggregate) return Error{"42803", "aggregate functions are not allowed in JOIN conditions", {}, {}};
    on = filter.sql;
  }
  columns.insert(columns.end(), left.begin(), left.end());
  columns.insert(columns.end(), right.begin(), right.end());
  return fmt::format("{} {} {}{}{}", left_sql, word, right_sql, on.empty() ? "" : " ON ", on);
}

// The condition; `left` then begins with the merged columns and `other` has lost them.
base::Result<std::string> Translator::join_using(const std::vector<std::string>& names, bool full, bool right,
                                                 std::vector<Column>& left, std::vector<Column>& other) {
  std::string on;
  std::vector<Column> merged;
  const auto take = [](std::vector<Column>& columns, const std::string& name,
                       std::string_view side) -> base::Result<Column> {
    const auto is_it = [&name](const Column& column) { return column.name == name; };
    const auto found = std::find_if(columns.begin(), columns.end(), is_it);
    if (found == columns.end()) {
      return Error{"42703",
                   fmt::format("column \"{}\" specified in USING clause does not exist in {} table", name, side), {}, {}};
    }
    if (std::count_if(columns.begin(), columns.end(), is_it) > 1) {
      return Error{"42702", fmt::format("common column name \"{}\" appears more than once in {} table", name, side),
                   {}, {}};
    }
    Column column = *found;
    columns.erase(found);
    return column;
  };
  for (const std::string& name : names) {
    TRY(Column one, take(left, name, "left"));
    TRY(const Column two, take(other, name, "right"));
    TRY(const Expr same, comparison("=", {.sql = one.sql, .type = one.type}, {.sql = two.sql, .type = two.type}));
    on += (on.empty() ? "" : " AND ") + same.sql;
    if (full) one.sql = fmt::format("coalesce({}, {})", one.sql, two.sql);
    if (right) one.sql = two.sql;
    merged.push_back(std::move(one));
  }
  left.insert(left.begin(), std::make_move_iterator(merged.begin()), std::make_move_iterator(merged.end()));
  return on;
}

}  // namespace admin
