#pragma once
// Facts by key, of a fixed number of places: a key may stand in four of them, and the least used of the four gives way.
// Bounded in entries and in bytes; a find allocates nothing. One thread at a time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/hash.h"
#include "analyzer/statement.h"

namespace analyzer {

class FactTable {
 public:
  // `entries` is rounded up to a power of two.
  FactTable(std::size_t entries, std::size_t bytes_max);

  // Null if it is not there. `hash` is keyed_hash of the key or something as good; the key is compared too. `variant`
  // keeps keys apart that mean different things. Valid until the next put().
  const AnalysisPtr* find(const Hash128& hash, std::string_view key, uint8_t variant);
  // Says how many others had to go.
  std::size_t put(const Hash128& hash, std::string_view key, uint8_t variant, AnalysisPtr facts);

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kWays = 4;
  struct Entry {
    std::string key;
    AnalysisPtr facts;
    std::size_t weight = 0;
    uint64_t high = 0;  // the other half of the hash
    uint32_t used = 0;  // when
    uint8_t variant = 0;
  };
  std::size_t set_of(const Hash128& hash) const { return (hash.low & mask_) * kWays; }
  void erase(std::size_t at);

  std::size_t mask_;  // of sets
  std::size_t bytes_max_;
  std::size_t size_ = 0, bytes_ = 0, hand_ = 0;
  uint32_t now_ = 0;
  std::vector<uint64_t> tags_;  // low halves; those of a set lie in one cache line
  std::vector<Entry> entries_;
};

}  // namespace analyzer
