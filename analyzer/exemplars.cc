#include "analyzer/exemplars.h"

#include <algorithm>
#include <bit>

namespace analyzer {

const Exemplar* PoolExemplars::last_between(unsigned from_power, unsigned to_power) const {
  const Exemplar* last = nullptr;
  // What has n bits is below 2 to the power of n.
  const std::size_t from = from_power == 0 ? 0 : from_power + 1;
  for (std::size_t bits = from; bits <= to_power && bits < kOctaves; ++bits)
    if (octaves[bits].known() && (last == nullptr || octaves[bits].at > last->at)) last = &octaves[bits];
  return last;
}

void Exemplars::put(const std::string& database, const std::string& user, const Exemplar& exemplar) {
  std::pair key(database, user);
  auto found = pools_.find(key);
  if (found == pools_.end()) {
    if (pools_.size() >= kPoolsMax) return;
    found = pools_.try_emplace(std::move(key)).first;
  }
  const auto bits = static_cast<std::size_t>(std::bit_width(exemplar.us));
  found->second[std::min(bits, PoolExemplars::kOctaves - 1)] = exemplar;
}

std::vector<PoolExemplars> Exemplars::snapshot() const {
  std::vector<PoolExemplars> out;
  for (const auto& [key, octaves] : pools_) out.push_back({key.first, key.second, octaves});
  return out;
}

}  // namespace analyzer
