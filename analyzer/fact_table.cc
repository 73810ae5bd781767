#include "analyzer/fact_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "analyzer/analyze.h"

namespace analyzer {

FactTable::FactTable(std::size_t entries, std::size_t bytes_max)
    : mask_(std::bit_ceil(std::max(entries, kWays) / kWays) - 1), bytes_max_(bytes_max) {
  tags_.resize((mask_ + 1) * kWays);
  entries_.resize((mask_ + 1) * kWays);
}

const AnalysisPtr* FactTable::find(const Hash128& hash, std::string_view key, uint8_t variant) {
  const std::size_t set = set_of(hash);
  for (std::size_t at = set; at < set + kWays; ++at) {
    if (tags_[at] != hash.low) continue;
    Entry& entry = entries_[at];
    if (entry.facts == nullptr || entry.high != hash.high || entry.variant != variant || entry.key != key) continue;
    entry.used = ++now_;
    return &entry.facts;
  }
  return nullptr;
}

std::size_t FactTable::put(const Hash128& hash, std::string_view key, uint8_t variant, AnalysisPtr facts) {
  const std::size_t weight = key.size() + weight_of(*facts);
  if (weight > bytes_max_) return 0;
  const std::size_t set = set_of(hash);
  std::size_t place = set;
  for (std::size_t at = set; at < set + kWays; ++at) {
    const Entry& entry = entries_[at];
    const bool same = entry.facts != nullptr && tags_[at] == hash.low && entry.variant == variant && entry.key == key;
    if (entry.facts == nullptr || same) {
      place = at;
      break;
    }
    // The clock may have gone round: what counts is how long ago.
    if (now_ - entry.used > now_ - entries_[place].used) place = at;
  }
  std::size_t gone = entries_[place].facts != nullptr ? 1 : 0;
  erase(place);
  for (; bytes_ + weight > bytes_max_ && size_ > 0; hand_ = (hand_ + 1) % entries_.size()) {
    if (entries_[hand_].facts == nullptr) continue;
    erase(hand_);
    ++gone;
  }
  tags_[place] = hash.low;
  entries_[place] = {std::string(key), std::move(facts), weight, hash.high, ++now_, variant};
  bytes_ += weight;
  ++size_;
  return gone;
}

void FactTable::erase(std::size_t at) {
  Entry& entry = entries_[at];
  if (entry.facts == nullptr) return;
  bytes_ -= entry.weight;
  --size_;
  entry = Entry();
  tags_[at] = 0;
}

}  // namespace analyzer
