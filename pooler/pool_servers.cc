// Pool: how its server connections come and go.

#include "pooler/pool.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "pooler/cancel.h"
#include "pooler/runtime.h"
#include "pooler/wait_slot.h"

namespace pooler {
namespace {

const base::Logger log{"pool"};
// Connections that one pool opens at the same time.
constexpr int kParallelLogins = 4;
base::Duration jittered(base::Duration length) {
  // 90 to 100 percent: connections made together do not end together, and none lives longer than configured.
  const auto permille = static_cast<int64_t>(base::random_u64() % 100);
  return length - length * permille / 1000;
}
// For who we are: only a person changes that, and some servers count such log-ins.
bool refuses_us(const base::Error& error) { return error.sqlstate.starts_with("28"); }

}  // namespace

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
  if (asked_again_ && servers_.empty()) return true;
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
  asked_again_ = false;
  if (!result.ok()) {
    const bool repeated = last_failure_.has_value();
    last_failure_ = result.error();
    // A server that cannot be reached, or is full, or lets nobody in for a while, is tried every login_retry, so that
    // service is back when it is; one that refuses us is left alone for longer and longer.
    if (refuses_us(*last_failure_) && repeated)
      retry_delay_ = std::min(retry_delay_ * 2, settings_->login_retry_max);
    else
      retry_delay_ = settings_->login_retry;
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

}  // namespace pooler
