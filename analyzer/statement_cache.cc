#include "analyzer/statement_cache.h"

#include <utility>

#include "analyzer/analyze.h"
#include "analyzer/hash.h"

namespace analyzer {

namespace {

constexpr std::size_t kSeenOnce = 4096;

enum Variant : uint8_t { kText, kTextOldStrings, kSkeleton };

// One thread writes.
void count(std::atomic<uint64_t>& counter, std::size_t more = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

StatementCache::StatementCache(const StatementCacheOptions& options) : options_(options) {
  for (auto& shard : shards_) shard = std::make_unique<Shard>(options);
}

AnalysisPtr StatementCache::find(const Hash128& hash, std::string_view key, uint8_t variant) {
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const AnalysisPtr* found = shard.table.find(hash, key, variant);
  return found == nullptr ? nullptr : *found;
}

std::size_t StatementCache::put(const Hash128& hash, std::string_view key, uint8_t variant, const AnalysisPtr& facts) {
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  return shard.table.put(hash, key, variant, facts);
}

std::size_t StatementCache::size() const {
  std::size_t size = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    size += shard->table.size();
  }
  return size;
}

LocalStatements::LocalStatements(StatementCache& shared)
    : shared_(shared),
      texts_(shared.options().local_entries, shared.options().local_bytes_max),
      skeletons_(shared.options().local_entries, shared.options().local_bytes_max),
      seen_once_(kSeenOnce) {}

const AnalysisPtr& LocalStatements::get(std::string_view sql, bool standard_conforming_strings) {
  const uint8_t variant = standard_conforming_strings ? kText : kTextOldStrings;
  if (const AnalysisPtr* known = alike_.find(sql, variant)) {
    count(counts_.skeleton_hits);
    return *known;
  }
  Hash128 hash;
  if (keeps(sql)) {
    hash = keyed_hash(sql);
    if (const auto* known = texts_.find(hash, sql, variant)) {
      count(counts_.text_hits);
      return *known;
    }
  }
  return get_unseen(sql, standard_conforming_strings, hash);
}

const AnalysisPtr& LocalStatements::get_unseen(std::string_view sql, bool standard_conforming_strings,
                                               const Hash128& text_hash) {
  const uint8_t variant = standard_conforming_strings ? kText : kTextOldStrings;
  if (sql.size() > shared_.options().skeleton_bytes_max) {
    count(counts_.over_budget);
    last_ = analyze_long(sql, standard_conforming_strings, skeleton_);
    return last_;
  }
  skeleton_.make(sql, standard_conforming_strings);
  if (shareable_skeleton(skeleton_, standard_conforming_strings) && keeps(skeleton_.bytes())) {
    const Hash128 hash = keyed_hash(skeleton_.bytes());
    const AnalysisPtr* known = skeletons_.find(hash, skeleton_.bytes(), kSkeleton);
    if (known != nullptr) {
      count(counts_.skeleton_hits);
    } else if (AnalysisPtr elsewhere = shared_.find(hash, skeleton_.bytes(), kSkeleton)) {
      count(counts_.shared_hits);
      count(counts_.evictions, skeletons_.put(hash, skeleton_.bytes(), kSkeleton, elsewhere));
      last_ = std::move(elsewhere);
      known = &last_;
    }
    if (known != nullptr) {
      alike_.put(sql, variant, skeleton_.values(), *known);
      remember_text(text_hash, sql, variant, *known, false);
      return *known;
    }
  }
  if (keeps(sql)) {
    if (AnalysisPtr elsewhere = shared_.find(text_hash, sql, variant)) {
      count(counts_.shared_hits);
      last_ = std::move(elsewhere);
      remember_text(text_hash, sql, variant, last_, true);
      return last_;
    }
  }
  return learn(sql, standard_conforming_strings, text_hash);
}

const AnalysisPtr& LocalStatements::get_cut(std::string_view beginning, bool standard_conforming_strings) {
  count(counts_.over_budget);
  last_ = analyze_long(beginning, standard_conforming_strings, skeleton_);
  return last_;
}

const AnalysisPtr& LocalStatements::learn(std::string_view sql, bool standard_conforming_strings,
                                          const Hash128& text_hash) {
  const uint8_t variant = standard_conforming_strings ? kText : kTextOldStrings;
  Finding found = analyze(sql, standard_conforming_strings, skeleton_, shared_.options().parse);
  last_ = std::move(found.analysis);
  if (found.outcome == Parse::Outcome::kTooLong) {
    count(counts_.over_budget);
  } else {
    count(counts_.parses);
    if (found.outcome == Parse::Outcome::kRefused) count(counts_.parse_errors);
  }
  const bool by_skeleton = last_->shareable && shareable_skeleton(skeleton_, standard_conforming_strings) &&
                           keeps(skeleton_.bytes());
  if (by_skeleton) {
    const Hash128 hash = keyed_hash(skeleton_.bytes());
    count(counts_.evictions, skeletons_.put(hash, skeleton_.bytes(), kSkeleton, last_));
    count(counts_.evictions, shared_.put(hash, skeleton_.bytes(), kSkeleton, last_));
    remember_text(text_hash, sql, variant, last_, false);
  } else if (keeps(sql)) {
    count(counts_.evictions, shared_.put(text_hash, sql, variant, last_));
    remember_text(text_hash, sql, variant, last_, true);
  }
  return last_;
}

// Texts that a skeleton finds as well are kept from the second time on.
void LocalStatements::remember_text(const Hash128& hash, std::string_view sql, uint8_t variant,
                                    const AnalysisPtr& facts, bool always) {
  if (!keeps(sql)) return;
  uint32_t& seen = seen_once_[(hash.low >> 40) % kSeenOnce];
  const auto tag = static_cast<uint32_t>(hash.high) | 1U;
  if (always || seen == tag) {
    count(counts_.evictions, texts_.put(hash, sql, variant, facts));
  } else {
    seen = tag;
  }
}

}  // namespace analyzer
