#include "admin/health.h"

#include <algorithm>
#include <utility>

namespace admin {

Health::Health(base::EventLoop& own, std::vector<Watched> loops, base::Duration deadline)
    : own_(own),
      loops_(std::move(loops)),
      deadline_(deadline),
      timer_(own, [this] { look(); }),
      asked_(loops_.size(), false) {}

void Health::check(Done done) {
  waiters_.push_back({std::move(done), base::now() + deadline_});
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    if (asked_[i]) continue;
    asked_[i] = true;
    loops_[i].loop->post([this, i, own = &own_, alive = std::weak_ptr<char>(alive_)] {
      own->post([this, i, alive] {
        if (!alive.expired()) answered(i);
      });
    });
  }
  if (loops_.empty()) return look();
  if (!timer_.armed()) timer_.once(deadline_);
}

void Health::answered(std::size_t index) {
  asked_[index] = false;
  if (std::none_of(asked_.begin(), asked_.end(), [](bool asked) { return asked; })) look();
}

void Health::look() {
  std::vector<std::string> silent;
  for (std::size_t i = 0; i < loops_.size(); ++i)
    if (asked_[i]) silent.push_back(loops_[i].name);
  const auto now = base::now();
  while (!waiters_.empty() && (silent.empty() || waiters_.front().deadline <= now)) {
    const Done done = std::move(waiters_.front().done);
    waiters_.pop_front();
    done(silent);
  }
  timer_.cancel();
  if (!waiters_.empty()) timer_.once(waiters_.front().deadline - now);
}

}  // namespace admin
