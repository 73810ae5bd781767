#include "admin/metric_bounds.h"

#include <algorithm>

namespace admin {

namespace {

TopStatements::Numbers numbers_of(const analyzer::QueryTotals& totals) {
  return {totals.calls, totals.errors, totals.rows, totals.server_us, totals.wait_us};
}

void add(TopStatements::Numbers& sum, const TopStatements::Numbers& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

TopStatements::Numbers minus(TopStatements::Numbers a, const TopStatements::Numbers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= std::min(a[i], b[i]);
  return a;
}

bool gone_back(const TopStatements::Numbers& now, const TopStatements::Numbers& before) {
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i] < before[i]) return true;
  return false;
}

}  // namespace

LabelBound::Labels LabelBound::operator()(Labels labels) {
  const bool named = std::all_of(labels.begin(), labels.end(), [](const std::string& one) { return !one.empty(); });
  if (named && known_.contains(labels)) return labels;
  if (named && known_.size() < max_) {
    known_.insert(labels);
    return labels;
  }
  labels.assign(labels.size(), std::string(kOthers));
  return labels;
}

TopStatements::All TopStatements::sum_by_key(const std::vector<pooler::QueryRow>& rows) {
  All all;
  for (const pooler::QueryRow& row : rows) {
    if (row.fingerprint == 0) continue;  // the sum of those that made room, and what was prepared unseen
    Current& current = all[{row.fingerprint, row.database, row.user}];
    add(current.numbers, numbers_of(row.totals));
    if (current.query.empty()) current.query = row.query;
  }
  return all;
}

TopStatements::Report TopStatements::update(const pooler::StatementMetrics& metrics, std::size_t max,
                                            base::TimePoint now) {
  const All all = sum_by_key(metrics.queries);
  // Reset, or made room on a worker: what was shown is a part of the sum from now on.
  std::erase_if(shown_, [&all](const auto& shown) {
    const auto found = all.find(shown.first);
    return found == all.end() || gone_back(found->second.numbers, shown.second.last);
  });
  if (max != max_ || selected_ == base::TimePoint{} || now - selected_ >= kReselect) {
    select(all, max);
    max_ = max;
    selected_ = now;
  }
  Report report;
  Numbers apart{};
  for (auto& [key, known] : shown_) {
    const Current& current = all.at(key);
    known.last = current.numbers;
    const auto& [fingerprint, database, user] = key;
    report.statements.push_back(
        {fingerprint, database, user, std::string(current.query), minus(current.numbers, known.offset)});
    add(apart, report.statements.back().numbers);
  }
  Numbers sum{};
  for (const analyzer::PoolTotals& pool : metrics.pools) add(sum, numbers_of(pool.totals));
  report.others = minus(sum, apart);
  return report;
}

void TopStatements::select(const All& all, std::size_t max) {
  std::vector<All::const_iterator> order;
  order.reserve(all.size());
  for (auto at = all.begin(); at != all.end(); ++at) order.push_back(at);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(max, order.size()));
  std::partial_sort(order.begin(), end, order.end(), [](const auto& a, const auto& b) {
    return std::pair(a->second.numbers[kServerUs], a->second.numbers[kCalls]) >
           std::pair(b->second.numbers[kServerUs], b->second.numbers[kCalls]);
  });
  // The first time there is no sum yet that a past could be in.
  const bool first = selected_ == base::TimePoint{};
  std::map<Key, Known> chosen;
  for (auto at = order.begin(); at != end; ++at) {
    const auto& [key, current] = **at;
    const auto before = shown_.find(key);
    chosen[key] = before != shown_.end() ? before->second : Known{.offset = first ? Numbers{} : current.numbers};
  }
  shown_ = std::move(chosen);
}

}  // namespace admin
