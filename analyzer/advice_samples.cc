#include "analyzer/advice_samples.h"

#include <utility>

#include "analyzer/hash.h"

namespace analyzer {
namespace {

std::size_t bytes_of(const Sample& sample) {
  return sizeof(Sample) + sample.sql.capacity() + (sample.search_path ? sample.search_path->capacity() : 0);
}
std::size_t bytes_of(const SampledKind& kind) {
  std::size_t bytes = 2 * sizeof(SampledKind) + kind.database.capacity();
  for (const Sample& sample : kind.samples) bytes += bytes_of(sample);
  return bytes;
}

}  // namespace

uint64_t SampleStore::key_of(uint64_t fingerprint, std::string_view database) { return fingerprint ^ plain_hash(database); }

std::optional<std::size_t> SampleStore::wants(uint64_t fingerprint, const std::string& database) {
  if (bytes_max_ == 0) return std::nullopt;
  const auto found = by_key_.find(key_of(fingerprint, database));
  if (found == by_key_.end()) return 0;
  kinds_.splice(kinds_.begin(), kinds_, found->second);
  Kind& kind = kinds_.front();
  ++kind.seen;
  if (kind.sampled.samples.size() < kSamplesOfKind) return kind.sampled.samples.size();
  // Which of them are kept need not be a secret, only even.
  chance_ = chance_ * 6364136223846793005U + 1442695040888963407U;
  const uint64_t place = (chance_ >> 33U) % kind.seen;
  return place < kSamplesOfKind ? std::optional<std::size_t>(place) : std::nullopt;
}

void SampleStore::put(uint64_t fingerprint, const std::string& database, std::size_t place, Sample sample) {
  if (sample.sql.size() > kBytesOfSample || bytes_max_ == 0) return;
  const uint64_t key = key_of(fingerprint, database);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    kinds_.push_front({.sampled = {.fingerprint = fingerprint, .database = database, .samples = {}}, .seen = 1});
    found = by_key_.emplace(key, kinds_.begin()).first;
  } else {
    bytes_ -= bytes_of(found->second->sampled);
  }
  std::vector<Sample>& samples = found->second->sampled.samples;
  if (place < samples.size())
    samples[place] = std::move(sample);
  else if (samples.size() < kSamplesOfKind)
    samples.push_back(std::move(sample));
  bytes_ += bytes_of(found->second->sampled);
  shrink();
}

void SampleStore::shrink() {
  while (!kinds_.empty() && (bytes_ > bytes_max_ || kinds_.size() > kKindsMax)) {
    const SampledKind& oldest = kinds_.back().sampled;
    bytes_ -= bytes_of(oldest);
    by_key_.erase(key_of(oldest.fingerprint, oldest.database));
    kinds_.pop_back();
  }
}

std::vector<SampledKind> SampleStore::snapshot() const {
  std::vector<SampledKind> out;
  out.reserve(kinds_.size());
  for (const Kind& kind : kinds_) out.push_back(kind.sampled);
  return out;
}

void SampleStore::set_limit(std::size_t bytes_max) {
  bytes_max_ = bytes_max;
  shrink();
}

}  // namespace analyzer
