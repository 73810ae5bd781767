#pragma once
// What the names of a statement mean: which tables a query reads, and whose a column is. Pure; over a LintText's tree.

#include <optional>
#include <string_view>
#include <vector>

#include "analyzer/lint_catalog.h"
#include "analyzer/lint_text.h"

namespace analyzer {

// One thing in FROM, or the table that UPDATE, DELETE and INSERT write.
struct FromItem {
  Node node;
  std::string_view schema, name, alias;
  bool table = false;        // a name of a table or view; otherwise a query, a function, or a query of WITH
  bool outer_joined = false; // on the side of an outer join that may be missing
  const LintTable* known = nullptr;

  // How columns call it.
  std::string_view called() const { return alias.empty() ? name : alias; }
};

// Every query in the statement, the outermost first; each arm of UNION on its own.
std::vector<Node> queries_of(const LintText& text);
// Of a query, an UPDATE or a DELETE.
std::vector<FromItem> items_of(const LintText& text, Node query, const LintCatalog* catalog);
// All that must hold of a row: WHERE and inner joins' ON, taken apart at AND.
std::vector<Node> conditions_of(Node query);
// The query, UPDATE or DELETE that the node stands in, not counting itself.
Node query_around(Node node);
// The target list's entries; the select list for a query.
Node targets_of(Node query);

bool is_column(Node node);   // ColumnRef, and no star
std::string_view column_name(Node column);
std::string_view qualifier(Node column);  // empty: none
// Whose a column is, in the query it stands in or around that; nothing where that cannot be told without the catalogue.
std::optional<FromItem> owner_of(const LintText& text, Node column, const LintCatalog* catalog);
const LintColumn* known_column(const LintText& text, Node column, const LintCatalog* catalog);

// Anywhere inside, or the node itself.
bool has_inside(const LintText& text, Node node, std::string_view key);
std::vector<Node> all_inside(const LintText& text, Node node, std::string_view key);
// No column of any table and no query: the same for every row.
bool is_value(const LintText& text, Node node);
std::string_view operator_of(Node expression);  // of A_Expr
std::string_view function_of(Node call);        // of FuncCall, without its schema
bool is_aggregate(std::string_view function);
// The query is one row, or one for each group.
bool aggregates(const LintText& text, Node query);

// The columns of `table` that these conditions fix to a value are those of a unique index.
bool fixes_one_row(const LintText& text, const FromItem& item, const std::vector<Node>& conditions, std::size_t items,
                   const LintCatalog* catalog);

}  // namespace analyzer
