#include "app/settings_source.h"

#include "conf/surroundings.h"

namespace app {

conf::LoadResult SettingsSource::load() const {
  const conf::ProcessSurroundings surroundings;
  if (!file_.empty()) return conf::load_file(file_, surroundings);
  if (!url_.empty()) return conf::load_url(url_, surroundings);
  return conf::load_text("", "environment", surroundings);
}

bool SettingsSource::says_nothing() const {
  const conf::ProcessSurroundings surroundings;
  const auto unset = [&surroundings](std::string_view name) {
    return surroundings.environment(name).value_or("").empty();
  };
  return file_.empty() && url_.empty() && unset("WEIR_DATABASE_URL") && unset("DATABASE_URL") &&
         surroundings.variables_with("WEIR_DATABASES__").empty();
}

std::string SettingsSource::text() const {
  if (!file_.empty()) return file_;
  return url_.empty() ? "the environment" : "a database URL";
}

}  // namespace app
