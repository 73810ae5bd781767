#include "admin/alerts.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace admin {

namespace {

constexpr double kMicrosPerMs = 1000;

bool any_or_listed(const conf::Names& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

bool any_or_begins(const conf::Names& names, const std::string& name) {
  const auto fits = [&name](const std::string& pattern) {
    return pattern.ends_with('*') ? name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1)) : name == pattern;
  };
  return names.empty() || std::any_of(names.begin(), names.end(), fits);
}

bool concerns(const AlertRule& rule, uint64_t fingerprint, const analyzer::QueryOwner& owner) {
  const conf::Alert& said = rule.settings;
  return any_or_listed(said.database, owner.database) && any_or_listed(said.user, owner.user) &&
         any_or_begins(said.application_name, owner.application) &&
         (rule.fingerprints.empty() ||
          std::find(rule.fingerprints.begin(), rule.fingerprints.end(), fingerprint) != rule.fingerprints.end());
}

bool concerns_all(const AlertRule& rule) {
  const conf::Alert& said = rule.settings;
  return said.database.empty() && said.user.empty() && said.application_name.empty() && said.fingerprint.empty();
}

}  // namespace

AlertRulePtr make_rule(const conf::Alert& settings) {
  auto rule = std::make_shared<AlertRule>();
  rule->settings = settings;
  const conf::AlertMetric metric = settings.metric.value_or(conf::AlertMetric::kErrorRate);
  rule->kind = conf::kind_of(metric);
  const auto number = [metric](const std::string& text) {
    const auto value = conf::alert_threshold(metric, text);
    return value.ok() ? *value : 0;
  };
  rule->above = number(settings.above);
  rule->resolve_below = settings.resolve_below.empty() ? rule->above : number(settings.resolve_below);
  for (const std::string& text : settings.fingerprint) {
    uint64_t& fingerprint = rule->fingerprints.emplace_back();
    std::from_chars(text.data(), text.data() + text.size(), fingerprint, 16);
  }
  return rule;
}

std::string_view name_of(AlertState state) {
  switch (state) {
    case AlertState::kInactive: return "inactive";
    case AlertState::kPending: return "pending";
    case AlertState::kFiring: return "firing";
    case AlertState::kResolved: return "resolved";
  }
  return "";
}

AlertStatus step(AlertStatus before, const AlertRule& rule, AlertReading reading, const Clocks& at) {
  AlertStatus after = std::move(before);
  const auto become = [&after, &at](AlertState state) {
    after.state = state;
    after.since = at.wall_now;
  };
  const bool above = reading.value && *reading.value > rule.above;
  const bool over = !reading.value || *reading.value <= rule.resolve_below;
  if (!above) after.above.reset();
  else if (!after.above) after.above = at.now;
  if (!over) after.below.reset();
  else if (!after.below) after.below = at.now;
  after.reading = std::move(reading);

  if (after.state == AlertState::kFiring) {
    if (!after.below || at.now - *after.below < rule.settings.resolve_after) return after;
    become(AlertState::kResolved);
    after.resolved = at.wall_now;
    return after;
  }
  if (!after.above) {
    if (after.state == AlertState::kPending) become(AlertState::kInactive);
  } else if (at.now - *after.above >= rule.settings.hold) {
    become(AlertState::kFiring);
    after.fired = at.wall_now;
    ++after.firings;
  } else if (after.state != AlertState::kPending) {
    become(AlertState::kPending);
  }
  return after;
}

std::vector<AlertEvent> AlertBook::set_rules(const std::map<std::string, conf::Alert, std::less<>>& rules, const Clocks& at) {
  std::vector<AlertEvent> events;
  std::map<std::string, Watched, std::less<>> now;
  for (const auto& [name, settings] : rules) {
    const auto known = watched_.find(name);
    if (known != watched_.end() && known->second.rule->settings == settings) {
      now.insert(watched_.extract(known));
      continue;
    }
    Watched& fresh = now[name];
    fresh.rule = make_rule(settings);
    fresh.status.since = at.wall_now;
  }
  for (auto& [name, gone] : watched_) {
    if (gone.status.state != AlertState::kFiring) continue;
    gone.status.state = AlertState::kResolved;
    gone.status.since = gone.status.resolved = at.wall_now;
    events.push_back({gone.rule, AlertState::kFiring, std::move(gone.status)});
  }
  watched_ = std::move(now);
  return events;
}

std::vector<AlertEvent> AlertBook::look(const AlertSample& sample, const Clocks& at) {
  std::vector<AlertEvent> events;
  for (auto& [name, watched] : watched_) {
    const AlertRule& rule = *watched.rule;
    if (rule.kind.of_statements) count(watched, sample.queries, at.now);
    AlertReading reading = rule.kind.of_statements ? read_statements(watched) : read_gauges(rule, sample.gauges);
    const AlertState before = watched.status.state;
    watched.status = step(std::move(watched.status), rule, std::move(reading), at);
    if (watched.status.state != before) events.push_back({watched.rule, before, watched.status});
  }
  return events;
}

std::vector<AlertRow> AlertBook::rows() const {
  std::vector<AlertRow> rows;
  for (const auto& [name, watched] : watched_) rows.push_back({watched.rule, watched.status});
  return rows;
}

void AlertBook::count(Watched& watched, const analyzer::HistoryQueries& queries, base::TimePoint now) {
  const base::Duration window = watched.rule->settings.window;
  std::deque<Piece>& pieces = watched.window;
  while (!pieces.empty() && pieces.front().end <= now - window) pieces.pop_front();
  if (pieces.empty() || now - pieces.back().begin >= window / kPieces) pieces.push_back({now, now, {}});
  Piece& piece = pieces.back();
  piece.end = now;
  const auto add = [&piece](const analyzer::QueryTotals& totals) {
    piece.tally.calls += totals.calls;
    piece.tally.errors += totals.errors;
    piece.tally.wait_us += totals.wait_us;
    piece.tally.times.merge(totals.times);
  };
  for (const analyzer::HistoryQuery& query : queries.rows)
    if (concerns(*watched.rule, query.fingerprint, *query.owner)) add(query.totals);
  if (concerns_all(*watched.rule)) add(queries.others);
}

AlertReading AlertBook::read_statements(const Watched& watched) {
  Tally all;
  for (const Piece& piece : watched.window) {
    all.calls += piece.tally.calls;
    all.errors += piece.tally.errors;
    all.wait_us += piece.tally.wait_us;
    all.times.merge(piece.tally.times);
  }
  if (all.calls < static_cast<uint64_t>(watched.rule->settings.min_calls)) return {};
  const auto part = [&all](uint64_t sum) { return static_cast<double>(sum) / static_cast<double>(all.calls); };
  const auto quantile = [&all](double which) { return static_cast<double>(all.times.quantile(which)) / kMicrosPerMs; };
  switch (watched.rule->kind.metric) {
    case conf::AlertMetric::kErrorRate: return {100 * std::min(part(all.errors), 1.0)};
    case conf::AlertMetric::kP95: return {quantile(0.95)};
    case conf::AlertMetric::kP99: return {quantile(0.99)};
    case conf::AlertMetric::kMeanWait: return {part(all.wait_us) / kMicrosPerMs};
    default: return {};  // of gauges
  }
}

AlertReading AlertBook::read_gauges(const AlertRule& rule, const std::vector<AlertGauge>& gauges) {
  AlertReading worst;
  for (const AlertGauge& gauge : gauges) {
    if (gauge.metric != rule.kind.metric || !any_or_listed(rule.settings.database, gauge.database) ||
        !any_or_listed(rule.settings.user, gauge.user))
      continue;
    if (!worst.value || gauge.value > *worst.value) worst = {gauge.value, gauge.where};
  }
  return worst;
}

}  // namespace admin
