#pragma once
// What a text that nobody parsed may do to its session, from its words alone: bodies of functions, DO blocks, SQL in
// strings, statements that libpg_query refuses. Says too much rather than too little. SQL that is built from parameters
// of the function is unknown; SQL that is built from pieces is seen if its commands are written whole.

#include <cstdint>
#include <string_view>

#include "analyzer/statement.h"

namespace analyzer {

enum class Language : uint8_t {
  kSql,      // a text of statements, strings are SQL that something executes
  kPlpgsql,  // EXECUTE takes a string
  kOther,    // comments and strings are not SQL's: everything counts
};

// `source` is the body of a function, of a DO block, or a string that is executed. Of the language plpgsql or SQL the
// words in comments do not count, in strings they do. Pure.
Effects effects_of_words(std::string_view source, Language language = Language::kPlpgsql);

// `sql` is what a client sent. Strings are data, but for those of a DO. Also sees transaction control. Pure.
Effects effects_of_text(std::string_view sql, bool standard_conforming_strings);

// What words have shown of a body that a server runs by itself: where they touch what is kept by name (statements,
// channels) or end it all, what became of it cannot be told.
Effects with_doubt(Effects found);

}  // namespace analyzer
