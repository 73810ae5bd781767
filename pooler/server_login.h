#pragma once
// ServerLogin: from nothing to a connection that is ready for queries: dial, TLS, startup, authentication,
// connect_query, and the check that it is the kind of server that was asked for (target_session_attrs). Tries the
// hosts in turn. Lives on one loop; destroying it gives up without a callback.

#include <functional>
#include <memory>

#include "base/loop.h"
#include "base/result.h"
#include "pooler/pool_settings.h"
#include "pooler/server.h"

namespace pooler {

struct Runtime;

class ServerLogin : public base::Deferred {
 public:
  using Done = std::function<void(base::Result<ServerConnection>)>;

  // `first_host` says where in the list of hosts to begin. `extra_startup` is added to the startup packet
  // (replication). `done` is called once, from the loop, never from inside this call.
  static std::unique_ptr<ServerLogin> start(Runtime& runtime, base::EventLoop& loop, PoolSettingsPtr settings,
                                            ServerCredentials credentials, std::size_t first_host,
                                            ParamList extra_startup, Done done);
};

}  // namespace pooler
