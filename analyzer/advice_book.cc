#include "analyzer/advice_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace analyzer {

namespace {

// Misses of what is to be forgotten at once.
constexpr int kForget = std::numeric_limits<int>::max();

// Of the statements that the advice is for, and of the others on its table.
std::map<uint64_t, LatencyHistogram> times_of(const Advice& advice, const Workload& workload) {
  std::vector<uint64_t> wanted;
  for (const AdviceDetail& detail : advice.details)
    if (wanted.size() < AdviceBook::kVerifiedMax) wanted.push_back(detail.fingerprint);
  wanted.insert(wanted.end(), advice.others.begin(), advice.others.end());
  std::map<uint64_t, LatencyHistogram> out;
  for (const WorkQuery& query : workload.queries)
    if (std::find(wanted.begin(), wanted.end(), query.fingerprint) != wanted.end()) out.emplace(query.fingerprint, query.times);
  return out;
}

}  // namespace

void AdviceBook::enter(const Workload& workload, const AdviceResult& result, base::WallTime now) {
  for (const Advice& found : result.advice) {
    const auto known = entries_.find(found.id);
    if (known == entries_.end() && entries_.size() >= kAdviceMax) continue;
    AdviceEntry& entry = known != entries_.end() ? known->second : entries_[found.id];
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
      entry.misses = kForget;  // it was dropped again: whether it is missed, a look says
    } else if (!result.truncated && entry.misses < kMissesMax && ++entry.misses == kMissesMax) {
      if (advice.status != AdviceStatus::kDismissed) advice.status = AdviceStatus::kStale;
    }
    if (entry.misses == kMissesMax && now - advice.last_confirmed >= kStaleKept) entry.misses = kForget;
  }
  std::erase_if(entries_, [](const auto& entry) { return entry.second.misses == kForget; });
}

// What became of one statement; nothing while it has run too rarely.
std::optional<AdviceBook::Change> AdviceBook::change_of(AdviceEntry& entry, uint64_t fingerprint, const Times& now,
                                                        base::WallTime at) {
  const auto before = entry.before.find(fingerprint);
  const auto current = now.find(fingerprint);
  if (before == entry.before.end() || current == now.end()) return std::nullopt;
  LatencyHistogram& since = (*entry.since)[fingerprint];
  if (current->second.count() < since.count()) since = {};  // counted from nothing again
  const LatencyHistogram after = current->second.since(since);
  const auto effect = effect_of(before->second, after, at - entry.created);
  if (!effect) return std::nullopt;
  return Change{*effect, effect_text(before->second, after)};
}

void AdviceBook::verify(AdviceEntry& entry, const Times& now, base::WallTime at, const AdviceIndex& index) {
  Advice& advice = entry.advice;
  std::optional<IndexEffect> worst;
  bool faster = false;
  std::optional<uint64_t> slower;
  for (const AdviceDetail& detail : advice.details) {
    const auto change = change_of(entry, detail.fingerprint, now, at);
    if (!change) continue;
    const bool is_slower = change->effect == IndexEffect::kSlower;
    // What is told is of the statement that decides: one that is slower now, else the one that gains the most.
    if (!worst || (is_slower && *worst != IndexEffect::kSlower)) advice.effect = change->text;
    if (is_slower && !slower) slower = detail.fingerprint;
    faster = faster || change->effect == IndexEffect::kFaster;
    worst = worst ? std::max(*worst, change->effect) : change->effect;
  }
  for (const uint64_t other : advice.others) {
    if (slower) break;
    const auto change = change_of(entry, other, now, at);
    if (!change || change->effect != IndexEffect::kSlower) continue;
    advice.effect = change->text;
    slower = other;
  }
  if (!worst && !slower) return;
  advice.status = slower ? AdviceStatus::kRegressed : faster ? AdviceStatus::kVerified : AdviceStatus::kNoEffect;
  advice.note = slower ? fmt::format("statement {:016x} is slower since: {}", *slower, drop_statement(index)) : std::string();
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

AdviceRecord AdviceBook::record() const {
  AdviceRecord out{.entries = {}, .dismissed = dismissed_};
  for (const auto& [id, entry] : entries_) out.entries.push_back(entry);
  return out;
}

void AdviceBook::restore(AdviceRecord record, base::WallTime now) {
  for (std::string id : record.dismissed)
    if (dismissed_.size() < kDismissedMax) dismissed_.insert(std::move(id));
  for (AdviceEntry& entry : record.entries)
    if (entries_.size() < kAdviceMax && now - entry.advice.last_confirmed < kRemembered)
      entries_.try_emplace(entry.advice.id, std::move(entry));
  for (auto& [id, entry] : entries_)
    if (dismissed_.contains(id)) entry.advice.status = AdviceStatus::kDismissed;
}

std::vector<Advice> AdviceBook::all() const {
  std::vector<Advice> out;
  for (const auto& [id, entry] : entries_) out.push_back(entry.advice);
  std::stable_sort(out.begin(), out.end(), [](const Advice& a, const Advice& b) {
    const bool a_gone = a.status >= AdviceStatus::kStale, b_gone = b.status >= AdviceStatus::kStale;
    return a_gone != b_gone ? b_gone : a.saves_ms_per_hour > b.saves_ms_per_hour;
  });
  return out;
}

}  // namespace analyzer
