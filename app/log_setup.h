#pragma once
// The log, as the configuration asks for it.

#include "base/log.h"
#include "conf/settings.h"
#include "pooler/slow_log.h"

namespace app {

base::LogSettings log_settings(const conf::Weir& weir);
pooler::SlowLogSettings slow_log_settings(const conf::Weir& weir);

}  // namespace app
