#include "app/tls_setup.h"

#include <set>

namespace app {
namespace {

// A database may ask for another mode than [weir].
std::set<conf::TlsMode> modes_towards_servers(const conf::Config& config) {
  std::set<conf::TlsMode> modes;
  if (config.fallback) modes.insert(config.server_tls_mode(*config.fallback));
  for (const auto& [name, db] : config.databases) modes.insert(config.server_tls_mode(db));
  modes.erase(conf::TlsMode::kDisable);
  return modes;
}

}  // namespace

base::Result<TlsPair> make_tls(const conf::Config& config) {
  TlsPair pair;
  const wire::TlsSettings client = wire::client_tls(config.weir);
  if (client.mode != conf::TlsMode::kDisable) {
    TRY(pair.client, wire::TlsContext::for_clients(client));
  }
  for (const conf::TlsMode mode : modes_towards_servers(config)) {
    wire::TlsSettings server = wire::server_tls(config.weir);
    server.mode = mode;
    TRY(pair.server[mode], wire::TlsContext::for_servers(server));
  }
  return pair;
}

}  // namespace app
