#pragma once
// The log, as the configuration asks for it.

#include "base/log.h"
#include "conf/settings.h"

namespace app {

base::LogSettings log_settings(const conf::Weir& weir);

}  // namespace app
