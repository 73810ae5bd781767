#pragma once
// What a startup packet asks for beyond user and database: settings of the session, its `options` included, and
// replication. Pure.

#include <string>
#include <vector>

#include "base/result.h"
#include "conf/settings.h"
#include "pooler/params.h"
#include "wire/startup.h"

namespace pooler {

struct StartupSettings {
  ParamList settings;                 // names normalized; the last of equal names counts
  wire::Replication replication = wire::Replication::kNone;
  std::vector<std::string> nonsense;  // names that are none: left out
};

// `ignored`: ignore_startup_parameters. An error where PostgreSQL would refuse the packet itself.
base::Result<StartupSettings> read_startup_settings(const wire::StartupMessage& startup, const conf::Names& ignored);

}  // namespace pooler
