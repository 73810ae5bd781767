#include "analyzer/query_stats.h"

#include <algorithm>
#include <bit>

#include "analyzer/redact.h"
#include "base/random.h"

namespace analyzer {

namespace {

constexpr std::size_t kFirstPlaces = 64;
// Of all rows, so many make room together: to look for them takes a look at all.
constexpr std::size_t kMakeRoomPart = 20;
// At each of these times, what was counted so far weighs a little less, so that what was heavy last week goes one day.
constexpr double kForget = 0.99;
// Beside its time each call weighs as much as so many microseconds: what is short and frequent is worth knowing too.
constexpr double kCallWeight = 100;
// What of a long text is read for the part that is shown: blanks and comments go.
constexpr std::size_t kTextRead = 4 * QueryStats::kTextShown;
// Owners that are remembered without a row or a session of theirs, before these are looked for.
constexpr std::size_t kOwnersLookedThrough = 64;

uint64_t micros(base::Duration time) { return static_cast<uint64_t>(std::max<int64_t>(time.count(), 0)); }

}  // namespace

// ---- sums ----

void ErrorClasses::add(std::string_view sqlstate, uint64_t more) {
  Class wanted{'?', '?'};
  if (sqlstate.size() >= 2) wanted = {sqlstate[0], sqlstate[1]};
  const auto place = [this](const Class& one) {
    return std::lower_bound(counts_.begin(), counts_.end(), one,
                            [](const auto& entry, const Class& name) { return entry.first < name; });
  };
  auto at = place(wanted);
  if ((at == counts_.end() || at->first != wanted) && counts_.size() >= kClassesMax - 1) {
    wanted = {'?', '?'};
    at = place(wanted);
  }
  if (at == counts_.end() || at->first != wanted) at = counts_.insert(at, {wanted, 0});
  at->second += more;
}

void ErrorClasses::add(const ErrorClasses& others) {
  for (const auto& [name, count] : others.counts_) add(std::string_view(name.data(), name.size()), count);
}

void ErrorClasses::subtract(const ErrorClasses& earlier) {
  for (const auto& [name, count] : earlier.counts_) {
    const auto at = std::find_if(counts_.begin(), counts_.end(), [&](const auto& entry) { return entry.first == name; });
    if (at != counts_.end()) at->second -= std::min(at->second, count);
  }
  std::erase_if(counts_, [](const auto& entry) { return entry.second == 0; });
}

void QueryTotals::subtract(const QueryTotals& earlier) {
  for (uint64_t QueryTotals::*counter :
       {&QueryTotals::calls, &QueryTotals::errors, &QueryTotals::rows, &QueryTotals::bytes_in, &QueryTotals::bytes_out,
        &QueryTotals::server_us, &QueryTotals::wait_us, &QueryTotals::idle_us, &QueryTotals::parses,
        &QueryTotals::server_parses})
    this->*counter -= std::min(this->*counter, earlier.*counter);
  times.subtract(earlier.times);
  error_classes.subtract(earlier.error_classes);
}

void QueryTotals::add(const QueryTotals& others) {
  if (others.first_seen != base::TimePoint{} && (first_seen == base::TimePoint{} || others.first_seen < first_seen))
    first_seen = others.first_seen;
  last_seen = std::max(last_seen, others.last_seen);
  calls += others.calls;
  errors += others.errors;
  rows += others.rows;
  bytes_in += others.bytes_in;
  bytes_out += others.bytes_out;
  server_us += others.server_us;
  wait_us += others.wait_us;
  idle_us += others.idle_us;
  parses += others.parses;
  server_parses += others.server_parses;
  times.merge(others.times);
  error_classes.add(others.error_classes);
}

// ---- the table ----

QueryStats::QueryStats(const QueryStatsLimits& limits) : limits_(limits), multiplier_(base::random_u64() | 1U) {
  overflow_.owner_ = std::make_shared<const QueryOwner>();
  overflow_.text_ = std::make_shared<const std::string>();
  place_all(kFirstPlaces);
}

QueryStats::~QueryStats() = default;

QueryOwnerPtr QueryStats::owner(std::string_view database, std::string_view user, std::string_view application) {
  std::string key;
  key.reserve(database.size() + user.size() + application.size() + 2);
  key.append(database).append(1, '\0').append(user).append(1, '\0').append(application);
  auto found = owners_.find(key);
  if (found != owners_.end())
    if (QueryOwnerPtr known = found->second.lock()) return known;
  if (found == owners_.end() && owners_.size() > kOwnersLookedThrough && std::has_single_bit(owners_.size()))
    std::erase_if(owners_, [](const auto& entry) { return entry.second.expired(); });
  auto made = std::make_shared<const QueryOwner>(
      QueryOwner{std::string(database), std::string(user), std::string(application)});
  owners_.insert_or_assign(std::move(key), made);
  return made;
}

QueryStats::Row& QueryStats::add(uint64_t hash, uint64_t fingerprint, const QueryOwnerPtr& owner, std::string_view sql) {
  if (rows_.size() >= limits_.rows_max || bytes_ >= limits_.bytes_max) make_room();
  if (rows_.size() >= limits_.rows_max || bytes_ >= limits_.bytes_max) return overflow_;  // all are held
  auto row = std::make_unique<Row>();
  row->hash_ = hash;
  row->serial_ = ++last_serial_;
  row->fingerprint_ = fingerprint;
  row->owner_ = owner;
  row->text_ = std::make_shared<const std::string>(normalized(sql.substr(0, kTextRead), kTextShown));
  Row& added = *row;
  rows_.push_back(std::move(row));
  weigh(added);
  if (rows_.size() * 2 > places_.size()) {
    place_all(places_.size() * 2);
  } else {
    std::size_t at = hash >> shift_;
    while (places_[at].row != nullptr) at = (at + 1) & mask_;
    places_[at] = {hash, &added};
  }
  return added;
}

void QueryStats::place_all(std::size_t places) {
  places_.assign(places, Place());
  mask_ = places - 1;
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(places));
  for (const auto& row : rows_) {
    std::size_t at = row->hash_ >> shift_;
    while (places_[at].row != nullptr) at = (at + 1) & mask_;
    places_[at] = {row->hash_, row.get()};
  }
}

// Its owner and its place count for it, as if it had them alone.
void QueryStats::weigh(Row& row) {
  constexpr std::size_t kAllocated = 4 * 16;  // what the heap adds to each piece
  const QueryOwner& owner = *row.owner_;
  const std::size_t now = sizeof(Row) + kAllocated + 2 * sizeof(Place) + row.text_->capacity() + row.totals_.bytes() +
                          sizeof(QueryOwner) + 2 * (owner.database.size() + owner.user.size() + owner.application.size());
  bytes_ += now - row.bytes_;
  row.bytes_ = now;
}

void QueryStats::make_room() {
  const auto lighter = [](const std::unique_ptr<Row>& a, const std::unique_ptr<Row>& b) {
    if ((a->held_ == 0) != (b->held_ == 0)) return a->held_ == 0;
    return a->weight_ < b->weight_;
  };
  std::size_t going = rows_.size() / kMakeRoomPart + 1;
  if (rows_.size() >= limits_.rows_max) going = std::max(going, rows_.size() - limits_.rows_max + 1);
  const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(std::min(going, rows_.size()));
  if (end != rows_.end()) std::nth_element(rows_.begin(), end, rows_.end(), lighter);
  const auto last = std::partition(rows_.begin(), end, [](const auto& row) { return row->held_ == 0; });
  for (auto at = rows_.begin(); at != last; ++at) {
    const Row& row = **at;
    others_.add(row.totals_);
    keep_for_pool(*row.owner_, row.totals_);
    if (!row.totals_.empty()) ++made_room_;
    bytes_ -= row.bytes_;
  }
  rows_.erase(rows_.begin(), last);
  for (const auto& row : rows_) row->weight_ *= kForget;
  place_all(places_.size());
}

void QueryStats::record(Row& row, const QueryRecord& record) {
  QueryTotals& totals = row.totals_;
  const uint64_t server_us = micros(record.server);
  bool grown = false;
  if (record.call) {
    if (totals.calls++ == 0) totals.first_seen = record.ended;
    grown = totals.times.record(server_us);
  }
  if (!record.sqlstate.empty()) {
    ++totals.errors;
    totals.error_classes.add(record.sqlstate);
    grown = true;
  }
  totals.rows += record.rows;
  totals.bytes_in += record.bytes_in;
  totals.bytes_out += record.bytes_out;
  totals.server_us += server_us;
  totals.wait_us += micros(record.wait);
  totals.last_seen = record.ended;
  row.weight_ += static_cast<double>(server_us) + kCallWeight;
  if (!grown || &row == &overflow_) return;
  weigh(row);
  if (bytes_ > limits_.bytes_max) make_room();
}

void QueryStats::parsed(Row& row, bool by_client, uint64_t sent, uint64_t bytes_in) {
  row.totals_.parses += by_client ? 1 : 0;
  row.totals_.server_parses += sent;
  row.totals_.bytes_in += bytes_in;
}

void QueryStats::idled(Row& row, base::Duration time) { row.totals_.idle_us += micros(time); }

QuerySnapshot QueryStats::snapshot() const {
  QuerySnapshot out;
  out.rows.reserve(rows_.size());
  for (const auto& row : rows_)
    if (!row->totals_.empty()) out.rows.push_back({row->serial_, row->fingerprint_, row->owner_, row->text_, row->totals_});
  out.others = others_;
  out.others.add(overflow_.totals_);
  out.gone.reserve(gone_.size() + 1);
  for (const auto& [pool, totals] : gone_) out.gone.push_back({pool.first, pool.second, totals});
  if (!overflow_.totals_.empty()) out.gone.push_back({{}, {}, overflow_.totals_});
  out.made_room = made_room_;
  out.cleared = cleared_;
  return out;
}

void QueryStats::clear() {
  for (const auto& row : rows_) {
    keep_for_pool(*row->owner_, row->totals_);
    row->totals_ = {};
    row->weight_ = 0;
    weigh(*row);
  }
  keep_for_pool({}, overflow_.totals_);
  others_ = {};
  overflow_.totals_ = {};
  made_room_ = 0;
  ++cleared_;
}

void QueryStats::keep_for_pool(const QueryOwner& owner, const QueryTotals& totals) {
  if (totals.empty()) return;
  std::pair key(owner.database, owner.user);
  auto found = gone_.find(key);
  if (found == gone_.end()) {
    if (gone_.size() >= kPoolsMax) key = {};
    found = gone_.try_emplace(std::move(key)).first;
  }
  found->second.add(totals);
}

void QueryStats::set_limits(const QueryStatsLimits& limits) {
  limits_ = limits;
  for (std::size_t before = 0; (rows_.size() > limits_.rows_max || bytes_ > limits_.bytes_max) && rows_.size() != before;) {
    before = rows_.size();
    make_room();
  }
}

}  // namespace analyzer
