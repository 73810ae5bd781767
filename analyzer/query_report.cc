#include "analyzer/query_report.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

namespace analyzer {

namespace {

base::WallTime on_the_wall(base::TimePoint time, const Clocks& clocks) {
  return time == base::TimePoint{} ? base::WallTime{} : clocks.wall_now - (clocks.now - time);
}

void finish(QuerySummary& row, const Clocks& clocks) {
  const LatencyHistogram& times = row.totals.times;
  row.p50_us = times.quantile(0.50);
  row.p75_us = times.quantile(0.75);
  row.p95_us = times.quantile(0.95);
  row.p99_us = times.quantile(0.99);
  row.first_seen = on_the_wall(row.totals.first_seen, clocks);
  row.last_seen = on_the_wall(row.totals.last_seen, clocks);
}

}  // namespace

std::vector<QuerySummary> summarize(std::vector<QuerySnapshot> parts, std::size_t rows_max, const Clocks& clocks) {
  using Key = std::tuple<uint64_t, std::string_view, std::string_view, std::string_view>;
  std::map<Key, QuerySnapshot::Row*> first;  // of each kind
  QueryTotals others;
  uint64_t made_room = 0;
  for (QuerySnapshot& part : parts) {
    others.add(part.others);
    made_room += part.made_room;
    for (QuerySnapshot::Row& row : part.rows) {
      const Key key(row.fingerprint, row.owner->database, row.owner->user, row.owner->application);
      const auto [at, is_first] = first.emplace(key, &row);
      if (!is_first) at->second->totals.add(row.totals);
    }
  }
  std::vector<QuerySnapshot::Row*> rows;
  rows.reserve(first.size());
  for (const auto& [key, row] : first) rows.push_back(row);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return std::pair(a->totals.server_us, a->totals.calls) > std::pair(b->totals.server_us, b->totals.calls);
  });
  std::vector<QuerySummary> out;
  out.reserve(std::min(rows.size(), rows_max) + 1);
  for (QuerySnapshot::Row* row : rows) {
    if (out.size() == rows_max) {
      others.add(row->totals);
      ++made_room;
      continue;
    }
    QuerySummary& shown = out.emplace_back();
    shown.fingerprint = row->fingerprint;
    shown.query = *row->text;
    shown.database = row->owner->database;
    shown.user = row->owner->user;
    shown.application = row->owner->application;
    shown.totals = std::move(row->totals);
    finish(shown, clocks);
  }
  if (!others.empty()) {
    QuerySummary& sum = out.emplace_back();
    sum.query = "others (" + std::to_string(made_room) + " rows that made room)";
    sum.totals = std::move(others);
    finish(sum, clocks);
  }
  return out;
}

std::vector<PoolTotals> totals_by_pool(const std::vector<QuerySnapshot>& parts) {
  std::map<std::pair<std::string_view, std::string_view>, QueryTotals> sums;
  for (const QuerySnapshot& part : parts) {
    for (const PoolTotals& gone : part.gone) sums[{gone.database, gone.user}].add(gone.totals);
    for (const QuerySnapshot::Row& row : part.rows) sums[{row.owner->database, row.owner->user}].add(row.totals);
  }
  std::vector<PoolTotals> out;
  out.reserve(sums.size());
  for (auto& [pool, totals] : sums) out.push_back({std::string(pool.first), std::string(pool.second), std::move(totals)});
  return out;
}

std::string to_text(const ErrorClasses& classes) {
  std::string out;
  for (const auto& [name, count] : classes.counts()) {
    if (!out.empty()) out += ' ';
    out.append(name.data(), name.size()).append(1, ':').append(std::to_string(count));
  }
  return out;
}

ErrorClasses error_classes_of(std::string_view text) {
  ErrorClasses out;
  constexpr std::size_t kName = 2;
  while (text.size() > kName && text[kName] == ':') {
    const std::string_view name = text.substr(0, kName);
    text.remove_prefix(kName + 1);
    uint64_t count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (failure != std::errc()) break;
    out.add(name, count);
    text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(end - text.data()) + 1));
  }
  return out;
}

}  // namespace analyzer
