#pragma once
// QueryStats: what each kind of statement has cost, by fingerprint, database, user and application.
//
//   QueryStats::Row& row = stats.find(fingerprint, owner, sql);
//   stats.hold(row);                       // it was sent: the row stays where it is
//   stats.release(row);                    // it was answered
//   stats.record(row, {.rows = 1, .server = took, .ended = now});
//
// Of one worker, and used by that thread alone: no lock and, for a statement seen before, no memory. What others are to
// see is a snapshot(); query_report.h makes one list of all workers'. Bounded in rows and bytes: the lightest make room,
// and go on in the sum of all these, so that nothing that was counted is lost.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/latency_histogram.h"
#include "base/clock.h"

namespace analyzer {

// Who ran it. The same three give the same pointer as long as somebody holds it.
struct QueryOwner {
  std::string database, user, application;
};
using QueryOwnerPtr = std::shared_ptr<const QueryOwner>;

// Errors by class, the first two characters of SQLSTATE.
class ErrorClasses {
 public:
  using Class = std::array<char, 2>;
  // PostgreSQL has 43. What comes beyond this many is counted as "??".
  static constexpr std::size_t kClassesMax = 64;

  void add(std::string_view sqlstate, uint64_t more = 1);
  void add(const ErrorClasses& others);
  void subtract(const ErrorClasses& earlier);
  // In the order of their names.
  const std::vector<std::pair<Class, uint64_t>>& counts() const { return counts_; }
  std::size_t bytes() const { return counts_.capacity() * sizeof(counts_[0]); }

 private:
  std::vector<std::pair<Class, uint64_t>> counts_;
};

// One execution, or a part of one, that has come to its end.
struct QueryRecord {
  bool call = true;              // false: the next part of a portal that is read in parts
  std::string_view sqlstate{};   // of the error it ended with; empty: none
  uint64_t rows = 0;
  uint64_t bytes_in = 0, bytes_out = 0;
  base::Duration server{};       // that a server was busy with it
  base::Duration wait{};         // for a server, before that
  base::TimePoint ended{};
};

struct QueryTotals {
  uint64_t calls = 0;   // with those that failed
  uint64_t errors = 0;
  uint64_t rows = 0, bytes_in = 0, bytes_out = 0;
  uint64_t server_us = 0, wait_us = 0;
  uint64_t idle_us = 0;         // that clients left a transaction open after it, with nothing to do for the server
  uint64_t parses = 0;          // Parse messages for it that clients have sent
  uint64_t server_parses = 0;   // and that went to a server
  base::TimePoint first_seen{}, last_seen{};
  LatencyHistogram times;       // of server, in microseconds
  ErrorClasses error_classes;

  bool empty() const { return calls == 0 && rows == 0 && parses == 0 && server_parses == 0 && idle_us == 0; }
  void add(const QueryTotals& others);
  // What was counted since these were `earlier`; never less than nothing. When it was first seen stays.
  void subtract(const QueryTotals& earlier);
  std::size_t bytes() const { return times.bytes() + error_classes.bytes(); }
};

// What one user's statements have cost in one database.
struct PoolTotals {
  std::string database, user;
  QueryTotals totals;
};

struct QueryStatsLimits {
  std::size_t rows_max = 5000;
  std::size_t bytes_max = 32UL << 20;
};

// What was counted up to a moment.
struct QuerySnapshot {
  struct Row {
    uint64_t serial = 0;        // of this row: one that made room and came again has another
    uint64_t fingerprint = 0;
    QueryOwnerPtr owner;
    std::shared_ptr<const std::string> text;
    QueryTotals totals;
  };
  std::vector<Row> rows;
  QueryTotals others;         // of those that made room
  // Of those that made room and those that were reset, since the start: with the rows, what each pool has cost in all. What
  // could not be told apart stands under empty names.
  std::vector<PoolTotals> gone;
  uint64_t made_room = 0;     // how many these were
  uint64_t cleared = 0;       // how often counting began again
};

class QueryStats {
 public:
  // A text is shown up to this size; most are shorter.
  static constexpr std::size_t kTextShown = 2048;
  // Pools whose counts are kept apart when their rows go; a pool takes servers, so there are never near as many.
  static constexpr std::size_t kPoolsMax = 1000;

  class Row {
   public:
    uint64_t fingerprint() const { return fingerprint_; }
    const QueryOwner& owner() const { return *owner_; }
    // Without values.
    const std::string& text() const { return *text_; }
    const std::shared_ptr<const std::string>& shared_text() const { return text_; }
    const QueryTotals& totals() const { return totals_; }

   private:
    friend class QueryStats;
    uint64_t hash_ = 0;
    uint64_t serial_ = 0;
    uint64_t fingerprint_ = 0;
    uint32_t held_ = 0;
    double weight_ = 0;  // what it has cost, and that less and less as it is longer ago
    QueryOwnerPtr owner_;
    std::shared_ptr<const std::string> text_;
    std::size_t bytes_ = 0;
    QueryTotals totals_;
  };

  explicit QueryStats(const QueryStatsLimits& limits = {});
  ~QueryStats();
  QueryStats(const QueryStats&) = delete;
  QueryStats& operator=(const QueryStats&) = delete;

  QueryOwnerPtr owner(std::string_view database, std::string_view user, std::string_view application);

  // Always answers: with the sum of others where there is no room. Valid until the next find() or record(), or for as
  // long as it is held. `sql` is read where it is seen for the first time.
  Row& find(uint64_t fingerprint, const QueryOwnerPtr& owner, std::string_view sql) {
    const uint64_t hash = hash_of(fingerprint, owner.get());
    for (std::size_t at = hash >> shift_;; at = (at + 1) & mask_) {
      const Place& place = places_[at];
      if (place.row == nullptr) return add(hash, fingerprint, owner, sql);
      if (place.hash == hash && place.row->fingerprint_ == fingerprint && place.row->owner_ == owner) return *place.row;
    }
  }
  // Held as often as it is held, and released.
  void hold(Row& row) { ++row.held_; }
  void release(Row& row) { --row.held_; }

  void record(Row& row, const QueryRecord& record);
  // Parse messages for it: one of the client's, of that size, where it has one; and those that a server got.
  void parsed(Row& row, bool by_client, uint64_t sent, uint64_t bytes_in = 0);
  void idled(Row& row, base::Duration time);

  QuerySnapshot snapshot() const;
  // Counts from nothing.
  void clear();
  void set_limits(const QueryStatsLimits& limits);

  std::size_t size() const { return rows_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Place {
    uint64_t hash = 0;
    Row* row = nullptr;
  };
  uint64_t hash_of(uint64_t fingerprint, const QueryOwner* owner) const {
    return (fingerprint ^ (reinterpret_cast<uintptr_t>(owner) * kSpread)) * multiplier_;
  }
  Row& add(uint64_t hash, uint64_t fingerprint, const QueryOwnerPtr& owner, std::string_view sql);
  void make_room();
  void place_all(std::size_t places);
  void weigh(Row& row);
  void keep_for_pool(const QueryOwner& owner, const QueryTotals& totals);

  static constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;

  QueryStatsLimits limits_;
  const uint64_t multiplier_;  // odd, and nobody's to know: fingerprints can be made to order
  std::vector<Place> places_;  // by hash, then the next free one
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::vector<std::unique_ptr<Row>> rows_;
  std::size_t bytes_ = 0;
  QueryTotals others_;
  Row overflow_;  // for what finds no room
  std::map<std::pair<std::string, std::string>, QueryTotals> gone_;
  uint64_t made_room_ = 0, cleared_ = 0, last_serial_ = 0;
  std::unordered_map<std::string, std::weak_ptr<const QueryOwner>> owners_;
};

}  // namespace analyzer
