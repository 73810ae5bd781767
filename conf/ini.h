#pragma once
// Reads files in the format of pgbouncer.ini: [sections], key = value, comments from ; or # at the start of a
// line, %include FILE.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "conf/problem.h"
#include "conf/surroundings.h"

namespace conf {

struct IniEntry {
  std::string file;
  int line = 0;
  std::string section;
  std::string key;  // unquoted
  std::string value;
};

// Every entry in order, included files in their place. What cannot be read becomes a problem.
std::vector<IniEntry> parse_ini(std::string_view text, const std::string& file,
                                const Surroundings& surroundings, std::vector<Problem>& problems);

// "host=a password='it''s'" as pairs, as in a line of [databases].
base::Result<std::vector<std::pair<std::string, std::string>>> parse_connection_string(std::string_view text);

}  // namespace conf
