#include "analyzer/advice_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace analyzer {
namespace {

constexpr double kLogPart = 0.05;
// What saves as much of the most that anything saves is about as good: between these the logarithm decides.
constexpr double kAboutEqual = 0.9;
// Costs below this are all the same.
constexpr double kCostMin = 0.5;
// One without which a query gets slower by this much stays, however little of all that is.
constexpr double kQueryPart = 0.3, kQueryCost = 20;
constexpr double kKeptPart = 0.003;
// One that helps a slow query so much is advised, whatever the rest costs.
constexpr double kSlowMs = 50;
constexpr uint64_t kSlowCalls = 10;
constexpr double kUnknown = std::numeric_limits<double>::infinity();

class Search {
 public:
  explicit Search(const SearchInput& input) : input_(input) {
    for (const IndexSet& move : input.moves) {
      moves_.push_back({move});
      if (move.size() > 1) in_moves_.insert(move.begin(), move.end());
    }
    for (std::size_t i = 0; i < input.indexes.size(); ++i) moves_.push_back({{i}});
  }

  SearchResult run() {
    SearchResult result;
    result.before = objective({});
    Value value = value_of({});
    const double enough = std::max(kGainMin, kGainPartMin * result.before);
    bool fresh = true;  // no gain is of a round before
    while (true) {
      Tried best = best_move(result.chosen, value);
      const double gain = value.all() - best.value.all();
      const bool pays = gain > enough && best.value.time < value.time;
      if (gain > 0 && (pays || helps_a_slow_one(result.chosen, best.indexes))) {
        result.chosen = std::move(best.indexes);
        value = best.value;
        fresh = false;
      } else if (!std::exchange(fresh, true)) {
        for (Move& move : moves_) move.gain = kUnknown;
      } else {
        break;
      }
    }
    if (input_.out_of_time())
      if (IndexSet left = left_of_all(); objective(left) < value.all()) result.chosen = std::move(left);
    prune(result.chosen, result.before);
    result.after = objective(result.chosen);
    result.truncated = input_.out_of_time();
    return result;
  }

 private:
  struct Move {
    IndexSet indexes;
    double gain = kUnknown;  // when it was looked at last
  };

  // Milliseconds in an hour: of the statements and the writes, and what their logarithms add.
  struct Value {
    double time = 0, logarithms = 0;
    double all() const { return time + logarithms; }
  };
  struct Tried {
    IndexSet indexes;
    Value value;
  };

  // What is best beside those chosen; those that gained more before are looked at first. To a logarithm a hundredth that becomes
  // a thousandth is much. That may not pay for writes, so it decides only between moves that save about the same time.
  Tried best_move(const IndexSet& chosen, const Value& value) {
    std::stable_sort(moves_.begin(), moves_.end(), [](const Move& a, const Move& b) { return a.gain > b.gain; });
    std::vector<Tried> tried;
    double best_gain = 0, most = 0;
    for (Move& move : moves_) {
      if (move.gain <= best_gain) break;
      IndexSet set = with(chosen, move.indexes);
      move.gain = 0;
      if (set.size() == chosen.size() || !allowed(set)) continue;
      tried.push_back({std::move(set), {}});
      const Value now = tried.back().value = value_of(tried.back().indexes);
      move.gain = value.all() - now.all();
      best_gain = std::max(best_gain, move.gain);
      most = std::max(most, value.time - now.time);
    }
    Tried best{chosen, value};
    for (Tried& one : tried)
      if (one.value.all() < best.value.all() && value.time - one.value.time >= kAboutEqual * most) best = std::move(one);
    return best;
  }

  // When time is up, what each query makes of all that were thought of for it may be all that is known: then an index that serves
  // many looks dear to each of them. So from the other end: all that were found to help together, less what is not worth it.
  IndexSet left_of_all() {
    IndexSet left;
    for (const IndexSet& move : input_.moves)
      if (IndexSet more = with(left, move); allowed(more)) left = std::move(more);
    for (double value = objective(left); !left.empty();) {
      IndexSet best;
      double least = value;
      for (std::size_t i = 0; i < left.size(); ++i) {
        IndexSet without = left;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
        if (const double now = objective(without); now < least) {
          least = now;
          best = std::move(without);
        }
      }
      if (least >= value) break;
      value = least;
      left = std::move(best);
    }
    return left;
  }

  static IndexSet with(IndexSet set, const IndexSet& more) {
    set.insert(set.end(), more.begin(), more.end());
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    return set;
  }

  bool allowed(const IndexSet& set) const {
    int64_t bytes = 0;
    std::map<std::size_t, std::size_t> tables;
    for (const std::size_t i : set) {
      bytes += input_.indexes[i].bytes;
      if (++tables[input_.indexes[i].table] > kIndexesOfTable) return false;
    }
    return input_.bytes_max == 0 || bytes <= input_.bytes_max;
  }

  double cost(std::size_t query, const IndexSet& set) {
    IndexSet mine;
    const IndexSet& relevant = input_.queries[query].relevant;
    std::set_intersection(set.begin(), set.end(), relevant.begin(), relevant.end(), std::back_inserter(mine));
    if (mine.size() > 1) std::erase_if(mine, [&](std::size_t index) { return !matters(query, index); });
    const auto key = std::pair(query, std::move(mine));
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    const double measured = std::max(kCostMin, input_.cost(query, key.second));
    known_.emplace(key, measured);
    return measured;
  }

  // What a query gains nothing from alone it gains nothing from beside others, unless they are known to help together.
  bool matters(std::size_t query, std::size_t index) {
    return in_moves_.contains(index) || cost(query, {index}) < cost(query, {});
  }

  double ratio(std::size_t query, const IndexSet& set) { return cost(query, set) / cost(query, {}); }

  double objective(const IndexSet& set) { return value_of(set).all(); }

  Value value_of(const IndexSet& set) {
    Value sum;
    for (std::size_t q = 0; q < input_.queries.size(); ++q) {
      const double part = ratio(q, set);
      sum.time += input_.queries[q].ms_per_hour * part;
      sum.logarithms += input_.queries[q].ms_per_hour * kLogPart * std::log(part);
    }
    for (const std::size_t i : set) sum.time += input_.indexes[i].penalty;
    return sum;
  }

  bool helps_a_slow_one(const IndexSet& before, const IndexSet& after) {
    for (std::size_t q = 0; q < input_.queries.size(); ++q) {
      const SearchQuery& query = input_.queries[q];
      const double saved = ratio(q, before) - ratio(q, after);
      if (query.calls >= kSlowCalls && saved >= kQueryPart && saved * query.ms_per_call >= kSlowMs) return true;
    }
    return false;
  }

  // What a later one has made superfluous.
  void prune(IndexSet& set, double before) {
    for (std::size_t i = set.size(); i-- > 0;) {
      IndexSet without = set;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (objective(without) - objective(set) >= kKeptPart * before) continue;
      bool missed = false;
      for (std::size_t q = 0; q < input_.queries.size() && !missed; ++q) {
        const double with_it = cost(q, set), without_it = cost(q, without);
        missed = without_it >= (1 + kQueryPart) * with_it && without_it - with_it > kQueryCost;
      }
      if (!missed) set = std::move(without);
    }
  }

  const SearchInput& input_;
  std::vector<Move> moves_;
  std::set<std::size_t> in_moves_;  // with others
  std::map<std::pair<std::size_t, IndexSet>, double> known_;
};

}  // namespace

SearchResult search(const SearchInput& input) { return Search(input).run(); }

}  // namespace analyzer
