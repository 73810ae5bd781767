#include "analyzer/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace analyzer {

void LatencyHistogram::grow(unsigned octave) {
  // One at a time: most never need a third, and doubling would cost them one more.
  octaves_.reserve(octaves_.size() + 1);
  octaves_.emplace_back();
  places_[octave] = static_cast<uint8_t>(octaves_.size());
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    if (other.places_[octave] == 0) continue;
    if (places_[octave] == 0) grow(octave);
    Octave& mine = octaves_[places_[octave] - 1U];
    const Octave& theirs = other.octaves_[other.places_[octave] - 1U];
    for (unsigned part = 0; part < kParts; ++part) mine[part] += theirs[part];
  }
}

uint64_t LatencyHistogram::count_below(unsigned power) const {
  // The first octave holds what has at most kPartBits bits, each further one what has one more.
  uint64_t count = 0;
  for (unsigned octave = 0; octave < kOctaves && octave + kPartBits <= power; ++octave) {
    if (places_[octave] == 0) continue;
    for (const uint64_t in_part : octaves_[places_[octave] - 1U]) count += in_part;
  }
  return count;
}

LatencyHistogram LatencyHistogram::since(const LatencyHistogram& earlier) const {
  LatencyHistogram out = *this;
  out.count_ -= earlier.count_;
  out.min_ = 0;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    if (earlier.places_[octave] == 0 || out.places_[octave] == 0) continue;
    Octave& mine = out.octaves_[out.places_[octave] - 1U];
    const Octave& theirs = earlier.octaves_[earlier.places_[octave] - 1U];
    for (unsigned part = 0; part < kParts; ++part) mine[part] -= theirs[part];
  }
  return out;
}

uint64_t LatencyHistogram::middle_of(Bucket bucket) {
  if (bucket.octave == 0) return bucket.part;
  const unsigned shift = bucket.octave - 1;
  const uint64_t first = uint64_t{kParts + bucket.part} << shift;
  return first + ((uint64_t{1} << shift) - 1) / 2;
}

uint64_t LatencyHistogram::quantile(double part) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(part, 0.0, 1.0) * static_cast<double>(count_));
  const uint64_t rank = std::max<uint64_t>(static_cast<uint64_t>(wanted), 1);
  if (rank >= count_) return max_;
  uint64_t seen = 0;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    if (places_[octave] == 0) continue;
    const Octave& counts = octaves_[places_[octave] - 1U];
    for (unsigned at = 0; at < kParts; ++at) {
      seen += counts[at];
      if (seen >= rank) return std::clamp(middle_of({octave, at}), min_, max_);
    }
  }
  return max_;
}

}  // namespace analyzer
