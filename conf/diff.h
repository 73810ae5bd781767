#pragma once
// What a reload changes, what SHOW CONFIG shows, and what the console's SET does: three walks over the same
// tables.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conf/config.h"
#include "conf/surroundings.h"

namespace conf {

struct Change {
  std::string section;  // "weir", "databases.app"
  std::string key;      // empty: the section came or went, or a file's content changed
  std::string before;   // as SHOW CONFIG prints it; secrets are stars
  std::string after;
  Reload reload = Reload::kLive;
};

// Every difference, [weir] first, then the other sections in order.
std::vector<Change> diff(const Config& before, const Config& after);

// "weir.pool_mode: transaction -> session"
std::string to_text(const Change& change);

// A copy of `loaded` in which each setting that needs a restart keeps the value it has in `running`, so that
// the configuration in force says what is really in force. diff(running, loaded) tells which those are.
ConfigPtr keep_until_restart(const Config& running, const Config& loaded);

struct ConfigRow {
  std::string key;
  std::string value;
  std::string default_value;
  bool changeable = true;
};

// SHOW CONFIG: the settings of [weir], and those of [http] as http.KEY, sorted by key, printed as PgBouncer prints them
// (seconds, 0 and 1, lists with commas).
std::vector<ConfigRow> show_config(const Config& config);

// The console's SET of one setting of [weir]: a new Config, or why not. Settings that need a restart or
// another file cannot be set.
base::Result<ConfigPtr> set_one(const Config& config, std::string_view key, std::string_view value,
                                const Surroundings& surroundings);

}  // namespace conf
