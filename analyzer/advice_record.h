#pragma once
// What is known of advice, as a text that outlives the process. Pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analyzer/advice.h"

namespace analyzer {

// One piece of advice, from one look to the next.
struct AdviceEntry {
  using Times = std::map<uint64_t, LatencyHistogram>;  // by fingerprint

  Advice advice;
  int misses = 0;
  Times before{};               // up to the last look that did not find the index
  std::optional<Times> since{};  // up to the first that did: what comes after it is the index's doing
  base::WallTime created{};
};
using AdviceIds = std::set<std::string, std::less<>>;

struct AdviceRecord {
  std::vector<AdviceEntry> entries;
  AdviceIds dismissed;
};

// Of `since` only that it was begun: counts of statements begin anew with each process.
std::string record_text(const AdviceRecord& record);
// Nothing where it is no such text, or one of another version.
std::optional<AdviceRecord> read_record(std::string text);

}  // namespace analyzer
