#pragma once
// PinBook: which statements make clients keep their servers, how often and for how long, so that an operator sees which
// to change. For the whole process; one row for each database, user, fingerprint and set of reasons.
//
//   pin.stay = runtime.pins.begin("app", "alice", "advisory locks", fingerprint, "SELECT pg_advisory_lock(42)");
//   pin.stay.end();  // or destroyed: the client may go on without its server
//
// A pin is counted under the reasons it began with. Thread-safe. A Stay may outlive the book.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pooler/console.h"

namespace pooler {

class PinBook {
 public:
  // Some hundred kilobytes. What was seen least recently makes room, and goes on in one row for all of these.
  static constexpr std::size_t kRowsMax = 1000;

  struct Clock {
    std::function<base::TimePoint()> now = base::now;
    std::function<base::WallTime()> wall_now = base::wall_now;
  };

 private:
  struct Row;
  struct State;

 public:
  // One pin, from its beginning to its end.
  class Stay {
   public:
    Stay() = default;
    ~Stay() { end(); }
    Stay(Stay&& other) noexcept = default;
    Stay& operator=(Stay&& other) noexcept;
    void end();

   private:
    friend class PinBook;
    std::shared_ptr<State> book_;
    std::shared_ptr<Row> row_;
    base::TimePoint since_{};
  };

  PinBook();
  explicit PinBook(Clock clock);
  ~PinBook();
  PinBook(const PinBook&) = delete;
  PinBook& operator=(const PinBook&) = delete;

  // `statement` is kept, and shown, without its values.
  [[nodiscard]] Stay begin(const std::string& database, const std::string& user, const std::string& reasons,
                           uint64_t fingerprint, const std::string& statement);
  // From the most to the least recently seen. At the end, if there is any, the sum of those that made room.
  std::vector<PinCountRow> rows() const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace pooler
