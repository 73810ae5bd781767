#pragma once
// Turns of a loop: what is ready now is handled, and nothing is waited for.

#include <functional>

#include "base/loop.h"

namespace support {

// Every descriptor that is ready when a turn begins is served in it. Enough for ends of socket pairs, where what was
// sent has arrived.
inline void turn(base::EventLoop& loop, int turns = 4) {
  std::function<void(int)> again = [&](int left) {
    if (left == 0)
      loop.stop();
    else
      loop.post([&again, left] { again(left - 1); });
  };
  again(turns);
  loop.run();
}

}  // namespace support
