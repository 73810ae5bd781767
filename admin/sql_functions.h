#pragma once
// The functions that SELECT knows, one row each. What is not here cannot be called.

#include <span>
#include <string_view>

namespace admin {

struct SqlFunction {
  enum class Kind { kScalar, kAggregate, kWindow };
  std::string_view name;    // PostgreSQL's
  std::string_view sqlite;  // what SQLite calls; weir_... are our own, in sql.cc
  std::string_view takes;   // one letter each: t text, i int8, b bool, a any, n number, z moment; N, Z: or interval
  std::size_t least;        // arguments that must be there
  char gives;               // t i f b z, or 0: as the first argument
  Kind kind = Kind::kScalar;
};

std::span<const SqlFunction> sql_functions();

}  // namespace admin
