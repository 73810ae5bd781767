#pragma once
// What must hold between the settings of a rule in [guards]. Pure.

#include <vector>

#include "conf/check.h"

namespace conf {

std::vector<Finding> check_guards(const Config& config);

}  // namespace conf
