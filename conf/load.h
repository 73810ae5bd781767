#pragma once
// From a TOML file, the environment and the files it names to a Config, or to the list of everything that is
// wrong.
//
//   LoadResult result = conf::load_file("/etc/weir/weir.toml", conf::ProcessSurroundings());
//   if (!result.config) say(to_text(result.problems));
//
// Every setting KEY of [weir] can also come from the environment as WEIR_KEY, which wins over the file. A
// database URL comes from WEIR_DATABASE_URL, and from DATABASE_URL when the file has no [databases]. Paths in
// the file are relative to the file's folder.

#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/problem.h"
#include "conf/surroundings.h"

namespace conf {

struct LoadResult {
  ConfigPtr config;               // null when there are problems
  std::vector<Problem> problems;  // all of them, in order of file and line
  std::vector<Problem> warnings;  // the configuration works, but not as somebody may think
};

LoadResult load_file(const std::string& path, const Surroundings& surroundings);

// `file` is the name shown in problems and the place paths are relative to.
LoadResult load_text(std::string_view text, const std::string& file, const Surroundings& surroundings);

// The configuration of `weir postgres://...`; WEIR_KEY variables apply too, except that it stays on loopback.
LoadResult load_url(std::string_view url, const Surroundings& surroundings);

}  // namespace conf
