#include "pooler/startup_settings.h"

#include <algorithm>

#include "wire/options.h"

namespace pooler {

base::Result<StartupSettings> read_startup_settings(const wire::StartupMessage& startup, const conf::Names& ignored) {
  StartupSettings found;
  const auto keep = [&found, &ignored](const std::string& name, const std::string& value) {
    if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) return;
    if (wire::is_setting_name(name))
      found.settings = with_param(std::move(found.settings), name, &value);
    else
      found.nonsense.push_back(name);
  };
  for (const auto& [name, value] : startup.parameters) {
    if (name == "user" || name == "database" || name.starts_with("_pq_.")) continue;
    if (name == "replication") {
      TRY(found.replication, wire::parse_replication(value));
    } else if (name == "options") {
      TRY(const wire::Settings settings, wire::parse_options(value));
      for (const auto& [key, text] : settings) keep(key, text);
    } else {
      keep(wire::normalize_setting_name(name), value);
    }
  }
  return found;
}

}  // namespace pooler
