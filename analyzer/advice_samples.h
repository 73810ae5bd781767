#pragma once
// SampleStore: a few statements of each kind as they really were, with their values, for the advisor to measure with.
//
// Of each kind the first ones, and later ones by chance, so that all have had the same one to be kept. Bounded in kinds and
// bytes: the kind that was seen longest ago makes room. Of one worker, and used by that thread alone. What is in it is shown
// to nobody; what may not be shown to operators is not in it either (HiddenValues).

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace analyzer {

struct Sample {
  std::string sql;                           // with its values in their places
  std::optional<std::string> search_path{};  // the client's own
  bool operator==(const Sample&) const = default;
};

struct SampledKind {
  uint64_t fingerprint = 0;
  std::string database;
  std::vector<Sample> samples;
};

class SampleStore {
 public:
  static constexpr std::size_t kSamplesOfKind = 8;
  static constexpr std::size_t kKindsMax = 2000;
  static constexpr std::size_t kBytesOfSample = 8 * 1024;  // a longer statement is not kept

  explicit SampleStore(std::size_t bytes_max = 0) : bytes_max_(bytes_max) {}

  // Seen once more. Which place it would take, if it is to be kept.
  std::optional<std::size_t> wants(uint64_t fingerprint, const std::string& database);
  void put(uint64_t fingerprint, const std::string& database, std::size_t place, Sample sample);
  std::vector<SampledKind> snapshot() const;
  void set_limit(std::size_t bytes_max);  // 0: nothing is kept
  std::size_t bytes() const { return bytes_; }

 private:
  struct Kind {
    SampledKind sampled;
    uint64_t seen = 0;
  };
  static uint64_t key_of(uint64_t fingerprint, std::string_view database);
  void shrink();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  uint64_t chance_ = 0;
  std::list<Kind> kinds_;  // the one seen last comes first
  std::unordered_map<uint64_t, std::list<Kind>::iterator> by_key_;
};

}  // namespace analyzer
