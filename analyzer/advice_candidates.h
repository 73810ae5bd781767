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

bool worth_advising(const AdviceTable& table);
// Those that no existing index covers, each once, the most promising first.
std::vector<Candidate> candidates_of(const TableUse& use);

// Two of one table, where the keys of the one, in any order, can lead the other: that one, so led. No keys: they do not.
IndexShape merged(const IndexShape& shorter, std::size_t equal_keys, const IndexShape& longer);

// Is there an index that does the same already?
bool exists(const AdviceTable& table, const IndexShape& shape);

// Bytes that it will take, for so many rows. HypoPG's own figure knows nothing of deduplication.
int64_t estimated_bytes(const AdviceTable& table, const IndexShape& shape, double rows);

}  // namespace analyzer
