#pragma once
// Runs a loop until something is so, or too much time has passed.

#include <functional>

#include "base/loop.h"

namespace support {

// True if `so` became true. Real time: for tests of what touches sockets and threads.
inline bool run_until(base::EventLoop& loop, const std::function<bool()>& so,
                      base::Duration limit = std::chrono::seconds(10)) {
  const auto end = base::now() + limit;
  base::Timer look(loop, [&] {
    if (so() || base::now() > end) loop.stop();
  });
  look.every(std::chrono::milliseconds(1));
  loop.run();
  return so();
}

inline void run_for(base::EventLoop& loop, base::Duration time) {
  run_until(loop, [] { return false; }, time);
}

}  // namespace support
