#pragma once
// Which of many indexes, measured together over the whole workload. Greedy, and lazy: a move that saved less than another one
// is rarely the better one later, so it is looked at again only if nothing else is left. Pure: costs come from whoever measures
// them; when time is up these are what is known, and the rest of the search takes none.
//
// What is made small is time per hour: of the statements, each by its cost with the chosen indexes beside that without, and
// of the writes that the indexes slow down. A little of the logarithm of each cost is in it too, because the difference
// between 0.5 % and 0.1 % of the time counts when the first index has taken the rest. It decides between what saves about as
// much, and pays for no writes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace analyzer {

using IndexSet = std::vector<std::size_t>;  // in order, each once

struct SearchQuery {
  double ms_per_hour = 0;
  double ms_per_call = 0;
  uint64_t calls = 0;
  IndexSet relevant;  // those that can matter to it
};
struct SearchIndex {
  std::size_t table = 0;
  double penalty = 0;  // milliseconds of writes per hour
  int64_t bytes = 0;
};

struct SearchInput {
  std::vector<SearchQuery> queries;
  std::vector<SearchIndex> indexes;
  std::vector<IndexSet> moves;  // what is tried together; singles need not be named
  int64_t bytes_max = 0;        // 0: no limit
  // The cost of a query with these indexes and no others beside those that exist. It does not measure when time is up.
  std::function<double(std::size_t query, const IndexSet& indexes)> cost;
  std::function<bool()> out_of_time;
};

struct SearchResult {
  IndexSet chosen;
  double before = 0, after = 0;  // milliseconds per hour, writes of the chosen ones included
  bool truncated = false;
};

// Indexes of one table that are advised at a time.
inline constexpr std::size_t kIndexesOfTable = 5;
// What a move must save, in milliseconds per hour and as a part of everything.
inline constexpr double kGainMin = 1000, kGainPartMin = 0.005;

SearchResult search(const SearchInput& input);

}  // namespace analyzer
