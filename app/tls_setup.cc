#include "app/tls_setup.h"

#include <algorithm>

namespace app {
namespace {

// A database may ask for TLS where [weir] does not.
bool servers_use_tls(const conf::Config& config) {
  const auto uses = [&config](const conf::Database& db) {
    return config.server_tls_mode(db) != conf::TlsMode::kDisable;
  };
  return (config.fallback && uses(*config.fallback)) ||
         std::any_of(config.databases.begin(), config.databases.end(), [&uses](const auto& e) { return uses(e.second); });
}

}  // namespace

base::Result<TlsPair> make_tls(const conf::Config& config) {
  TlsPair pair;
  const wire::TlsSettings client = wire::client_tls(config.weir);
  if (client.mode != conf::TlsMode::kDisable) {
    TRY(pair.client, wire::TlsContext::for_clients(client));
  }
  if (servers_use_tls(config)) {
    TRY(pair.server, wire::TlsContext::for_servers(wire::server_tls(config.weir)));
  }
  return pair;
}

}  // namespace app
