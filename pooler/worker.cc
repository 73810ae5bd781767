#include "pooler/worker.h"

#include <unistd.h>

#include <algorithm>

#include "pooler/pools.h"
#include "pooler/session.h"

namespace pooler {
namespace {

// How often timeouts are looked at: as fine as a person or a driver notices.
constexpr base::Duration kTick = std::chrono::milliseconds(100);
// Pairs of database and user whose timeouts are remembered.
constexpr std::size_t kKnownTimeouts = 10'000;

}  // namespace

Worker::Worker(int index, Runtime& runtime, Pools& pools, conf::ConfigPtr config)
    : index_(index),
      runtime_(runtime),
      pools_(pools),
      ticker_(loop_, [this] { tick(); }),
      statements_(runtime.statements) {
  reconfigure(std::move(config));
}

Worker::~Worker() { join(); }

void Worker::start() {
  limit_query_stats();
  ticker_.every(kTick);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
    loop_.run();
    sessions_.clear();
  });
}

void Worker::stop() { loop_.stop(); }

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::accept(int fd, ListenerInfo listener) {
  const uint64_t id = runtime_.new_id();
  auto session = std::make_unique<Session>(*this, id, fd, std::move(listener));
  Session& started = *session;
  sessions_.emplace(id, std::move(session));
  started.start();
}

void Worker::reconfigure(conf::ConfigPtr config) {
  config_ = std::move(config);
  timeouts_.clear();
  max_prepared_statements_ = static_cast<std::size_t>(config_->weir.max_prepared_statements);
  max_query_size_ = static_cast<std::size_t>(config_->weir.max_query_size);
  guards_ = runtime_.guards();
  limit_query_stats();
  for (auto& [id, session] : sessions_) session->reconfigure();
}

// The memory is the process's: each worker has its part of it.
void Worker::limit_query_stats() {
  query_stats_.set_limits({static_cast<std::size_t>(config_->weir.query_stats_max),
                           static_cast<std::size_t>(config_->weir.query_stats_memory / std::max(runtime_.workers(), 1))});
}

const Timeouts& Worker::timeouts(const std::string& database, const std::string& user) {
  std::string key = database + '\0' + user;
  if (const auto found = timeouts_.find(key); found != timeouts_.end()) return found->second;
  if (timeouts_.size() >= kKnownTimeouts) timeouts_.clear();
  Timeouts limits;
  limits.query_wait_notify = config_->weir.query_wait_notify;
  static const conf::Database gone;  // its section was removed, its clients are still there
  const conf::Database* known = config_->find_database(database);
  const conf::Database& db = known != nullptr ? *known : gone;
  limits.query_wait = config_->query_wait_timeout(db, user);
  limits.query = config_->query_timeout(db, user);
  limits.idle_transaction = config_->idle_transaction_timeout(db, user);
  limits.transaction = config_->transaction_timeout(db, user);
  limits.client_idle = config_->client_idle_timeout(user);
  return timeouts_.emplace(std::move(key), limits).first->second;
}

Session* Worker::find(uint64_t id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Worker::each(const std::function<void(Session&)>& visit) {
  std::vector<Session*> all;
  all.reserve(sessions_.size());
  for (auto& [id, session] : sessions_) all.push_back(session.get());
  for (Session* session : all) visit(*session);
}

void Worker::session_ended(Session& session) { session.check_time(base::now()); }

void Worker::forget(Session& session) {
  const auto found = sessions_.find(session.id());
  if (found == sessions_.end()) return;
  loop_.defer_delete(std::move(found->second));
  sessions_.erase(found);
}

void Worker::tick() {
  const auto now = base::now();
  each([now](Session& session) { session.check_time(now); });
  pools_.maintain(index_, now);
}

}  // namespace pooler
