#include "admin/sql_functions.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/sql_translator.h"
#include "base/text.h"

namespace admin {

using base::Error;

namespace {

using enum SqlFunction::Kind;

constexpr SqlFunction kFunctions[] = {
    {"avg", "avg", "n", 1, 'f', kAggregate},
    {"bool_and", "min", "b", 1, 'b', kAggregate},
    {"bool_or", "max", "b", 1, 'b', kAggregate},
    {"count", "count", "a", 1, 'i', kAggregate},
    {"every", "min", "b", 1, 'b', kAggregate},
    {"max", "max", "a", 1, '0', kAggregate},
    {"min", "min", "a", 1, '0', kAggregate},
    {"string_agg", "group_concat", "tt", 2, 't', kAggregate},
    {"sum", "sum", "N", 1, '0', kAggregate},
    {"dense_rank", "dense_rank", "", 0, 'i', kWindow},
    {"lag", "lag", "ai", 1, '0', kWindow},
    {"lead", "lead", "ai", 1, '0', kWindow},
    {"rank", "rank", "", 0, 'i', kWindow},
    {"row_number", "row_number", "", 0, 'i', kWindow},
    {"abs", "abs", "N", 1, '0'},
    {"btrim", "trim", "t", 1, 't'},
    {"ceil", "weir_ceil", "n", 1, '0'},
    {"ceiling", "weir_ceil", "n", 1, '0'},
    {"char_length", "length", "t", 1, 'i'},
    {"clock_timestamp", "weir_now", "", 0, 'z'},
    {"date_part", "weir_extract", "tZ", 2, 'f'},
    {"date_trunc", "weir_date_trunc", "tz", 2, 'z'},
    {"extract", "weir_extract", "tZ", 2, 'f'},
    {"floor", "weir_floor", "n", 1, '0'},
    {"length", "length", "t", 1, 'i'},
    {"lower", "lower", "t", 1, 't'},
    {"ltrim", "ltrim", "t", 1, 't'},
    {"now", "weir_now", "", 0, 'z'},
    {"pg_size_pretty", "weir_size_pretty", "i", 1, 't'},
    {"round", "weir_round", "ni", 1, '0'},
    {"rtrim", "rtrim", "t", 1, 't'},
    {"statement_timestamp", "weir_now", "", 0, 'z'},
    {"substr", "weir_substr", "tii", 2, 't'},
    {"substring", "weir_substr", "tii", 2, 't'},
    {"transaction_timestamp", "weir_now", "", 0, 'z'},
    {"trunc", "weir_trunc", "n", 1, '0'},
    {"upper", "upper", "t", 1, 't'},
};

// Functions of a session, which are constants here.
struct Fixed {
  std::string_view name, value;
  Type type;
};
constexpr Fixed kFixed[] = {
    {"current_database", kConsoleDatabase, Type::kText}, {"current_schema", "public", Type::kText},
    {"pg_advisory_unlock_all", "", Type::kText},         {"pg_is_in_recovery", "0", Type::kBool},
    {"version", kCompatibleVersion, Type::kText},
};

std::optional<Type> type_given(char letter) {
  switch (letter) {
    case 't': return Type::kText;
    case 'i': return Type::kInt8;
    case 'f': return Type::kFloat8;
    case 'b': return Type::kBool;
    case 'z': return Type::kTimestamptz;
    default: return std::nullopt;
  }
}

std::string signature(const std::string& name, const std::vector<Expr>& arguments) {
  std::string types;
  for (const Expr& argument : arguments) types += fmt::format("{}{}", types.empty() ? "" : ", ", type_word(argument.type));
  return fmt::format("{}({})", name, types);
}

Error no_function(const std::string& signature) {
  return {"42883", fmt::format("function {} does not exist", base::escape_for_log(signature, 200)), {},
          "docs/console.md lists the functions of the console."};
}

// The frame that SQL gives a window by itself (FRAMEOPTION_DEFAULTS of PostgreSQL).
constexpr int64_t kDefaultFrame = 1058;

}  // namespace

std::span<const SqlFunction> sql_functions() { return kFunctions; }

base::Result<Expr> Translator::call(Node node, const Scope& scope) {
  const std::string name = last_name(node["funcname"]);
  if (node["agg_within_group"].flag()) return percentile(node, scope, name);
  if (node.has("agg_order")) return unsupported("ORDER BY in an aggregate");
  if (node["func_variadic"].flag()) return unsupported("VARIADIC");
  const bool star = node["agg_star"].flag();
  TRY(std::vector<Expr> arguments, expressions(node["args"], scope));
  for (const Fixed& fixed : kFixed) {
    if (fixed.name != name || !arguments.empty()) continue;
    const std::string sql = fixed.type == Type::kText ? sql_text(fixed.value) : std::string(fixed.value);
    return Expr{.sql = sql, .type = fixed.type, .name = name};
  }
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&name](const SqlFunction& one) { return one.name == name; });
  const bool fits = found != std::end(kFunctions) && arguments.size() >= found->least &&
                    arguments.size() <= found->takes.size() && !star;
  const bool count_all = star && name == "count";
  if (!fits && !count_all) return no_function(star ? name + "(*)" : signature(name, arguments));

  Expr result{.sql = {}, .name = name};
  bool between_moments = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Expr& argument = arguments[i];
    const char wanted = found->takes[i];
    if (wanted == 'n' || wanted == 'N') {
      if (!argument.type) TRY_STATUS(coerce(argument, Type::kFloat8, name));
      const bool interval = argument.type == Type::kInterval && wanted == 'N';
      if (!numeric(argument.type) && !interval) return no_function(signature(name, arguments));
    } else if (wanted == 'Z') {
      between_moments = argument.type == Type::kInterval;
      if (!between_moments) TRY_STATUS(coerce(argument, Type::kTimestamptz, name));
    } else if (wanted == 'a') {
      if (!argument.type) TRY_STATUS(coerce(argument, Type::kText, name));
    } else {
      TRY_STATUS(coerce(argument, *type_given(wanted), name));
    }
    absorb(result, argument);
  }
  result.type = type_given(found->gives);
  if (!result.type) result.type = arguments.front().type;
  if (name == "sum" && result.type == Type::kInt4) result.type = Type::kInt8;

  const bool over = node.has("over");
  if (found->kind == kWindow && !over) {
    return Error{"42809", fmt::format("window function {} requires an OVER clause", name), {}, {}};
  }
  if (found->kind == kScalar && (over || node.has("agg_filter") || node["agg_distinct"].flag())) {
    return Error{"42809", fmt::format("{} is not an aggregate function", name), {}, {}};
  }
  if (found->kind == kAggregate && !over) {
    if (result.aggregate) return Error{"42803", "aggregate function calls cannot be nested", {}, {}};
    result.aggregate = true;
    result.ungrouped.clear();
  }
  const bool distinct = node["agg_distinct"].flag();
  if (distinct && arguments.size() > 1) return unsupported("DISTINCT with two arguments");
  std::string list = count_all ? "*" : distinct ? "DISTINCT " : "";
  for (std::size_t i = 0; i < arguments.size(); ++i) list += (i > 0 ? ", " : "") + arguments[i].sql;
  const std::string_view sqlite = between_moments ? "weir_extract_interval" : found->sqlite;
  result.sql = fmt::format("{}({})", sqlite, list);
  if (node.has("agg_filter")) {
    TRY(const Expr filter, condition(node["agg_filter"].inner(), scope, "FILTER"));
    if (filter.aggregate) return Error{"42803", "aggregate functions are not allowed in FILTER", {}, {}};
    result.sql += fmt::format(" FILTER (WHERE {})", filter.sql);
  }
  if (over) {
    TRY(const std::string where, window(node["over"], scope, result));
    result.sql += " OVER (" + where + ")";
  }
  return result;
}

base::Result<std::string> Translator::window(Node node, const Scope& scope, Expr& result) {
  if (node.has("name") || node.has("refname")) return unsupported("named windows");
  if (node["frameOptions"].number() != kDefaultFrame) return unsupported("window frames");
  std::string sql;
  TRY(const std::vector<Expr> parts, expressions(node["partitionClause"], scope));
  for (const Expr& part : parts) {
    sql += (sql.empty() ? "PARTITION BY " : ", ") + (part.literal ? sql_text(*part.literal) : part.sql);
    absorb(result, part);
  }
  std::vector<Expr> used;
  TRY(const std::string order, order_by(node["orderClause"], scope, nullptr, &used));
  for (const Expr& part : used) absorb(result, part);
  return sql + order;
}

// percentile_cont(0.95) WITHIN GROUP (ORDER BY x), and percentile_disc.
base::Result<Expr> Translator::percentile(Node node, const Scope& scope, const std::string& name) {
  if (name != "percentile_cont" && name != "percentile_disc") return no_function(name + "() WITHIN GROUP");
  if (node.has("over")) return unsupported("percentiles over a window");
  TRY(std::vector<Expr> arguments, expressions(node["args"], scope));
  if (arguments.size() != 1 || node["agg_order"].size() != 1) return no_function(signature(name, arguments));
  const Node sort = node["agg_order"].inner()["SortBy"];
  if (sort["sortby_dir"].text() == "SORTBY_DESC") return unsupported("a descending order for percentiles");
  TRY(Expr value, expression(sort["node"].inner(), scope));
  TRY_STATUS(coerce(arguments[0], Type::kFloat8, name));
  if (!numeric(value.type)) TRY_STATUS(coerce(value, Type::kFloat8, name));
  Expr result{.sql = fmt::format("weir_{}({}, {})", name, value.sql, arguments[0].sql),
              .type = name == "percentile_disc" ? value.type : Type::kFloat8,
              .name = name};
  absorb(result, value);
  if (result.aggregate) return Error{"42803", "aggregate function calls cannot be nested", {}, {}};
  result.aggregate = true;
  result.ungrouped.clear();
  if (node.has("agg_filter")) {
    TRY(const Expr filter, condition(node["agg_filter"].inner(), scope, "FILTER"));
    result.sql += fmt::format(" FILTER (WHERE {})", filter.sql);
  }
  return result;
}

}  // namespace admin
