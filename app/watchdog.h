#pragma once
// Watchdog: tells the service manager that the process lives, as long as every worker answers. A worker that hangs is
// reported by silence, and the manager restarts the service.

#include <atomic>
#include <memory>
#include <vector>

#include "app/service_manager.h"
#include "base/loop.h"

namespace app {

class Watchdog {
 public:
  // `period`: how often the manager wants to hear from us at the least. The loops outlive the Watchdog.
  Watchdog(base::EventLoop& loop, std::vector<base::EventLoop*> workers, Notifier& notifier, base::Duration period);

 private:
  void ask();

  std::vector<base::EventLoop*> workers_;
  Notifier& notifier_;
  std::shared_ptr<std::atomic<std::size_t>> silent_;  // workers that have not answered the last question
  base::Timer timer_;
};

}  // namespace app
