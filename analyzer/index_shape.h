#pragma once
// IndexShape: an index as a CREATE INDEX says it, one that is thought of or one that exists. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace analyzer {

struct IndexKey {
  std::string text;  // a column's name, without quotes, or an expression in SQL
  bool expression = false;
  std::string opclass{};  // empty: the type's own
  bool descending = false;
  bool nulls_first = false;  // PostgreSQL's default is as `descending`
  bool operator==(const IndexKey&) const = default;
};

struct IndexShape {
  std::string schema, table;
  std::string method = "btree";
  std::vector<IndexKey> keys;
  std::vector<std::string> include{};
  std::string predicate{};  // SQL; empty: all rows
  std::vector<std::pair<std::string, std::string>> partitions{};  // schema and name of each, where the table is made of them
  bool operator==(const IndexShape&) const = default;
};

IndexKey key_on(std::string column);

// Quoted for SQL, without a schema where there is none.
std::string qualified_name(std::string_view schema, std::string_view name);
// "tenant, created DESC", as it stands between the parentheses.
std::string keys_text(const IndexShape& shape);
// The name that PostgreSQL would give it, more or less: always the same, at most 63 bytes.
std::string index_name(const IndexShape& shape);
// For people: CONCURRENTLY, with a name. Of a table with partitions several statements, a line each: PostgreSQL builds such an
// index concurrently only partition by partition.
std::string create_statement(const IndexShape& shape);
// For HypoPG, which takes no name; the index on the table itself.
std::string what_if_statement(const IndexShape& shape);
// The same where HypoPG can pretend it: on each partition.
std::vector<std::string> what_if_statements(const IndexShape& shape);
// Sixteen hexadecimal digits: the same index in the same database has the same, today and tomorrow.
std::string advice_id(std::string_view database, const IndexShape& shape);

// Does `has` serve whatever `wanted` would? The same method, at least its keys in their order, in its directions or all of
// them turned round, and no fewer rows.
bool covers(const IndexShape& has, const IndexShape& wanted);

// Expressions and predicates are compared without blanks, parentheses, quotes of names and casts, which PostgreSQL adds.
std::string plain_expression(std::string_view sql);

}  // namespace analyzer
