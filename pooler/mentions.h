#pragma once
// Names in the body of a function: what it may call, and all its words. A flat look at any language, strings and
// comments included, because SQL may stand in them. Pure.

#include <set>
#include <string>
#include <string_view>

namespace pooler {

struct Mentions {
  std::set<std::string> called;  // names before a parenthesis, folded; quoted ones also as they stand
  std::set<std::string> words;   // all of them, likewise
  bool writes = false;           // INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE or REFRESH is among them
};

Mentions mentions_of(std::string_view source);

// NOTIFY or pg_notify() is among the words.
bool mentions_notify(std::string_view source);

}  // namespace pooler
