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
  out.subtract(earlier);
  return out;
}

void LatencyHistogram::subtract(const LatencyHistogram& earlier) {
  if (earlier.count_ == 0) return;
  const bool new_least = min_ < earlier.min_, new_greatest = max_ > earlier.max_;
  count_ = 0;
  std::optional<Bucket> first, last;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    if (places_[octave] == 0) continue;
    Octave& mine = octaves_[places_[octave] - 1U];
    const Octave* theirs = earlier.places_[octave] == 0 ? nullptr : &earlier.octaves_[earlier.places_[octave] - 1U];
    for (unsigned part = 0; part < kParts; ++part) {
      if (theirs != nullptr) mine[part] -= std::min(mine[part], (*theirs)[part]);
      if (mine[part] == 0) continue;
      count_ += mine[part];
      if (!first) first = Bucket{octave, part};
      last = Bucket{octave, part};
    }
  }
  if (count_ == 0) {
    *this = {};
    return;
  }
  if (!new_least) min_ = std::max(min_, first_of(*first));
  if (!new_greatest) max_ = std::min(max_, last_of(*last));
}

uint64_t LatencyHistogram::first_of(Bucket bucket) {
  return bucket.octave == 0 ? bucket.part : uint64_t{kParts + bucket.part} << (bucket.octave - 1);
}

uint64_t LatencyHistogram::last_of(Bucket bucket) {
  return bucket.octave == 0 ? bucket.part : first_of(bucket) + (uint64_t{1} << (bucket.octave - 1)) - 1;
}

uint64_t LatencyHistogram::middle_of(Bucket bucket) {
  const uint64_t first = first_of(bucket);
  return first + (last_of(bucket) - first) / 2;
}

// ---- Bytes: least, greatest, then for each bucket with something in it how many were passed over and its count ----

namespace {

// Seven bits a byte, the lowest first.
void put(std::string& out, uint64_t number) {
  for (; number >= 0x80; number >>= 7U) out += static_cast<char>(0x80U | (number & 0x7fU));
  out += static_cast<char>(number);
}

std::optional<uint64_t> take(std::string_view& bytes) {
  uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

}  // namespace

std::string LatencyHistogram::to_bytes() const {
  std::string out;
  if (count_ == 0) return out;
  put(out, min_);
  put(out, max_);
  uint64_t passed = 0;
  for (unsigned octave = 0; octave < kOctaves; ++octave) {
    if (places_[octave] == 0) {
      passed += kParts;
      continue;
    }
    for (const uint64_t counted : octaves_[places_[octave] - 1U]) {
      if (counted == 0) {
        ++passed;
        continue;
      }
      put(out, passed);
      put(out, counted);
      passed = 0;
    }
  }
  return out;
}

std::optional<LatencyHistogram> LatencyHistogram::from_bytes(std::string_view bytes) {
  LatencyHistogram out;
  if (bytes.empty()) return out;
  const auto least = take(bytes), greatest = take(bytes);
  if (!least || !greatest || *least > *greatest) return std::nullopt;
  uint64_t bucket = 0;
  while (!bytes.empty()) {
    const auto passed = take(bytes), counted = take(bytes);
    constexpr uint64_t kBuckets = uint64_t{kOctaves} * kParts;
    if (!passed || !counted || *passed >= kBuckets || bucket + *passed >= kBuckets) return std::nullopt;
    bucket += *passed;
    const auto octave = static_cast<unsigned>(bucket / kParts);
    if (out.places_[octave] == 0) out.grow(octave);
    out.octaves_[out.places_[octave] - 1U][bucket % kParts] = *counted;
    out.count_ += *counted;
    ++bucket;
  }
  if (out.count_ == 0) return std::nullopt;
  out.min_ = *least;
  out.max_ = *greatest;
  return out;
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
