#pragma once
// SettingsSource: where the configuration came from, so that a reload can read it again.

#include <string>

#include "app/options.h"
#include "conf/load.h"

namespace app {

class SettingsSource {
 public:
  SettingsSource() = default;
  explicit SettingsSource(const Options& options) : file_(options.config_file), url_(options.url) {}

  // Reads everything again, files it names included: not on a loop. From any thread.
  conf::LoadResult load() const;

  // Neither a file nor a URL, and nothing in the environment names a database.
  bool says_nothing() const;
  const std::string& file() const { return file_; }
  // For the log; never the URL, which may hold a password.
  std::string text() const;

 private:
  std::string file_, url_;
};

}  // namespace app
