#pragma once
// The shapes of a statement: what a rule can say of it without knowing its words. Pure.

#include "analyzer/statement.h"
#include "analyzer/tree.h"

namespace analyzer {

// `statement` is the node that holds it in "stmts", `kind` what it was found to be.
Shapes shapes_of(const Tree& tree, Node statement, Kind kind);

}  // namespace analyzer
