#pragma once
// App: every object of the process, built from one another in order, and taken apart in the opposite one.
//
// The main thread has a loop of its own for what must not wait for clients: accepting, signals, reload, statistics.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/alert_keeper.h"
#include "admin/alert_webhook.h"
#include "admin/console.h"
#include "admin/trace_export.h"
#include "app/http_service.h"
#include "app/reload.h"
#include "app/service_manager.h"
#include "app/settings_source.h"
#include "app/signals.h"
#include "app/tls_setup.h"
#include "app/watchdog.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/outbox.h"
#include "conf/config.h"
#include "pooler/advisor.h"
#include "pooler/auth_query.h"
#include "pooler/cancel.h"
#include "pooler/catalogues.h"
#include "pooler/history_keeper.h"
#include "pooler/lint_keeper.h"
#include "pooler/listen_hub.h"
#include "pooler/listener.h"
#include "pooler/pools.h"
#include "pooler/process.h"
#include "pooler/runtime.h"
#include "pooler/slow_log.h"
#include "pooler/slow_plans.h"
#include "pooler/throttle.h"
#include "pooler/traces.h"
#include "pooler/worker.h"
#include "wire/resolver.h"

namespace app {

class App {
 public:
  // What main() prepared while it could still be root.
  struct Prepared {
    SettingsSource source;
    conf::ConfigPtr config;
    TlsPair tls;
    std::vector<pooler::ListenSocket> sockets;
    std::vector<pooler::ListenSocket> http_sockets;
    ManagerEnvironment manager;
    int workers = 1;
  };
  explicit App(Prepared prepared);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Serves until it is told to stop.
  void run();

 private:
  pooler::Process::Hooks hooks();
  admin::HistoryAccess history_access();
  pooler::Advisor::Asks advisor_asks();
  void keep_history(const conf::History& settings);
  admin::AdviceAccess advice_access();
  admin::AlertKeeper::Asks alert_asks();
  void configure_alerts(const conf::ConfigPtr& config);
  admin::Services console_services();
  void make_http(std::vector<pooler::ListenSocket> sockets, const conf::Http& http);
  void apply(const conf::ConfigPtr& config, const TlsPair& tls);
  void configure_slow_log(const conf::Config& config);
  void on_hangup();
  // The main thread's, so that a busy worker keeps no client from the others; a single worker's own, where there are none.
  base::EventLoop& accepting_loop() { return workers_.size() == 1 ? workers_.front()->loop() : loop_; }
  void on_listeners(std::function<void(pooler::Listeners&)> work);
  void deal_out(base::Fd client, pooler::ListenerInfo listener);
  void stop();

  const std::string source_text_;
  base::EventLoop loop_;  // the main thread's
  // Before whatever calls back on their loops, so that they end after it.
  std::vector<std::unique_ptr<pooler::Worker>> workers_;
  base::Offload offload_, external_, selects_;
  wire::Resolver resolver_;
  pooler::CancelKeys cancel_keys_;
  pooler::Throttle throttle_;
  pooler::AuthQueries auth_queries_;
  pooler::Runtime runtime_;
  pooler::Pools pools_;
  pooler::ListenHubs listen_hubs_;
  pooler::Catalogues catalogues_;
  pooler::SlowLog slow_log_;
  pooler::SlowPlans slow_plans_;
  base::Outbox outbox_;
  pooler::Traces traces_;
  admin::TraceExporter trace_exporter_;
  std::optional<pooler::Listeners> listeners_;  // on accepting_loop()
  std::string listening_;  // where, in words
  Notifier notifier_;
  Reloader reloader_;
  pooler::Process process_;
  std::optional<pooler::HistoryKeeper> history_;
  pooler::LintKeeper lint_;
  pooler::Advisor advisor_;
  admin::AlertWebhook alert_webhook_;
  admin::AlertKeeper alert_keeper_;
  admin::Console console_;
  Signals signals_;
  std::optional<Watchdog> watchdog_;
  std::optional<HttpService> http_;
  std::size_t next_worker_ = 0;  // of the listeners' thread
};

// How many workers a configuration means on this machine.
int worker_count(const conf::Config& config);
wire::ResolverSettings resolver_settings(const conf::Config& config);
pooler::ThrottleLimits throttle_limits(const conf::Config& config);

}  // namespace app
