#pragma once
// The tables that a statement names, and which of them it writes. Pure.

#include "analyzer/statement.h"
#include "analyzer/tree.h"

namespace analyzer {

// Adds them to out.tables, each once. A name that means a WITH query where it stands is none.
void add_relations(const Tree& tree, Node statement, Statement& out);

}  // namespace analyzer
