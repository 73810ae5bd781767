#pragma once
// A place in a pool's line. Of the pool's own files alone.

#include <list>
#include <memory>

#include "pooler/pool.h"

namespace pooler {

struct WaitTicket::Slot {
  Waiter* waiter;  // null when the ticket is gone; touched on the waiter's worker alone
  std::weak_ptr<Pool> pool;
  int worker;
  base::TimePoint since;
  bool queued = true;                                  // guarded by the pool's mutex
  std::list<std::shared_ptr<Slot>>::iterator place{};  // while queued
};

}  // namespace pooler
