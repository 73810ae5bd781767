#include "app/watchdog.h"

#include <utility>

#include "base/log.h"

namespace app {
namespace {

const base::Logger log{"watchdog"};

}  // namespace

Watchdog::Watchdog(base::EventLoop& loop, std::vector<base::EventLoop*> workers, Notifier& notifier,
                   base::Duration period)
    : workers_(std::move(workers)),
      notifier_(notifier),
      silent_(std::make_shared<std::atomic<std::size_t>>(0)),
      timer_(loop, [this] { ask(); }) {
  timer_.every(period / 3);  // a late turn or two must not look like death
}

void Watchdog::ask() {
  if (const auto silent = silent_->load(); silent > 0) {
    log.limited("silent").error("{} workers have not answered in time", silent);
    return;
  }
  notifier_.watchdog();
  silent_->store(workers_.size());
  for (base::EventLoop* worker : workers_) worker->post([silent = silent_] { silent->fetch_sub(1); });
}

}  // namespace app
