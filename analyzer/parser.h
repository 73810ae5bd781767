#pragma once
// PostgreSQL's own grammar (libpg_query 15), behind a guard: a text that could exhaust a thread's stack inside of it is
// refused before it gets there. Thread-safe; no state but what libpg_query keeps for a thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzer/skeleton.h"
#include "analyzer/tree.h"

namespace analyzer {

// libpg_query checks no stack (its check_stack_depth does nothing). What its parser, its JSON writer and its fingerprint
// need grows with nesting, and nesting costs tokens; 8000 of them were never seen to need more than a fifth of
// kStackNeeded. Lists of literals are flat and do not count.
inline constexpr std::size_t kParsedTokensMax = 8000;
inline constexpr std::size_t kStackNeeded = 4UL << 20;
// A longer text would hold up everybody else of its worker: about 1 ms for this one.
inline constexpr std::size_t kParsedBytesMax = 64UL << 10;

// libpg_query's scanner takes quadratic time for rows of operator characters (64 kB of / * take four seconds). More than
// this many bytes that it looks at again for each byte of the text, it is not asked.
inline constexpr std::size_t kLookedAtAgainMax = 16;

struct Parse {
  enum class Outcome : uint8_t {
    kParsed,
    kRefused,   // by the grammar, or a byte 0 in the text
    kTooLong,   // more bytes or tokens than the limits, or too small a stack
  };
  Outcome outcome = Outcome::kRefused;
  Tree tree;                 // {"stmts": [{"stmt": {...}, "stmt_location": 0, "stmt_len": 9}, ...]}
  uint64_t fingerprint = 0;  // of the whole text, as pg_query_fingerprint() gives it
  std::string error;         // the grammar's words
};

struct ParseLimits {
  std::size_t bytes_max = kParsedBytesMax;
  std::size_t tokens_max = kParsedTokensMax;
};

// `skeleton` is made of this text.
void parse(std::string_view sql, const Skeleton& skeleton, const ParseLimits& limits, Parse& out);

// Enough stack left on this thread? After base::set_thread_stack() every new one begins with twice what is needed.
bool enough_stack();

}  // namespace analyzer
