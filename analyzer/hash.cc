#include "analyzer/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "base/random.h"

namespace analyzer {

namespace {

using Secret = std::array<char, XXH3_SECRET_SIZE_MIN + 56>;  // as long as XXH3's own

const Secret& secret() {
  static const Secret made = [] {
    Secret bytes{};
    base::secure_bytes(bytes);
    return bytes;
  }();
  return made;
}

}  // namespace

Hash128 keyed_hash(std::string_view text) {
  const Secret& key = secret();
  const XXH128_hash_t hash = XXH3_128bits_withSecret(text.data(), text.size(), key.data(), key.size());
  return {hash.low64, hash.high64};
}

uint64_t plain_hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace analyzer
