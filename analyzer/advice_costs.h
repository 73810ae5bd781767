#pragma once
// Costs: what a statement costs as it is, and with indexes that are only thought of. HypoPG pretends those that it can; the
// others are reckoned.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice.h"
#include "analyzer/advice_measure.h"
#include "analyzer/advice_reckoning.h"
#include "analyzer/advice_search.h"

namespace analyzer {

// A statement that is looked at.
struct Target {
  const WorkQuery* query = nullptr;
  std::vector<Sample> samples;  // that read, each once
  std::vector<Plan> plans{};    // as it is, one for each
  std::vector<std::vector<TableUse>> uses{};  // the same
  double cost = 0;
  IndexSet relevant{};
  // Without its LIMIT, where the planner is wrong about how soon that is reached: what is measured then.
  std::vector<Sample> unlimited{};

  bool reads(const AdviceTable* table) const;
};

// An index that is thought of.
struct Thought {
  Candidate candidate;
  std::string definition;
  std::vector<std::string> pretended{};  // by HypoPG; none if it is reckoned
  const AdviceTable* table = nullptr;
  double rows = 0;  // that it holds
  std::size_t equal_keys = 0;
};
using Thoughts = std::vector<const Thought*>;

class Costs {
 public:
  // How a table is read by an index that is reckoned.
  static constexpr std::string_view kReckonedNode = "Bitmap Heap Scan, Bitmap Index Scan";
  // A unit of cost is taken to be this many milliseconds where fewer statements than that tell. A statement that takes ten times
  // longer than its plan says, and that long, is planned wrongly.
  static constexpr double kPace = 0.02, kTrapTimes = 10, kTrapMs = 5;
  static constexpr std::size_t kPacesMin = 5;
  // A plan of many joins takes long to make: so many samples of such a statement are enough.
  static constexpr int kManyJoins = 5;
  static constexpr std::size_t kSamplesOfJoins = 3;

  Costs(Measure& measure, Parts& parts) : measure_(measure), reckoning_(parts) {}

  // As it is; samples that cannot be planned are dropped. What was denied, if that is why: "permission denied for table t".
  std::string measure(Target& target);
  // Where a LIMIT is met late: rows that match lie elsewhere than the planner supposes, so it stops early in its mind.
  void doubt_limits(std::vector<Target>& targets);
  // The mean of its samples' costs with these and no other indexes beside those that exist, and which of them are used, by their
  // definitions. What was measured once, or can be told from it, is not measured again. When time is up nothing is measured:
  // then it is the least that is known of some of them, which all of them cannot cost more than.
  double of(const Target& target, const Thoughts& thoughts, std::set<std::string>* used = nullptr);
  // From now on PostgreSQL plans with these.
  base::Status pretend(const Thoughts& thoughts);

 private:
  using Numbers = std::vector<std::size_t>;  // of definitions, in order
  struct Known {
    double cost = 0;
    Numbers used{};
  };

  Numbers numbers_of(const Thoughts& thoughts);
  Known measured(const Target& target, const Thoughts& thoughts);
  const Known* find(const Target& target, const Numbers& set) const;
  Known least_known(const Target& target, const Numbers& set) const;
  Plan plan_of(const Target& target, std::size_t sample, const Thoughts& thoughts, std::set<std::string>& used);
  void reckon(const Target& target, std::size_t sample, const Thought& thought, Plan& plan, std::set<std::string>& used);
  void drop_limit(Target& target);

  Measure& measure_;
  Reckoning reckoning_;
  std::map<std::string, std::size_t> numbers_;  // by definition
  std::vector<std::string> definitions_;        // by number
  std::map<const WorkQuery*, std::map<Numbers, Known>> known_;
};

}  // namespace analyzer
