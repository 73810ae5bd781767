#include "pooler/worker.h"

#include <unistd.h>

#include <algorithm>

#include "base/random.h"
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
      tracer_(base::random_u64()),
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
    runtime_.cancel_flights.end(loop_);
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
  follow_slow_settings();
  follow_trace_settings();
  for (auto& [id, session] : sessions_) session->reconfigure();
}

void Worker::follow_slow_settings() {
  const conf::Weir& weir = config_->weir;
  const auto set = [](const auto& section) { return section.log_min_duration.value_or(conf::kOff) != conf::kOff; };
  const auto any = [set](const auto& sections) {
    return std::any_of(sections.begin(), sections.end(), [set](const auto& entry) { return set(entry.second); });
  };
  some_are_slow_ = weir.log_min_duration != conf::kOff || weir.log_sample_rate > 0 || any(config_->databases) ||
                   any(config_->users) || (config_->fallback && set(*config_->fallback));
  hidden_values_ = analyzer::HiddenValues(weir.slow_log_redact);
  const int64_t samples = config_->advice.enabled ? config_->advice.samples_memory / std::max(runtime_.workers(), 1) : 0;
  samples_.set_limit(static_cast<std::size_t>(samples));
  slow_recent_.set_limits(static_cast<std::size_t>(weir.slow_queries_max), weir.log_sample_rate);
  loop_limits_ = pooler::loop_limits(config_->advice);
  if (!lints()) lint_books_.clear();
}

void Worker::follow_trace_settings() {
  const conf::Traces& traces = config_->traces;
  tracer_.configure(runtime_.traces != nullptr && !traces.endpoint.empty(), traces.sample);
  if (!tracer_.on()) exemplars_.clear();
}

// The memory is the process's: each worker has its part of it.
void Worker::limit_query_stats() {
  query_stats_.set_limits({static_cast<std::size_t>(config_->weir.query_stats_max),
                           static_cast<std::size_t>(config_->weir.query_stats_memory / std::max(runtime_.workers(), 1))});
}

SlowLimits slow_limits(const conf::Config& config, const std::string& database, const std::string& user) {
  static const conf::Database anything;
  const conf::Database* const found = config.find_database(database);
  const base::Duration limit = config.log_min_duration(found != nullptr ? *found : anything, user);
  SlowLimits limits;
  if (limit != conf::kOff) limits.from = limits.limit = limit;
  if (config.weir.log_sample_rate > 0) limits.from = {};
  limits.values = limits.on() && (config.weir.slow_log_parameters || config.weir.slow_log_explain);
  // Every statement is told of where it is held against rules or kept as a sample; which are slow is another matter.
  if ((config.advice.lint || config.advice.enabled) && config.weir.query_stats) {
    limits.from = {};
    limits.values = true;
    limits.samples = config.advice.enabled;
  }
  return limits;
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
  limits.slow = slow_limits(*config_, database, user);
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
