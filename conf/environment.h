#pragma once
// Settings from the environment, over those of a file:
//
//   WEIR_LISTEN_PORT             listen_port of [weir]
//   WEIR_HTTP_PORT               port of [http]; so for each table there is one of
//   WEIR_DATABASES__app__HOST    host of [databases.app]; so for each table with a name of its own, which stands as it is
//
// A section that only the environment names is made.

#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/surroundings.h"

namespace conf {

struct FromEnvironment {
  struct Said {
    std::string variable, section, key;  // WEIR_HTTP_PORT, http, port
  };
  struct Wrong {
    std::string variable, message;
  };
  std::vector<Said> said;  // wrong ones too, unless they name no setting
  std::vector<Wrong> wrong;
};

FromEnvironment apply_environment(const Surroundings& surroundings, Config& config);

}  // namespace conf
