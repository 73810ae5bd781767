#include "analyzer/alike.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace analyzer {

namespace {

bool is_digit(char c) { return is(c, kDigit); }
// What ends a plain string, or makes it another kind of one.
bool ends_plain(char c) { return c == '\'' || c == '\\' || c == '\0'; }

bool replaceable(std::string_view value) {
  if (is_digit(value.front())) return std::all_of(value.begin(), value.end(), is_digit);
  return value.size() >= 2 && value.front() == '\'' && value.back() == '\'' &&
         std::none_of(value.begin() + 1, value.end() - 1, ends_plain);
}

// Behind the value of the same kind as `kind` that begins at `at`; nullptr if there is none.
const char* behind_value(char kind, const char* at, const char* end) {
  if (at == end) return nullptr;
  if (kind == '\'') {
    if (*at != '\'') return nullptr;
    do ++at;
    while (at != end && !ends_plain(*at));
    return at != end && *at == '\'' ? at + 1 : nullptr;
  }
  const char* const from = at;
  while (at != end && is_digit(*at)) ++at;
  return at != from ? at : nullptr;
}

}  // namespace

std::size_t AlikeTexts::set_of(std::string_view sql) {
  uint64_t first = 0, second = 0;
  std::memcpy(&first, sql.data(), sizeof first);
  std::memcpy(&second, sql.data() + sizeof first, sizeof second);
  constexpr int kBits = std::countr_zero(kSets);
  return ((first ^ (second * 0x9e3779b97f4a7c15)) * 0xff51afd7ed558ccd) >> (64 - kBits);
}

bool AlikeTexts::alike(const Entry& entry, std::string_view sql) {
  const char* at = sql.data();
  const char* const end = at + sql.size();
  const char* old = entry.text.data();
  // The old text up to `until` stands in the new one too.
  const auto same = [&](const char* until) {
    const auto size = static_cast<std::size_t>(until - old);
    if (static_cast<std::size_t>(end - at) < size || std::string_view(at, size) != std::string_view(old, size)) return false;
    at += size;
    old = until;
    return true;
  };
  for (std::size_t i = 0; i < entry.value_count; ++i) {
    const Skeleton::Value& value = entry.values[i];
    if (!same(entry.text.data() + value.at)) return false;
    at = behind_value(*old, at, end);
    if (at == nullptr) return false;
    old += value.size;
  }
  return same(entry.text.data() + entry.text.size()) && at == end;
}

const AnalysisPtr* AlikeTexts::find(std::string_view sql, uint8_t variant) {
  if (sql.size() < kPrefix || sql.size() > kTextMax) return nullptr;
  Entry* const set = &entries_[set_of(sql) * kWays];
  for (Entry* entry = set; entry != set + kWays; ++entry) {
    if (!entry->facts) return nullptr;
    if (entry->variant == variant && alike(*entry, sql)) {
      entry->used = true;
      return &entry->facts;
    }
  }
  return nullptr;
}

void AlikeTexts::put(std::string_view sql, uint8_t variant, std::span<const Skeleton::Value> values,
                     const AnalysisPtr& facts) {
  if (sql.size() < kPrefix || sql.size() > kTextMax) return;
  const std::size_t set = set_of(sql);
  Entry* const first = &entries_[set * kWays];
  Entry* entry = std::find_if(first, first + kWays, [](const Entry& one) { return !one.facts; });
  if (entry == first + kWays) {
    if (++passed_over_ < kEach) return;
    passed_over_ = 0;
    do {
      entry = first + next_[set];
      next_[set] = static_cast<uint8_t>((next_[set] + 1) % kWays);
    } while (std::exchange(entry->used, false));
  }
  entry->text = sql;
  entry->facts = facts;
  entry->variant = variant;
  entry->value_count = 0;
  for (const Skeleton::Value& value : values) {
    if (replaceable(sql.substr(value.at, value.size))) entry->values[entry->value_count++] = value;
  }
}

}  // namespace analyzer
