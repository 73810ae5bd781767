#pragma once
// Expressions of a parse tree as SQL, and what patterns of LIKE begin with. Pure.

#include <string>
#include <string_view>

#include "analyzer/tree.h"

namespace analyzer {

// The SQL of an expression of columns, constants, functions, operators and casts; empty where it has more to it, or where
// the tree does not say what it is. Names of tables are left out. Nested deeper than this, it is none either.
inline constexpr int kExpressionDepthMax = 16;
std::string expression_text(Node node);

// x = 1, x IN (1, 2) and x = ANY ('{1,2}') with this on the right, by its A_Expr's kind; empty where that cannot be told.
std::string equality_text(const std::string& column, std::string_view kind, Node right);

// A constant, or a query for a text made from constants: what may be asked of rows without running somebody's function on them.
bool is_plain(Node node);
// to_tsvector('english', body)
bool is_document(Node node);

// Of a string constant; empty otherwise.
std::string_view text_constant(Node node);
// What comes before the first % or _.
std::string_view literal_prefix(std::string_view pattern);

}  // namespace analyzer
