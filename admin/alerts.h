#pragma once
// Alerts: rules about the traffic, and what has become of them. Pure: numbers in, changes out.
//
//   AlertBook book;
//   book.set_rules(config.alerts, at);            // a rule that is as it was keeps its state
//   for (const AlertEvent& event : book.look(sample, at)) ...;
//
// Of one thread at a time. A rule is inactive, pending while its value is above the threshold but not yet for long enough,
// firing, and resolved once it is over; a resolved one can become pending again. Without a value nothing is above.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/history_rows.h"
#include "analyzer/query_report.h"
#include "conf/check_alerts.h"
#include "conf/settings_alerts.h"

namespace admin {

using analyzer::Clocks;

// A rule as it is asked of: thresholds are numbers in the unit of the metric.
struct AlertRule {
  conf::Alert settings;
  conf::AlertKind kind;
  double above = 0, resolve_below = 0;
  std::vector<uint64_t> fingerprints;
};
using AlertRulePtr = std::shared_ptr<const AlertRule>;
// Of settings that check_alerts has nothing against.
AlertRulePtr make_rule(const conf::Alert& settings);

enum class AlertState { kInactive, kPending, kFiring, kResolved };
std::string_view name_of(AlertState state);

// What was seen of a rule at one look.
struct AlertReading {
  std::optional<double> value;  // none: nothing was there to be seen
  std::string where{};          // what it was worst of, where there are several: a pool
};

struct AlertStatus {
  AlertState state = AlertState::kInactive;
  base::WallTime since{};                  // in that state
  base::WallTime fired{}, resolved{};      // the last time; the epoch: never
  uint64_t firings = 0;                    // since the rule is there
  std::optional<base::TimePoint> above{};  // since when the value has been above, without a break
  std::optional<base::TimePoint> below{};  // the same for no longer above resolve_below
  AlertReading reading{};                  // the last one
};
// One look later.
AlertStatus step(AlertStatus before, const AlertRule& rule, AlertReading reading, const Clocks& at);

struct AlertEvent {
  AlertRulePtr rule;
  AlertState before = AlertState::kInactive;
  AlertStatus status;  // after
};

// What is so much at one moment: a pool's longest wait, a limit's part in use.
struct AlertGauge {
  conf::AlertMetric metric;
  std::string database{}, user{};  // empty: of none in particular, and no rule about some is about it
  double value = 0;
  std::string where{};
};

struct AlertSample {
  analyzer::HistoryQueries queries;  // since the last one
  std::vector<AlertGauge> gauges;
};

// A line of SHOW ALERTS.
struct AlertRow {
  AlertRulePtr rule;
  AlertStatus status;
};

class AlertBook {
 public:
  // Those that fired and are gone, or are not what they were, are resolved.
  std::vector<AlertEvent> set_rules(const std::map<std::string, conf::Alert, std::less<>>& rules, const Clocks& at);
  std::vector<AlertEvent> look(const AlertSample& sample, const Clocks& at);
  std::vector<AlertRow> rows() const;

 private:
  // A window is kept in so many pieces, however often it is looked: it slides by one of them.
  static constexpr int kPieces = 60;
  // What a rule's statements did.
  struct Tally {
    uint64_t calls = 0, errors = 0, wait_us = 0;
    analyzer::LatencyHistogram times;
  };
  struct Piece {
    base::TimePoint begin{}, end{};
    Tally tally;
  };
  struct Watched {
    AlertRulePtr rule;
    AlertStatus status;
    std::deque<Piece> window;
  };
  static void count(Watched& watched, const analyzer::HistoryQueries& queries, base::TimePoint now);
  static AlertReading read_statements(const Watched& watched);
  static AlertReading read_gauges(const AlertRule& rule, const std::vector<AlertGauge>& gauges);

  std::map<std::string, Watched, std::less<>> watched_;
};

}  // namespace admin
