#include "admin/alert_keeper.h"

#include <algorithm>
#include <utility>

#include "admin/alert_message.h"
#include "analyzer/history_diff.h"
#include "base/log.h"

namespace admin {

namespace {

const base::Logger log{"alerts"};

void write(const AlertEvent& event) {
  const std::string text = alert_text(event);
  if (event.status.state == AlertState::kFiring) log.warn("{}", text);
  else log.info("{}", text);
}

}  // namespace

// What the threads work on: one job at a time, and the next one after it.
struct AlertKeeper::Work {
  analyzer::HistoryDiff diff;
  AlertBook book;
  // What was counted before the first look is nobody's: it is of the time since the start.
  bool counting = false;

  Found look(std::optional<Rules> rules, std::vector<pooler::QueryCount> counts, std::optional<std::vector<AlertGauge>> gauges,
             const Clocks& at) {
    Found found;
    if (rules) found.events = book.set_rules(*rules, at);
    const bool counted = !counts.empty();
    for (pooler::QueryCount& count : counts) diff.take(count.worker, count.number, std::move(count.snapshot));
    AlertSample sample;
    if (counted) sample.queries = diff.drain(analyzer::HistoryDiff::kKindsMax);
    if (!std::exchange(counting, counted)) sample.queries = {};
    if (gauges) {
      sample.gauges = *std::move(gauges);
      for (AlertEvent& event : book.look(sample, at)) found.events.push_back(std::move(event));
    }
    found.rows = book.rows();
    return found;
  }
};

AlertKeeper::AlertKeeper(base::EventLoop& loop, Asks asks)
    : loop_(loop), asks_(std::move(asks)), timer_(loop, [this] { look(); }) {}

void AlertKeeper::configure(const conf::Config& config) {
  if (!any_ && config.alerts.empty()) return;
  any_ = !config.alerts.empty();
  of_statements_ = std::any_of(config.alerts.begin(), config.alerts.end(), [](const auto& alert) {
    return alert.second.metric && conf::kind_of(*alert.second.metric).of_statements;
  });
  new_rules_ = config.alerts;
  if (!any_) {
    timer_.cancel();
  } else if (interval_ != config.alerting.interval || !timer_.armed()) {
    timer_.every(config.alerting.interval);
  }
  interval_ = config.alerting.interval;
  look();  // those that are gone are resolved now, and counting begins now
}

void AlertKeeper::look() {
  if (looking_) return;
  looking_ = true;
  if (!work_) work_ = std::make_shared<Work>();
  if (!any_) return evaluate({}, std::nullopt);
  asks_.gauges([this](std::vector<AlertGauge> gauges) {
    if (!of_statements_) return evaluate({}, std::move(gauges));
    auto kept = std::make_shared<std::vector<AlertGauge>>(std::move(gauges));
    asks_.queries([this, kept](std::vector<pooler::QueryCount> counts) { evaluate(std::move(counts), std::move(*kept)); });
  });
}

void AlertKeeper::evaluate(std::vector<pooler::QueryCount> counts, std::optional<std::vector<AlertGauge>> gauges) {
  struct Given {
    std::optional<Rules> rules;
    std::vector<pooler::QueryCount> counts;
    std::optional<std::vector<AlertGauge>> gauges;
  };
  auto given = std::make_shared<Given>(std::exchange(new_rules_, std::nullopt), std::move(counts), std::move(gauges));
  const Clocks at{base::now(), base::wall_now()};
  const bool taken = asks_.aside([this, work = work_, given, at, loop = &loop_, alive = std::weak_ptr<char>(alive_)] {
    auto found = std::make_shared<Found>(
        work->look(std::move(given->rules), std::move(given->counts), std::move(given->gauges), at));
    loop->post([this, found, alive] {
      if (!alive.expired()) show(std::move(*found));
    });
  });
  if (taken) return;
  // Every thread is busy, and much is in line: what was counted comes with the next look.
  looking_ = false;
  if (given->rules && !new_rules_) new_rules_ = std::move(given->rules);
}

void AlertKeeper::show(Found found) {
  looking_ = false;
  {
    const std::lock_guard lock(mutex_);
    shown_ = std::move(found.rows);
  }
  for (const AlertEvent& event : found.events) {
    write(event);
    asks_.tell(event);
  }
  if (new_rules_) look();  // a reload came in between
  else if (!any_) work_.reset();
}

std::vector<AlertRow> AlertKeeper::rows() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

}  // namespace admin
