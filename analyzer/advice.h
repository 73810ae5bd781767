#pragma once
// What the advisor says, and what it is made from. Values.

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/advice_catalog.h"
#include "analyzer/advice_samples.h"
#include "analyzer/confidence.h"
#include "analyzer/index_shape.h"
#include "analyzer/latency_histogram.h"
#include "base/clock.h"

namespace analyzer {

// One kind of statement in one database, from all its users.
struct WorkQuery {
  uint64_t fingerprint = 0;
  std::string query;  // without values
  uint64_t calls = 0, rows = 0;
  double total_ms = 0;
  LatencyHistogram times{};  // of servers
  std::vector<Sample> samples;

  double ms_per_call() const { return calls == 0 ? 0 : total_ms / static_cast<double>(calls); }
};

struct Workload {
  std::string database;
  std::vector<WorkQuery> queries;
  double hours = 1;  // that they were counted for
};

// One statement that an index helps.
struct AdviceDetail {
  uint64_t fingerprint = 0;
  std::string query;
  uint64_t calls = 0;
  double ms_per_call = 0;
  double cost_before = 0, cost_after = 0;  // of all samples, on average
  std::string node_before, node_after;     // how the table is read
  std::size_t samples = 0;
};

enum class AdviceStatus : uint8_t { kNew, kConfirmed, kCreating, kCreated, kVerified, kNoEffect, kRegressed, kStale, kDismissed };
inline constexpr std::string_view kAdviceStatusNames[] = {"new",      "confirmed", "creating",  "created",
                                                          "verified", "no effect", "regressed", "stale",   "dismissed"};
// There is an index that does what was advised.
constexpr bool is_there(AdviceStatus status) {
  return status >= AdviceStatus::kCreated && status <= AdviceStatus::kRegressed;
}
struct Advice {
  std::string id, database;
  IndexShape shape;
  std::string why;              // these keys in this order
  std::string model;            // how it was measured: hypopg, sample and statistics (reckoned), rule (not at all)
  std::string makes_redundant;  // existing indexes that it covers
  std::string note;             // what else to do
  std::string effect;           // once it is there: what statements took, and take
  double saves_ms_per_hour = 0, write_ms_per_hour = 0;
  double cost_before = 0, cost_after = 0;  // of the statement that gains the most
  int64_t bytes = 0;
  Confidence confidence = Confidence::kLow;
  std::vector<AdviceDetail> details;  // the one that gains the most first; none of a rule
  std::vector<uint64_t> others{};     // statements on its table that it is not for, the heaviest: they may get slower
  AdviceStatus status = AdviceStatus::kNew;
  base::WallTime first_seen{}, last_confirmed{};
};

struct AdviceLimits {
  std::size_t queries_max = 50, candidates_max = 120;
  int64_t bytes_max = 0;
};

// An index that was thought of for a statement, and what became of that.
struct ConsideredIndex {
  std::string database;
  std::string index;  // what follows CREATE INDEX ON
  std::string why;    // these keys in this order
  uint64_t fingerprint = 0;
  double cost_before = 0, cost_with = 0;  // with it alone; 0 where it was not measured
  std::string verdict;
};

// What one look at a database has found.
struct AdviceResult {
  std::vector<Advice> advice;
  std::vector<AdviceIndex> existing;  // the valid ones
  std::vector<IndexFinding> unused, redundant;
  static constexpr std::size_t kConsideredMax = 1000;
  std::vector<ConsideredIndex> considered;  // by statement
  std::vector<std::string> notes;  // "HypoPG is not installed: ..."
  std::string hypopg;              // its version; empty: not installed
  uint64_t questions = 0;          // asked of PostgreSQL
  std::size_t queries = 0, candidates = 0;
  bool truncated = false;
};

}  // namespace analyzer
