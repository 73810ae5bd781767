#pragma once
// Foreign keys without an index: whoever deletes a row of the table that they name reads all of theirs. EXPLAIN shows nothing of
// it, so this is a rule and no measurement. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice.h"
#include "analyzer/advice_catalog.h"

namespace analyzer {

// A row for each column of each foreign key that no index begins with, of tables that are worth one and name a table whose
// rows are deleted.
extern const std::string_view kForeignKeysSql;

// Advice for what kForeignKeysSql brings, the most time saved first. What `measured` serves anyway is left out, and rows of
// another form.
std::vector<Advice> foreign_key_advice(std::string_view database, const SqlRows& rows, const std::vector<Advice>& measured);

}  // namespace analyzer
