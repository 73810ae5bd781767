// What it costs to have counted a query: its latency, and its row.

#include <chrono>
#include <cstdint>

#include "analyzer/latency_histogram.h"
#include "analyzer/query_stats.h"
#include "bench/micro/micro.h"

namespace micro {

// Latencies as they come: most about the same, some far off. Linear congruence: the same ones each time.
static uint64_t next_latency(uint64_t& state) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  const uint64_t noise = state >> 40;
  return 200 + noise % 100 + (noise % 97 == 0 ? noise % 50000 : 0);
}

[[gnu::noipa]] static void op_histogram(analyzer::LatencyHistogram& times, uint64_t value) {
  times.record(value);
}
static void histogram(benchmark::State& state) {
  analyzer::LatencyHistogram times;
  uint64_t chance = 1;
  for (auto _ : state) op_histogram(times, next_latency(chance));
  benchmark::DoNotOptimize(times.count());
}
const Benchmark kHistogram("histogram: record", histogram);

[[gnu::noipa]] static void op_query_stats(analyzer::QueryStats& stats, uint64_t fingerprint,
                                          const analyzer::QueryOwnerPtr& owner,
                                          const analyzer::QueryRecord& record) {
  auto& row = stats.find(fingerprint, owner, "SELECT 1");
  stats.hold(row);
  stats.release(row);
  stats.record(row, record);
}
// A hundred kinds of statements.
static void query_stats(benchmark::State& state) {
  analyzer::QueryStats stats;
  const auto owner = stats.owner("bench", "postgres", "pgbench");
  uint64_t chance = 1;
  analyzer::QueryRecord record{.rows = 1, .bytes_in = 60, .bytes_out = 80};
  for (auto _ : state) {
    const uint64_t latency = next_latency(chance);
    record.server = std::chrono::microseconds(latency);
    record.ended += std::chrono::microseconds(latency);
    op_query_stats(stats, (chance >> 33) % 100 * 0x9e3779b97f4a7c15U, owner, record);
  }
  benchmark::DoNotOptimize(stats.size());
}
const Benchmark kQueryStats("query statistics: find and record", query_stats);

}  // namespace micro
