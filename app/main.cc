// The program. Everything of substance is in App; here is what must happen before there is a thread.

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "app/app.h"
#include "app/limits.h"
#include "app/log_setup.h"
#include "app/options.h"
#include "app/pidfile.h"
#include "app/privileges.h"
#include "app/tools.h"
#include "app/version.h"
#include "base/log.h"
#include "base/thread.h"

namespace {

using app::Options;

enum ExitCode { kOk = 0, kFailed = 1, kWrongUsage = 2 };

const base::Logger log{"app"};

int fail(const base::Error& error, ExitCode code = kFailed) {
  fmt::print(stderr, "weir: {}\n", base::to_text(error));
  return code;
}

// A URL on the command line may hold a password, and everybody on the machine can read command lines.
void hide_urls(std::span<char* const> arguments) {
  for (char* argument : arguments) {
    const std::string_view text(argument);
    const auto credentials = text.find("://");
    if (credentials == std::string_view::npos || text.find('@') == std::string_view::npos) continue;
    for (std::size_t i = credentials + 3; i < text.size(); ++i) argument[i] = '*';
  }
}

base::Result<std::vector<pooler::ListenSocket>> find_sockets(const conf::Config& config,
                                                             const app::ManagerEnvironment& manager) {
  if (manager.sockets == 0) return pooler::ListenSocket::open_all(config.weir);
  std::vector<pooler::ListenSocket> sockets;
  for (int i = 0; i < manager.sockets; ++i) {
    TRY(auto socket, pooler::ListenSocket::adopt(base::Fd(app::ManagerEnvironment::kFirstSocket + i)));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

int run(const Options& options) {
  app::App::Prepared prepared;
  prepared.source = app::SettingsSource(options);
  if (prepared.source.says_nothing())
    return fail(base::with_hint(base::syntax_error("nothing says which server to pool"),
                                "weir --config FILE or weir postgres://...; more: weir help"),
                kWrongUsage);
  prepared.manager = app::ManagerEnvironment::read(::getpid(), [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  });

  conf::LoadResult loaded = prepared.source.load();
  if (!loaded.config) {
    fmt::print(stderr, "{}\n", conf::to_text(loaded.problems));
    return kFailed;
  }
  prepared.config = loaded.config;
  const conf::Weir& weir = prepared.config->weir;
  // What ps and top show is the main thread's name.
  base::name_this_thread(weir.service_name.empty() || weir.job_name != conf::Weir{}.job_name ? weir.job_name
                                                                                            : weir.service_name);
  if (const auto status = app::may_start(weir.user); !status.ok()) return fail(status.error());
  prepared.workers = app::worker_count(*prepared.config);

  const uint64_t descriptors = app::raise_descriptor_limit();
  const auto need = app::descriptors_needed(*prepared.config, prepared.workers);
  const auto fit = app::judge(need, descriptors);
  if (fit == app::Fit::kHopeless) return fail(base::configuration_limit(app::shortage_text(need, descriptors)));

  // Ports below 1024 and folders of sockets may want root; what is written or read again later may not.
  auto sockets = find_sockets(*prepared.config, prepared.manager);
  if (!sockets.ok()) return fail(sockets.error());
  prepared.sockets = *std::move(sockets);
  auto http = app::HttpService::open(prepared.config->http);
  if (!http.ok()) return fail(http.error());
  prepared.http_sockets = *std::move(http);
  if (const auto status = app::become(weir.user); !status.ok()) return fail(status.error());
  if (const auto status = app::harden(); !status.ok()) return fail(status.error());
  std::optional<app::Pidfile> pidfile;
  if (!weir.pidfile.empty()) {
    auto written = app::Pidfile::write(weir.pidfile);
    if (!written.ok()) return fail(written.error());
    pidfile.emplace(*std::move(written));
  }
  auto tls = app::make_tls(*prepared.config);
  if (!tls.ok()) return fail(tls.error());
  prepared.tls = *std::move(tls);

  if (const auto status = base::start_logging(app::log_settings(weir)); !status.ok()) return fail(status.error());
  for (const auto& warning : loaded.warnings) log.warn("{}", conf::to_text(warning));
  if (fit == app::Fit::kTooFew) log.warn("{}", app::shortage_text(need, descriptors));
  {
    app::App app(std::move(prepared));
    app.run();
  }
  base::stop_logging();
  return kOk;
}

int act(const Options& options) {
  switch (options.action) {
    case Options::Action::kRun: return run(options);
    case Options::Action::kCheck: return app::check_configuration(options);
    case Options::Action::kConvert: return app::convert_configuration(options);
    case Options::Action::kPrintDocs: return app::print_document(options);
    case Options::Action::kVersion: fmt::print("weir {}\n", app::version()); return kOk;
    case Options::Action::kHelp: fmt::print("{}", app::help_text()); return kOk;
  }
  return kOk;
}

}  // namespace

int main(int argc, char** argv) {
  base::set_thread_stack();
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);  // a client that is gone is an error of write()
  // Until the loop listens to them: what they ask for is about to happen, or has nothing to happen to.
  for (const int early : {SIGHUP, SIGUSR1, SIGUSR2}) ::sigaction(early, &ignore, nullptr);
  // And these end the process until then, also where a shell that runs it in the background has them ignored.
  struct sigaction end {};
  end.sa_handler = SIG_DFL;
  for (const int early : {SIGTERM, SIGINT, SIGQUIT}) ::sigaction(early, &end, nullptr);
  const std::span<char* const> arguments(argv + 1, argc > 0 ? static_cast<std::size_t>(argc) - 1 : 0);
  const std::vector<std::string_view> words(arguments.begin(), arguments.end());
  auto options = app::parse_options(words);
  if (!options.ok()) return fail(options.error(), kWrongUsage);
  hide_urls(arguments);
  try {
    return act(*options);
  } catch (const std::exception& failure) {  // a library's, mostly bad_alloc
    base::stop_logging();
    return fail(base::internal_error(failure.what()));
  }
}
