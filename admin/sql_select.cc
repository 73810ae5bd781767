// Statements: SELECT, VALUES, set operations, WITH, FROM and joins.
#include <fmt/format.h>

#include <algorithm>

#include "admin/parse.h"
#include "admin/sql_translator.h"
#include "analyzer/parser.h"
#include "base/text.h"

namespace admin {

using base::Error;

namespace {

std::string without_line_end(std::string text) { return base::escape_for_log(text, 200); }

}  // namespace

Error read_only(std::string_view what) {
  return base::with_hint({"25006", fmt::format("cannot execute {}: the console's tables are read-only", what), {}, {}},
                         "SHOW HELP lists the commands that change something.");
}

Error undefined_table(const std::string& name) {
  std::vector<std::string> names;
  for (const View& view : all_views()) names.push_back(table_name(view));
  for (const TableName& second : kSecondNames) names.emplace_back(second.name);
  const std::string_view found = nearest(name, {names.begin(), names.end()});
  const Error error{"42P01", fmt::format("relation \"{}\" does not exist", base::escape_for_log(name, 128)), {}, {}};
  if (found.empty()) return base::with_hint(error, "SHOW TABLES lists the tables.");
  return base::with_hint(error, fmt::format("Did you mean \"{}\"? SHOW TABLES lists all tables.", found));
}

base::Result<Query> translate(std::string_view text, const QueryContext& context,
                              std::span<const wire::Oid> declared) {
  if (!base::valid_utf8(text)) return Error{"22021", "invalid byte sequence for encoding \"UTF8\"", {}, {}};
  analyzer::Skeleton skeleton;
  skeleton.make(text);
  analyzer::Parse parsed;
  analyzer::parse(text, skeleton, {.tokens_max = kMaxTokens}, parsed);
  if (parsed.outcome == analyzer::Parse::Outcome::kTooLong) {
    return Error{"54001", fmt::format("a SELECT of the console is limited to {} bytes and {} words",
                                      analyzer::kParsedBytesMax, kMaxTokens), {}, {}};
  }
  if (parsed.outcome == analyzer::Parse::Outcome::kRefused) {
    return base::syntax_error(parsed.error.empty() ? "syntax error" : without_line_end(parsed.error));
  }
  const auto statements = parsed.tree.root()["stmts"];
  if (statements.size() != 1) return base::syntax_error("the console takes one statement here");
  const auto statement = statements.inner()["stmt"].inner();
  if (statement.key() != "SelectStmt") return read_only("this");
  Translator translator(text, context, declared);
  return translator.query(statement);
}

Translator::Translator(std::string_view text, const QueryContext& context, std::span<const wire::Oid> declared)
    : text_(text), context_(context) {
  for (const wire::Oid oid : declared) parameters_.push_back(type_of(oid));
}

base::Result<Query> Translator::query(Node node) {
  TRY(Selected selected, select(node, nullptr));
  query_.sql = std::move(selected.sql);
  query_.columns = std::move(selected.columns);
  for (const auto& type : parameters_) query_.parameters.push_back(type.value_or(Type::kText));
  return std::move(query_);
}

// ---- SELECT ----

base::Result<Translator::Selected> Translator::select(Node node, const Scope* outer, const Hook& on_left) {
  if (node.has("intoClause")) return read_only("SELECT INTO");
  if (node.has("lockingClause")) return unsupported("FOR UPDATE and FOR SHARE");
  if (node.has("windowClause")) return unsupported("a WINDOW clause");
  if (node["limitOption"].text() == "LIMIT_OPTION_WITH_TIES") return unsupported("WITH TIES");
  const std::size_t in_sight = commons_.size();
  std::string with;
  if (node.has("withClause")) {
    TRY(with, with_clause(node["withClause"], outer));
  }
  auto selected = node["op"].text() != "SETOP_NONE" ? set_operation(node, outer, on_left)
                  : node.has("valuesLists")         ? values(node, outer)
                                                    : plain_select(node, outer);
  if (!selected.ok()) return selected;
  TRY(const std::string limit, limits(node, outer));
  commons_.resize(in_sight);
  selected->sql = with + selected->sql + limit;
  return selected;
}

base::Result<Translator::Selected> Translator::plain_select(Node node, const Scope* outer) {
  Scope scope{.outer = outer};
  std::vector<std::string> from;
  for (Node item : node["fromClause"]) {
    TRY(std::string sql, from_item(item.inner(), scope, scope.columns));
    from.push_back(std::move(sql));
  }
  std::string where;
  if (node.has("whereClause")) {
    TRY(const Expr filter, condition(node["whereClause"].inner(), scope, "WHERE"));
    if (filter.aggregate) return Error{"42803", "aggregate functions are not allowed in WHERE", {}, {}};
    where = " WHERE " + filter.sql;
  }
  std::vector<std::string> keys;
  TRY(std::vector<Expr> outputs, targets(node, scope, keys));
  std::vector<Expr> used = outputs;
  std::string having;
  if (node.has("havingClause")) {
    TRY(Expr filter, condition(node["havingClause"].inner(), scope, "HAVING"));
    having = " HAVING " + filter.sql;
    used.push_back(std::move(filter));
  }

  Selected selected;
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Expr& output = outputs[i];
    if (!output.type) TRY_STATUS(coerce(output, Type::kText, "SELECT"));
    columns.push_back(output.sql + " AS " + output_name(i));
    selected.columns.push_back({output.name.empty() ? "?column?" : output.name, {}, *output.type});
  }
  TRY(const std::string order, order_by(node["sortClause"], scope, &selected.columns, &used));

  const bool grouped = node.has("groupClause") || node.has("havingClause") ||
                       std::any_of(used.begin(), used.end(), [](const Expr& expr) { return expr.aggregate; });
  for (const Expr& expr : used) {
    if (!grouped || expr.ungrouped.empty()) continue;
    return Error{"42803", fmt::format("column \"{}\" must appear in the GROUP BY clause or be used in an aggregate "
                                      "function", expr.ungrouped), {}, {}};
  }
  std::string distinct;
  if (node.has("distinctClause")) {
    if (node["distinctClause"].inner().size() > 0) return unsupported("DISTINCT ON");
    distinct = "DISTINCT ";
  }
  selected.sql = "SELECT " + distinct + list_of(columns);
  if (!from.empty()) selected.sql += " FROM " + list_of(from);
  selected.sql += where;
  if (!keys.empty()) selected.sql += " GROUP BY " + list_of(keys);
  selected.sql += having + order;
  return selected;
}

namespace {

bool is_star(analyzer::Node value) {
  if (value.key() != "ColumnRef") return false;
  bool star = false;
  for (analyzer::Node field : value["fields"]) star = field.has("A_Star");
  return star;
}

}  // namespace

// The select list; and `keys`, what GROUP BY says. Each target is walked over and written once, those that GROUP BY
// names first: a text that doubled with each level would have no bound.
base::Result<std::vector<Expr>> Translator::targets(Node node, Scope& scope, std::vector<std::string>& keys) {
  std::vector<Node> items;
  bool stars = false;
  for (Node item : node["targetList"]) {
    items.push_back(item["ResTarget"]);
    stars = stars || is_star(items.back()["val"].inner());
  }
  std::vector<std::optional<Expr>> made(items.size());
  const auto make = [&](std::size_t i) -> base::Status {
    if (made[i]) return base::Ok{};
    TRY(made[i], expression(items[i]["val"].inner(), scope));
    return base::Ok{};
  };
  for (Node item : node["groupClause"]) {
    const Node key = item.inner();
    if (key.key() == "GroupingSet") return unsupported("GROUPING SETS, ROLLUP and CUBE");
    std::optional<std::size_t> target;
    if (key.key() == "A_Const" && key.has("ival")) {
      const int64_t place = key["ival"]["ival"].number();
      if (place < 1 || place > static_cast<int64_t>(items.size())) {
        return Error{"42P10", fmt::format("GROUP BY position {} is not in select list", place), {}, {}};
      }
      target = static_cast<std::size_t>(place - 1);
    } else if (key.key() == "ColumnRef" && key["fields"].size() == 1) {
      const std::string name = last_name(key["fields"]);
      TRY(const auto column, find_column(name, scope));
      for (std::size_t i = 0; i < items.size() && !column; ++i) {
        if (items[i]["name"].text() == name) target = i;
      }
    }
    if (target && stars) return unsupported("GROUP BY with the place or name of an output beside *");
    Expr expr;
    if (target) {
      TRY_STATUS(make(*target));
      expr = *made[*target];
      made[*target]->ungrouped.clear();
      keys.push_back(fmt::to_string(*target + 1));
    } else {
      TRY(expr, expression(key, scope));
      keys.push_back(expr.sql);
    }
    if (expr.aggregate) return Error{"42803", "aggregate functions are not allowed in GROUP BY", {}, {}};
    scope.keys.push_back(std::move(expr.sql));
  }

  std::vector<Expr> outputs;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Node fields = items[i]["val"].inner()["fields"];
    if (is_star(items[i]["val"].inner())) {
      const std::vector<Column>* columns = &scope.columns;
      if (fields.size() > 1) {
        const std::string alias(fields.inner()["String"]["sval"].text());
        const auto found = std::find_if(scope.relations.begin(), scope.relations.end(),
                                        [&alias](const Relation& relation) { return relation.alias == alias; });
        if (found == scope.relations.end() || fields.size() > 2) {
          return Error{"42P01", fmt::format("missing FROM-clause entry for table \"{}\"", alias), {}, {}};
        }
        columns = &found->columns;
      } else if (scope.relations.empty()) {
        return base::syntax_error("SELECT * with no tables specified is not valid");
      }
      for (const Column& column : *columns) {
        const bool key = std::find(scope.keys.begin(), scope.keys.end(), column.sql) != scope.keys.end();
        outputs.push_back(
            {.sql = column.sql, .type = column.type, .name = column.name, .ungrouped = key ? "" : column.name});
      }
    } else {
      TRY_STATUS(make(i));
      outputs.push_back(*std::move(made[i]));
      if (items[i].has("name")) outputs.back().name = items[i]["name"].text();
    }
    if (outputs.size() > kMaxSqlColumns) {
      return Error{"54011", fmt::format("target lists can have at most {} entries", kMaxSqlColumns), {}, {}};
    }
  }
  if (outputs.empty()) return unsupported("a SELECT without columns");
  return outputs;
}

base::Result<Expr> Translator::condition(Node node, const Scope& scope, std::string_view where) {
  TRY(Expr filter, expression(node, scope));
  if (!filter.type) TRY_STATUS(coerce(filter, Type::kBool, where));
  if (filter.type == Type::kBool) return filter;
  return Error{"42804", fmt::format("argument of {} must be type boolean, not type {}", where, type_word(filter.type)),
               {}, {}};
}

// `used` receives what the order reads of the tables.
base::Result<std::string> Translator::order_by(Node list, const Scope& scope, const std::vector<ColumnInfo>* outputs,
                                               std::vector<Expr>* used) {
  std::vector<std::string> parts;
  for (Node item : list) {
    const Node sort = item["SortBy"];
    if (sort.has("useOp")) return unsupported("ORDER BY ... USING");
    const Node key = sort["node"].inner();
    std::string sql;
    if (outputs != nullptr && key.key() == "A_Const") {
      const int64_t place = key["ival"]["ival"].number();
      if (!key.has("ival")) return base::syntax_error("non-integer constant in ORDER BY");
      if (place < 1 || place > static_cast<int64_t>(outputs->size())) {
        return Error{"42P10", fmt::format("ORDER BY position {} is not in select list", place), {}, {}};
      }
      sql = fmt::to_string(place);
    } else if (outputs != nullptr && key.key() == "ColumnRef" && key["fields"].size() == 1) {
      const std::string name = last_name(key["fields"]);
      const auto found = std::find_if(outputs->begin(), outputs->end(),
                                      [&name](const ColumnInfo& output) { return output.name == name; });
      if (found != outputs->end()) sql = fmt::to_string(found - outputs->begin() + 1);
    }
    if (sql.empty()) {
      TRY(Expr expr, expression(key, scope));
      sql = expr.literal ? sql_text(*expr.literal) : expr.sql;
      if (used != nullptr) used->push_back(std::move(expr));
    }
    // PostgreSQL sorts NULL as the largest value, SQLite as the smallest.
    const bool down = sort["sortby_dir"].text() == "SORTBY_DESC";
    const std::string_view nulls = sort["sortby_nulls"].text();
    const bool first = nulls == "SORTBY_NULLS_FIRST" || (nulls == "SORTBY_NULLS_DEFAULT" && down);
    parts.push_back(sql + (down ? " DESC" : "") + (first ? " NULLS FIRST" : " NULLS LAST"));
  }
  return parts.empty() ? std::string() : " ORDER BY " + list_of(parts);
}

base::Result<std::string> Translator::limits(Node node, const Scope* outer) {
  const Scope nothing{.outer = outer};
  std::string sql;
  const auto amount = [&](std::string_view member, std::string_view word) -> base::Result<std::string> {
    if (!node.has(member)) return std::string();
    const Node inner = node[member].inner();
    if (inner.key() == "A_Const" && inner.has("isnull")) return std::string();
    TRY(Expr expr, expression(inner, nothing));
    TRY_STATUS(coerce(expr, Type::kInt8, word));
    return fmt::format("weir_amount({}, '{}')", expr.sql, word);
  };
  TRY(const std::string count, amount("limitCount", "LIMIT"));
  TRY(const std::string skip, amount("limitOffset", "OFFSET"));
  if (!count.empty() || !skip.empty()) sql = " LIMIT " + (count.empty() ? "-1" : count);
  if (!skip.empty()) sql += " OFFSET " + skip;
  return sql;
}

// ---- WITH ----

base::Result<std::string> Translator::with_clause(Node node, const Scope* outer) {
  const bool recursive = node["recursive"].flag();
  std::vector<std::string> parts;
  for (Node item : node["ctes"]) {
    const Node cte = item["CommonTableExpr"];
    const std::string name(cte["ctename"].text());
    const Node inner = cte["ctequery"].inner();
    if (inner.key() != "SelectStmt") return read_only("a statement in WITH that changes data");
    const std::string sql_name = fmt::format("w{}", ++names_);
    const auto renamed = [&cte](std::vector<ColumnInfo> columns) {
      std::size_t i = 0;
      for (Node alias : cte["aliascolnames"]) {
        if (i < columns.size()) columns[i++].name = alias["String"]["sval"].text();
      }
      return columns;
    };
    const std::size_t before = commons_.size();
    const Hook on_left = [&](const std::vector<ColumnInfo>& columns) {
      if (recursive) commons_.push_back({name, sql_name, renamed(columns)});
    };
    TRY(Selected selected, select(inner, outer, on_left));
    // select() has put away what it saw; and names of this WITH do not repeat.
    commons_.resize(before);
    parts.push_back(fmt::format("{}({}) AS ({})", sql_name, output_list(selected.columns.size()), selected.sql));
    commons_.push_back({name, sql_name, renamed(std::move(selected.columns))});
  }
  return (recursive ? "WITH RECURSIVE " : "WITH ") + list_of(parts) + " ";
}

// ---- FROM ----

base::Status Translator::add_relation(Scope& scope, Relation relation) {
  for (const Relation& other : scope.relations) {
    if (!relation.alias.empty() && other.alias == relation.alias) {
      return Error{"42712", fmt::format("table name \"{}\" specified more than once", relation.alias), {}, {}};
    }
  }
  if (scope.relations.size() >= kMaxSqlTables) {
    return Error{"54001", fmt::format("at most {} tables can be joined", kMaxSqlTables), {}, {}};
  }
  scope.relations.push_back(std::move(relation));
  return base::Ok{};
}

base::Result<std::string> Translator::from_item(Node node, Scope& scope, std::vector<Column>& columns) {
  if (node.key() == "RangeVar") return from_table(node, scope, columns);
  if (node.key() == "RangeSubselect") return from_select(node, scope, columns);
  if (node.key() == "JoinExpr") return from_join(node, scope, columns);
  return unsupported(node.key() == "RangeFunction" ? "a function in FROM" : "this kind of FROM item");
}

namespace {

// The columns of something in FROM under its alias, and what its alias clause calls them.
template <typename Column>
base::Status rename_columns(analyzer::Node alias, std::vector<Column>& columns) {
  std::size_t i = 0;
  for (analyzer::Node name : alias["colnames"]) {
    if (i >= columns.size()) return Error{"42P10", "the alias clause has more columns than its table", {}, {}};
    columns[i++].name = name["String"]["sval"].text();
  }
  return base::Ok{};
}

}  // namespace

base::Result<std::string> Translator::from_table(Node table, Scope& scope, std::vector<Column>& columns) {
  std::string name(table["relname"].text());
  const std::string sql_alias = fmt::format("t{}", ++names_);
  Relation relation{.alias = table.has("alias") ? std::string(table["alias"]["aliasname"].text()) : name};
  std::string sql;
  const auto common = std::find_if(commons_.rbegin(), commons_.rend(),
                                   [&name](const Common& known) { return known.name == name; });
  if (table.has("schemaname")) name = std::string(table["schemaname"].text()) + "." + name;
  if (common != commons_.rend() && !table.has("schemaname")) {
    sql = common->sql_name;
    for (std::size_t i = 0; i < common->columns.size(); ++i) {
      relation.columns.push_back({common->columns[i].name, common->columns[i].type, sql_alias + "." + output_name(i)});
    }
  } else {
    const View* view = find_table(name);
    if (view == nullptr) return undefined_table(name);
    if (view->role == pooler::ConsoleRole::kAdmin && context_.role != pooler::ConsoleRole::kAdmin) {
      return base::with_hint(base::insufficient_privilege(fmt::format("permission denied for table {}", name)),
                             "Only users listed in admin_users may do this.");
    }
    if (context_.legacy_columns) view = with_legacy_columns(view);
    if (std::find(query_.tables.begin(), query_.tables.end(), view) == query_.tables.end()) {
      query_.tables.push_back(view);
    }
    sql = "weir_" + table_name(*view);
    for (std::size_t i = 0; i < view->columns.size(); ++i) {
      relation.columns.push_back({view->columns[i].name, view->columns[i].type, sql_alias + "." + output_name(i)});
    }
  }
  TRY_STATUS(rename_columns(table["alias"], relation.columns));
  columns.insert(columns.end(), relation.columns.begin(), relation.columns.end());
  TRY_STATUS(add_relation(scope, std::move(relation)));
  return sql + " AS " + sql_alias;
}

base::Result<std::string> Translator::from_select(Node item, Scope& scope, std::vector<Column>& columns) {
  if (item["lateral"].flag()) return unsupported("LATERAL");
  if (!item.has("alias")) {
    return base::with_hint(base::syntax_error("subquery in FROM must have an alias"),
                           "For example, FROM (SELECT ...) [AS] foo.");
  }
  TRY(const Selected selected, select(item["subquery"].inner(), scope.outer));
  const std::string sql_alias = fmt::format("t{}", ++names_);
  Relation relation{.alias = std::string(item["alias"]["aliasname"].text())};
  for (std::size_t i = 0; i < selected.columns.size(); ++i) {
    relation.columns.push_back({selected.columns[i].name, selected.columns[i].type,
                                sql_alias + "." + output_name(i)});
  }
  TRY_STATUS(rename_columns(item["alias"], relation.columns));
  columns.insert(columns.end(), relation.columns.begin(), relation.columns.end());
  TRY_STATUS(add_relation(scope, std::move(relation)));
  return "(" + selected.sql + ") AS " + sql_alias;
}

}  // namespace admin
