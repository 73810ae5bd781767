#pragma once
// Texts of statements, made into ones that can be explained. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

// The text with literals where its $n stand, '...'::type where the type is known ("int4"; empty: PostgreSQL infers it).
// Nothing where one is missing, or where the text may mean something else in another session. NULL compares with nothing:
// only an INSERT says as much with it.
struct SampleValue {
  std::optional<std::string> text;  // nothing: NULL
  std::string type{};
};
std::optional<std::string> with_values(std::string_view sql, const std::vector<SampleValue>& values, bool nulls = false);

// What reads the rows that a statement changes, without locks: SELECT * FROM t WHERE ... of an UPDATE or DELETE, a SELECT
// without FOR UPDATE. Nothing where there is no such thing.
std::optional<std::string> as_select(std::string_view sql);

// The same rows without an end: a query without its LIMIT, OFFSET or FETCH. Nothing where it has none.
std::optional<std::string> without_limit(std::string_view sql);

}  // namespace analyzer
