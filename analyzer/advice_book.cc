#include "analyzer/advice_book.h"

#include <algorithm>
#include <utility>

namespace analyzer {

void AdviceBook::enter(const std::string& database, const AdviceResult& result, base::WallTime now) {
  for (const Advice& found : result.advice) {
    const auto known = entries_.find(found.id);
    if (known == entries_.end() && entries_.size() >= kAdviceMax) continue;
    Entry& entry = known != entries_.end() ? known->second : entries_[found.id];
    const bool again = !entry.advice.id.empty() && entry.advice.status != AdviceStatus::kCreated;
    const base::WallTime first = again ? entry.advice.first_seen : now;
    entry.advice = found;
    entry.misses = 0;
    entry.advice.first_seen = first;
    entry.advice.last_confirmed = now;
    entry.advice.status = dismissed_.contains(found.id) ? AdviceStatus::kDismissed
                          : again                       ? AdviceStatus::kConfirmed
                                                        : AdviceStatus::kNew;
  }
  for (auto& [id, entry] : entries_) {
    Advice& advice = entry.advice;
    if (advice.database != database || advice.last_confirmed == now) continue;
    const bool there = std::any_of(result.existing.begin(), result.existing.end(),
                                   [&advice](const IndexShape& index) { return covers(index, advice.shape); });
    if (there) {
      advice.status = AdviceStatus::kCreated;
      entry.misses = 0;
    } else if (advice.status == AdviceStatus::kCreated) {
      entry.misses = kMissesMax;  // it was dropped again: whether it is missed, a look says
    } else if (!result.truncated) {
      ++entry.misses;
    }
  }
  std::erase_if(entries_, [](const auto& entry) { return entry.second.misses >= kMissesMax; });
}

bool AdviceBook::dismiss(std::string_view id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || dismissed_.size() >= kDismissedMax) return false;
  found->second.advice.status = AdviceStatus::kDismissed;
  dismissed_.insert(found->first);
  return true;
}

std::vector<Advice> AdviceBook::all() const {
  std::vector<Advice> out;
  for (const auto& [id, entry] : entries_) out.push_back(entry.advice);
  std::stable_sort(out.begin(), out.end(), [](const Advice& a, const Advice& b) {
    const bool a_gone = a.status == AdviceStatus::kDismissed, b_gone = b.status == AdviceStatus::kDismissed;
    return a_gone != b_gone ? b_gone : a.saves_ms_per_hour > b.saves_ms_per_hour;
  });
  return out;
}

}  // namespace analyzer
