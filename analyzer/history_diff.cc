#include "analyzer/history_diff.h"

#include <algorithm>
#include <tuple>

namespace analyzer {

namespace {

bool nothing(const QueryTotals& totals) {
  return totals.empty() && totals.errors == 0 && totals.server_us == 0 && totals.wait_us == 0 && totals.bytes_in == 0 &&
         totals.bytes_out == 0;
}

// What most rows are, most of the time: as they were.
bool same(const QueryTotals& a, const QueryTotals& b) {
  const auto counters = [](const QueryTotals& t) {
    return std::tie(t.calls, t.errors, t.rows, t.bytes_in, t.bytes_out, t.server_us, t.wait_us, t.idle_us, t.parses,
                    t.server_parses);
  };
  return counters(a) == counters(b);
}

std::string key_of(uint64_t fingerprint, const QueryOwner& owner) {
  std::string key(reinterpret_cast<const char*>(&fingerprint), sizeof fingerprint);
  key.append(owner.database).append(1, '\0').append(owner.user).append(1, '\0').append(owner.application);
  return key;
}

}  // namespace

void HistoryDiff::take(std::size_t part, uint64_t number, QuerySnapshot snapshot) {
  if (part >= parts_.size()) parts_.resize(part + 1);
  Part& before = parts_[part];
  if (number <= before.number) return;
  if (snapshot.cleared != before.cleared) before = {};
  before.number = number;
  before.cleared = snapshot.cleared;

  std::unordered_map<uint64_t, QueryTotals> now;
  now.reserve(snapshot.rows.size());
  for (QuerySnapshot::Row& row : snapshot.rows) {
    const auto known = before.rows.find(row.serial);
    if (known == before.rows.end()) {
      add(row, row.totals);
    } else {
      if (!same(known->second, row.totals)) {
        QueryTotals since = row.totals;
        since.subtract(known->second);
        add(row, std::move(since));
      }
      before.rows.erase(known);
    }
    now.emplace(row.serial, std::move(row.totals));
  }
  // Those that are gone made room: the others have them now, with what was counted already.
  QueryTotals since = snapshot.others;
  since.subtract(before.others);
  for (const auto& [serial, totals] : before.rows) since.subtract(totals);
  others_.add(since);
  before.rows = std::move(now);
  before.others = std::move(snapshot.others);
}

void HistoryDiff::add(const QuerySnapshot::Row& row, QueryTotals totals) {
  if (nothing(totals)) return;
  std::string key = key_of(row.fingerprint, *row.owner);
  if (const auto known = kinds_.find(key); known != kinds_.end()) return known->second.totals.add(totals);
  if (kinds_.size() >= kinds_max_) return others_.add(totals);
  kinds_.emplace(std::move(key), HistoryQuery{row.fingerprint, row.owner, row.text, std::move(totals)});
}

HistoryQueries HistoryDiff::drain(std::size_t rows_max) {
  HistoryQueries out;
  out.rows.reserve(kinds_.size());
  for (auto& [key, query] : kinds_) out.rows.push_back(std::move(query));
  kinds_.clear();
  std::sort(out.rows.begin(), out.rows.end(), [](const HistoryQuery& a, const HistoryQuery& b) {
    return std::tuple(a.totals.server_us, a.totals.calls, a.fingerprint) >
           std::tuple(b.totals.server_us, b.totals.calls, b.fingerprint);
  });
  out.others = std::move(others_);
  others_ = {};
  for (; out.rows.size() > rows_max; out.rows.pop_back()) out.others.add(out.rows.back().totals);
  return out;
}

std::map<std::pair<std::string, std::string>, LatencyHistogram> HistoryDiff::times() const {
  std::map<std::pair<std::string, std::string>, LatencyHistogram> out;
  for (const auto& [key, query] : kinds_) out[{query.owner->database, query.owner->user}].merge(query.totals.times);
  return out;
}

}  // namespace analyzer
