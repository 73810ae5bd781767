#include "analyzer/advice_book.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace analyzer {

namespace {

// Of the statements that the advice is for.
std::map<uint64_t, LatencyHistogram> times_of(const Advice& advice, const Workload& workload) {
  std::map<uint64_t, LatencyHistogram> out;
  for (const AdviceDetail& detail : advice.details) {
    if (out.size() >= AdviceBook::kVerifiedMax) break;
    const auto found = std::find_if(workload.queries.begin(), workload.queries.end(),
                                    [&](const WorkQuery& query) { return query.fingerprint == detail.fingerprint; });
    if (found != workload.queries.end()) out.emplace(detail.fingerprint, found->times);
  }
  return out;
}

}  // namespace

void AdviceBook::enter(const Workload& workload, const AdviceResult& result, base::WallTime now) {
  for (const Advice& found : result.advice) {
    const auto known = entries_.find(found.id);
    if (known == entries_.end() && entries_.size() >= kAdviceMax) continue;
    Entry& entry = known != entries_.end() ? known->second : entries_[found.id];
    const bool again = !entry.advice.id.empty() && !is_there(entry.advice.status);
    const base::WallTime first = again ? entry.advice.first_seen : now;
    entry.advice = found;
    entry.misses = 0;
    entry.advice.first_seen = first;
    entry.advice.last_confirmed = now;
    entry.advice.status = dismissed_.contains(found.id) ? AdviceStatus::kDismissed
                          : again                       ? AdviceStatus::kConfirmed
                                                        : AdviceStatus::kNew;
    entry.before = times_of(found, workload);
    entry.since.reset();
  }
  for (auto& [id, entry] : entries_) {
    Advice& advice = entry.advice;
    if (advice.database != workload.database || advice.last_confirmed == now) continue;
    const auto there = std::find_if(result.existing.begin(), result.existing.end(),
                                    [&advice](const AdviceIndex& index) { return covers(index.shape, advice.shape); });
    if (there != result.existing.end()) {
      entry.misses = 0;
      Times times = times_of(advice, workload);
      if (is_there(advice.status) && entry.since) {
        verify(entry, times, now, *there);
      } else {
        advice.status = AdviceStatus::kCreated;
        entry.created = now;
        entry.since = std::move(times);
      }
    } else if (is_there(advice.status)) {
      entry.misses = kMissesMax;  // it was dropped again: whether it is missed, a look says
    } else if (!result.truncated) {
      ++entry.misses;
    }
  }
  std::erase_if(entries_, [](const auto& entry) { return entry.second.misses >= kMissesMax; });
}

void AdviceBook::verify(Entry& entry, const Times& now, base::WallTime at, const AdviceIndex& index) {
  Advice& advice = entry.advice;
  std::optional<IndexEffect> worst;
  bool faster = false;
  for (const AdviceDetail& detail : advice.details) {
    const auto before = entry.before.find(detail.fingerprint);
    const auto current = now.find(detail.fingerprint);
    if (before == entry.before.end() || current == now.end()) continue;
    LatencyHistogram& since = (*entry.since)[detail.fingerprint];
    if (current->second.count() < since.count()) since = {};  // counted from nothing again
    const LatencyHistogram after = current->second.since(since);
    const auto effect = effect_of(before->second, after, at - entry.created);
    if (!effect) continue;
    // What is told is of the statement that decides: one that is slower now, else the one that gains the most.
    if (!worst || (*effect == IndexEffect::kSlower && *worst != IndexEffect::kSlower))
      advice.effect = effect_text(before->second, after);
    faster = faster || *effect == IndexEffect::kFaster;
    worst = worst ? std::max(*worst, *effect) : *effect;
  }
  if (!worst) return;
  const bool slower = *worst == IndexEffect::kSlower;
  advice.status = slower ? AdviceStatus::kRegressed : faster ? AdviceStatus::kVerified : AdviceStatus::kNoEffect;
  advice.note = slower ? "a statement is slower since: " + drop_statement(index) : std::string();
}

const Advice* AdviceBook::find(std::string_view id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.advice;
}

bool AdviceBook::created(std::string_view id, base::WallTime now) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  found->second.advice.status = AdviceStatus::kCreated;
  found->second.created = now;
  found->second.since.reset();
  return true;
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
