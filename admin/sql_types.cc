// Types of expressions: what is cast, what fits where, and what it is called.
#include <fmt/format.h>

#include <algorithm>

#include "admin/sql_translator.h"
#include "admin/sql_values.h"
#include "base/text.h"

namespace admin {

using base::Error;

namespace {

struct TypeWord {
  std::string_view name;
  Type type;
};
// PostgreSQL's names. numeric is read as float8: the console computes with 64 bits.
constexpr TypeWord kTypeWords[] = {
    {"int2", Type::kInt4},       {"int4", Type::kInt4},        {"int8", Type::kInt8},
    {"oid", Type::kInt8},        {"float4", Type::kFloat8},    {"float8", Type::kFloat8},
    {"numeric", Type::kFloat8},  {"text", Type::kText},        {"varchar", Type::kText},
    {"bpchar", Type::kText},     {"name", Type::kText},        {"bool", Type::kBool},
    {"timestamp", Type::kTimestamptz}, {"timestamptz", Type::kTimestamptz}, {"interval", Type::kInterval},
};

std::string quoted_number(int64_t number) {
  // SQLite reads the smallest int8 as a float if its sign stands apart.
  return number == INT64_MIN ? "(-9223372036854775807 - 1)" : fmt::format("({})", number);
}

bool whole(const std::optional<Type>& type) { return type == Type::kInt4 || type == Type::kInt8; }

// What a text in quotes is as a value of a type, in SQLite's words.
base::Result<std::string> literal_as(const std::string& text, Type type) {
  switch (type) {
    case Type::kText:
    case Type::kBytea: return sql_text(text);
    case Type::kInt4:
    case Type::kInt8: {
      TRY(const int64_t number, parse_int8(text));
      return quoted_number(number);
    }
    case Type::kNumeric:
    case Type::kFloat8: {
      if (const auto number = parse_int8(text); number.ok()) return quoted_number(*number);
      TRY(const double number, parse_float8(text));
      return fmt::format("weir_float8({})", sql_text(float_text(number)));
    }
    case Type::kBool: {
      TRY(const bool yes, parse_bool(text));
      return std::string(yes ? "1" : "0");
    }
    case Type::kTimestamptz: {
      if (base::equal_ignoring_case(base::trim(text), "now")) return std::string("weir_now()");
      TRY(const int64_t time, parse_timestamp(text));
      return quoted_number(time);
    }
    case Type::kInterval: {
      TRY(const int64_t interval, parse_interval(text));
      return quoted_number(interval);
    }
  }
  return base::internal_error("a type without literals");
}

std::string_view cast_function(Type type) {
  switch (type) {
    case Type::kInt4: return "weir_int4";
    case Type::kInt8: return "weir_int8";
    case Type::kFloat8: return "weir_float8";
    case Type::kBool: return "weir_bool";
    case Type::kTimestamptz: return "weir_timestamptz";
    case Type::kInterval: return "weir_interval";
    default: return {};
  }
}

}  // namespace

bool numeric(const std::optional<Type>& type) {
  return whole(type) || type == Type::kNumeric || type == Type::kFloat8;
}

std::string_view type_word(const std::optional<Type>& type) {
  if (!type) return "unknown";
  switch (*type) {
    case Type::kText: return "text";
    case Type::kInt4: return "integer";
    case Type::kInt8: return "bigint";
    case Type::kNumeric: return "numeric";
    case Type::kBytea: return "bytea";
    case Type::kFloat8: return "double precision";
    case Type::kBool: return "boolean";
    case Type::kTimestamptz: return "timestamp with time zone";
    case Type::kInterval: return "interval";
  }
  return "unknown";
}

std::optional<Type> type_of(wire::Oid oid) {
  switch (oid.value()) {
    case 16: return Type::kBool;
    case 21:
    case 23: return Type::kInt4;
    case 20:
    case 26: return Type::kInt8;
    case 700:
    case 701: return Type::kFloat8;
    case 1700: return Type::kNumeric;
    case 1114:
    case 1184: return Type::kTimestamptz;
    case 1186: return Type::kInterval;
    case 17:
    case 18:
    case 19:
    case 25:
    case 1042:
    case 1043: return Type::kText;
    default: return std::nullopt;
  }
}

base::Result<Type> type_named(analyzer::Node type_name) {
  const std::string name = last_name(type_name["names"]);
  for (const TypeWord& word : kTypeWords) {
    if (word.name == name && !type_name.has("arrayBounds")) return word.type;
  }
  return Error{"42704", fmt::format("type \"{}{}\" does not exist", name, type_name.has("arrayBounds") ? "[]" : ""), {},
               "The console has text, int4, int8, float8, bool, timestamptz and interval."};
}

std::string text_of_any(const Expr& value) {
  if (value.literal) return sql_text(*value.literal);
  if (value.type == Type::kBool) return fmt::format("weir_bool_text({})", value.sql);
  if (value.type == Type::kTimestamptz) return fmt::format("weir_timestamptz_text({})", value.sql);
  if (value.type == Type::kInterval) return fmt::format("weir_interval_text({})", value.sql);
  if (value.type == Type::kFloat8 || value.type == Type::kNumeric) return fmt::format("weir_float8_text({})", value.sql);
  return fmt::format("CAST({} AS TEXT)", value.sql);
}

void Translator::assume(Expr& value, Type type) {
  if (value.parameter == 0) return;
  auto& known = parameters_[static_cast<std::size_t>(value.parameter - 1)];
  if (!known) known = type;
  value.type = known;
}

base::Result<Expr> Translator::cast(Expr value, Type type) {
  if (value.parameter != 0 && !value.type) {
    assume(value, type);
    return value;
  }
  if (value.literal) {
    TRY(value.sql, literal_as(*value.literal, type));
    value.literal.reset();
    value.type = type;
    return value;
  }
  if (!value.type) {  // NULL
    value.type = type;
    return value;
  }
  const Type from = *value.type;
  if (from == type) return value;
  const bool text = from == Type::kText;
  const bool fits = type == Type::kText ? from != Type::kBytea
                    : numeric(type)     ? text || numeric(from) || (from == Type::kBool && type == Type::kInt4)
                    : type == Type::kBool ? text || whole(from)
                                          : text;
  if (!fits) {
    return Error{"42846", fmt::format("cannot cast type {} to {}", type_word(from), type_word(type)), {}, {}};
  }
  value.sql = type == Type::kText ? text_of_any(value) : fmt::format("{}({})", cast_function(type), value.sql);
  value.type = type;
  return value;
}

// `what` is what PostgreSQL would name in its message: a function, an operator, a clause.
base::Status Translator::coerce(Expr& value, Type type, std::string_view what) {
  if (value.parameter != 0 && !value.type) {
    assume(value, type);
    return base::Ok{};
  }
  if (!value.type) {
    TRY(value, cast(std::move(value), type));
    return base::Ok{};
  }
  if (value.type == type || (numeric(value.type) && numeric(type))) {
    if (type == Type::kInt8 && !whole(value.type)) {
      TRY(value, cast(std::move(value), type));
    }
    return base::Ok{};
  }
  if (value.type == Type::kText && type == Type::kTimestamptz) {  // SHOW's moments are texts
    TRY(value, cast(std::move(value), type));
    return base::Ok{};
  }
  return Error{"42804", fmt::format("{} needs {}, not {}", what, type_word(type), type_word(value.type)), {},
               "You might need to add explicit type casts."};
}

// One type for all of them, which then have it.
base::Result<Type> Translator::common_type(std::vector<Expr>& values, std::string_view what) {
  std::optional<Type> type;
  for (const Expr& value : values) {
    if (!value.type) continue;
    if (!type) type = value.type;
    if (type == value.type) continue;
    if (numeric(type) && numeric(value.type)) {
      const bool either_float = type == Type::kFloat8 || value.type == Type::kFloat8;
      const bool either_numeric = type == Type::kNumeric || value.type == Type::kNumeric;
      type = either_float ? Type::kFloat8 : either_numeric ? Type::kNumeric : Type::kInt8;
    } else if ((type == Type::kText || type == Type::kTimestamptz) &&
               (value.type == Type::kText || value.type == Type::kTimestamptz)) {
      type = Type::kTimestamptz;
    } else {
      return Error{"42804", fmt::format("{} types {} and {} cannot be matched", what, type_word(type),
                                        type_word(value.type)), {}, {}};
    }
  }
  const Type common = type.value_or(Type::kText);
  for (Expr& value : values) TRY_STATUS(coerce(value, common, what));
  return common;
}

}  // namespace admin
