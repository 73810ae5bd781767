#pragma once
// LatencyHistogram: how long many things took, in little room, so that any quantile can be told afterwards.
//
//   times.record(1234);                       // microseconds
//   times.merge(those_of_another_worker);
//   times.quantile(0.95);                     // within kErrorMax of the exact one
//
// Log-linear: each octave (16..31, 32..63, ...) is cut into sixteen buckets of the same width; below 32 each number has
// its own. An octave takes room when something falls into it: what takes about as long each time needs two or three.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

class LatencyHistogram {
 public:
  // A quantile is off by at most this part of the exact value (nearest rank), and not at all below 32.
  static constexpr double kErrorMax = 1.0 / 32;
  // Nineteen hours. What took longer is counted as that, but for max().
  static constexpr uint64_t kLongest = (uint64_t{1} << 36) - 1;

  // True if it took more room for that.
  bool record(uint64_t value) {
    ++count_;
    if (value < min_ || count_ == 1) min_ = value;
    if (value > max_) max_ = value;
    const Bucket at = bucket_of(value < kLongest ? value : kLongest);
    const bool grows = places_[at.octave] == 0;
    if (grows) grow(at.octave);
    ++octaves_[places_[at.octave] - 1U][at.part];
    return grows;
  }
  void merge(const LatencyHistogram& other);
  // What came since this one was `earlier`. Its least and greatest are then known to their buckets.
  void subtract(const LatencyHistogram& earlier);

  uint64_t count() const { return count_; }
  uint64_t min() const { return min_; }  // exact, as max(); 0 where there is nothing
  uint64_t max() const { return max_; }
  // The value that `part` of all are no greater than; 0 where there is nothing.
  uint64_t quantile(double part) const;

  // How many were below 2 to the power of `power`; from 4 up, exactly. For those who want powers of two as their buckets.
  uint64_t count_below(unsigned power) const;
  // What has come to this one since `earlier`, an older state of the same. min() and max() are bounds then, not exact.
  LatencyHistogram since(const LatencyHistogram& earlier) const;

  // For a file: short where little was counted. Nothing of what is no such text.
  std::string to_bytes() const;
  static std::optional<LatencyHistogram> from_bytes(std::string_view bytes);

  // Of the heap.
  std::size_t bytes() const { return octaves_.capacity() * sizeof(Octave); }

 private:
  static constexpr unsigned kPartBits = 4;
  static constexpr unsigned kParts = 1U << kPartBits;
  static constexpr unsigned kOctaves = 33;  // the first: 0 to 15
  using Octave = std::array<uint64_t, kParts>;
  struct Bucket {
    unsigned octave, part;
  };
  static constexpr Bucket bucket_of(uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kPartBits) return {0, static_cast<unsigned>(value)};
    return {width - kPartBits, static_cast<unsigned>(value >> (width - 1 - kPartBits)) & (kParts - 1)};
  }
  static uint64_t first_of(Bucket bucket);
  static uint64_t last_of(Bucket bucket);
  static uint64_t middle_of(Bucket bucket);
  void grow(unsigned octave);

  std::vector<Octave> octaves_;               // those that something fell into, in the order in which it did
  std::array<uint8_t, kOctaves> places_{};    // where they are there, and one more
  uint64_t count_ = 0, min_ = 0, max_ = 0;
};

}  // namespace analyzer
