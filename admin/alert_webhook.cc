#include "admin/alert_webhook.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "admin/alert_message.h"
#include "base/http.h"
#include "base/log.h"
#include "base/text.h"

namespace admin {

namespace {

const base::Logger log{"alerts"};

}  // namespace

base::Duration retry_delay(int attempt, base::Duration first, base::Duration most) {
  base::Duration delay = first;
  for (int i = 1; i < attempt && delay < most; ++i) delay *= 2;
  return std::min(delay, most);
}

bool worth_a_retry(int status) { return status == 0 || status == 408 || status == 429 || status >= 500; }

AlertWebhook::AlertWebhook(base::EventLoop& loop, Post post)
    : loop_(loop), post_(std::move(post)), retry_(loop, [this] { send(); }) {}

void AlertWebhook::configure(const conf::Alerting& settings) {
  const bool elsewhere = settings.webhook_url != settings_.webhook_url;
  settings_ = settings;
  place_.clear();
  if (settings_.webhook_url) {
    const auto place = base::place_of_url(settings_.webhook_url->reveal());
    if (place.ok()) place_ = *place;
  }
  numbers_.webhook = place_;
  if (place_.empty()) {
    numbers_.dropped += line_.size();
    line_.clear();
    retry_.cancel();
    under_way_ = false;
    ++turn_;
  } else if (elsewhere && !under_way_ && !line_.empty()) {
    retry_.cancel();
    send();  // what failed there may succeed here
  }
  publish(place_.empty() ? "off" : under_way_ ? "sending" : retry_.armed() ? "retrying" : "idle");
}

void AlertWebhook::tell(const AlertEvent& event) {
  const AlertState now = event.status.state;
  if (place_.empty() || (now != AlertState::kFiring && now != AlertState::kResolved)) return;
  line_.push_back({webhook_body(event, settings_.instance), fmt::format("{} {}", event.rule->settings.name, name_of(now))});
  while (line_.size() > static_cast<std::size_t>(settings_.webhook_queue)) {
    const auto oldest = line_.begin() + (under_way_ && line_.size() > 1 ? 1 : 0);
    log.limited("dropped").warn("the webhook at {} is behind: \"alert {}\" is dropped", place_, oldest->about);
    line_.erase(oldest);
    ++numbers_.dropped;
  }
  if (under_way_) return publish("sending");
  if (retry_.armed()) return publish("retrying");
  send();
}

void AlertWebhook::send() {
  if (line_.empty() || under_way_) return;
  Message& message = line_.front();
  ++message.attempts;
  if (message.attempts > 1) ++numbers_.retries;
  base::PostRequest request{.url = std::string(settings_.webhook_url->reveal()),
                            .type = "application/json",
                            .body = message.body,
                            .deadline = settings_.webhook_timeout,
                            .ca_file = settings_.webhook_ca_file};
  if (settings_.webhook_token)
    request.headers.push_back("Authorization: Bearer " + std::string(settings_.webhook_token->reveal()));
  under_way_ = true;
  publish("sending");
  const auto done = [this, loop = &loop_, alive = std::weak_ptr<char>(alive_), turn = ++turn_](const base::PostOutcome& outcome) {
    loop->post([this, alive, turn, outcome] {
      if (!alive.expired()) on_outcome(turn, outcome);
    });
  };
  if (!post_(std::move(request), done)) fail("too much is to be sent already", false, {});
}

void AlertWebhook::on_outcome(uint64_t turn, const base::PostOutcome& outcome) {
  if (turn != turn_ || !under_way_) return;
  if (!outcome.delivered()) {
    const std::string why = outcome.status == 0 ? outcome.error : fmt::format("it answers {}", outcome.status);
    return fail(why, !worth_a_retry(outcome.status), outcome.retry_after);
  }
  ++numbers_.sent;
  numbers_.last_sent_at = base::wall_now();
  if (line_.front().attempts > 1)
    log.info("\"alert {}\" has reached the webhook at {} with attempt {}", line_.front().about, place_, line_.front().attempts);
  next();
}

void AlertWebhook::fail(const std::string& why, bool for_good, base::Duration retry_after) {
  const Message& message = line_.front();
  numbers_.last_error = base::escape_for_log(why, 200);
  numbers_.last_error_at = base::wall_now();
  if (for_good || message.attempts >= settings_.webhook_attempts) {
    ++numbers_.given_up;
    log.error("\"alert {}\" is given up after {} attempts: the webhook at {}: {}", message.about, message.attempts, place_, why);
    return next();
  }
  const base::Duration own = retry_delay(message.attempts, settings_.webhook_retry, settings_.webhook_retry_max);
  const base::Duration delay = std::max(own, std::min(retry_after, settings_.webhook_retry_max));
  log.limited("retry").warn("the webhook at {}: {}; \"alert {}\" is sent again in {}", place_, why, message.about,
                            base::duration_text(delay));
  under_way_ = false;
  retry_.once(delay);
  publish("retrying");
}

void AlertWebhook::next() {
  line_.pop_front();
  under_way_ = false;
  if (line_.empty()) return publish("idle");
  send();
}

void AlertWebhook::publish(const std::string& state) {
  numbers_.state = state;
  numbers_.waiting = line_.size();
  const std::lock_guard lock(mutex_);
  shown_ = numbers_;
}

AlertingRow AlertWebhook::row() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

}  // namespace admin
