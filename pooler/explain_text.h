#pragma once
// How PostgreSQL is asked for the plan of a statement that was slow, with the values that it had. Pure.
//
// Never with ANALYZE, and in a transaction that is READ ONLY, because planning runs functions that say of themselves that
// they change nothing. Only for a SELECT that is known whole and that reads the same whatever the settings of a session, so
// that nothing in it can become a statement of its own.

#include <optional>
#include <string>
#include <string_view>

#include "pooler/slow_statement.h"

namespace pooler {

// The text of one simple query; nothing where there is no asking. `search_path` is the client's own, or nothing: as the
// user and the database have it. Where one is given, its row comes in front of the plan's.
std::optional<std::string> explain_text(const KeptStatement& kept, bool prepared,
                                        std::optional<std::string_view> search_path);

// A plan's lines without the values in its conditions: what a line says about costs stays.
std::string plan_without_values(std::string_view plan);

}  // namespace pooler
