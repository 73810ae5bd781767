#pragma once
// Where a statement stands in its text, and where the name of a prepared statement stands in it. Pure.

#include <cstddef>
#include <string_view>

#include "analyzer/statement.h"

namespace analyzer {

// `at` and `size` are libpg_query's stmt_location and stmt_len (0: to the end), which take blanks and comments along. Sets
// out.at and out.size and, for PREPARE, EXECUTE in all its forms and DEALLOCATE, out.name_at and out.name_size; both stay
// 0 if the name is not where the grammar has it.
void locate(std::string_view sql, std::size_t at, std::size_t size, bool standard_conforming_strings, Statement& out);

}  // namespace analyzer
