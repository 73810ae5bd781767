#include "pooler/pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "pooler/cancel.h"
#include "pooler/runtime.h"

namespace pooler {
namespace {

const base::Logger log{"pool"};

// How much earlier a waiter on another worker must have come to go before one at the server's own.
constexpr base::Duration kHomeAdvantage = std::chrono::milliseconds(1);
// How much longer another pool must have been waiting for a shared budget before we give up a connection for it.
constexpr base::Duration kYieldAfter = std::chrono::milliseconds(20);
// An idle server is looked at before it is lent if it lay longer than this: a busy one would have been heard of.
constexpr base::Duration kPeekAfter = std::chrono::milliseconds(5);
// Connections that one pool opens at the same time.
constexpr int kParallelLogins = 4;
// A recovery that takes longer ends with the connection.
constexpr base::Duration kRecoverTimeout = std::chrono::seconds(5);
// Values remembered as accepted, per pool.
constexpr std::size_t kKnownGood = 10'000;

base::Duration jittered(base::Duration length) {
  // 90 to 100 percent: connections made together do not end together, and none lives longer than configured.
  const auto permille = static_cast<int64_t>(base::random_u64() % 100);
  return length - length * permille / 1000;
}

bool is_reachability(const base::Error& error) { return error.sqlstate.starts_with("08") || error.sqlstate == "57P03"; }

}  // namespace

struct WaitTicket::Slot {
  Waiter* waiter;  // null when the ticket is gone; touched on the waiter's worker alone
  std::weak_ptr<Pool> pool;
  int worker;
  base::TimePoint since;
  bool queued = true;                                  // guarded by the pool's mutex
  std::list<std::shared_ptr<Slot>>::iterator place{};  // while queued
};

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

// ---- lending ----

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

Server* Pool::pick_idle(const Lock&, int worker) {
  if (idle_.empty()) return nullptr;
  auto chosen = idle_.end() - 1;
  if (settings_->round_robin) {
    chosen = idle_.begin();
  } else {
    for (auto it = idle_.end(); it != idle_.begin();) {
      if ((*--it)->books.worker != worker) continue;
      chosen = it;
      break;
    }
  }
  Server* server = *chosen;
  idle_.erase(chosen);
  return server;
}

Lease Pool::acquire(int worker, Waiter& waiter, WaitTicket& ticket) {
  const auto now = base::now();
  last_used_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  Lock lock(mutex_);
  while (!paused_ && waiting(lock) == 0) {
    Server* server = pick_idle(lock, worker);
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
  if (!server.clean() || resets_.load(std::memory_order_relaxed)) {
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
  const auto now = base::now();
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

// ---- recovery and the end of servers ----

void Pool::recover(Server& server, bool cancel) {
  {
    const Lock lock(mutex_);
    set_state(server, ServerState::kRecovering);
  }
  const auto current = settings();
  if (cancel && !server.replies().empty() && !server.lost()) cancel_what_runs(runtime_, server);
  const ServerId id = server.id();
  server.recover(current->reset_query,
                 [self = shared_from_this(), id](bool clean) { self->finish_recovery(id, clean); });
  // A recovery that goes on has a deadline.
  const Lock lock(mutex_);
  const auto found = servers_.find(id);
  if (found != servers_.end() && found->second->books.state == static_cast<int>(ServerState::kRecovering))
    found->second->books.idle_since = base::now();
}

void Pool::finish_recovery(ServerId id, bool clean) {
  Server* server = nullptr;
  {
    const Lock lock(mutex_);
    if (const auto found = servers_.find(id); found != servers_.end()) server = found->second.get();
    // KILL met it between two workers: close_needed, which is set, ends it when it is back.
    if (server != nullptr && server->books.state == static_cast<int>(ServerState::kMoving)) return;
  }
  if (server == nullptr) return;
  if (auto& home = *runtime_.loops[static_cast<std::size_t>(server->books.worker)]; !home.in_loop_thread()) {
    // It has moved since this was posted.
    home.post([self = shared_from_this(), id, clean] { self->finish_recovery(id, clean); });
    return;
  }
  if (clean)
    make_available(*server);
  else
    retire(*server);
}

void Pool::retire(Server& server) {
  auto& loop = *runtime_.loops[static_cast<std::size_t>(server.books.worker)];
  std::unique_ptr<Server> owned;
  bool launch = false;
  {
    const Lock lock(mutex_);
    const auto found = servers_.find(server.id());
    if (found == servers_.end()) return;
    owned = std::move(found->second);
    servers_.erase(found);
    std::erase(idle_, &server);
    launch = waiting(lock) > 0;
  }
  const PoolSettingsPtr made_with = std::move(owned->books.made_with);
  owned->close();
  loop.defer_delete(std::move(owned));
  runtime_.budgets.give_back(made_with->budgets);
  if (launch) try_launch(server.books.worker);
}

void Pool::on_idle_server_lost(Server& server, const base::Error& error) {
  {
    const Lock lock(mutex_);
    if (server.books.state == static_cast<int>(ServerState::kMoving)) return;  // hand_over finds it lost
    std::erase(idle_, &server);
  }
  log.info("server {} ({}:{}): idle connection lost: {}", server.id().value(), server.address().host,
           server.address().port, error.message);
  retire(server);
}

// ---- opening connections ----

int Pool::size_limit(const Lock& lock, base::TimePoint now) const {
  int limit = settings_->size;
  if (settings_->reserve_size > 0 && settings_->reserve_timeout.count() > 0) {
    const auto oldest = oldest_wait(lock);
    if (oldest != base::TimePoint::max() && now - oldest >= settings_->reserve_timeout) limit += settings_->reserve_size;
  }
  return limit;
}

bool Pool::wants_launch(const Lock& lock, base::TimePoint now) const {
  if (paused_ || now < retry_at_) return false;
  const auto have = static_cast<int>(servers_.size()) + logins_running_;
  if (have >= size_limit(lock, now)) return false;
  // After a failure one attempt at a time finds out whether the server is back.
  const int parallel = last_failure_ ? 1 : kParallelLogins;
  if (logins_running_ >= parallel) return false;
  const auto line = static_cast<int>(waiting(lock));
  return line > logins_running_ || (line == 0 && clients.load() > 0 && have < settings_->min_size);
}

void Pool::try_launch(int worker) {
  PoolSettingsPtr current;
  base::TimePoint since;
  {
    const Lock lock(mutex_);
    if (!wants_launch(lock, base::now())) return;
    ++logins_running_;
    current = settings_;
    since = std::min(oldest_wait(lock), base::now());
  }
  if (!runtime_.budgets.take(current->budgets, shared_from_this(), since)) {
    const Lock lock(mutex_);
    --logins_running_;
    return;
  }
  auto& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  if (loop.in_loop_thread())
    start_login(worker, std::move(current));
  else
    loop.post([self = shared_from_this(), worker, current] { self->start_login(worker, current); });
}

ServerCredentials Pool::credentials(const Lock&) const {
  ServerCredentials credentials = settings_->credentials;
  if (learned_) credentials.keys = learned_;
  return credentials;
}

void Pool::learn(const wire::LearnedSecrets& secrets) {
  const Lock lock(mutex_);
  if (secrets.keys) learned_ = secrets.keys;
  if (secrets.password && std::holds_alternative<conf::NoSecret>(settings_->credentials.secret)) {
    auto fresh = std::make_shared<PoolSettings>(*settings_);
    fresh->credentials.secret = conf::PlainSecret{*secrets.password};
    settings_ = std::move(fresh);
  }
}

void Pool::start_login(int worker, PoolSettingsPtr settings) {
  auto& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  const Lock lock(mutex_);
  const uint64_t attempt = next_attempt_++;
  const std::size_t first =
      settings->target.balance == conf::LoadBalanceHosts::kRoundRobin ? static_cast<std::size_t>(attempt - 1) : 0;
  logins_[attempt] =
      ServerLogin::start(runtime_, loop, settings, credentials(lock), first, {},
                         [self = weak_from_this(), attempt, worker, settings](base::Result<ServerConnection> result) {
                           if (const auto pool = self.lock())
                             pool->on_login(attempt, worker, settings, std::move(result));
                         });
}

void Pool::on_login(uint64_t attempt, int worker, const PoolSettingsPtr& settings,
                    base::Result<ServerConnection> result) {
  auto& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  const auto now = base::now();
  Lock lock(mutex_);
  if (const auto login = logins_.find(attempt); login != logins_.end()) {
    loop.defer_delete(std::move(login->second));
    logins_.erase(login);
  }
  --logins_running_;
  if (!result.ok()) {
    const bool repeated = last_failure_.has_value();
    last_failure_ = result.error();
    // A server that cannot be reached is tried every login_retry, so that service is back when it is; one that
    // refuses us is left alone for longer and longer.
    if (is_reachability(*last_failure_) || !repeated)
      retry_delay_ = settings_->login_retry;
    else
      retry_delay_ = std::min(retry_delay_ * 2, settings_->login_retry_max);
    retry_at_ = now + retry_delay_;
    const bool hopeless = servers_.empty() && logins_running_ == 0 && last_failure_->sqlstate != "57P03";
    if (hopeless)
      fail_line(lock, *last_failure_);
    else
      lock.unlock();
    runtime_.budgets.give_back(settings->budgets);
    return;
  }
  last_failure_.reset();
  retry_at_ = {};
  retry_delay_ = {};
  if (result->keys) learned_ = result->keys;
  // The newest server's word: after an upgrade the next clients are told.
  if (!welcome_ || *welcome_ != result->reported) welcome_ = std::make_shared<const ParamList>(result->reported);
  auto owned =
      std::make_unique<Server>(ServerId(runtime_.new_id()), std::move(result).value(), *this);
  Server& server = *owned;
  server.books.worker = worker;
  server.books.made_with = settings;
  server.books.close_needed = !(settings->target == settings_->target);  // changed in the meantime
  if (settings_->lifetime.count() > 0) server.books.dies_at = now + jittered(settings_->lifetime);
  set_state(server, ServerState::kActive);
  servers_.emplace(server.id(), std::move(owned));
  lock.unlock();
  server.attach(loop);
  make_available(server);
  try_launch(worker);
}

void Pool::fail_line(Lock& lock, const base::Error& error) {
  std::vector<SlotPtr> failed;
  for (auto& line : lines_) {
    for (auto& slot : line) {
      slot->queued = false;
      failed.push_back(std::move(slot));
    }
    line.clear();
  }
  lock.unlock();
  runtime_.budgets.forget(this);
  for (auto& slot : failed) {
    runtime_.loops[static_cast<std::size_t>(slot->worker)]->post([slot, error] {
      if (slot->waiter != nullptr) slot->waiter->on_no_server(error);
    });
  }
}

void Pool::fail_waiters(const base::Error& error) {
  Lock lock(mutex_);
  fail_line(lock, error);
}

void Pool::budget_freed() {
  // Where the oldest waiter is: the connection will be wanted there.
  int worker = 0;
  bool wanted = false;
  {
    const Lock lock(mutex_);
    auto oldest = base::TimePoint::max();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].empty() || lines_[i].front()->since >= oldest) continue;
      oldest = lines_[i].front()->since;
      worker = static_cast<int>(i);
    }
    wanted = wants_launch(lock, base::now());
  }
  if (!wanted) {
    // Our clients were served meanwhile: the next pool that wants something is told instead.
    runtime_.budgets.forget(this);
    runtime_.budgets.give_back({});
    return;
  }
  try_launch(worker);
}

bool Pool::shed_idle() {
  // By its id: somebody else may close it before its worker comes to this.
  ServerId id{};
  int worker = 0;
  {
    const Lock lock(mutex_);
    if (idle_.empty()) return false;
    Server& server = *idle_.front();
    idle_.erase(idle_.begin());
    set_state(server, ServerState::kRecovering);
    server.books.idle_since = base::now();
    id = server.id();
    worker = server.books.worker;
  }
  runtime_.loops[static_cast<std::size_t>(worker)]->post(
      [self = shared_from_this(), id] { self->finish_recovery(id, false); });
  return true;
}

// ---- upkeep ----

void Pool::maintain(int worker, base::TimePoint now) {
  std::vector<Server*> ending;
  PoolSettingsPtr current;
  bool launch = false;
  {
    const Lock lock(mutex_);
    current = settings_;
    auto spare = static_cast<int>(servers_.size()) - current->min_size;
    for (auto it = idle_.begin(); it != idle_.end();) {
      Server& server = **it;
      const bool timed_out = current->idle_timeout.count() > 0 && now - server.books.idle_since > current->idle_timeout &&
                             (spare > 0 || clients.load() == 0);
      if (server.books.worker != worker || (!timed_out && !must_close(server, now))) {
        ++it;
        continue;
      }
      set_state(server, ServerState::kRecovering);
      server.books.idle_since = now;
      ending.push_back(&server);
      it = idle_.erase(it);
      --spare;
    }
    for (const auto& [id, server] : servers_) {
      const bool recovering = server->books.state == static_cast<int>(ServerState::kRecovering) ||
                              server->books.state == static_cast<int>(ServerState::kTested) ||
                              server->books.state == static_cast<int>(ServerState::kBeingCanceled);
      const auto limit = server->books.state == static_cast<int>(ServerState::kBeingCanceled)
                             ? current->cancel_wait_timeout + kRecoverTimeout
                             : kRecoverTimeout;
      if (recovering && server->books.worker == worker && now - server->books.idle_since > limit)
        ending.push_back(server.get());
    }
    launch = wants_launch(lock, now);
  }
  for (Server* server : ending) retire(*server);
  if (launch && worker == 0) try_launch(worker);
}

std::shared_ptr<const ParamList> Pool::welcome() const {
  const Lock lock(mutex_);
  return welcome_;
}

bool Pool::known_good(const std::string& name, const std::string& value) const {
  const Lock lock(mutex_);
  return known_good_.contains(name + '=' + value);
}

void Pool::remember_good(const std::string& name, const std::string& value, const std::string& canonical) {
  const Lock lock(mutex_);
  if (known_good_.size() >= kKnownGood) known_good_.clear();
  known_good_[name + '=' + value] = canonical;
}

std::string Pool::canonical(const std::string& name, const std::string& value) const {
  const Lock lock(mutex_);
  const auto found = known_good_.find(name + '=' + value);
  return found == known_good_.end() ? value : found->second;
}

bool Pool::has_parsed(const Prepared& statement) const {
  const Lock lock(mutex_);
  return parsed_.contains(statement.id);
}

void Pool::remember_parsed(const Prepared& statement) {
  const Lock lock(mutex_);
  if (parsed_.size() >= kKnownGood) parsed_.clear();
  parsed_.insert(statement.id);
}

Lease Pool::adopt(int worker, ServerConnection connection) {
  auto owned = std::make_unique<Server>(ServerId(runtime_.new_id()), std::move(connection), *this);
  Server& server = *owned;
  server.books.worker = worker;
  server.books.close_needed = true;
  PoolSettingsPtr current;
  {
    const Lock lock(mutex_);
    set_state(server, ServerState::kActive);
    servers_.emplace(server.id(), std::move(owned));
    current = server.books.made_with = settings_;
  }
  runtime_.budgets.take_anyway(current->budgets);
  server.attach(*runtime_.loops[static_cast<std::size_t>(worker)]);
  return Lease(server);
}

// ---- console ----

void Pool::pause() {
  {
    const Lock lock(mutex_);
    paused_ = true;
  }
  close_servers();
}

void Pool::resume() {
  std::vector<int> workers;
  {
    const Lock lock(mutex_);
    paused_ = false;
    retry_at_ = {};
  }
  for (int worker = 0; worker < runtime_.workers(); ++worker)
    runtime_.loops[static_cast<std::size_t>(worker)]->post(
        [self = shared_from_this(), worker] { self->try_launch(worker); });
}

bool Pool::paused() const {
  const Lock lock(mutex_);
  return paused_;
}

bool Pool::quiescent() const {
  const Lock lock(mutex_);
  return servers_.empty() || servers_.size() == idle_.size();
}

void Pool::close_servers() {
  std::vector<Server*> idle;
  {
    const Lock lock(mutex_);
    idle = std::exchange(idle_, {});
    for (Server* server : idle) set_state(*server, ServerState::kRecovering);
    for (auto& [id, server] : servers_) server->books.close_needed = true;
  }
  for (Server* server : idle)
    runtime_.loops[static_cast<std::size_t>(server->books.worker)]->post(
        [self = shared_from_this(), id = server->id()] { self->finish_recovery(id, false); });
}

void Pool::kill_servers() {
  close_servers();
  std::vector<ServerId> all;
  {
    const Lock lock(mutex_);
    for (auto& [id, server] : servers_) all.push_back(id);
  }
  for (const ServerId id : all) end_at_home(id);
}

// Retires a server on the worker it lives on. One that is moving is left to its new home: it must close there.
void Pool::end_at_home(ServerId id) {
  int worker = 0;
  {
    const Lock lock(mutex_);
    const auto found = servers_.find(id);
    if (found == servers_.end() || found->second->books.state == static_cast<int>(ServerState::kMoving)) return;
    worker = found->second->books.worker;
  }
  auto& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  if (loop.in_loop_thread())
    finish_recovery(id, false);
  else
    loop.post([self = shared_from_this(), id] { self->end_at_home(id); });
}

bool Pool::any_close_needed() const {
  const Lock lock(mutex_);
  return std::any_of(servers_.begin(), servers_.end(), [](const auto& s) { return s.second->books.close_needed.load(); });
}

void Pool::cancel_begins(Server& server) {
  const Lock lock(mutex_);
  ++server.books.cancels_in_flight;
}

void Pool::cancel_ends(ServerId id) {
  Server* server = nullptr;
  bool free = false;
  {
    const Lock lock(mutex_);
    const auto found = servers_.find(id);
    if (found == servers_.end()) return;
    server = found->second.get();
    free = --server->books.cancels_in_flight == 0 &&
           server->books.state == static_cast<int>(ServerState::kBeingCanceled);
  }
  if (free) make_available(*server);
}

bool Pool::still_runs(ServerId id, uint64_t generation) const {
  const Lock lock(mutex_);
  const auto found = servers_.find(id);
  if (found == servers_.end() || found->second->books.generation != generation) return false;
  const auto state = static_cast<ServerState>(found->second->books.state);
  return state == ServerState::kActive || state == ServerState::kRecovering;
}

PoolRow Pool::row() const {
  const auto now = base::now();
  const Lock lock(mutex_);
  PoolRow row;
  row.database = database_;
  row.user = user_;
  row.cl_waiting = static_cast<int>(waiting(lock));
  row.cl_active = std::max(0, clients.load() - row.cl_waiting);
  row.sv_login = logins_running_;
  for (const auto& [id, server] : servers_) {
    switch (static_cast<ServerState>(server->books.state)) {
      case ServerState::kIdle:
        ++(settings_->check_delay.count() > 0 && now - server->books.idle_since > settings_->check_delay ? row.sv_used
                                                                                                       : row.sv_idle);
        break;
      case ServerState::kTested: ++row.sv_tested; break;
      case ServerState::kBeingCanceled: ++row.sv_being_canceled; break;
      case ServerState::kRecovering:
      case ServerState::kMoving:
      case ServerState::kActive: ++row.sv_active; break;
    }
    row.sv_active_cancel += server->books.cancels_in_flight;
  }
  row.cl_active_cancel_req = row.sv_active_cancel;
  if (const auto oldest = oldest_wait(lock); oldest != base::TimePoint::max()) row.maxwait = now - oldest;
  return row;
}

int Pool::server_count() const {
  const Lock lock(mutex_);
  return static_cast<int>(servers_.size()) + logins_running_;
}

void Pool::each_server(int worker, const std::function<void(Server&)>& visit) {
  std::vector<Server*> here;
  {
    const Lock lock(mutex_);
    for (auto& [id, server] : servers_)
      if (server->books.worker == worker && server->books.state != static_cast<int>(ServerState::kMoving))
        here.push_back(server.get());
  }
  for (Server* server : here) visit(*server);
}

}  // namespace pooler
