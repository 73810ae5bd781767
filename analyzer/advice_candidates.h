#pragma once
// Indexes that a statement might profit from. Each is only thought of: whether it helps is measured. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "analyzer/advice_uses.h"
#include "analyzer/index_shape.h"

namespace analyzer {

struct Candidate {
  IndexShape shape;
  // Why these keys in this order: "tenant = (equality), created (order)".
  std::string why;
  bool vetted = false;  // its key is an expression, of which the planner knows nothing before it is built
  bool reckoned = false;  // HypoPG cannot pretend it or is not there, or it is known to be wrong: Reckoning says what it costs
};

// Of one use of a table. Each takes a measurement or two.
inline constexpr std::size_t kCandidatesOfUse = 40;
inline constexpr std::size_t kKeysMax = 4;
// Smaller tables are read as a whole whatever there is.
inline constexpr double kSmallRows = 1000;
inline constexpr int64_t kSmallPages = 8;
// A btree entry must fit a third of a page.
inline constexpr int kWidthMax = 2000;
// Milliseconds that one more btree costs an INSERT.
inline constexpr double kIndexWriteMs = 0.005;
// From this width on an equality is better served by hashes.
inline constexpr int kHashWidth = 64;
// A BRIN index is for rows that lie in its order, and for tables that take long to be read.
inline constexpr double kBrinCorrelation = 0.98;
inline constexpr int64_t kBrinPages = 10'000;
// Blocks that one entry of it is about: PostgreSQL's default.
inline constexpr double kBrinPagesPerRange = 128;

// An index that holds all that is read spares the way to the table. What that is worth, a planner that thinks of disks
// overrates where pages are in memory: so only for narrow columns, for this many rows and this part of them at most, of tables
// that are vacuumed, and only where it costs that much less than the same index without.
inline constexpr std::size_t kIncludeMax = 3;
inline constexpr int kIncludeWidthMax = 48;
inline constexpr double kIncludeVisible = 0.8, kIncludeRowsMin = 500, kIncludePartMax = 0.1, kIncludeSaves = 0.3;

bool worth_advising(const AdviceTable& table);
// Those that no existing index covers, each once, the most promising first. `trigrams` is the operator class of pg_trgm, with
// its schema where it needs one; empty where it is not installed.
std::vector<Candidate> candidates_of(const TableUse& use, const std::string& trigrams = {});
// Does the match look for a text that is long enough to have trigrams, anywhere in another?
bool has_trigrams(const TableUse::Match& match);

// Two of one table, where the keys of the one, in any order, can lead the other: that one, so led. No keys: they do not.
IndexShape merged(const IndexShape& shorter, std::size_t equal_keys, const IndexShape& longer);

// Is there an index that does the same already?
bool exists(const AdviceTable& table, const IndexShape& shape);

}  // namespace analyzer
