#pragma once
// A text, all the way to its facts: the lexer's view, the parser within its limits, or the words alone. What the
// statement cache does for a text that it does not know. Total: every text has an answer.

#include <string_view>

#include "analyzer/parser.h"
#include "analyzer/skeleton.h"
#include "analyzer/statement.h"

namespace analyzer {

struct Finding {
  AnalysisPtr analysis;
  Parse::Outcome outcome = Parse::Outcome::kRefused;
};

// `skeleton` is the text's, made already. On a thread with enough stack (parser.h), else nothing is parsed.
Finding analyze(std::string_view sql, bool standard_conforming_strings, const Skeleton& skeleton,
                const ParseLimits& limits);

// Of a text that is longer than what a skeleton is made of: from its words, and named after its beginning.
AnalysisPtr analyze_long(std::string_view sql, bool standard_conforming_strings, Skeleton& scratch);

// May texts that begin like this share facts? Queries and changes of data; in other commands literals are facts.
bool shareable_skeleton(const Skeleton& skeleton, bool standard_conforming_strings);

// About what it takes in memory.
std::size_t weight_of(const Analysis& analysis);

}  // namespace analyzer
