#pragma once
// The TLS contexts of both sides, as a configuration asks for them.

#include "base/result.h"
#include "conf/config.h"
#include "pooler/pool_settings.h"
#include "wire/tls.h"

namespace app {

struct TlsPair {
  wire::TlsContextPtr client;  // null: clients get no TLS
  pooler::ServerTlsContexts server;  // one per mode that some database asks for; none for disable
};

// Reads certificate and key files: not on a loop.
base::Result<TlsPair> make_tls(const conf::Config& config);

}  // namespace app
