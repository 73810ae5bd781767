#include "conf/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "conf/check.h"
#include "conf/settings_table.h"
#include "conf/value.h"

namespace conf {
namespace {

template <typename Section>
void diff_section(const std::string& name, const Section& before, const Section& after,
                  std::vector<Change>& out) {
  for_each_field<Section>([&](const auto& field) {
    const auto& old_value = before.*(field.member);
    const auto& new_value = after.*(field.member);
    if (old_value == new_value) return;
    out.push_back(
        {name, std::string(field.name), show_value(old_value), show_value(new_value), field.reload});
  });
}

// Sections kept in a map; `prefix` is "databases".
template <typename Map>
void diff_map(std::string_view prefix, const Map& before, const Map& after, std::vector<Change>& out) {
  std::set<typename Map::key_type> keys;
  for (const auto& [key, section] : before) keys.insert(key);
  for (const auto& [key, section] : after) keys.insert(key);
  for (const auto& key : keys) {
    const std::string name = fmt::format("{}.{}", prefix, toml_key(fmt::format("{}", key)));
    const auto old_section = before.find(key);
    const auto new_section = after.find(key);
    if (old_section == before.end()) {
      out.push_back({name, "", "absent", "present", Reload::kLive});
    } else if (new_section == after.end()) {
      out.push_back({name, "", "present", "absent", Reload::kLive});
    } else {
      diff_section(name, old_section->second, new_section->second, out);
    }
  }
}

// The fallback as a map of one, so that it is compared like the others.
std::map<std::string, Database> fallback_map(const Config& config) {
  std::map<std::string, Database> result;
  if (config.fallback) result.emplace("*", *config.fallback);
  return result;
}

void diff_content(std::string_view key, bool same, std::vector<Change>& out) {
  if (!same)
    out.push_back(
        {fmt::format("the file of {}", key), "", "old content", "new content", Reload::kNewConnections});
}

template <typename Section>
void keep_section(const Section& running, Section& result) {
  for_each_field<Section>([&](const auto& field) {
    if (field.reload == Reload::kRestart) result.*(field.member) = running.*(field.member);
  });
}

// Sections beside [weir] that are there once, in SHOW CONFIG under "section.key".
template <typename Section>
void show_section(std::string_view name, const Section& section, std::vector<ConfigRow>& rows) {
  static const Section defaults;
  for_each_field<Section>([&](const auto& field) {
    rows.push_back({fmt::format("{}.{}", name, field.name), show_value(section.*(field.member)),
                    show_value(defaults.*(field.member)), field.reload != Reload::kRestart});
  });
}

// Read with the configuration as a whole; SET would leave the content of the old file in force.
constexpr std::array<std::string_view, 3> kFileSettings{"auth_file", "auth_hba_file", "auth_ident_file"};

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  std::vector<Change> changes;
  diff_section("weir", before.weir, after.weir, changes);
  diff_section("workers", before.workers, after.workers, changes);
  diff_section("http", before.http, after.http, changes);
  diff_section("history", before.history, after.history, changes);
  diff_section("traces", before.traces, after.traces, changes);
  diff_section("advice", before.advice, after.advice, changes);
  diff_section("alerting", before.alerting, after.alerting, changes);
  diff_map("databases", before.databases, after.databases, changes);
  diff_map("databases", fallback_map(before), fallback_map(after), changes);
  diff_map("users", before.users, after.users, changes);
  diff_map("guards", before.guards, after.guards, changes);
  diff_map("alerts", before.alerts, after.alerts, changes);
  diff_map("peers", before.peers, after.peers, changes);
  diff_content("auth_file", before.userlist == after.userlist, changes);
  diff_content("auth_hba_file", before.hba == after.hba, changes);
  diff_content("auth_ident_file", before.ident == after.ident, changes);
  return changes;
}

std::string to_text(const Change& change) {
  const std::string key =
      change.key.empty() ? change.section : fmt::format("{}.{}", change.section, change.key);
  return fmt::format("{}: {} -> {}", base::escape_for_log(key), base::escape_for_log(change.before, 200),
                     base::escape_for_log(change.after, 200));
}

ConfigPtr keep_until_restart(const Config& running, const Config& loaded) {
  auto result = std::make_shared<Config>(loaded);
  keep_section(running.weir, result->weir);
  keep_section(running.workers, result->workers);
  keep_section(running.http, result->http);
  keep_section(running.history, result->history);
  keep_section(running.advice, result->advice);
  return result;
}

std::vector<ConfigRow> show_config(const Config& config) {
  static const Weir defaults;
  std::vector<ConfigRow> rows;
  for_each_field<Weir>([&](const auto& field) {
    rows.push_back({std::string(field.name), show_value(config.weir.*(field.member)),
                    show_value(defaults.*(field.member)), field.reload != Reload::kRestart});
    // Unset, it follows from other settings: show what that comes to.
    if (field.name == "client_tls_sslmode") {
      rows.back().value = to_string(client_tls_mode(config.weir));
      rows.back().default_value = to_string(client_tls_mode(defaults));
    }
  });
  show_section("workers", config.workers, rows);
  show_section("http", config.http, rows);
  show_section("history", config.history, rows);
  show_section("traces", config.traces, rows);
  show_section("advice", config.advice, rows);
  show_section("alerting", config.alerting, rows);
  std::sort(rows.begin(), rows.end(), [](const ConfigRow& a, const ConfigRow& b) { return a.key < b.key; });
  return rows;
}

base::Result<ConfigPtr> set_one(const Config& config, std::string_view key, std::string_view value,
                                const Surroundings& surroundings) {
  if (key.starts_with("workers.") || key.starts_with("http.") || key.starts_with("history.") || key.starts_with("traces.") ||
      key.starts_with("advice.") || key.starts_with("alerting."))
    return base::with_hint(base::invalid_parameter(fmt::format("{} cannot be changed by SET", base::escape_for_log(key, 60))),
                           "Change it in the configuration file and RELOAD, or restart.");
  auto next = std::make_shared<Config>(config);
  base::Status status = base::undefined_object("");
  std::vector<std::string_view> names;
  for_each_field<Weir>([&](const auto& field) {
    names.push_back(field.name);
    if (field.name != key) return;
    if (field.reload == Reload::kRestart) {
      status =
          base::with_hint(base::invalid_parameter(fmt::format("{} cannot be changed without a restart", key)),
                          "Change it in the configuration file.");
    } else if (std::find(kFileSettings.begin(), kFileSettings.end(), key) != kFileSettings.end()) {
      status = base::with_hint(base::invalid_parameter(fmt::format("{} cannot be changed by SET", key)),
                               "Change it in the configuration file and RELOAD.");
    } else {
      status = parse_value(value, field.bounds, next->weir.*(field.member));
      if (!status.ok()) status = base::invalid_parameter(fmt::format("{} {}", key, status.error().message));
    }
  });
  if (!status.ok()) {
    if (status.error().sqlstate != base::undefined_object("").sqlstate) return std::move(status).error();
    base::Error error =
        base::undefined_object(fmt::format("unknown setting \"{}\"", base::escape_for_log(key, 60)));
    const std::string_view guess = nearest(key, names);
    return guess.empty() ? error
                         : base::with_hint(std::move(error), fmt::format("Did you mean \"{}\"?", guess));
  }
  for (const Finding& finding : check(*next, surroundings)) {
    if (finding.severity == Finding::Severity::kProblem) return base::invalid_parameter(finding.message);
  }
  return ConfigPtr(std::move(next));
}

}  // namespace conf
