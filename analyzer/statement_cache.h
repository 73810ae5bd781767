#pragma once
// From a text to its facts, nearly always without a parse. Three levels: the exact text; its skeleton, for queries whose
// facts do not hang on literals, or without one a text that has the same (alike.h); the parser. Never an error: what cannot
// be parsed is a write of which the words are known.
//
//   analyzer::StatementCache shared(options);          // one per process
//   analyzer::LocalStatements statements(shared);      // one per worker
//   const analyzer::AnalysisPtr& facts = statements.get(sql, standard_conforming_strings);

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "analyzer/alike.h"
#include "analyzer/fact_table.h"
#include "analyzer/parser.h"
#include "analyzer/skeleton.h"
#include "analyzer/statement.h"

namespace analyzer {

struct StatementCacheOptions {
  std::size_t local_entries = 8192;
  std::size_t shared_entries = 16384;
  std::size_t local_bytes_max = 16UL << 20;   // for each worker and level; facts that workers share count in each
  std::size_t shared_bytes_max = 64UL << 20;
  std::size_t text_bytes_max = 16UL << 10;    // longer texts and skeletons are not kept
  std::size_t skeleton_bytes_max = 1UL << 20; // of longer texts no skeleton is made: three times that in memory
  ParseLimits parse;
};

// How often each way was taken. A thread's own numbers, which any thread may read.
struct StatementCounts {
  std::atomic<uint64_t> text_hits{0};      // level 1, of this worker
  std::atomic<uint64_t> skeleton_hits{0};  // level 2, of this worker
  std::atomic<uint64_t> shared_hits{0};    // another worker had parsed it
  std::atomic<uint64_t> parses{0};         // tried
  std::atomic<uint64_t> parse_errors{0};   // of these, refused by the grammar
  std::atomic<uint64_t> over_budget{0};    // not tried: too long or too many tokens
  std::atomic<uint64_t> evictions{0};      // forgotten to make room
};

// What all workers have learned. Thread-safe; no lock is held while something is parsed.
class StatementCache {
 public:
  explicit StatementCache(const StatementCacheOptions& options = {});
  StatementCache(const StatementCache&) = delete;
  StatementCache& operator=(const StatementCache&) = delete;

  const StatementCacheOptions& options() const { return options_; }
  AnalysisPtr find(const Hash128& hash, std::string_view key, uint8_t variant);
  std::size_t put(const Hash128& hash, std::string_view key, uint8_t variant, const AnalysisPtr& facts);
  std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;  // more than workers wait for one another on
  struct Shard {
    explicit Shard(const StatementCacheOptions& options)
        : table(options.shared_entries / kShards, options.shared_bytes_max / kShards) {}
    mutable std::mutex mutex;
    FactTable table;
  };
  Shard& shard_of(const Hash128& hash) { return *shards_[(hash.high >> 32) % kShards]; }

  StatementCacheOptions options_;
  std::array<std::unique_ptr<Shard>, kShards> shards_;
};

// One worker's, and used by that thread alone; what it does not know it asks the shared one.
class LocalStatements {
 public:
  explicit LocalStatements(StatementCache& shared);
  LocalStatements(const LocalStatements&) = delete;
  LocalStatements& operator=(const LocalStatements&) = delete;

  // Never null. Valid until the next get(); copy the pointer to keep the facts.
  const AnalysisPtr& get(std::string_view sql, bool standard_conforming_strings);
  // The same of a text of which only the beginning is at hand. Texts that differ in literals alone share a fingerprint,
  // wherever they were cut off.
  const AnalysisPtr& get_cut(std::string_view beginning, bool standard_conforming_strings);

  const StatementCounts& counts() const { return counts_; }

 private:
  const AnalysisPtr& get_unseen(std::string_view sql, bool standard_conforming_strings, const Hash128& text_hash);
  const AnalysisPtr& learn(std::string_view sql, bool standard_conforming_strings, const Hash128& text_hash);
  void remember_text(const Hash128& hash, std::string_view sql, uint8_t variant, const AnalysisPtr& facts, bool always);
  bool keeps(std::string_view key) const { return key.size() <= shared_.options().text_bytes_max; }

  StatementCache& shared_;
  AlikeTexts alike_;
  FactTable texts_;
  FactTable skeletons_;
  // Texts seen once, by a part of their hash. A text with literals in it mostly comes once and shall not push out others.
  std::vector<uint32_t> seen_once_;
  Skeleton skeleton_;
  AnalysisPtr last_;  // what is in no table
  StatementCounts counts_;
};

}  // namespace analyzer
