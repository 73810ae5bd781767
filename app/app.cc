#include "app/app.h"

#include <algorithm>
#include <string>
#include <thread>

#include "admin/alert_gauges.h"
#include "admin/sql.h"
#include "app/log_setup.h"
#include "app/version.h"
#include "base/log.h"
#include "base/random.h"
#include "conf/diff.h"
#include "pooler/guards.h"
#include "wire/process_limits.h"

namespace app {
namespace {

const base::Logger log{"app"};

// PBKDF2 of a login takes milliseconds; more threads than cores would only make each slower.
constexpr std::size_t kOffloadThreads = 4;
// PAM and LDAP wait for others; each waits at most a few seconds.
constexpr std::size_t kExternalThreads = 4;
// The console's SELECTs run one at a time, and each of them for seconds at most.
constexpr std::size_t kSelectThreads = 1;
// For what is on its way out when the process ends.
constexpr base::Duration kLastPosts = std::chrono::seconds(1);
// As long as the hash that it keys.
constexpr std::size_t kSecretBytes = 32;
// The name in the history of what is known of advice.
constexpr const char* kAdviceKept = "advice";

// How long the end waits for the last traces to be taken.
constexpr base::Duration kTracesPatience = std::chrono::seconds(2);

std::size_t offload_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kOffloadThreads);
}

void limit_streams(const conf::Config& config) {
  wire::set_process_limits(config.weir.sbuf_loopcnt, config.weir.max_packet_size);
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
    : source_text_(prepared.source.text()),
      offload_("offload", offload_threads()),
      external_("external", kExternalThreads),
      selects_("console", kSelectThreads, admin::kSelectsInLine),
      resolver_(resolver_settings(*prepared.config)),
      cancel_keys_(prepared.config->weir.peer_id),
      throttle_(throttle_limits(*prepared.config)),
      runtime_{offload_, external_, resolver_, cancel_keys_, throttle_, auth_queries_, base::secure_bytes(kSecretBytes)},
      pools_(runtime_, prepared.config, prepared.tls.server),
      listen_hubs_(runtime_),
      catalogues_(runtime_),
      slow_plans_(runtime_),
      outbox_("weir/" + std::string(version())),
      trace_exporter_(
          traces_,
          [this](base::PostRequest request, base::Outbox::Done done) {
            return outbox_.post(std::move(request), std::move(done));
          },
          std::string(version())),
      notifier_(prepared.manager.notify_socket),
      reloader_(prepared.source, prepared.config, prepared.tls, loop_, offload_,
                [this](const conf::ConfigPtr& config, const TlsPair& tls) { apply(config, tls); }),
      process_(loop_, runtime_, pools_, hooks()),
      lint_(loop_, runtime_, pools_,
            {.parts = [this](auto done) { process_.look_for_lint(std::move(done)); },
             .pools = [this] { return process_.pool_moments(); }}),
      advisor_(loop_, resolver_, advisor_asks()),
      alert_webhook_(loop_, [this](base::PostRequest request, base::Outbox::Done done) {
        return outbox_.post(std::move(request), std::move(done));
      }),
      alert_keeper_(loop_, alert_asks()),
      console_((keep_history(prepared.config->history), console_services())),
      signals_(loop_, process_, [this] { on_hangup(); }) {
  limit_streams(*prepared.config);
  runtime_.set_guards(pooler::GuardRules::make(prepared.config->guards, nullptr, base::wall_now()));
  runtime_.set_client_tls(prepared.tls.client);
  runtime_.listen_hubs = &listen_hubs_;
  runtime_.catalogues = &catalogues_;
  runtime_.slow_log = &slow_log_;
  runtime_.slow_plans = &slow_plans_;
  runtime_.traces = &traces_;
  traces_.set_workers(static_cast<std::size_t>(prepared.workers));
  trace_exporter_.configure(prepared.config->traces);
  runtime_.advisor = &advisor_;
  configure_slow_log(*prepared.config);
  runtime_.console = &console_;
  runtime_.console_parameters = admin::Console::welcome_parameters();
  for (int i = 0; i < prepared.workers; ++i)
    workers_.push_back(std::make_unique<pooler::Worker>(i, runtime_, pools_, prepared.config));
  for (const auto& worker : workers_) {
    runtime_.loops.push_back(&worker->loop());
    runtime_.worker_list.push_back(worker.get());
  }
  listeners_.emplace(accepting_loop(), [this](base::Fd fd, pooler::ListenerInfo info) {
    deal_out(std::move(fd), std::move(info));
  });
  listeners_->tune(wire::socket_options(prepared.config->weir));
  for (auto& socket : prepared.sockets) listeners_->add(std::move(socket));
  listening_ = listeners_->text();
  if (prepared.manager.watchdog) watchdog_.emplace(loop_, runtime_.loops, notifier_, *prepared.manager.watchdog);
  if (!prepared.http_sockets.empty()) make_http(std::move(prepared.http_sockets), prepared.config->http);
}

App::~App() = default;

pooler::Process::Hooks App::hooks() {
  return {.reload = [this](pooler::Operations::Done done) { reloader_.reload(std::move(done)); },
          .apply = [this](conf::ConfigPtr config) { return reloader_.apply_changed(std::move(config)); },
          .suspend_listening =
              [this](bool suspended) {
                on_listeners([suspended](pooler::Listeners& all) { suspended ? all.suspend() : all.resume(); });
              },
          .stop_listening =
              [this] {
                notifier_.stopping("shutting down");
                on_listeners([](pooler::Listeners& all) { all.close(); });
              },
          .quit = [this] { loop_.stop(); }};
}

pooler::Advisor::Asks App::advisor_asks() {
  return {.queries = [this](std::function<void(std::vector<pooler::QueryRow>)> done) { process_.queries(std::move(done)); },
          .samples = [this](std::function<void(std::vector<analyzer::SampledKind>)> done) { process_.samples(std::move(done)); },
          .keep =
              [this](std::string text) {
                if (history_) history_->keep(kAdviceKept, std::move(text));
              },
          .kept =
              [this](std::function<void(std::string)> done) {
                if (history_) history_->kept(kAdviceKept, std::move(done));
              },
          .config = [this] { return pools_.config(); },
          .caller = [this]() -> base::EventLoop& { return process_.caller(); }};
}

void App::keep_history(const conf::History& settings) {
  if (settings.path.empty()) return;
  history_.emplace(loop_, settings,
                   pooler::HistoryKeeper::Asks{
                       .queries = [this](std::function<void(std::vector<pooler::QueryCount>)> done) {
                         process_.count_queries(std::move(done));
                       },
                       .pools = [this] { return process_.look_at_pools(); }});
  process_.before_reset([this](std::vector<pooler::QueryCount> counts) { history_->take(std::move(counts)); });
}

admin::HistoryAccess App::history_access() {
  if (!history_) return {};
  return {.reader = history_->reader(), .aside = [this](std::function<void()> work, std::function<void()> done) {
            base::EventLoop& home = process_.caller();
            return history_->run([work = std::move(work), done = std::move(done), &home] {
              work();
              home.post(done);
            });
          }};
}

admin::AdviceAccess App::advice_access() {
  return {.report =
              [this](std::function<void(pooler::LintReportPtr)> done) {
                base::EventLoop& home = process_.caller();
                lint_.report([done = std::move(done), &home](pooler::LintReportPtr report) {
                  home.post([done, report = std::move(report)] { done(report); });
                });
              },
          .pools = [this] { return lint_.pool_advice(); }};
}

admin::AlertKeeper::Asks App::alert_asks() {
  const auto gauges = [this](std::function<void(std::vector<admin::AlertGauge>)> done) {
    auto sources = std::make_shared<admin::AlertSources>();
    sources->clients = pools_.clients();
    process_.pools([this, sources, done](std::vector<pooler::PoolRow> pools) {
      sources->pools = std::move(pools);
      process_.databases([this, sources, done](std::vector<pooler::DatabaseRow> databases) {
        sources->databases = std::move(databases);
        process_.users([this, sources, done](std::vector<pooler::UserRow> users) {
          sources->users = std::move(users);
          done(admin::alert_gauges(*sources, *pools_.config()));
        });
      });
    });
  };
  const auto queries = [this](std::function<void(std::vector<pooler::QueryCount>)> done) {
    process_.count_queries(std::move(done));
  };
  return {.queries = queries,
          .gauges = gauges,
          .aside = [this](std::function<void()> work) { return offload_.run(std::move(work)); },
          .tell = [this](const admin::AlertEvent& event) { alert_webhook_.tell(event); }};
}

// On the main loop's thread.
void App::configure_alerts(const conf::ConfigPtr& config) {
  alert_webhook_.configure(config->alerting);
  alert_keeper_.configure(*config);
}

admin::Services App::console_services() {
  return {.inspector = process_,
          .operations = process_,
          .config = [this] { return conf::show_config(*pools_.config()); },
          .audit = [](const admin::AuditEvent& event) { log.info("{}", admin::to_text(event)); },
          .version = std::string(version()),
          .aside = [this](std::function<void()> work, std::function<void()> done) {
            return selects_.submit(std::move(work), std::move(done), process_.caller());
          },
          .history = history_access(),
          .advice = advice_access(),
          .advisor = &advisor_,
          .alerts = {.rows = [this] { return alert_keeper_.rows(); }, .webhook = [this] { return alert_webhook_.row(); }}};
}

void App::make_http(std::vector<pooler::ListenSocket> sockets, const conf::Http& http) {
  std::vector<admin::Health::Watched> loops{{"the main thread", &loop_}};
  for (const auto& worker : workers_) loops.push_back({"worker " + std::to_string(worker->index()), &worker->loop()});
  http_.emplace(std::move(sockets), http, console_.sources(), std::move(loops), [this] { return pools_.config(); });
}

void App::run() {
  for (const auto& worker : workers_) worker->start();
  process_.start();
  if (history_) history_->start();
  lint_.start();
  advisor_.start();
  configure_alerts(pools_.config());
  if (http_) {
    http_->start();
    log.info("HTTP is answered on {}", http_->text());
  }
  log.info("Weir {} listens on {}; {} workers, {} mode, settings from {}", version(), listening_,
           workers_.size(), conf::to_string(pools_.config()->weir.pool_mode), source_text_);
  notifier_.ready("listening on " + listening_);
  loop_.run();
  stop();
}

// From any thread, one call at a time.
void App::apply(const conf::ConfigPtr& config, const TlsPair& tls) {
  if (const auto status = base::reconfigure_logging(log_settings(config->weir)); !status.ok())
    log.error("the log stays as it is: {}", base::to_text(status.error()));
  configure_slow_log(*config);
  trace_exporter_.configure(config->traces);
  limit_streams(*config);
  if (history_) history_->configure(config->history);
  loop_.post([this, advice = config->advice] { lint_.configure(advice); });
  resolver_.reconfigure(resolver_settings(*config));
  throttle_.configure(throttle_limits(*config));
  runtime_.set_client_tls(tls.client);
  runtime_.set_guards(pooler::GuardRules::make(config->guards, runtime_.guards(), base::wall_now()));
  pools_.reconfigure(config, tls.server);
  for (const auto& worker : workers_)
    worker->loop().post([target = worker.get(), config] { target->reconfigure(config); });
  on_listeners([options = wire::socket_options(config->weir)](pooler::Listeners& all) { all.tune(options); });
  advisor_.reconfigure();
  loop_.post([this, config] { configure_alerts(config); });
}

void App::configure_slow_log(const conf::Config& config) {
  if (const auto status = slow_log_.configure(slow_log_settings(config.weir)); !status.ok())
    log.error("the slow log stays as it is: {}", base::to_text(status.error()));
}

void App::on_hangup() {
  base::reopen_log();
  slow_log_.reopen();
  notifier_.reloading(base::now());
  reloader_.reload([this](const base::Status& status) {
    notifier_.ready(status.ok() ? "listening on " + listening_
                                : "the last reload failed: " + base::to_text(status.error()));
  });
}

void App::on_listeners(std::function<void(pooler::Listeners&)> work) {
  accepting_loop().post([this, work = std::move(work)] { work(*listeners_); });
}

void App::deal_out(base::Fd client, pooler::ListenerInfo listener) {
  pooler::Worker& worker = *workers_[next_worker_++ % workers_.size()];
  if (&worker.loop() == &accepting_loop()) {
    worker.accept(client.release(), std::move(listener));
    return;
  }
  // Owned until the worker takes it: a loop that ends first closes it.
  auto fd = std::make_shared<base::Fd>(std::move(client));
  worker.loop().post([&worker, fd, listener = std::move(listener)]() mutable {
    worker.accept(fd->release(), std::move(listener));
  });
}

void App::stop() {
  on_listeners([](pooler::Listeners& all) { all.close(); });
  if (http_) http_->stop();  // it asks workers
  advisor_.stop();
  for (const auto& worker : workers_) worker->stop();
  for (const auto& worker : workers_) worker->join();
  if (history_) history_->finish(process_.last_counts());
  trace_exporter_.finish(kTracesPatience);
  lint_.stop();
  outbox_.stop(kLastPosts);
  for (const auto& worker : workers_) {
    auth_queries_.stop_worker(worker->index());
    listen_hubs_.stop_worker(worker->index());
    catalogues_.stop_worker(worker->index());
    slow_plans_.stop_worker(worker->index());
  }
}

}  // namespace app
