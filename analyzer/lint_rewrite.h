#pragma once
// Statements in other words, where that is mechanical: by cutting and inserting at places that the tree names, never by
// printing the tree. What comes out is read by PostgreSQL's grammar again, and dropped if that refuses it. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/lint_scope.h"
#include "analyzer/lint_text.h"

namespace analyzer {

class Edits {
 public:
  explicit Edits(const LintText& text) : text_(text) {}
  void replace(Extent where, std::string with) { edits_.push_back({where, std::move(with)}); }
  void insert(std::size_t at, std::string what) { edits_.push_back({{at, 0}, std::move(what)}); }
  // The whole text; empty if the edits overlap or it is no statement of PostgreSQL's any more.
  std::string apply() const;

 private:
  struct Edit {
    Extent where;
    std::string with;
  };
  const LintText& text_;
  std::vector<Edit> edits_;
};

// The same rows, page by page: ORDER BY a, b LIMIT n OFFSET m as WHERE (a, b) > ($x, $y) ... LIMIT n. The parameters that it
// adds are the last row of the page before. Only for one table, columns that cannot be NULL, and an order that no two rows
// share.
std::string keyset(const LintText& text, Node query, const LintCatalog* catalog);

// date(c) = x, c::date >= x, extract(year from c) = x, c + x = y: as a range of c, or c on its own.
std::string bare_column(const LintText& text, Node comparison, const LintCatalog* catalog);

// = NULL as IS NULL.
std::string null_test(const LintText& text, Node comparison);

// x NOT IN (SELECT c FROM t WHERE p) as NOT EXISTS.
std::string not_exists(const LintText& text, Node negation, const LintCatalog* catalog);

// (SELECT count(*) FROM t WHERE p) > 0 as EXISTS; `negated` for NOT EXISTS.
std::string exists(const LintText& text, Node comparison, bool negated);

// a IN ($1, $2) as a = ANY ($1).
std::string any_of_array(const LintText& text, Node in);

// INSERT of one row as INSERT of three.
std::string insert_rows(const LintText& text);

// SELECT ... WHERE c = $1 as SELECT ..., c ... WHERE c = ANY ($1), for a loop over the values of $1. `parameter` is the one
// that changes.
std::string for_all_values(const LintText& text, int parameter);

}  // namespace analyzer
