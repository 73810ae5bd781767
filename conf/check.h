#pragma once
// Rules that span several settings, or a setting and the machine it is for. Pure but for what Surroundings
// tells.

#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/surroundings.h"

namespace conf {

struct Finding {
  enum class Severity { kProblem, kWarning };
  Severity severity = Severity::kProblem;
  std::string section;  // "weir", "databases.app"
  std::string key;      // the setting to look at first; empty for the section as a whole
  std::string message;  // begins with the setting's name: what is wrong and what would be right
};

std::vector<Finding> check(const Config& config, const Surroundings& surroundings);

}  // namespace conf
