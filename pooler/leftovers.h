#pragma once
// What a client may leave on a server: the query that asks for it, and the statements that remove it. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement.h"

namespace pooler {

// Kinds that PostgreSQL can be asked for.
inline constexpr analyzer::Effects kAskable = analyzer::Effect::kTemporary | analyzer::Effect::kAdvisoryLock |
                                              analyzer::Effect::kHoldCursor | analyzer::Effect::kPrepared;
// Kinds that stay until the connection ends, whatever is said.
inline constexpr analyzer::Effects kLasting = analyzer::Effect::kLibrary | analyzer::Effect::kLasting;
// Kinds that are there, once they may be, until DISCARD ALL.
inline constexpr analyzer::Effects kUnfollowable = kLasting | analyzer::Effect::kAnySetting | analyzer::Effect::kUnknown;

// One row: a "t" or "f" for each askable kind in `kinds`, in the order of kAskable's bits, then the value of each
// setting.
std::string leftovers_query(analyzer::Effects kinds, const std::vector<std::string>& settings);
// What that row says.
struct Leftovers {
  analyzer::Effects found;
  std::vector<std::optional<std::string>> values;  // of the settings that the row has
};
Leftovers read_leftovers(analyzer::Effects kinds, const std::vector<std::optional<std::string>>& row);

// Removes what these kinds may have left; empty if nothing need be done, impossible if only the end of the connection
// helps.
struct Cleaning {
  bool possible = true;
  std::string sql;
};
Cleaning cleaning(analyzer::Effects kinds);

}  // namespace pooler
