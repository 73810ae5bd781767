// Pool: what time and operators ask of it.

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

// A recovery that takes longer ends with the connection.
constexpr base::Duration kRecoverTimeout = std::chrono::seconds(5);
// Values remembered as accepted, per pool.
constexpr std::size_t kKnownGood = 10'000;

}  // namespace

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

std::optional<base::Error> Pool::failure_and_ask_again() {
  const Lock lock(mutex_);
  if (!last_failure_ || !servers_.empty()) return std::nullopt;
  asked_again_ = true;
  return last_failure_;
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

void Pool::close_down() {
  std::unordered_map<ServerId, std::unique_ptr<Server>> servers;
  std::unordered_map<uint64_t, std::unique_ptr<ServerLogin>> logins;
  {
    const Lock lock(mutex_);
    idle_.clear();
    servers = std::exchange(servers_, {});
    logins = std::exchange(logins_, {});
  }
  // What a server was in the middle of may hold on to its pool: close() lets go of it.
  for (auto& [id, server] : servers) server->close();
}

bool Pool::any_close_needed() const {
  const Lock lock(mutex_);
  return std::any_of(servers_.begin(), servers_.end(), [](const auto& s) { return s.second->books.close_needed.load(); });
}

void Pool::cancel_begins(Server& server) {
  const Lock lock(mutex_);
  ++server.books.cancels_in_flight;
}

void Pool::cancel_ends(ServerId id, bool in_doubt) {
  Server* server = nullptr;
  bool free = false;
  {
    const Lock lock(mutex_);
    const auto found = servers_.find(id);
    if (found == servers_.end()) return;
    server = found->second.get();
    if (in_doubt) {
      log.info("server {}: it is not known whether a cancel request may still hit it, closing it", id.value());
      server->books.close_needed = true;
    }
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
