// Expressions: columns, constants, operators, CASE, subqueries.
#include <fmt/format.h>

#include <algorithm>

#include "admin/parse.h"
#include "admin/sql_translator.h"
#include "admin/sql_values.h"
#include "analyzer/lexer.h"
#include "base/text.h"

namespace admin {

using base::Error;

std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string output_name(std::size_t index) { return fmt::format("c{}", index + 1); }

std::string list_of(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string list_of(std::span<const Expr> values) {
  std::vector<std::string> parts;
  for (const Expr& value : values) parts.push_back(value.sql);
  return list_of(parts);
}

std::string output_list(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(output_name(i));
  return list_of(names);
}

std::string last_name(analyzer::Node list) {
  std::string name;
  for (analyzer::Node item : list) name = item["String"]["sval"].text();
  return name;
}

void absorb(Expr& into, const Expr& part) {
  if (into.ungrouped.empty()) into.ungrouped = part.ungrouped;
  into.aggregate = into.aggregate || part.aggregate;
}

Error unsupported(std::string_view what) {
  return base::with_hint(base::feature_not_supported(fmt::format("the console does not support {}", what)),
                         "docs/console.md says what its SELECT can do.");
}

namespace {

Error no_operator(std::string_view name, const Expr& left, const Expr& right) {
  return {"42883", fmt::format("operator does not exist: {} {} {}", type_word(left.type), name, type_word(right.type)),
          {}, "No operator matches the given name and argument types. You might need to add explicit type casts."};
}

template <typename... Parts>
Expr made_of(std::string sql, Type type, const Parts&... parts) {
  Expr expr{.sql = std::move(sql), .type = type};
  (absorb(expr, parts), ...);
  return expr;
}

// libpg_query's JSON leaves integers out that are not above 0, where the grammar has put the sign into the constant: -1.
// The digits are behind the place of the sign.
int64_t magnitude(std::string_view text, int64_t at) {
  if (at < 0 || static_cast<std::size_t>(at) >= text.size()) return 0;
  analyzer::Lexer lexer(text.substr(static_cast<std::size_t>(at)));
  for (auto token = lexer.next(); token.kind != analyzer::TokenKind::kEnd; token = lexer.next()) {
    if (token.kind == analyzer::TokenKind::kNumber) return base::parse_int(lexer.text_of(token)).value_or(0);
  }
  return 0;
}

bool timely(const std::optional<Type>& type) { return type == Type::kTimestamptz || type == Type::kInterval; }

}  // namespace

base::Result<Expr> Translator::expression(Node node, const Scope& scope) {
  TRY(Expr expr, any_expression(node, scope));
  // What GROUP BY names may be used as it stands, however it is put together.
  if (std::find(scope.keys.begin(), scope.keys.end(), expr.sql) != scope.keys.end()) expr.ungrouped.clear();
  return expr;
}

base::Result<std::vector<Expr>> Translator::expressions(Node list, const Scope& scope) {
  std::vector<Expr> all;
  for (Node item : list) {
    TRY(Expr expr, expression(item.inner(), scope));
    all.push_back(std::move(expr));
  }
  return all;
}

base::Result<Expr> Translator::any_expression(Node node, const Scope& scope) {
  const std::string_view kind = node.key();
  if (kind == "ColumnRef") return column(node, scope);
  if (kind == "A_Const") return constant(node);
  if (kind == "ParamRef") return parameter(node["number"].number());
  if (kind == "A_Expr") return operation(node, scope);
  if (kind == "BoolExpr" || kind == "NullTest" || kind == "BooleanTest") return boolean(node, scope);
  if (kind == "FuncCall") return call(node, scope);
  if (kind == "CaseExpr") return case_of(node, scope);
  if (kind == "SubLink") return sublink(node, scope);
  if (kind == "SQLValueFunction") return value_function(node, scope);
  if (kind == "SetToDefault") return named_column("default", scope);  // SHOW CONFIG has a column of that name
  if (kind == "TypeCast") {
    TRY(Expr value, expression(node["arg"].inner(), scope));
    TRY(const Type type, type_named(node["typeName"]));
    if (value.name.empty() || value.weak_name) {
      value.name = last_name(node["typeName"]["names"]);
      value.weak_name = true;
    }
    return cast(std::move(value), type);
  }
  if (kind == "CoalesceExpr" || kind == "MinMaxExpr") {
    TRY(std::vector<Expr> values, expressions(node["args"], scope));
    const std::string name = kind == "CoalesceExpr"                  ? "coalesce"
                             : node["op"].text() == "IS_GREATEST" ? "greatest"
                                                                     : "least";
    TRY(const Type type, common_type(values, base::to_lower(name)));
    Expr result{.sql = list_of(values), .type = type, .name = name};
    for (const Expr& value : values) absorb(result, value);
    const bool alone = values.size() == 1;
    result.sql = alone ? result.sql : fmt::format("{}({})", kind == "CoalesceExpr" ? name : "weir_" + name, result.sql);
    return result;
  }
  return unsupported(kind == "CollateClause"  ? "COLLATE"
                     : kind == "A_ArrayExpr" ? "arrays"
                     : kind == "RowExpr"     ? "rows as values"
                                             : "this kind of expression");
}

// ---- Columns and constants ----

base::Result<Expr> Translator::column(Node node, const Scope& scope) {
  std::vector<std::string> names;
  for (Node field : node["fields"]) {
    if (field.has("A_Star")) return unsupported("* here");
    names.emplace_back(field["String"]["sval"].text());
  }
  if (names.size() == 1) return named_column(names[0], scope);
  if (names.size() > 2) return unsupported("names of schemas and databases");
  for (const Scope* level = &scope; level != nullptr; level = level->outer) {
    for (const Relation& relation : level->relations) {
      if (relation.alias != names[0]) continue;
      const auto found = std::find_if(relation.columns.begin(), relation.columns.end(),
                                      [&names](const Column& one) { return one.name == names[1]; });
      if (found == relation.columns.end()) {
        return Error{"42703", fmt::format("column {}.{} does not exist", names[0], names[1]), {}, {}};
      }
      return Expr{.sql = found->sql,
                  .type = found->type,
                  .name = found->name,
                  .ungrouped = level == &scope ? found->name : std::string()};
    }
  }
  return Error{"42P01", fmt::format("missing FROM-clause entry for table \"{}\"", names[0]), {}, {}};
}

base::Result<std::optional<Expr>> Translator::find_column(const std::string& name, const Scope& scope) {
  for (const Scope* level = &scope; level != nullptr; level = level->outer) {
    const Column* found = nullptr;
    for (const Column& one : level->columns) {
      if (one.name != name) continue;
      if (found != nullptr) return Error{"42702", fmt::format("column reference \"{}\" is ambiguous", name), {}, {}};
      found = &one;
    }
    if (found == nullptr) continue;
    return std::optional(Expr{.sql = found->sql,
                              .type = found->type,
                              .name = found->name,
                              .ungrouped = level == &scope ? found->name : std::string()});
  }
  return std::optional<Expr>();
}

base::Result<Expr> Translator::named_column(const std::string& name, const Scope& scope) {
  TRY(auto found, find_column(name, scope));
  if (found) return *std::move(found);
  std::vector<std::string_view> known;
  for (const Scope* level = &scope; level != nullptr; level = level->outer) {
    for (const Column& one : level->columns) known.push_back(one.name);
  }
  const Error error{"42703", fmt::format("column \"{}\" does not exist", base::escape_for_log(name, 128)), {}, {}};
  const std::string_view meant = nearest(name, known);
  return meant.empty() ? error : base::with_hint(error, fmt::format("Did you mean \"{}\"?", meant));
}

base::Result<Expr> Translator::constant(Node node) {
  if (node.has("isnull")) return Expr{.sql = "NULL"};
  if (node.has("sval")) {
    std::string text(node["sval"]["sval"].text());
    return Expr{.sql = sql_text(text), .literal = std::move(text)};
  }
  if (node.has("boolval")) return Expr{.sql = node["boolval"]["boolval"].flag() ? "1" : "0", .type = Type::kBool};
  if (node.has("ival")) {
    // In parentheses, so that it is no position in ORDER BY or GROUP BY.
    const int64_t number = node["ival"].has("ival") ? node["ival"]["ival"].number()
                                                    : -magnitude(text_, node["location"].number());
    return Expr{.sql = fmt::format("({})", number), .type = Type::kInt4};
  }
  if (!node.has("fval")) return unsupported("bit strings");
  const std::string text(node["fval"]["fval"].text());
  if (const auto number = parse_int8(text); number.ok()) {
    return Expr{.sql = fmt::format("({})", *number), .type = Type::kInt8};
  }
  TRY(const double number, parse_float8(text));
  return Expr{.sql = fmt::format("({:e})", number), .type = Type::kFloat8};
}

base::Result<Expr> Translator::parameter(int64_t number) {
  if (number < 1 || number > static_cast<int64_t>(kMaxSqlParameters)) {
    return Error{"42P02", fmt::format("there is no parameter ${}", number), {}, {}};
  }
  const auto at = static_cast<std::size_t>(number - 1);
  if (parameters_.size() <= at) parameters_.resize(at + 1);
  return Expr{.sql = fmt::format("?{}", number), .type = parameters_[at], .parameter = static_cast<int>(number)};
}

// ---- Operators ----

base::Result<Expr> Translator::operation(Node node, const Scope& scope) {
  const std::string_view kind = node["kind"].text();
  if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") return like(node, scope, kind == "AEXPR_ILIKE");
  if (kind == "AEXPR_IN") return membership(node, scope);
  if (kind == "AEXPR_BETWEEN" || kind == "AEXPR_NOT_BETWEEN") return between(node, scope, kind != "AEXPR_BETWEEN");
  if (node["name"].size() != 1) return unsupported("OPERATOR()");
  const std::string name = last_name(node["name"]);
  TRY(Expr right, expression(node["rexpr"].inner(), scope));
  if (!node.has("lexpr")) {
    if (name != "-" && name != "+") return unsupported(fmt::format("the prefix operator {}", name));
    if (!right.type) TRY_STATUS(coerce(right, Type::kFloat8, name));
    if (!numeric(right.type) && right.type != Type::kInterval) {
      return Error{"42883", fmt::format("operator does not exist: {} {}", name, type_word(right.type)), {}, {}};
    }
    return made_of(fmt::format("({}{})", name, right.sql), *right.type, right);
  }
  TRY(Expr left, expression(node["lexpr"].inner(), scope));
  if (kind == "AEXPR_OP") return binary(name, std::move(left), std::move(right));
  if (kind == "AEXPR_DISTINCT") return comparison("IS NOT", std::move(left), std::move(right));
  if (kind == "AEXPR_NOT_DISTINCT") return comparison("IS", std::move(left), std::move(right));
  if (kind == "AEXPR_NULLIF") {
    std::vector<Expr> pair{std::move(left), std::move(right)};
    TRY(const Type type, common_type(pair, "NULLIF"));
    Expr result = made_of(fmt::format("nullif({}, {})", pair[0].sql, pair[1].sql), type, pair[0], pair[1]);
    result.name = "nullif";
    return result;
  }
  return unsupported("this kind of operator");
}

base::Result<Expr> Translator::binary(std::string_view name, Expr left, Expr right) {
  if (name == "=" || name == "<>" || name == "<" || name == ">" || name == "<=" || name == ">=") {
    return comparison(name, std::move(left), std::move(right));
  }
  if (name == "+" || name == "-" || name == "*" || name == "/" || name == "%") {
    return arithmetic(name, std::move(left), std::move(right));
  }
  if (name == "||") {
    assume(left, Type::kText);
    assume(right, Type::kText);
    return made_of(fmt::format("({} || {})", text_of_any(left), text_of_any(right)), Type::kText, left, right);
  }
  return unsupported(fmt::format("the operator {}", name));
}

base::Result<Expr> Translator::comparison(std::string_view name, Expr left, Expr right) {
  const std::optional<Type> left_type = left.type, right_type = right.type;
  const bool mixed_times = (left_type == Type::kText && right_type == Type::kTimestamptz) ||
                           (left_type == Type::kTimestamptz && right_type == Type::kText);
  if (left_type && right_type && left_type != right_type && !mixed_times &&
      !(numeric(left_type) && numeric(right_type))) {
    return no_operator(name, left, right);
  }
  std::vector<Expr> pair{std::move(left), std::move(right)};
  TRY_STATUS(common_type(pair, name));
  return made_of(fmt::format("({} {} {})", pair[0].sql, name, pair[1].sql), Type::kBool, pair[0], pair[1]);
}

base::Result<Expr> Translator::arithmetic(std::string_view name, Expr left, Expr right) {
  const bool scales = name == "*" || name == "/";
  // A text in quotes or a parameter is what stands on the other side; beside a moment it is an interval.
  const auto complete = [&](Expr& open, const Expr& other) -> base::Status {
    if (open.type) return base::Ok{};
    Type type = other.type.value_or(Type::kFloat8);
    if (timely(type)) type = scales ? Type::kFloat8 : open.literal || name == "+" ? Type::kInterval : type;
    return coerce(open, type, name);
  };
  TRY_STATUS(complete(left, right));
  TRY_STATUS(complete(right, left));
  if (left.type == Type::kText && timely(right.type)) TRY_STATUS(coerce(left, Type::kTimestamptz, name));
  if (right.type == Type::kText && left.type == Type::kTimestamptz) TRY_STATUS(coerce(right, Type::kTimestamptz, name));
  const auto plain = [&](Type type) {
    return made_of(fmt::format("({} {} {})", left.sql, name, right.sql), type, left, right);
  };
  if (timely(left.type) || timely(right.type)) {
    const bool sum = name == "+" || name == "-";
    if (sum && left.type == Type::kInterval && right.type == Type::kInterval) return plain(Type::kInterval);
    if (sum && left.type == Type::kTimestamptz && right.type == Type::kInterval) return plain(Type::kTimestamptz);
    if (name == "+" && left.type == Type::kInterval && right.type == Type::kTimestamptz) {
      return plain(Type::kTimestamptz);
    }
    if (name == "-" && left.type == Type::kTimestamptz && right.type == Type::kTimestamptz) {
      return plain(Type::kInterval);
    }
    if (scales && left.type == Type::kInterval && numeric(right.type)) {
      const std::string_view function = name == "*" ? "weir_interval_times" : "weir_interval_by";
      return made_of(fmt::format("{}({}, {})", function, left.sql, right.sql), Type::kInterval, left, right);
    }
    if (name == "*" && numeric(left.type) && right.type == Type::kInterval) {
      return made_of(fmt::format("weir_interval_times({}, {})", right.sql, left.sql), Type::kInterval, left, right);
    }
    return no_operator(name, left, right);
  }
  if (!numeric(left.type) || !numeric(right.type)) return no_operator(name, left, right);
  const bool fraction = left.type == Type::kFloat8 || right.type == Type::kFloat8 ||
                        (name == "/" && (left.type == Type::kNumeric || right.type == Type::kNumeric));
  const Type type = fraction ? Type::kFloat8 : Type::kInt8;
  // Division by zero is an error, and so is what does not fit.
  const std::string_view function = name == "+"   ? "weir_add"
                                    : name == "-" ? "weir_subtract"
                                    : name == "*" ? "weir_multiply"
                                    : name == "%" ? "weir_modulo"
                                    : fraction    ? "weir_divide"
                                                  : "weir_quotient";
  return made_of(fmt::format("{}({}, {})", function, left.sql, right.sql), type, left, right);
}

base::Result<Expr> Translator::like(Node node, const Scope& scope, bool ignore_case) {
  const bool is_not = last_name(node["name"]).starts_with('!');
  const std::string_view word = ignore_case ? "ILIKE" : "LIKE";
  TRY(Expr text, expression(node["lexpr"].inner(), scope));
  Node right = node["rexpr"].inner();
  std::string escape = "'\\'";
  if (right.key() == "FuncCall" && last_name(right["funcname"]) == "like_escape") {  // ESCAPE
    TRY(std::vector<Expr> both, expressions(right["args"], scope));
    TRY_STATUS(coerce(both.at(1), Type::kText, "ESCAPE"));
    escape = both[1].sql;
    for (Node first : right["args"]) {
      right = first.inner();
      break;
    }
  }
  TRY(Expr pattern, expression(right, scope));
  TRY_STATUS(coerce(text, Type::kText, word));
  TRY_STATUS(coerce(pattern, Type::kText, word));
  return made_of(fmt::format("({}{}({}, {}, {}))", is_not ? "NOT " : "", ignore_case ? "weir_ilike" : "weir_like",
                             text.sql, pattern.sql, escape),
                 Type::kBool, text, pattern);
}

base::Result<Expr> Translator::membership(Node node, const Scope& scope) {
  TRY(Expr left, expression(node["lexpr"].inner(), scope));
  TRY(std::vector<Expr> values, expressions(node["rexpr"].inner()["items"], scope));
  values.insert(values.begin(), std::move(left));
  TRY_STATUS(common_type(values, "IN"));
  Expr result{.sql = {}, .type = Type::kBool};
  for (const Expr& value : values) absorb(result, value);
  result.sql = fmt::format("({} {}IN ({}))", values[0].sql, last_name(node["name"]) == "<>" ? "NOT " : "",
                           list_of(std::span(values).subspan(1)));
  return result;
}

base::Result<Expr> Translator::between(Node node, const Scope& scope, bool is_not) {
  TRY(Expr value, expression(node["lexpr"].inner(), scope));
  TRY(std::vector<Expr> bounds, expressions(node["rexpr"].inner()["items"], scope));
  bounds.insert(bounds.begin(), std::move(value));
  TRY_STATUS(common_type(bounds, "BETWEEN"));
  return made_of(fmt::format("({} {}BETWEEN {} AND {})", bounds[0].sql, is_not ? "NOT " : "", bounds.at(1).sql,
                             bounds.at(2).sql),
                 Type::kBool, bounds[0], bounds[1], bounds[2]);
}

base::Result<Expr> Translator::boolean(Node node, const Scope& scope) {
  Expr result{.sql = {}, .type = Type::kBool};
  if (node.key() == "BoolExpr") {
    const std::string_view op = node["boolop"].text();
    const std::string_view word = op == "AND_EXPR" ? "AND" : op == "OR_EXPR" ? "OR" : "NOT";
    for (Node item : node["args"]) {
      TRY(const Expr part, condition(item.inner(), scope, word));
      absorb(result, part);
      if (!result.sql.empty()) result.sql += fmt::format(" {} ", word);
      result.sql += part.sql;
    }
    result.sql = word == "NOT" ? fmt::format("(NOT {})", result.sql) : "(" + result.sql + ")";
    return result;
  }
  TRY(Expr value, expression(node["arg"].inner(), scope));
  absorb(result, value);
  if (node.key() == "NullTest") {
    assume(value, Type::kText);
    result.sql = fmt::format("({} {})", value.sql, node["nulltesttype"].text() == "IS_NULL" ? "ISNULL" : "NOTNULL");
    return result;
  }
  TRY_STATUS(coerce(value, Type::kBool, "IS"));
  const std::string_view test = node["booltesttype"].text();
  const std::string_view words = test == "IS_TRUE"        ? "IS 1"
                                 : test == "IS_NOT_TRUE"  ? "IS NOT 1"
                                 : test == "IS_FALSE"     ? "IS 0"
                                 : test == "IS_NOT_FALSE" ? "IS NOT 0"
                                 : test == "IS_UNKNOWN"   ? "ISNULL"
                                                          : "NOTNULL";
  result.sql = fmt::format("({} {})", value.sql, words);
  return result;
}

// ---- CASE, subqueries ----

base::Result<Expr> Translator::case_of(Node node, const Scope& scope) {
  std::vector<Expr> tests, results;  // with CASE x WHEN: x, and what it is compared with
  Expr whole{.sql = {}, .name = "case"};
  const bool simple = node.has("arg");
  if (simple) {
    TRY(Expr subject, expression(node["arg"].inner(), scope));
    tests.push_back(std::move(subject));
  }
  for (Node item : node["args"]) {
    const Node when = item["CaseWhen"], test = when["expr"].inner();
    TRY(Expr filter, simple ? expression(test, scope) : condition(test, scope, "CASE/WHEN"));
    tests.push_back(std::move(filter));
    TRY(Expr result, expression(when["result"].inner(), scope));
    results.push_back(std::move(result));
  }
  const bool otherwise = node.has("defresult");
  if (otherwise) {
    TRY(Expr result, expression(node["defresult"].inner(), scope));
    if (!result.name.empty() && !result.weak_name) whole.name = result.name;
    results.push_back(std::move(result));
  }
  TRY_STATUS(common_type(tests, "CASE"));
  TRY(whole.type, common_type(results, "CASE"));
  for (const Expr& test : tests) absorb(whole, test);
  for (const Expr& result : results) absorb(whole, result);
  whole.sql = simple ? "CASE " + tests[0].sql : "CASE";
  for (std::size_t i = 0; i + (otherwise ? 1 : 0) < results.size(); ++i) {
    whole.sql += fmt::format(" WHEN {} THEN {}", tests[i + (simple ? 1 : 0)].sql, results[i].sql);
  }
  if (otherwise) whole.sql += " ELSE " + results.back().sql;
  whole.sql += " END";
  return whole;
}

base::Result<Expr> Translator::sublink(Node node, const Scope& scope) {
  const std::string_view kind = node["subLinkType"].text();
  TRY(Selected inner, select(node["subselect"].inner(), &scope));
  if (kind == "EXISTS_SUBLINK") {
    return Expr{.sql = "EXISTS (" + inner.sql + ")", .type = Type::kBool, .name = "exists"};
  }
  if (inner.columns.size() != 1) return base::syntax_error("subquery must return only one column");
  const ColumnInfo& output = inner.columns.front();
  if (kind == "EXPR_SUBLINK") return Expr{.sql = "(" + inner.sql + ")", .type = output.type, .name = output.name};
  const std::string op = node.has("operName") ? last_name(node["operName"]) : "=";
  const bool is_in = kind == "ANY_SUBLINK" && op == "=", is_not_in = kind == "ALL_SUBLINK" && op == "<>";
  if (!is_in && !is_not_in) return unsupported("ANY and ALL of a subquery but for = ANY and <> ALL");
  TRY(Expr left, expression(node["testexpr"].inner(), scope));
  std::vector<Expr> pair{std::move(left), {.sql = {}, .type = output.type}};
  TRY_STATUS(common_type(pair, "IN"));
  return made_of(fmt::format("({} {}IN ({}))", pair[0].sql, is_not_in ? "NOT " : "", inner.sql), Type::kBool, pair[0]);
}

base::Result<Expr> Translator::value_function(Node node, const Scope& scope) {
  const std::string_view op = node["op"].text();
  if (op == "SVFOP_CURRENT_TIMESTAMP" || op == "SVFOP_CURRENT_TIMESTAMP_N") {
    return Expr{.sql = "weir_now()", .type = Type::kTimestamptz, .name = "current_timestamp"};
  }
  if (op == "SVFOP_USER") {  // a word of SQL, but views have a column of that name
    TRY(auto found, find_column("user", scope));
    if (found) return *std::move(found);
  }
  if (op == "SVFOP_USER" || op == "SVFOP_CURRENT_USER" || op == "SVFOP_SESSION_USER" || op == "SVFOP_CURRENT_ROLE") {
    std::string name = op == "SVFOP_USER"           ? "user"
                       : op == "SVFOP_SESSION_USER" ? "session_user"
                       : op == "SVFOP_CURRENT_ROLE" ? "current_role"
                                                    : "current_user";
    return Expr{.sql = sql_text(context_.user), .type = Type::kText, .name = std::move(name)};
  }
  if (op == "SVFOP_CURRENT_CATALOG") {
    return Expr{.sql = sql_text(kConsoleDatabase), .type = Type::kText, .name = "current_catalog"};
  }
  return unsupported("dates and times without a time zone");
}

}  // namespace admin
