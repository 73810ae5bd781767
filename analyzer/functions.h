#pragma once
// Functions of PostgreSQL and of common extensions that do more than compute: what they leave in their session, and
// whether they need a primary. Known by name alone, in whatever schema. One table; docs and tests walk it.

#include <cstdint>
#include <span>
#include <string_view>

#include "analyzer/statement.h"

namespace analyzer {

struct KnownFunction {
  std::string_view name;  // a trailing * stands for any rest
  Effects effects;
  bool writes = false;     // not on a standby, or not there what was meant
  bool runs_text = false;  // an argument is SQL that it executes
  std::string_view why;
};

// Sorted by name.
std::span<const KnownFunction> known_functions();

// Null if nothing is known against it. `name` as PostgreSQL folds it.
const KnownFunction* find_function(std::string_view schema, std::string_view name);

// set_config(), which is read more closely (settings.h).
inline constexpr std::string_view kSetConfig = "set_config";

}  // namespace analyzer
