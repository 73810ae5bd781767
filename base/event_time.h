#pragma once
// The time of the event that is being handled.

#include "base/clock.h"

namespace base {

// When the event that this thread's loop handles now was taken up; the time it is where none is handled. Read from the
// clock once for each event, and only if it is asked for: a query has two events and would ask for the time at each turn.
class EventTime {
 public:
  static TimePoint now() {
    if (!handling_) return base::now();
    if (at_ == TimePoint{}) at_ = base::now();
    return at_;
  }
  // The loop's own word: an event is handled for as long as one of these lives.
  class Handling {
   public:
    Handling() {
      handling_ = true;
      at_ = {};
    }
    ~Handling() { handling_ = false; }
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;
  };

 private:
  static inline constinit thread_local bool handling_ = false;
  static inline constinit thread_local TimePoint at_{};
};

}  // namespace base
