#include "conf/check_alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/http.h"
#include "base/text.h"
#include "conf/value.h"

namespace conf {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kFingerprintDigits = 16;
constexpr double kPercentMax = 100;

bool plain_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !name.empty() && name.size() <= kLongestName && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool is_fingerprint(std::string_view text) {
  return text.size() == kFingerprintDigits &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

class AlertChecker {
 public:
  AlertChecker(const Alert& alert, std::vector<Finding>& findings)
      : alert_(alert), section_("alerts." + toml_key(alert.name)), findings_(findings) {}

  void run() {
    if (!plain_name(alert_.name))
      problem("", fmt::format("an alert's name may have {} letters, digits, - and _", kLongestName));
    if (!plain_name(alert_.severity))
      problem("severity", fmt::format("severity may have {} letters, digits, - and _", kLongestName));
    for (const std::string& name : alert_.application_name)
      if (name.find('*') < name.size() - 1)
        problem("application_name", "application_name may have a * at its end only, where it stands for anything");
    for (const std::string& text : alert_.fingerprint)
      if (!is_fingerprint(text))
        problem("fingerprint", fmt::format("fingerprint must be {} hexadecimal digits, as SHOW QUERIES prints it, not '{}'",
                                           kFingerprintDigits, base::escape_for_log(text, 60)));
    if (!alert_.metric) return problem("", fmt::format("metric is missing: {}", not_one_of("", names_of<AlertMetric>()).message));
    thresholds();
    in_vain();
  }

 private:
  void add(Finding::Severity severity, std::string_view key, std::string message) {
    findings_.push_back({severity, section_, std::string(key), std::move(message)});
  }
  void problem(std::string_view key, std::string message) {
    add(Finding::Severity::kProblem, key, std::move(message));
  }

  void thresholds() {
    if (alert_.above.empty()) return problem("", "above is missing: the threshold, such as \"5%\" or \"250ms\"");
    const auto above = alert_threshold(*alert_.metric, alert_.above);
    if (!above.ok()) problem("above", "above " + above.error().message);
    if (alert_.resolve_below.empty()) return;
    const auto below = alert_threshold(*alert_.metric, alert_.resolve_below);
    if (!below.ok()) return problem("resolve_below", "resolve_below " + below.error().message);
    if (above.ok() && *below > *above)
      problem("resolve_below", fmt::format("resolve_below ({}) must not be more than above ({})", alert_.resolve_below,
                                           alert_.above));
  }

  void in_vain() {
    const std::string_view metric = to_string(*alert_.metric);
    const auto warn = [&](bool set, std::string_view key, std::string_view why) {
      if (set) add(Finding::Severity::kWarning, key, fmt::format("{} has no effect: {} is {}", key, metric, why));
    };
    const auto refuse = [&](bool set, std::string_view key) {
      if (set) problem(key, fmt::format("{}: {} is known of pools, not of single statements", key, metric));
    };
    if (kind_of(*alert_.metric).of_statements) return;
    const Alert usual;
    refuse(!alert_.application_name.empty(), "application_name");
    refuse(!alert_.fingerprint.empty(), "fingerprint");
    warn(alert_.window != usual.window, "window", "what it is at each look");
    warn(alert_.min_calls != usual.min_calls, "min_calls", "not counted of statements");
  }

  const Alert& alert_;
  const std::string section_;
  std::vector<Finding>& findings_;
};

void check_alerting(const Config& config, const Surroundings& surroundings, std::vector<Finding>& findings) {
  const Alerting& alerting = config.alerting;
  const auto add = [&findings](Finding::Severity severity, std::string_view key, std::string message) {
    findings.push_back({severity, "alerting", std::string(key), std::move(message)});
  };
  constexpr auto kProblem = Finding::Severity::kProblem;
  if (alerting.webhook_url) {
    const auto place = base::place_of_url(alerting.webhook_url->reveal());
    if (!place.ok()) add(kProblem, "webhook_url", "webhook_url " + place.error().message);
    if (place.ok() && alerting.webhook_token && place->starts_with("http://"))
      add(Finding::Severity::kWarning, "webhook_token", "webhook_token is sent as it is to a server without TLS");
  }
  if (alerting.webhook_token) {
    const std::string_view token = alerting.webhook_token->reveal();
    const auto sendable = [](char c) { return c > ' ' && c < '\x7f'; };
    if (token.empty() || !std::all_of(token.begin(), token.end(), sendable))
      add(kProblem, "webhook_token", "webhook_token must be printable characters without blanks, and at least one");
    if (!alerting.webhook_url)
      add(Finding::Severity::kWarning, "webhook_token", "webhook_token has no effect without webhook_url");
  }
  if (!alerting.webhook_ca_file.empty() && !surroundings.stat(alerting.webhook_ca_file))
    add(kProblem, "webhook_ca_file",
        fmt::format("webhook_ca_file: there is no file {}", base::escape_for_log(alerting.webhook_ca_file)));
  if (alerting.webhook_retry > alerting.webhook_retry_max)
    add(kProblem, "webhook_retry",
        fmt::format("webhook_retry ({}) must not be longer than webhook_retry_max ({})",
                    base::duration_text(alerting.webhook_retry), base::duration_text(alerting.webhook_retry_max)));
  if (alerting.webhook_url && config.alerts.empty())
    add(Finding::Severity::kWarning, "webhook_url", "webhook_url has no effect: there is no rule in [alerts]");
  if (config.alerts.size() > kAlertsMax)
    add(kProblem, "", fmt::format("there are {} alerts, and at most {} are looked at", config.alerts.size(), kAlertsMax));
}

}  // namespace

// One line for each metric.
const AlertKind& kind_of(AlertMetric metric) {
  static constexpr AlertKind kKinds[] = {
      {AlertMetric::kErrorRate, AlertUnit::kPercent, true},
      {AlertMetric::kP95, AlertUnit::kMilliseconds, true},
      {AlertMetric::kP99, AlertUnit::kMilliseconds, true},
      {AlertMetric::kMeanWait, AlertUnit::kMilliseconds, true},
      {AlertMetric::kPoolWait, AlertUnit::kMilliseconds, false},
      {AlertMetric::kServerSaturation, AlertUnit::kPercent, false},
      {AlertMetric::kClientSaturation, AlertUnit::kPercent, false},
  };
  static_assert(std::size(kKinds) == std::size(kNames<AlertMetric>));
  return *std::find_if(std::begin(kKinds), std::end(kKinds), [metric](const AlertKind& kind) { return kind.metric == metric; });
}

std::string_view name_of(AlertUnit unit) { return unit == AlertUnit::kPercent ? "%" : "ms"; }

base::Result<double> alert_threshold(AlertMetric metric, std::string_view text) {
  text = base::trim(text);
  const bool percent = kind_of(metric).unit == AlertUnit::kPercent;
  const bool bare = text.empty() || (text.back() >= '0' && text.back() <= '9');
  if (percent && text.ends_with('%')) {
    double value = 0;
    text = base::trim(text.substr(0, text.size() - 1));
    const bool read = parse_value(text, {0, static_cast<int64_t>(kPercentMax)}, value).ok();
    if (read && std::isfinite(value) && value >= 0 && value < kPercentMax) return value;
  }
  if (!percent && !bare) {
    if (const auto time = base::parse_duration(text)) return static_cast<double>(time->count()) / 1000;
  }
  return base::invalid_parameter(
      percent ? fmt::format("of {} must be a part of all, such as \"5%\", and less than 100%", to_string(metric))
              : fmt::format("of {} must be a time with its unit, such as \"250ms\"", to_string(metric)));
}

std::vector<Finding> check_alerts(const Config& config, const Surroundings& surroundings) {
  std::vector<Finding> findings;
  check_alerting(config, surroundings, findings);
  for (const auto& [name, alert] : config.alerts) {
    AlertChecker(alert, findings).run();
    if (alert.metric && kind_of(*alert.metric).of_statements && !config.weir.query_stats)
      findings.push_back({Finding::Severity::kProblem, "alerts." + toml_key(name), "metric",
                          fmt::format("metric: {} needs query_stats", to_string(*alert.metric))});
  }
  return findings;
}

}  // namespace conf
