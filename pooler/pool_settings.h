#pragma once
// What is in force for one pool, resolved from the configuration once, when the pool is made and at each reload.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "conf/config.h"
#include "pooler/budget.h"
#include "pooler/params.h"
#include "wire/scram.h"

namespace wire {
class TlsContext;
}

namespace pooler {

// TLS towards servers, by the mode that a database asks for.
using ServerTlsContexts = std::map<conf::TlsMode, std::shared_ptr<const wire::TlsContext>>;

// How to log in to PostgreSQL. Compared at reload: connections made in another way are replaced.
struct ServerTarget {
  std::vector<conf::HostPort> hosts;
  conf::LoadBalanceHosts balance = conf::LoadBalanceHosts::kRoundRobin;
  conf::TargetSessionAttrs session_attrs = conf::TargetSessionAttrs::kAny;
  std::string dbname, user;
  conf::TlsMode tls_mode = conf::TlsMode::kPrefer;
  conf::TlsNegotiation tls_negotiation = conf::TlsNegotiation::kPostgres;
  ParamList startup;          // application_name, client_encoding, ... of [databases.NAME]
  std::string connect_query;
  bool operator==(const ServerTarget&) const = default;
};

// What logs in to PostgreSQL.
struct ServerCredentials {
  conf::UserSecret secret;
  std::optional<wire::ScramKeys> keys;  // proved by a client's own login, or kept from an earlier login of ours
  std::string origin;                   // where the secret was looked for, for the error that says it is missing
};

struct PoolSettings {
  ServerTarget target;
  ServerCredentials credentials;
  std::shared_ptr<const wire::TlsContext> tls;  // null where tls_mode is disable
  conf::ChannelBinding channel_binding = conf::ChannelBinding::kPrefer;
  int scram_max_iterations = 100'000;
  base::Duration connect_timeout{};

  conf::PoolMode mode = conf::PoolMode::kTransaction;
  bool tracking = true;          // session_tracking
  bool refuse_pins = false;      // pinning = "refuse"
  int size = 20;
  int min_size = 0;
  int reserve_size = 0;
  base::Duration reserve_timeout{};
  bool round_robin = false;
  base::Duration lifetime{}, idle_timeout{}, login_retry{}, login_retry_max{}, check_delay{}, cancel_wait_timeout{};
  std::string check_query;   // "<empty>": an empty query; empty: no check
  std::string reset_query;   // run before another client gets the server; empty: none
  bool fast_close = false;
  std::vector<BudgetPtr> budgets;
  conf::ConfigPtr config;
};
using PoolSettingsPtr = std::shared_ptr<const PoolSettings>;

}  // namespace pooler
