#pragma once
// What must hold between the settings of [alerting] and of a rule in [alerts], and what a threshold says. Pure.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "conf/check.h"

namespace conf {

// More rules than anybody reads; each is looked at every interval.
inline constexpr std::size_t kAlertsMax = 200;

enum class AlertUnit { kMilliseconds, kPercent };
// What is known of a metric without looking at it.
struct AlertKind {
  AlertMetric metric;
  AlertUnit unit;
  bool of_statements;  // counted over a window; may be told apart by application and fingerprint
};
const AlertKind& kind_of(AlertMetric metric);
std::string_view name_of(AlertUnit unit);  // ms, %

// "250ms" is 250, "5%" is 5. An error says what would be right, without the setting's name in front.
base::Result<double> alert_threshold(AlertMetric metric, std::string_view text);

std::vector<Finding> check_alerts(const Config& config, const Surroundings& surroundings);

}  // namespace conf
