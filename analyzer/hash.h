#pragma once
// 128 bits of a text, keyed with a secret of this process: nobody outside can look for two texts with the same. Enough
// to find an entry by; what an entry decides is decided by comparing the texts too.

#include <cstdint>
#include <string_view>

namespace analyzer {

struct Hash128 {
  uint64_t low = 0, high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

// Pure but for the secret, which is made at the first call. From any thread.
Hash128 keyed_hash(std::string_view text);

// The same in every process: for numbers that are shown.
uint64_t plain_hash(std::string_view text);

}  // namespace analyzer
