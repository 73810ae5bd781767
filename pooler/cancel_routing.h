#pragma once
// From a CancelRequest that arrived on a connection of its own to the session it is meant for, here or at a peer.

#include "wire/types.h"

namespace pooler {

class Worker;

// On the worker that accepted the connection. Nobody is told whether the key was right.
void route_cancel(Worker& worker, const wire::CancelKey& key);

}  // namespace pooler
