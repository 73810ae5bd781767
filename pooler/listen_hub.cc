#include "pooler/listen_hub.h"

#include <algorithm>
#include <utility>

#include "pooler/listening.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"

namespace pooler {

// ---- Subscription ----

Subscription::Subscription(std::shared_ptr<ListenHub> hub, int worker, base::EventLoop& loop,
                           ListenSubscriber& subscriber)
    : hub_(std::move(hub)),
      mailbox_(std::make_shared<Mailbox>(hub_->new_id(), worker, loop)),
      subscriber_(subscriber),
      sync_timer_(loop, [this] { on_sync_timeout(); }) {
  mailbox_->owner = this;
  hub_->post([mailbox = mailbox_](ListenHub& home) { home.join(mailbox); });
}

Subscription::~Subscription() {
  mailbox_->owner = nullptr;
  hub_->post([id = mailbox_->id](ListenHub& home) { home.leave(id); });
}

void Subscription::listen(std::vector<std::string> channels, Done done) {
  const uint64_t token = next_token_++;
  for (std::string& channel : channels) {
    if (channel.empty() || channel.find('\0') != std::string::npos) {
      asked_[token].done = std::move(done);
      return answer_soon(token, base::syntax_error("a channel's name is missing"));
    }
    channel = channel_name(channel);
  }
  std::vector<std::string> fresh = unknown_of(channels);
  std::size_t under_way = 0;
  for (const auto& [other, asked] : asked_) under_way += asked.channels.size();
  const bool too_many = channels_.size() + under_way + fresh.size() > kChannelsMax;
  const bool nothing = fresh.empty();
  asked_[token] = {.channels = too_many ? std::vector<std::string>() : fresh, .done = std::move(done)};
  if (too_many) return answer_soon(token, base::configuration_limit("too many channels are listened to by one client"));
  if (nothing) return answer_soon(token, base::Ok{});
  hub_->post([id = mailbox_->id, token, fresh = std::move(fresh)](ListenHub& home) { home.listen(id, token, fresh); });
}

// Each of them once, without those that are listened to.
std::vector<std::string> Subscription::unknown_of(const std::vector<std::string>& channels) const {
  std::vector<std::string> fresh;
  std::set<std::string_view> seen;
  for (const std::string& channel : channels)
    if (!channels_.contains(channel) && seen.insert(channel).second) fresh.push_back(channel);
  return fresh;
}

void Subscription::sync(std::function<void()> done) {
  const uint64_t token = next_token_++;
  asked_[token] = {.channels = {},
                   .done = [done = std::move(done)](const base::Status&) { done(); },
                   .deadline = base::now() + ListenHubs::kSyncTimeout};
  if (channels_.empty()) return answer_soon(token, base::Ok{});
  if (!sync_timer_.armed()) sync_timer_.once(ListenHubs::kSyncTimeout);
  hub_->post([id = mailbox_->id, token](ListenHub& home) { home.sync(id, token); });
}

void Subscription::on_sync_timeout() {
  const base::TimePoint now = base::now();
  auto next = base::TimePoint::max();
  for (const auto& [token, asked] : asked_) {
    if (asked.deadline <= now)
      answer_soon(token, base::Ok{});
    else
      next = std::min(next, asked.deadline);
  }
  if (next != base::TimePoint::max()) sync_timer_.once(std::chrono::ceil<base::Duration>(next - now));
}

void Subscription::unlisten(const std::string& name) {
  const std::string channel = channel_name(name);
  channels_.erase(channel);
  for (auto& [token, asked] : asked_) std::erase(asked.channels, channel);
  std::erase_if(queue_, [&](const NotificationPtr& one) {
    if (one->channel != channel) return false;
    mailbox_->waiting.fetch_sub(one->cost());
    return true;
  });
  hub_->post([id = mailbox_->id, channel](ListenHub& home) { home.unlisten(id, channel); });
}

void Subscription::unlisten_all() {
  channels_.clear();
  for (auto& [token, asked] : asked_) asked.channels.clear();
  while (!queue_.empty()) (void)take();
  hub_->post([id = mailbox_->id](ListenHub& home) { home.unlisten_all(id); });
}

void Subscription::keep_only(const std::set<std::string>& channels) {
  std::erase_if(queue_, [&](const NotificationPtr& one) {
    if (channels.contains(one->channel)) return false;
    mailbox_->waiting.fetch_sub(one->cost());
    return true;
  });
}

NotificationPtr Subscription::take() {
  if (queue_.empty()) return nullptr;
  NotificationPtr oldest = std::move(queue_.front());
  queue_.pop_front();
  mailbox_->waiting.fetch_sub(oldest->cost());
  return oldest;
}

void Subscription::arrive(const NotificationPtr& notification) {
  // It may have been on its way when that was left.
  if (!channels_.contains(notification->channel)) {
    mailbox_->waiting.fetch_sub(notification->cost());
    return;
  }
  queue_.push_back(notification);
  if (queue_.size() == 1) subscriber_.on_notifications();
}

void Subscription::overflow() {
  queue_.clear();
  channels_.clear();
  subscriber_.on_overflow(
      base::configuration_limit("too many notifications were sent to a client that does not take them"));
}

void Subscription::on_answer(uint64_t token, const base::Status& status) {
  const auto found = asked_.find(token);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (status.ok()) channels_.insert(asked.channels.begin(), asked.channels.end());
  asked.done(status);
}

void Subscription::answer_soon(uint64_t token, base::Status status) {
  mailbox_->loop.post([mailbox = mailbox_, token, status = std::move(status)] {
    if (mailbox->owner != nullptr) mailbox->owner->on_answer(token, status);
  });
}

// ---- ListenHubs ----

ListenHubs::~ListenHubs() {
  for (auto& [key, hub] : hubs_) hub->stop();
}

std::unique_ptr<Subscription> ListenHubs::subscribe(const std::shared_ptr<Pool>& pool, int worker,
                                                    const std::string& client_encoding, ListenSubscriber& subscriber) {
  const Key key{pool->database(), pool->user(), client_encoding};
  std::shared_ptr<ListenHub> hub;
  {
    const std::lock_guard lock(mutex_);
    auto& known = hubs_[key];
    if (!known) {
      // Any worker will do; the names spread pools over them.
      const std::size_t spread = std::hash<std::string>()(pool->database() + '\0' + pool->user());
      const int home = static_cast<int>(spread % runtime_.loops.size());
      known = std::make_shared<ListenHub>(*this, runtime_, home, pool, pool->database(), pool->user(), client_encoding);
    }
    hub = known;
    hub->users.fetch_add(1);
  }
  base::EventLoop& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  return std::unique_ptr<Subscription>(new Subscription(std::move(hub), worker, loop, subscriber));
}

std::vector<ListenRow> ListenHubs::rows() const {
  std::vector<ListenRow> rows;
  const std::lock_guard lock(mutex_);
  rows.reserve(hubs_.size());
  for (const auto& [key, hub] : hubs_) rows.push_back(hub->row());
  return rows;
}

void ListenHubs::reconnect(const std::string& database) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, hub] : hubs_)
    if (database.empty() || hub->database() == database) hub->post([](ListenHub& home) { home.renew(); });
}

void ListenHubs::stop_worker(int worker) {
  std::vector<std::shared_ptr<ListenHub>> stopped;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(hubs_, [&](const auto& entry) {
      if (entry.second->home() != worker) return false;
      stopped.push_back(entry.second);
      return true;
    });
  }
  for (const auto& hub : stopped) hub->stop();
}

bool ListenHubs::retire(const ListenHub& hub) {
  const std::lock_guard lock(mutex_);
  if (hub.users != 0) return false;
  hubs_.erase(hub.key());
  return true;
}

}  // namespace pooler
