#include "admin/alert_message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace admin {

namespace {

// RFC 3339, in UTC, as Go writes it. The zero of Go's clock stands for "not yet".
std::string rfc3339(base::WallTime time) {
  if (time == base::WallTime{}) return "0001-01-01T00:00:00Z";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", parts, (time - seconds).count());
}

using Pairs = std::vector<std::pair<std::string_view, std::string>>;

std::string json_object(const Pairs& pairs) {
  std::string out = "{";
  for (const auto& [name, value] : pairs)
    out += fmt::format("{}{}:{}", out.size() > 1 ? "," : "", base::json_string(name), base::json_string(value));
  return out + "}";
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string reading_text(const AlertEvent& event) {
  const AlertRule& rule = *event.rule;
  const AlertReading& reading = event.status.reading;
  const std::string_view metric = conf::to_string(rule.kind.metric);
  if (!reading.value) return fmt::format("there is nothing to tell {} of", metric);
  const std::string where = reading.where.empty() ? "" : fmt::format(" ({})", reading.where);
  return fmt::format("{} is {}{}", metric, alert_value(*reading.value, rule.kind.unit), where);
}

}  // namespace

std::string alert_value(double value, conf::AlertUnit unit) {
  std::string number = fmt::format("{:.3f}", value);
  number.erase(number.find_last_not_of('0') + 1);
  if (number.ends_with('.')) number.pop_back();
  return number + std::string(conf::name_of(unit));
}

std::string alert_text(const AlertEvent& event) {
  const conf::Alert& said = event.rule->settings;
  std::string text = fmt::format("alert {} is {}: {}", said.name, name_of(event.status.state), reading_text(event));
  const bool firing = event.status.state == AlertState::kFiring;
  if (firing || event.status.state == AlertState::kPending) text += fmt::format(", above {}", said.above);
  if (firing && said.hold > base::Duration{}) text += fmt::format(" for {}", base::duration_text(said.hold));
  return text;
}

std::string webhook_body(const AlertEvent& event, std::string_view instance) {
  const conf::Alert& said = event.rule->settings;
  const bool firing = event.status.state == AlertState::kFiring;
  const std::string_view status = firing ? "firing" : "resolved";
  const std::string_view metric = conf::to_string(event.rule->kind.metric);
  Pairs labels = {{"alertname", said.name}, {"severity", said.severity}, {"metric", std::string(metric)}, {"job", "weir"}};
  if (!instance.empty()) labels.emplace_back("instance", instance);
  Pairs annotations = {{"summary", alert_text(event)}, {"threshold", said.above}};
  if (event.status.reading.value)
    annotations.emplace_back("value", alert_value(*event.status.reading.value, event.rule->kind.unit));
  if (!event.status.reading.where.empty()) annotations.emplace_back("where", event.status.reading.where);
  if (!said.description.empty()) annotations.emplace_back("description", said.description);

  const std::string labels_json = json_object(labels), annotations_json = json_object(annotations);
  // The same alert of the same process is known by it again.
  const std::string fingerprint = fmt::format("{:016x}", fnv1a(labels_json));
  const std::string alert = fmt::format(
      R"({{"status":"{}","labels":{},"annotations":{},"startsAt":"{}","endsAt":"{}","generatorURL":"","fingerprint":"{}"}})",
      status, labels_json, annotations_json, rfc3339(event.status.fired),
      rfc3339(firing ? base::WallTime{} : event.status.resolved), fingerprint);
  const std::string group = fmt::format("{{}}:{{alertname={}}}", base::json_string(said.name));
  return fmt::format(
      R"({{"version":"4","groupKey":{},"truncatedAlerts":0,"status":"{}","receiver":"weir","groupLabels":{},)"
      R"("commonLabels":{},"commonAnnotations":{},"externalURL":"","alerts":[{}]}})",
      base::json_string(group), status, json_object({{"alertname", said.name}}), labels_json, annotations_json, alert);
}

}  // namespace admin
