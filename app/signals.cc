#include "app/signals.h"

#include <signal.h>

#include <utility>

#include "base/log.h"

namespace app {
namespace {

const base::Logger log{"signals"};

}  // namespace

Signals::Signals(base::EventLoop& loop, pooler::Operations& operations, std::function<void()> reload)
    : operations_(operations), reload_(std::move(reload)) {
  using pooler::ShutdownMode;
  const auto on = [this, &loop](int number, std::function<void()> action) {
    watches_.push_back(std::make_unique<base::SignalWatch>(loop, number, std::move(action)));
  };
  on(SIGHUP, [this] {
    log.info("SIGHUP: reloading");
    reload_();
  });
  on(SIGTERM, [this] { shut_down(ShutdownMode::kWaitForClients, "SIGTERM"); });
  on(SIGINT, [this] { shut_down(ShutdownMode::kWaitForServers, "SIGINT"); });
  on(SIGQUIT, [this] { shut_down(ShutdownMode::kImmediate, "SIGQUIT"); });
  on(SIGUSR1, [this] { pause(); });
  on(SIGUSR2, [this] {
    log.info("SIGUSR2: resuming");
    if (const auto status = operations_.resume({}); !status.ok()) log.warn("SIGUSR2: {}", base::to_text(status.error()));
    pausing_.reset();
  });
}

void Signals::shut_down(pooler::ShutdownMode mode, const char* signal) {
  const bool again = std::exchange(told_to_stop_, true);
  if (again) mode = pooler::ShutdownMode::kImmediate;
  log.info("{}: {}", signal, again ? "stopping now" : "stopping");
  (void)operations_.shutdown(mode);  // cannot fail; what it does is logged there
}

void Signals::pause() {
  log.info("SIGUSR1: pausing");
  auto token = operations_.pause({}, [](const base::Status& status) {
    if (status.ok())
      log.info("paused: no server is in use");
    else
      log.warn("SIGUSR1: {}", base::to_text(status.error()));
  });
  // Without one it was refused, and an earlier pause goes on.
  if (token) pausing_ = std::move(token);
}

}  // namespace app
