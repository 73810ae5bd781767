#include "pooler/cancel_routing.h"

#include "pooler/cancel.h"
#include "pooler/runtime.h"
#include "pooler/session.h"
#include "pooler/worker.h"

namespace pooler {

void route_cancel(Worker& worker, const wire::CancelKey& key) {
  Runtime& runtime = worker.runtime();
  if (const auto target = runtime.cancel_keys.find(key)) {
    Worker* owner = runtime.worker_list[static_cast<std::size_t>(target->worker)];
    owner->loop().post([owner, client = target->client] {
      if (Session* session = owner->find(client)) session->on_cancel_request();
    });
    return;
  }
  const int peer = CancelKeys::peer_of(key);
  const auto& config = *worker.config();
  if (config.weir.peer_id == 0 || peer == config.weir.peer_id) return;
  const auto next = CancelKeys::passed_on(key);
  if (const auto found = config.peers.find(peer); next && found != config.peers.end()) {
    const int pool_size = found->second.pool_size.value_or(config.weir.default_pool_size);
    cancel_at_peer(runtime, worker.index(), {peer, found->second.host, found->second.port, pool_size}, *next);
  }
}

}  // namespace pooler
