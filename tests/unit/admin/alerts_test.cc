#include "admin/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace admin {
namespace {

using conf::AlertMetric;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

conf::Alert p95() {
  conf::Alert alert;
  alert.name = "slow";
  alert.metric = AlertMetric::kP95;
  alert.above = "250ms";
  alert.resolve_below = "200ms";
  alert.hold = 60s;
  alert.resolve_after = 30s;
  return alert;
}

Clocks at(base::Duration time) { return {base::TimePoint(time), base::WallTime(1'763'694'880s) + time}; }

// The states that a rule goes through with these values, one every ten seconds; a value below 0 is none.
std::vector<std::string> states(const conf::Alert& alert, const std::vector<double>& values) {
  const AlertRulePtr rule = make_rule(alert);
  AlertStatus status;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    AlertReading reading;
    if (values[i] >= 0) reading.value = values[i];
    status = step(std::move(status), *rule, reading, at(static_cast<int>(i) * 10s));
    out.emplace_back(name_of(status.state));
  }
  return out;
}

TEST(Alerts, FiresWhenItHasHeldForLongEnoughAndNotBefore) {
  EXPECT_THAT(states(p95(), {100, 300, 300, 300, 300, 300, 300, 300, 300}),
              ElementsAre("inactive", "pending", "pending", "pending", "pending", "pending", "pending", "firing", "firing"));
  EXPECT_THAT(states(p95(), {300, 300, 300, 250, 300, 300, 300, 300, 300, 300, 300}),
              ElementsAre("pending", "pending", "pending", "inactive", "pending", "pending", "pending", "pending", "pending",
                          "pending", "firing"))
      << "one look at which it is not above, and it begins again; the threshold itself is not above";
  conf::Alert at_once = p95();
  at_once.hold = 0s;
  EXPECT_THAT(states(at_once, {300}), ElementsAre("firing"));
}

TEST(Alerts, IsResolvedBelowItsOwnThresholdAndAfterSomeTime) {
  conf::Alert alert = p95();
  alert.hold = 0s;
  EXPECT_THAT(states(alert, {300, 220, 220, 220, 220, 220}), ElementsAre("firing", "firing", "firing", "firing", "firing", "firing"))
      << "no longer above, and not yet below";
  EXPECT_THAT(states(alert, {300, 200, 200, 200, 200, 100, 300}),
              ElementsAre("firing", "firing", "firing", "firing", "resolved", "resolved", "firing"));
  EXPECT_THAT(states(alert, {300, 100, 100, 220, 100, 100, 100, 100}),
              ElementsAre("firing", "firing", "firing", "firing", "firing", "firing", "firing", "resolved"));
  EXPECT_THAT(states(alert, {300, -1, -1, -1, -1}), ElementsAre("firing", "firing", "firing", "firing", "resolved"))
      << "nothing to be seen is nothing above";
}

TEST(Alerts, AResolvedOneCanBecomePendingAndIsInactiveAfterThat) {
  conf::Alert alert = p95();
  alert.hold = 10s;
  alert.resolve_after = 0s;
  EXPECT_THAT(states(alert, {300, 300, 100, 300, 100, 300, 300}),
              ElementsAre("pending", "firing", "resolved", "pending", "inactive", "pending", "firing"));
}

TEST(Alerts, MomentsAreThoseOfTheChanges) {
  conf::Alert alert = p95();
  alert.hold = 10s;
  alert.resolve_after = 0s;
  const AlertRulePtr rule = make_rule(alert);
  AlertStatus status;
  for (int i = 0; i < 5; ++i) status = step(std::move(status), *rule, {300.0, "shop/app"}, at(i * 10s));
  EXPECT_EQ(status.fired, at(10s).wall_now);
  EXPECT_EQ(status.since, at(10s).wall_now);
  EXPECT_EQ(status.firings, 1u);
  EXPECT_EQ(status.reading.where, "shop/app");
  status = step(std::move(status), *rule, {1.0}, at(60s));
  EXPECT_EQ(status.resolved, at(60s).wall_now);
  EXPECT_EQ(status.fired, at(10s).wall_now) << "when it began stays known";
}

// ---- From numbers to values ----

using Rules = std::map<std::string, conf::Alert, std::less<>>;

struct Counted {
  std::string database = "shop", user = "app", application = "api";
  uint64_t fingerprint = 0x1234;
  uint64_t calls = 100, errors = 0, wait_us = 0;
  uint64_t took_us = 1000;
};

AlertSample sample(const std::vector<Counted>& all) {
  AlertSample out;
  for (const Counted& one : all) {
    analyzer::HistoryQuery query;
    query.fingerprint = one.fingerprint;
    query.owner = std::make_shared<analyzer::QueryOwner>(one.database, one.user, one.application);
    query.totals.calls = one.calls;
    query.totals.errors = one.errors;
    query.totals.wait_us = one.wait_us;
    for (uint64_t i = 0; i < one.calls; ++i) query.totals.times.record(one.took_us);
    out.queries.rows.push_back(std::move(query));
  }
  return out;
}

conf::Alert rule(AlertMetric metric, std::string above) {
  conf::Alert alert;
  alert.name = "rule";
  alert.metric = metric;
  alert.above = std::move(above);
  alert.hold = 0s;
  return alert;
}

std::optional<double> value(const conf::Alert& alert, const AlertSample& sample) {
  AlertBook book;
  EXPECT_THAT(book.set_rules({{"rule", alert}}, at(0s)), IsEmpty());
  book.look(sample, at(10s));
  return book.rows().at(0).status.reading.value;
}

TEST(AlertBook, TellsEachMetricOfStatements) {
  const AlertSample busy = sample({{.errors = 4, .wait_us = 500'000, .took_us = 1000}, {.calls = 100, .took_us = 800'000}});
  EXPECT_DOUBLE_EQ(*value(rule(AlertMetric::kErrorRate, "5%"), busy), 2.0);
  EXPECT_DOUBLE_EQ(*value(rule(AlertMetric::kMeanWait, "5ms"), busy), 2.5);
  EXPECT_NEAR(*value(rule(AlertMetric::kP95, "5ms"), busy), 800, 800.0 / 16);
  EXPECT_NEAR(*value(rule(AlertMetric::kP99, "5ms"), sample({{.calls = 1000}, {.calls = 5, .took_us = 900'000}})), 1, 0.1);
}

TEST(AlertBook, OnlyWhatTheRuleIsAboutCounts) {
  const AlertSample all = sample({{.errors = 50}, {.database = "other", .errors = 100}, {.user = "root"},
                                  {.application = "jobs-1", .errors = 20}, {.fingerprint = 0x99, .errors = 10}});
  conf::Alert alert = rule(AlertMetric::kErrorRate, "5%");
  EXPECT_DOUBLE_EQ(*value(alert, all), 36);
  alert.database = {"other", "third"};
  EXPECT_DOUBLE_EQ(*value(alert, all), 100);
  alert = rule(AlertMetric::kErrorRate, "5%");
  alert.user = {"root"};
  EXPECT_DOUBLE_EQ(*value(alert, all), 0);
  alert = rule(AlertMetric::kErrorRate, "5%");
  alert.application_name = {"jobs*"};
  EXPECT_DOUBLE_EQ(*value(alert, all), 20);
  alert.application_name = {"jobs"};
  EXPECT_EQ(value(alert, all), std::nullopt);
  alert = rule(AlertMetric::kErrorRate, "5%");
  alert.fingerprint = {"0000000000000099"};
  EXPECT_DOUBLE_EQ(*value(alert, all), 10);
}

TEST(AlertBook, FewCallsTellNothing) {
  conf::Alert alert = rule(AlertMetric::kErrorRate, "5%");
  EXPECT_EQ(value(alert, sample({{.calls = 9, .errors = 9}})), std::nullopt);
  EXPECT_DOUBLE_EQ(*value(alert, sample({{.calls = 10, .errors = 10}})), 100);
  EXPECT_EQ(value(alert, {}), std::nullopt);
}

TEST(AlertBook, OthersBelongToRulesAboutEverything) {
  AlertSample all = sample({{.errors = 10}});
  all.queries.others.calls = 100;
  conf::Alert alert = rule(AlertMetric::kErrorRate, "5%");
  EXPECT_DOUBLE_EQ(*value(alert, all), 5);
  alert.database = {"shop"};
  EXPECT_DOUBLE_EQ(*value(alert, all), 10);
}

TEST(AlertBook, AWindowSlides) {
  AlertBook book;
  conf::Alert alert = rule(AlertMetric::kErrorRate, "5%");
  alert.window = 60s;
  book.set_rules({{"rule", alert}}, at(0s));
  const auto seen = [&book] { return book.rows().at(0).status.reading.value; };
  book.look(sample({{.errors = 100}}), at(10s));
  EXPECT_DOUBLE_EQ(*seen(), 100);
  for (int second = 20; second <= 60; second += 10) book.look(sample({{}}), at(second * 1s));
  EXPECT_NEAR(*seen(), 100.0 / 6, 0.001);
  book.look(sample({{}}), at(70s));
  EXPECT_DOUBLE_EQ(*seen(), 0) << "what ended at 10 s is out of the sixty seconds before 70 s";
  book.look({}, at(500s));
  EXPECT_EQ(seen(), std::nullopt);
}

TEST(AlertBook, GaugesAreTheWorstOfThoseThatTheRuleIsAbout) {
  AlertSample gauges;
  gauges.gauges = {{AlertMetric::kServerSaturation, "shop", "app", 50, "shop/app"},
                   {AlertMetric::kServerSaturation, "shop", "root", 95, "shop/root"},
                   {AlertMetric::kClientSaturation, "", "", 99, "max_client_conn"},
                   {AlertMetric::kPoolWait, "shop", "app", 1500, "shop/app"}};
  const auto seen = [&gauges](conf::Alert alert) {
    AlertBook book;
    book.set_rules({{"rule", std::move(alert)}}, at(0s));
    book.look(gauges, at(1s));
    return book.rows().at(0).status;
  };
  conf::Alert alert = rule(AlertMetric::kServerSaturation, "90%");
  EXPECT_EQ(seen(alert).reading.where, "shop/root");
  EXPECT_EQ(seen(alert).state, AlertState::kFiring);
  alert.user = {"app"};
  EXPECT_DOUBLE_EQ(*seen(alert).reading.value, 50);
  EXPECT_EQ(seen(rule(AlertMetric::kPoolWait, "1s")).state, AlertState::kFiring);
  alert = rule(AlertMetric::kClientSaturation, "90%");
  EXPECT_EQ(seen(alert).state, AlertState::kFiring);
  alert.database = {"shop"};
  EXPECT_EQ(seen(alert).reading.value, std::nullopt) << "the limit of the process is of no database";
}

TEST(AlertBook, AReloadKeepsWhatIsAsItWasAndResolvesWhatIsGone) {
  AlertBook book;
  Rules rules{{"a", rule(AlertMetric::kErrorRate, "5%")}, {"b", rule(AlertMetric::kErrorRate, "5%")},
              {"c", rule(AlertMetric::kErrorRate, "5%")}, {"d", rule(AlertMetric::kErrorRate, "1%")}};
  for (auto& [name, alert] : rules) alert.name = name;
  book.set_rules(rules, at(0s));
  EXPECT_EQ(book.look(sample({{.errors = 100}}), at(1s)).size(), 4u);
  rules.erase("b");
  rules["c"].above = "50%";
  rules["e"] = rule(AlertMetric::kP99, "1s");
  const auto events = book.set_rules(rules, at(2s));
  ASSERT_EQ(events.size(), 2u);
  for (const AlertEvent& event : events) {
    EXPECT_EQ(event.before, AlertState::kFiring);
    EXPECT_EQ(event.status.state, AlertState::kResolved);
    EXPECT_EQ(event.status.resolved, at(2s).wall_now);
  }
  EXPECT_EQ(events[0].rule->settings.name, "b");
  EXPECT_EQ(events[1].rule->settings.name, "c");
  std::vector<std::string> states;
  for (const AlertRow& row : book.rows()) states.emplace_back(name_of(row.status.state));
  EXPECT_THAT(states, ElementsAre("firing", "inactive", "firing", "inactive"));
  EXPECT_EQ(book.rows().at(0).status.since, at(1s).wall_now);
  EXPECT_THAT(book.set_rules(rules, at(3s)), IsEmpty());
}

TEST(AlertBook, EventsAreChangesOfState) {
  AlertBook book;
  conf::Alert alert = rule(AlertMetric::kErrorRate, "5%");
  alert.hold = 10s;
  alert.window = 1s;
  book.set_rules({{"rule", alert}}, at(0s));
  std::vector<std::string> seen;
  for (int second = 1; second <= 40; ++second) {
    const AlertSample one = sample({{.errors = second < 20 ? 50u : 0u}});
    for (const AlertEvent& event : book.look(one, at(second * 1s)))
      seen.push_back(std::to_string(second) + " " + std::string(name_of(event.before)) + " " +
                     std::string(name_of(event.status.state)));
  }
  EXPECT_THAT(seen, ElementsAre("1 inactive pending", "11 pending firing", "20 firing resolved"));
}

}  // namespace
}  // namespace admin
