#pragma once
// What a statement asks of each table: compared columns, joins, orders, groups. Read from its parse tree, with names
// resolved as PostgreSQL does it: aliases, the queries around, columns of the catalogue. Pure.
//
// What is not understood is left out: a candidate less, never a wrong one, because every candidate is measured.

#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/advice_catalog.h"
#include "analyzer/tree.h"

namespace analyzer {

// A table as the statement writes it.
struct WrittenTable {
  std::string schema, name;
  auto operator<=>(const WrittenTable&) const = default;
};

struct TableUse {
  struct Equal {
    std::string column;
    bool many = false;    // IN, = ANY: rows come in no order
    std::string value{};  // the constant in SQL, where it may stand in the WHERE of an index
    std::string condition{};  // all of it as SQL, where the tree tells it
  };
  // x > 1: a range of the column, as SQL where the tree tells it.
  struct Bound {
    std::string column, condition;
  };
  // d @> '{}', e ILIKE '%x%', to_tsvector('simple', e) @@ 'x': what only a GIN index finds.
  struct Match {
    IndexKey key;  // a column, or an expression
    std::string op, value{};  // the value where it is a text
    std::string condition;    // all of it as SQL
  };
  const AdviceTable* table = nullptr;
  std::vector<Equal> equal;
  std::vector<std::string> range;
  std::vector<Bound> bounds;    // the same, each condition
  std::vector<Match> matches;
  std::vector<std::string> prefix;       // LIKE 'x%'
  std::vector<std::string> join;         // equal to a column of another table
  std::vector<std::string> either;       // equal, in one arm of an OR
  std::vector<IndexKey> sort;            // all of ORDER BY, where it is of this table alone
  std::vector<std::string> group;        // all of GROUP BY or DISTINCT, the same
  std::vector<std::string> expressions;  // equal to a constant
  std::vector<std::string> predicates;   // "x" IS NULL, "flag", NOT "flag"
  bool limited = false;                  // with LIMIT
  bool cut_short = false;                // the same, or inside of a query with one
  std::vector<std::string> read;         // each column of it that the statement names, wherever
  bool all_read = false;                 // * and what is like it
};

// What a data-changing statement writes.
struct WrittenColumns {
  WrittenTable table;
  enum class How : uint8_t { kInsert, kUpdate, kDelete } how = How::kInsert;
  std::vector<std::string> columns;  // of an UPDATE
};

// The tables that it names, each once; without the queries of its WITH.
std::vector<WrittenTable> tables_of(const Tree& tree);
// What a written name is in the catalogue; null: nothing to advise about.
using TableOf = std::vector<std::pair<WrittenTable, const AdviceTable*>>;
std::vector<TableUse> uses_of(const Tree& tree, const TableOf& tables);
std::vector<WrittenColumns> writes_of(const Tree& tree);

}  // namespace analyzer
