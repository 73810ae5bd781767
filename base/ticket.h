#pragma once
// Ticket: a withdrawable promise to call back.
//
// Whoever waits for something keeps the ticket; dropping it withdraws the wish, and the callback never comes. A
// callback that came has spent its ticket: dropping that is harmless. A ticket belongs to the loop's thread on
// which the callback runs.

#include <functional>
#include <utility>

namespace base {

class [[nodiscard]] Ticket {
 public:
  Ticket() = default;
  // `withdraw` runs at most once. It must be harmless after the promise was kept.
  explicit Ticket(std::move_only_function<void()> withdraw) : withdraw_(std::move(withdraw)) {}
  ~Ticket() { drop(); }
  Ticket(Ticket&& other) noexcept : withdraw_(std::exchange(other.withdraw_, nullptr)) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this != &other) {
      drop();
      withdraw_ = std::exchange(other.withdraw_, nullptr);
    }
    return *this;
  }

  void drop() {
    if (auto withdraw = std::exchange(withdraw_, nullptr)) withdraw();
  }
  // A promise was made. It may have been kept since.
  explicit operator bool() const { return static_cast<bool>(withdraw_); }

 private:
  std::move_only_function<void()> withdraw_;
};

}  // namespace base
