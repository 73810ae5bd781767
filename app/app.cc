#include "app/app.h"

#include <algorithm>
#include <thread>

#include "app/version.h"
#include "base/log.h"
#include "base/random.h"

namespace app {
namespace {

const base::Logger log{"app"};

// PBKDF2 of a login takes milliseconds; more threads than cores would only make each slower.
constexpr std::size_t kOffloadThreads = 4;

std::size_t offload_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kOffloadThreads);
}

}  // namespace

int worker_count(const conf::Config& config) {
  if (config.workers.count > 0) return config.workers.count;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

wire::ResolverSettings resolver_settings(const conf::Config& config) {
  wire::ResolverSettings settings;
  settings.max_ttl = config.weir.dns_max_ttl;
  settings.unknown_ttl = config.weir.dns_nxdomain_ttl;
  return settings;
}

pooler::ThrottleLimits throttle_limits(const conf::Config& config) {
  return {config.weir.max_preauth_conn, config.weir.max_preauth_per_ip, config.weir.auth_fail_delay};
}

App::App(Prepared prepared)
    : source_(std::move(prepared.source)),
      config_(std::move(prepared.config)),
      offload_("offload", offload_threads()),
      resolver_(resolver_settings(*config_)),
      cancel_keys_(config_->weir.peer_id),
      throttle_(throttle_limits(*config_)),
      runtime_{offload_, resolver_, cancel_keys_, throttle_, auth_queries_, base::secure_bytes(32)},
      pools_(runtime_, config_, prepared.tls.server),
      listeners_(loop_, [this](base::Fd fd, pooler::ListenerInfo info) { deal_out(std::move(fd), std::move(info)); }),
      notifier_(prepared.manager.notify_socket) {
  runtime_.set_client_tls(prepared.tls.client);
  for (int i = 0; i < prepared.workers; ++i)
    workers_.push_back(std::make_unique<pooler::Worker>(i, runtime_, pools_, config_));
  for (const auto& worker : workers_) {
    runtime_.loops.push_back(&worker->loop());
    runtime_.worker_list.push_back(worker.get());
  }
  listeners_.tune(wire::socket_options(config_->weir));
  for (auto& socket : prepared.sockets) listeners_.add(std::move(socket));
}

App::~App() = default;

void App::run() {
  for (const auto& worker : workers_) worker->start();
  log.info("Weir {} listens on {}; {} workers, {} mode, settings from {}", version(), listeners_.text(), workers_.size(),
           conf::to_string(config_->weir.pool_mode), source_.text());
  notifier_.ready("listening on " + listeners_.text());
  loop_.run();
  stop();
}

void App::deal_out(base::Fd client, pooler::ListenerInfo listener) {
  pooler::Worker& worker = *workers_[next_worker_++ % workers_.size()];
  // Owned until the worker takes it: a loop that ends first closes it.
  auto fd = std::make_shared<base::Fd>(std::move(client));
  worker.loop().post([&worker, fd, listener = std::move(listener)]() mutable {
    worker.accept(fd->release(), std::move(listener));
  });
}

void App::stop() {
  listeners_.close();
  for (const auto& worker : workers_) worker->stop();
  for (const auto& worker : workers_) worker->join();
  for (const auto& worker : workers_) auth_queries_.stop_worker(worker->index());
}

}  // namespace app
