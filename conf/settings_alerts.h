#pragma once
// The settings of [alerting] and [alerts.NAME]; their rows stand in conf/settings_table_alerts.h.

#include <cstdint>
#include <optional>
#include <string>

#include "conf/settings.h"

namespace conf {

// What a rule looks at. conf/check_alerts.h says in which unit, admin/alerts.cc where it comes from.
enum class AlertMetric { kErrorRate, kP95, kP99, kMeanWait, kPoolWait, kServerSaturation, kClientSaturation };
template <>
inline constexpr EnumName<AlertMetric> kNames<AlertMetric>[] = {{"error_rate", AlertMetric::kErrorRate},
                                                                {"p95", AlertMetric::kP95},
                                                                {"p99", AlertMetric::kP99},
                                                                {"mean_wait", AlertMetric::kMeanWait},
                                                                {"pool_wait", AlertMetric::kPoolWait},
                                                                {"server_saturation", AlertMetric::kServerSaturation},
                                                                {"client_saturation", AlertMetric::kClientSaturation}};

// ---- [alerting] ----

// How often rules are looked at, and who hears of them.
struct Alerting {
  Duration interval = std::chrono::seconds(15);
  std::string instance;  // empty: no such label
  std::optional<Secret> webhook_url;  // a path can be a secret
  std::optional<Secret> webhook_token;
  std::string webhook_ca_file;  // empty: whom the system believes
  Duration webhook_timeout = std::chrono::seconds(10);
  int webhook_attempts = 10;
  Duration webhook_retry = std::chrono::seconds(1);
  Duration webhook_retry_max = std::chrono::seconds(120);
  int webhook_queue = 100;

  static constexpr auto fields();
  bool operator==(const Alerting&) const = default;
};

// ---- [alerts.NAME] ----

struct Alert {
  std::optional<AlertMetric> metric;  // must be set
  std::string above;                  // with its unit
  std::string resolve_below;          // empty: as above
  Duration hold = std::chrono::seconds(60);  // `for` in the file
  Duration resolve_after{};
  Duration window = std::chrono::seconds(60);
  int min_calls = 10;
  std::string severity = "warning";
  std::string description;
  Names database;
  Names user;
  Names application_name;  // with a * at its end: whatever begins so
  Names fingerprint;       // as SHOW QUERIES prints it

  std::string name;  // the NAME of the section; not a field

  static constexpr auto fields();
  bool operator==(const Alert&) const = default;
};

}  // namespace conf
