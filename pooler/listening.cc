#include "pooler/listening.h"

#include <algorithm>

#include "base/log.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"

namespace pooler {
namespace {

const base::Logger log{"listen"};

// How often is looked at what nobody wants any more, at silence and at changed settings.
constexpr base::Duration kTick = std::chrono::seconds(1);

}  // namespace

ListenHub::ListenHub(ListenHubs& hubs, Runtime& runtime, int home, std::weak_ptr<Pool> pool, std::string database,
                     std::string user, std::string client_encoding)
    : hubs_(hubs),
      runtime_(runtime),
      home_(home),
      loop_(*runtime.loops[static_cast<std::size_t>(home)]),
      pool_(std::move(pool)),
      database_(std::move(database)),
      user_(std::move(user)),
      encoding_(std::move(client_encoding)),
      outgoing_(runtime.loops.size()) {}

void ListenHub::post(std::function<void(ListenHub&)> work) {
  loop_.post([self = shared_from_this(), work = std::move(work)] {
    if (!self->stopped_) work(*self);
  });
}

// ---- What sessions ask ----

void ListenHub::join(MailboxPtr mailbox) {
  members_.emplace(mailbox->id, std::move(mailbox));
  if (tick_) return;
  tick_.emplace(loop_, [this] { on_tick(); });
  retry_.emplace(loop_, [this] { connect(); });
  tick_->every(kTick);
}

void ListenHub::leave(uint64_t id) {
  channels_.forget(id, base::now());
  members_.erase(id);
  users.fetch_sub(1);
}

void ListenHub::listen(uint64_t id, uint64_t token, std::vector<std::string> channels) {
  if (!members_.contains(id)) return;
  if (auto status = channels_.ask({.who = id, .token = token, .channels = std::move(channels)}); !status.ok())
    return answer(id, token, std::move(status));
  switch (state_) {
    case State::kClosed: return connect();
    case State::kWaiting: {
      // Somebody waits for it: at once, unless that was tried just now.
      const base::Duration ago = std::chrono::duration_cast<base::Duration>(base::now() - failed_at_);
      retry_->once(std::max(base::Duration::zero(), ListenHubs::kRetryMin - ago));
      return;
    }
    default: return go_on();
  }
}

void ListenHub::sync(uint64_t id, uint64_t token) {
  // Without a connection nothing is heard, and nothing to wait for.
  if (state_ != State::kListening) return answer(id, token, base::Ok{});
  listen(id, token, {});
}

void ListenHub::unlisten(uint64_t id, const std::string& channel) { channels_.leave(id, channel, base::now()); }
void ListenHub::unlisten_all(uint64_t id) { channels_.leave_all(id, base::now()); }

void ListenHub::renew() {
  if (state_ == State::kListening) lose(base::connection_failure("the connection is made anew"));
}

void ListenHub::stop() {
  stopped_ = true;
  tick_.reset();
  retry_.reset();
  drop_connection();
  members_.clear();
  become(State::kClosed);
}

// ---- The connection ----

void ListenHub::connect() {
  const auto pool = pool_.lock();
  if (!pool) {
    answer(channels_.fail_all(base::connection_failure("the pool is gone")));
    return become(State::kClosed);
  }
  become(State::kConnecting);
  const SideConnection::Options options{.application_name = "weir listen", .client_encoding = encoding_};
  connection_ = std::make_unique<SideConnection>(runtime_, loop_, pool->settings(), pool->login_credentials(), options,
                                                 static_cast<SideHandler&>(*this));
}

void ListenHub::on_connected() {
  remote_pid_ = connection_->remote_pid();
  heard_at_ = base::now();
  channels_.on_connected();
  go_on();
}

// Runs what is next in line, if the connection is free.
void ListenHub::go_on() {
  if (!connection_ || !connection_->ready()) return;
  const auto sql = channels_.next(base::now(), ListenHubs::kLinger);
  channel_count_ = channels_.size();
  if (state_ == State::kConnecting && !(sql && channels_.restoring())) {
    {
      const std::lock_guard lock(row_mutex_);
      connected_since_ = base::wall_now();
      last_error_.clear();
    }
    connected_at_ = base::now();
    become(State::kListening);
    if (losses_ > 0 && channels_.anybody())
      log.info("pool {}/{}: listens again, to {} channels", database_, user_, channels_.size());
  }
  if (sql) connection_->query(*sql, [this](const base::Result<wire::PgRows>& rows) { on_answer(rows); });
}

void ListenHub::on_answer(const base::Result<wire::PgRows>& rows) {
  heard_at_ = base::now();
  send_out();  // what was heard before the answer goes before it
  if (!rows.ok()) {
    {
      const std::lock_guard lock(row_mutex_);
      last_error_ = to_text(rows.error());
    }
    log.limited(database_).warn("pool {}/{}: LISTEN failed: {}", database_, user_, to_text(rows.error()));
    if (channels_.restoring()) return lose(rows.error());
  }
  answer(rows.ok() ? channels_.succeeded() : channels_.failed(rows.error()));
  go_on();
}

void ListenHub::on_lost(const base::Error& error) { lose(error); }

void ListenHub::lose(const base::Error& error) {
  const bool was_listening = state_ == State::kListening;
  drop_connection();
  failed_at_ = base::now();
  {
    const std::lock_guard lock(row_mutex_);
    last_error_ = to_text(error);
  }
  send_out();
  const bool missed = was_listening && channels_.anybody();
  const Channels::Answers answers = was_listening ? channels_.on_lost(error) : channels_.fail_all(error);
  const bool again = channels_.anybody() || channels_.asked();
  // The state is told before what follows from it: who reads a loss or an answer finds it so.
  become(again ? State::kWaiting : State::kClosed);
  if (missed) {
    losses_.fetch_add(1);
    log.warn("pool {}/{}: the listening connection was lost: {}; notifications sent until it is back are not heard",
             database_, user_, to_text(error));
  }
  if (!was_listening) log.limited(database_).warn("pool {}/{}: cannot listen: {}", database_, user_, to_text(error));
  answer(answers);
  if (!again) return;
  // A connection that worked for a while is made anew at once.
  if (was_listening && failed_at_ - connected_at_ >= ListenHubs::kRetryMax)
    retry_delay_ = {};
  else
    retry_delay_ = std::clamp(retry_delay_ * 2, ListenHubs::kRetryMin, ListenHubs::kRetryMax);
  retry_->once(retry_delay_);
}

void ListenHub::drop_connection() {
  if (!connection_) return;
  connection_->close();
  loop_.defer_delete(std::move(connection_));
  remote_pid_ = 0;
}

// ---- To the sessions ----

void ListenHub::answer(const Channels::Answers& answers) {
  for (const Channels::Answer& one : answers) answer(one.who, one.token, one.status);
}

void ListenHub::answer(uint64_t id, uint64_t token, base::Status status) {
  const auto member = members_.find(id);
  if (member == members_.end()) return;
  member->second->loop.post([mailbox = member->second, token, status = std::move(status)] {
    if (mailbox->owner != nullptr) mailbox->owner->on_answer(token, status);
  });
}

void ListenHub::on_notification(std::string_view channel, std::string_view frame) {
  heard_at_ = base::now();
  received_.fetch_add(1, std::memory_order_relaxed);
  const auto notification = std::make_shared<const Notification>(std::string(channel), std::string(frame));
  const auto* listeners = channels_.listeners(notification->channel);
  if (listeners == nullptr) return;
  const std::size_t cost = notification->cost();
  std::vector<uint64_t> too_slow;
  for (const uint64_t id : *listeners) {
    const MailboxPtr& mailbox = members_.at(id);
    if (mailbox->waiting.fetch_add(cost) + cost > Subscription::kWaitingBytesMax) {
      too_slow.push_back(id);
      continue;
    }
    outgoing_[static_cast<std::size_t>(mailbox->worker)].emplace_back(mailbox, notification);
    delivered_.fetch_add(1, std::memory_order_relaxed);
  }
  for (const uint64_t id : too_slow) give_up_on(id);
}

void ListenHub::give_up_on(uint64_t id) {
  overflows_.fetch_add(1);
  send_out();
  members_.at(id)->loop.post([mailbox = members_.at(id)] {
    if (mailbox->owner != nullptr) mailbox->owner->overflow();
  });
  channels_.forget(id, base::now());
  members_.erase(id);
}

// One message to each worker, however many of its sessions listen.
void ListenHub::send_out() {
  for (auto& letters : outgoing_) {
    if (letters.empty()) continue;
    base::EventLoop& loop = letters.front().first->loop;
    loop.post([batch = std::exchange(letters, {})] {
      for (const auto& [mailbox, notification] : batch)
        if (mailbox->owner != nullptr) mailbox->owner->arrive(notification);
    });
  }
}

// ---- Upkeep ----

void ListenHub::on_tick() {
  const base::TimePoint now = base::now();
  channel_count_ = channels_.size();
  if (!channels_.idle()) unused_since_ = {};
  else if (unused_since_ == base::TimePoint{}) unused_since_ = now;

  if (channels_.idle() && now - unused_since_ >= ListenHubs::kLinger) {
    drop_connection();
    retry_->cancel();
    become(State::kClosed);
    // The one reference that is left then outlives this call of a timer that goes with it.
    auto self = shared_from_this();
    if (users == 0 && hubs_.retire(*this)) loop_.defer([self = std::move(self)] { self->stop(); });
    return;
  }
  if (state_ == State::kListening) look_at_settings();
  go_on();
  if (connection_ && connection_->ready() && now - heard_at_ >= ListenHubs::kHeartbeat)
    connection_->query("", [this](const base::Result<wire::PgRows>&) {
      heard_at_ = base::now();
      go_on();
    });
}

// A reload may have moved the pool to another server.
void ListenHub::look_at_settings() {
  const auto pool = pool_.lock();
  if (!pool) return lose(base::connection_failure("the pool is gone"));
  if (!(pool->settings()->target == connection_->made_with().target))
    lose(base::connection_failure("the settings of the pool have changed"));
}

ListenRow ListenHub::row() const {
  ListenRow row;
  row.database = database_;
  row.user = user_;
  row.client_encoding = encoding_;
  row.losses = losses_;  // before the state that follows from it
  switch (state_) {
    case State::kClosed: row.state = "closed"; break;
    case State::kConnecting: row.state = "connecting"; break;
    case State::kListening: row.state = "listening"; break;
    case State::kWaiting: row.state = "waiting"; break;
  }
  row.channels = channel_count_;
  row.subscribers = static_cast<std::size_t>(users.load());
  row.remote_pid = remote_pid_;
  row.received = received_;
  row.delivered = delivered_;
  row.overflows = overflows_;
  const std::lock_guard lock(row_mutex_);
  if (state_ == State::kListening) row.connected_since = connected_since_;
  row.last_error = last_error_;
  return row;
}

}  // namespace pooler
