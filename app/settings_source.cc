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
  return file_.empty() && url_.empty() && !surroundings.environment("WEIR_DATABASE_URL") &&
         !surroundings.environment("DATABASE_URL");
}

std::string SettingsSource::text() const {
  if (!file_.empty()) return file_;
  return url_.empty() ? "the environment" : "a database URL";
}

}  // namespace app
