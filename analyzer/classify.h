#pragma once
// From a parse tree to what statement.h says about a statement. Pure.

#include <string_view>

#include "analyzer/statement.h"
#include "analyzer/tree.h"

namespace analyzer {

// `sql` is the text that was parsed, `statement` the node below "stmt" of one statement: {"SelectStmt": {...}}. Fills
// everything but the places in the text. False if the facts depend on literals of the statement, so that it must not
// share them with others of its skeleton.
bool classify(std::string_view sql, const Tree& tree, Node statement, Statement& out);

}  // namespace analyzer
