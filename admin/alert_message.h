#pragma once
// What is said of an alert: a line for the log, and the JSON that a webhook gets. Pure.

#include <string>
#include <string_view>

#include "admin/alerts.h"

namespace admin {

// "312ms", "12.5%".
std::string alert_value(double value, conf::AlertUnit unit);

// "alert slow is firing: p95 is 312ms, above 250ms for 1min"
std::string alert_text(const AlertEvent& event);

// What Prometheus' Alertmanager posts (version 4 of its format): one group of one alert. Of one that fires or is resolved.
std::string webhook_body(const AlertEvent& event, std::string_view instance);

}  // namespace admin
