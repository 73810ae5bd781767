#pragma once
// Health: whether each of some loops still turns. A loop that has not answered is not asked a second time.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"

namespace admin {

class Health {
 public:
  static constexpr base::Duration kDeadline = std::chrono::seconds(1);

  struct Watched {
    std::string name;  // "worker 0"
    base::EventLoop* loop = nullptr;
  };
  // The loops outlive the answers: none of them runs any more when `own`, whose thread all of this is for, is gone.
  Health(base::EventLoop& own, std::vector<Watched> loops, base::Duration deadline = kDeadline);

  // Who has not answered by the deadline; nobody, as soon as all have.
  using Done = std::function<void(const std::vector<std::string>& silent)>;
  void check(Done done);

 private:
  struct Waiter {
    Done done;
    base::TimePoint deadline;
  };
  void answered(std::size_t index);
  void look();

  base::EventLoop& own_;
  const std::vector<Watched> loops_;
  const base::Duration deadline_;
  base::Timer timer_;
  std::vector<bool> asked_;
  std::list<Waiter> waiters_;  // in the order of their deadlines
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace admin
