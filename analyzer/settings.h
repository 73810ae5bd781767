#pragma once
// SET, RESET and set_config() as changes of settings.

#include <string>
#include <string_view>

#include "analyzer/statement.h"
#include "analyzer/tree.h"

namespace analyzer {

// What a VariableSetStmt changes. `sql` is the text that was parsed: libpg_query's JSON leaves negative numbers out.
void add_settings_of_set(std::string_view sql, Node set, Statement& out);

// What a call of set_config() changes. `surely`: it is executed once, whatever the data. If not, the text does not tell
// what value is left.
void add_settings_of_set_config(Node call, bool surely, Statement& out);

// An identifier as PostgreSQL's quote_identifier() writes it: in quotes only if it has to be.
std::string quoted_if_needed(std::string_view name);

}  // namespace analyzer
