#pragma once
// Signals, with the meaning PgBouncer gives them:
//
//   HUP   reload, and open the log file anew      TERM  shut down when all clients have left
//   USR1  pause                                   INT   shut down when all servers are free
//   USR2  resume                                  QUIT  shut down at once
//
// A second TERM or INT does not wait any more.

#include <functional>
#include <memory>
#include <vector>

#include "base/loop.h"
#include "pooler/console.h"

namespace app {

class Signals {
 public:
  // `reload` is everything that HUP asks for. For the loop's own thread.
  Signals(base::EventLoop& loop, pooler::Operations& operations, std::function<void()> reload);

 private:
  void shut_down(pooler::ShutdownMode mode, const char* signal);
  void pause();

  pooler::Operations& operations_;
  std::function<void()> reload_;
  bool told_to_stop_ = false;
  pooler::Operations::Token pausing_;
  std::vector<std::unique_ptr<base::SignalWatch>> watches_;
};

}  // namespace app
