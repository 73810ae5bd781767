#pragma once
// Views in a statement, written out: PostgreSQL plans their queries as parts of it, and so are they looked at. Pure.

#include <functional>
#include <string>
#include <string_view>

#include "analyzer/advice_uses.h"
#include "analyzer/tree.h"

namespace analyzer {

// The text with `(query) AS name` for each view that a FROM names. `query_of` gives a view's query, or nothing for what is none.
using QueryOf = std::function<std::string(const WrittenTable&)>;
std::string with_views(std::string_view sql, const Tree& tree, const QueryOf& query_of);

}  // namespace analyzer
