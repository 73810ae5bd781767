#include "pooler/pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/event_time.h"
#include "base/log.h"
#include "base/random.h"
#include "pooler/cancel.h"
#include "pooler/runtime.h"
#include "pooler/wait_slot.h"

namespace pooler {
namespace {

const base::Logger log{"pool"};
// How much earlier a waiter on another worker must have come to go before one at the server's own.
constexpr base::Duration kHomeAdvantage = std::chrono::milliseconds(1);
// How much longer another pool must have been waiting for a shared budget before we give up a connection for it.
constexpr base::Duration kYieldAfter = std::chrono::milliseconds(20);
// An idle server is looked at before it is lent if it lay longer than this: a busy one would have been heard of.
constexpr base::Duration kPeekAfter = std::chrono::milliseconds(5);

}  // namespace

void WaitTicket::reset() {
  if (!slot_) return;
  const auto slot = std::exchange(slot_, nullptr);
  slot->waiter = nullptr;
  const auto pool = slot->pool.lock();
  if (!pool) return;
  bool last = false;
  {
    const Pool::Lock lock(pool->mutex_);
    if (slot->queued) {
      slot->queued = false;
      pool->lines_[static_cast<std::size_t>(slot->worker)].erase(slot->place);
      last = pool->waiting(lock) == 0;
    }
  }
  if (last) pool->runtime_.budgets.forget(pool.get());
}

void Lease::reset() {
  if (Server* server = std::exchange(server_, nullptr)) server->pool().give_back(*server, true);
}

void Lease::let_finish() {
  if (Server* server = std::exchange(server_, nullptr)) server->pool().give_back(*server, false);
}

Pool::Pool(Runtime& runtime, std::string database, std::string user)
    : runtime_(runtime),
      database_(std::move(database)),
      user_(std::move(user)),
      stats_(static_cast<std::size_t>(runtime.workers())),
      lines_(static_cast<std::size_t>(runtime.workers())) {}

Pool::~Pool() {
  runtime_.budgets.forget(this);
}

void Pool::configure(PoolSettings settings) {
  auto fresh = std::make_shared<const PoolSettings>(std::move(settings));
  runtime_.budgets.join(fresh->budgets, shared_from_this());
  bool replace = false;
  {
    const Lock lock(mutex_);
    replace = settings_ && (!(settings_->target == fresh->target) || settings_->tls != fresh->tls);
    settings_ = std::move(fresh);
    resets_ = !settings_->reset_query.empty();
    single_use_ = settings_->lifetime.count() <= 0;
    shares_ = std::any_of(settings_->budgets.begin(), settings_->budgets.end(),
                          [](const auto& budget) { return budget->limit() > 0; });
    if (replace) {
      welcome_.reset();
      learned_.reset();
    }
    retry_at_ = {};
  }
  if (replace) close_servers();
}

PoolSettingsPtr Pool::settings() const {
  const Lock lock(mutex_);
  return settings_;
}

std::size_t Pool::waiting(const Lock&) const {
  std::size_t count = 0;
  for (const auto& line : lines_) count += line.size();
  return count;
}

base::TimePoint Pool::oldest_wait(const Lock&) const {
  auto oldest = base::TimePoint::max();
  for (const auto& line : lines_)
    if (!line.empty()) oldest = std::min(oldest, line.front()->since);
  return oldest;
}

Server* Pool::pick_idle(const Lock&, int worker, ServerId preferred) {
  if (idle_.empty()) return nullptr;
  auto chosen = idle_.end() - 1;
  if (settings_->round_robin) {
    chosen = idle_.begin();
  } else {
    bool at_home = false;
    for (auto it = idle_.end(); it != idle_.begin();) {
      if ((*--it)->books.worker != worker) continue;
      const bool wanted = preferred == ServerId() || (*it)->id() == preferred;
      if (wanted || !at_home) chosen = it;
      if (wanted) break;
      at_home = true;
    }
  }
  Server* server = *chosen;
  idle_.erase(chosen);
  return server;
}

Lease Pool::acquire(int worker, Waiter& waiter, WaitTicket& ticket, ServerId preferred) {
  const auto now = base::EventTime::now();
  last_used_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  Lock lock(mutex_);
  while (!paused_ && waiting(lock) == 0) {
    Server* server = pick_idle(lock, worker, preferred);
    if (server == nullptr) break;
    if (server->books.worker != worker) {
      auto slot = std::make_shared<Slot>(&waiter, weak_from_this(), worker, now, false);
      set_state(*server, ServerState::kMoving);
      const bool check = stale(lock, *server, now);
      lock.unlock();
      if (check)
        runtime_.loops[static_cast<std::size_t>(server->books.worker)]->post(
            [self = shared_from_this(), server, slot] { self->check_then_deliver(*server, slot); });
      else
        hand_over(*server, slot);
      ticket = WaitTicket(std::move(slot));
      return {};
    }
    set_state(*server, ServerState::kActive);
    const bool check = stale(lock, *server, now);
    lock.unlock();
    if (now - server->books.idle_since > kPeekAfter && !server->quiet()) {
      retire(*server);
      lock.lock();
      continue;
    }
    if (check) {
      auto slot = std::make_shared<Slot>(&waiter, weak_from_this(), worker, now, false);
      check_then_deliver(*server, slot);
      ticket = WaitTicket(std::move(slot));
      return {};
    }
    return lend(*server);
  }
  auto slot = std::make_shared<Slot>(&waiter, weak_from_this(), worker, now);
  auto& line = lines_[static_cast<std::size_t>(worker)];
  slot->place = line.insert(line.end(), slot);
  ticket = WaitTicket(std::move(slot));
  // In the time between failure and the next attempt the failure is the answer: nobody waits for nothing.
  const bool hopeless = last_failure_ && servers_.empty() && logins_running_ == 0 && now < retry_at_ && !paused_;
  if (hopeless) {
    fail_line(lock, *last_failure_);
    return {};
  }
  const bool launch = wants_launch(lock, now);
  lock.unlock();
  if (launch) try_launch(worker);
  return {};
}

// Whether it lay for so long that it is checked before it is lent.
bool Pool::stale(const Lock&, const Server& server, base::TimePoint now) const {
  return !settings_->check_query.empty() && now - server.books.idle_since >= settings_->check_delay;
}

Lease Pool::lend(Server& server) {
  ++server.books.generation;
  if (single_use_.load(std::memory_order_relaxed)) server.books.dies_at = base::now();
  return Lease(server);
}

// What this waiter was to get is gone: it takes its place in line again, on its own worker.
void Pool::send_back(const SlotPtr& slot) {
  runtime_.loops[static_cast<std::size_t>(slot->worker)]->post([slot] {
    if (slot->waiter != nullptr) slot->waiter->on_server(Lease());
  });
}

Pool::SlotPtr Pool::next_waiter(const Lock&, int worker) {
  std::list<SlotPtr>* best = nullptr;
  for (auto& line : lines_)
    if (!line.empty() && (best == nullptr || line.front()->since < best->front()->since)) best = &line;
  if (best == nullptr) return nullptr;
  auto& home = lines_[static_cast<std::size_t>(worker)];
  if (!home.empty() && home.front()->since - best->front()->since <= kHomeAdvantage) best = &home;
  auto slot = std::move(best->front());
  best->pop_front();
  slot->queued = false;
  return slot;
}

void Pool::give_back(Server& server, bool cancel) {
  server.set_handler(nullptr);
  server.books.link_id = 0;
  if (server.lost()) {
    retire(server);
    return;
  }
  if (!server.clean() || !server.tainted().empty() || resets_.load(std::memory_order_relaxed)) {
    recover(server, cancel);
    return;
  }
  make_available(server);
}

bool Pool::must_close(const Server& server, base::TimePoint now) const {
  return server.books.close_needed || (server.books.dies_at != base::TimePoint{} && now >= server.books.dies_at);
}

bool Pool::must_yield() {
  if (!shares_.load(std::memory_order_relaxed)) return false;
  const auto current = settings();
  const bool contended =
      std::any_of(current->budgets.begin(), current->budgets.end(), [](const auto& b) { return b->contended(); });
  if (!contended) return false;
  const auto want = runtime_.budgets.oldest_want(current->budgets, this);
  if (!want) return false;
  const Lock lock(mutex_);
  const auto ours = oldest_wait(lock);
  return ours == base::TimePoint::max() || *want + kYieldAfter < ours;
}

void Pool::make_available(Server& server) {
  const auto now = base::EventTime::now();
  server.resume_reading();
  if (server.lost() || must_close(server, now) || must_yield()) {
    retire(server);
    return;
  }
  Lock lock(mutex_);
  if (server.books.cancels_in_flight > 0) {
    set_state(server, ServerState::kBeingCanceled);
    return;
  }
  server.books.idle_since = now;
  if (!paused_) {
    if (auto slot = next_waiter(lock, server.books.worker)) {
      const bool home = slot->worker == server.books.worker;
      set_state(server, home ? ServerState::kActive : ServerState::kMoving);
      lock.unlock();
      hand_over(server, std::move(slot));
      return;
    }
  }
  set_state(server, ServerState::kIdle);
  idle_.push_back(&server);
}

// Gives a server that is in no list to a waiter, on the waiter's worker. Called on any worker.
void Pool::hand_over(Server& server, SlotPtr slot) {
  auto self = shared_from_this();
  auto& home = *runtime_.loops[static_cast<std::size_t>(server.books.worker)];
  if (slot->worker == server.books.worker) {
    home.defer([self, &server, slot] { self->deliver(server, slot); });
    return;
  }
  home.post([self, &server, slot] {
    if (server.lost() || server.stream().pending() > 0) {
      // It died where it lay, or still has to send.
      self->retire(server);
      self->send_back(slot);
      return;
    }
    server.detach();
    server.books.worker = slot->worker;  // read under the mutex by others only while it is kMoving
    auto& loop = *self->runtime_.loops[static_cast<std::size_t>(slot->worker)];
    loop.post([self, &server, slot, &loop] {
      server.attach(loop);
      {
        const Lock lock(self->mutex_);
        self->set_state(server, ServerState::kActive);
      }
      self->deliver(server, slot);
    });
  });
}

void Pool::deliver(Server& server, SlotPtr slot) {
  const bool lay_long = base::now() - server.books.idle_since > kPeekAfter;
  if (server.lost() || (lay_long && !server.quiet())) {
    retire(server);
    if (slot->waiter != nullptr) slot->waiter->on_server(Lease());
    return;
  }
  if (slot->waiter == nullptr) {
    make_available(server);
    return;
  }
  slot->waiter->on_server(lend(server));
}

void Pool::check_then_deliver(Server& server, SlotPtr slot) {
  const auto current = settings();
  {
    const Lock lock(mutex_);
    set_state(server, ServerState::kTested);
  }
  const std::string sql = current->check_query == "<empty>" ? std::string() : current->check_query;
  server.run_internal(sql, [self = shared_from_this(), &server, slot](base::Status status) {
    if (!status.ok() || !server.clean()) {
      log.info("server {}: check failed, closing it", server.id().value());
      self->retire(server);
      self->send_back(slot);
      return;
    }
    {
      const Lock lock(self->mutex_);
      self->set_state(server, slot->worker == server.books.worker ? ServerState::kActive : ServerState::kMoving);
    }
    server.books.idle_since = base::now();
    self->hand_over(server, slot);
  });
}

}  // namespace pooler
