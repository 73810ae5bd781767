#include "conf/check_alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>


namespace conf {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

std::vector<std::string> found(const Config& config) {
  std::vector<std::string> out;
  FixedSurroundings surroundings;
  for (const Finding& finding : check_alerts(config, surroundings))
    out.push_back((finding.severity == Finding::Severity::kWarning ? "warning " : "") + finding.section + "." + finding.key +
                  ": " + finding.message);
  return out;
}

Alert errors() {
  Alert alert;
  alert.metric = AlertMetric::kErrorRate;
  alert.above = "5%";
  return alert;
}

std::vector<std::string> found(Alert alert, const std::string& name = "rule") {
  Config config;
  alert.name = name;
  config.alerts[name] = std::move(alert);
  return found(config);
}

std::vector<std::string> with(AlertMetric metric, std::string above, std::string below = "") {
  Alert alert;
  alert.metric = metric;
  alert.above = std::move(above);
  alert.resolve_below = std::move(below);
  return found(alert);
}

TEST(CheckAlerts, GoodRulesPass) {
  EXPECT_THAT(found(errors()), IsEmpty());
  for (const auto& name : kNames<AlertMetric>)
    EXPECT_THAT(with(name.value, kind_of(name.value).unit == AlertUnit::kPercent ? "0.5%" : "1.5s"), IsEmpty()) << name.name;
  Alert alert = errors();
  alert.application_name = {"api*", "jobs"};
  alert.fingerprint = {"0123456789abcdef"};
  alert.resolve_below = "5%";
  EXPECT_THAT(found(alert, "api-errors_1"), IsEmpty());
}

TEST(CheckAlerts, AThresholdHasTheUnitOfItsMetric) {
  EXPECT_DOUBLE_EQ(*alert_threshold(AlertMetric::kErrorRate, " 2.5 %"), 2.5);
  EXPECT_DOUBLE_EQ(*alert_threshold(AlertMetric::kClientSaturation, "90%"), 90);
  EXPECT_DOUBLE_EQ(*alert_threshold(AlertMetric::kP95, "1.5s"), 1500);
  EXPECT_DOUBLE_EQ(*alert_threshold(AlertMetric::kPoolWait, "250us"), 0.25);
  for (const char* bad : {"5", "0.05", "250ms", "100%", "-1%", "nan%", "%", "a lot"})
    EXPECT_THAT(with(AlertMetric::kErrorRate, bad),
                ElementsAre(HasSubstr("alerts.rule.above: above of error_rate must be a part of all, such as \"5%\"")))
        << bad;
  for (const char* bad : {"250", "5%", "ms", "-1s", "soon"})
    EXPECT_THAT(with(AlertMetric::kP99, bad),
                ElementsAre("alerts.rule.above: above of p99 must be a time with its unit, such as \"250ms\""))
        << bad;
}

TEST(CheckAlerts, WhatIsNeededIsAskedFor) {
  EXPECT_THAT(found(Alert{}), ElementsAre(AllOf(HasSubstr("alerts.rule.: metric is missing"), HasSubstr("pool_wait"))));
  EXPECT_THAT(with(AlertMetric::kP95, ""), ElementsAre(HasSubstr("alerts.rule.: above is missing")));
  EXPECT_THAT(with(AlertMetric::kP95, "1s", "2s"), ElementsAre(HasSubstr("alerts.rule.resolve_below: resolve_below (2s)")));
  EXPECT_THAT(with(AlertMetric::kP95, "1s", "2"), ElementsAre(HasSubstr("alerts.rule.resolve_below: resolve_below of p95")));
  Config config;
  config.weir.query_stats = false;
  config.alerts["rule"] = errors();
  config.alerts["rule"].name = "rule";
  EXPECT_THAT(found(config), ElementsAre("alerts.rule.metric: metric: error_rate needs query_stats"));
}

TEST(CheckAlerts, NamesAreReadable) {
  EXPECT_THAT(found(errors(), "two words"), ElementsAre(HasSubstr("alerts.\"two words\".: an alert's name")));
  EXPECT_THAT(found(errors(), std::string(64, 'a')), ElementsAre(HasSubstr("an alert's name")));
  Alert alert = errors();
  alert.severity = "";
  EXPECT_THAT(found(alert), ElementsAre(HasSubstr("alerts.rule.severity: ")));
  alert = errors();
  alert.application_name = {"a*b"};
  EXPECT_THAT(found(alert), ElementsAre(HasSubstr("alerts.rule.application_name: ")));
  alert = errors();
  alert.fingerprint = {"123"};
  EXPECT_THAT(found(alert), ElementsAre(HasSubstr("alerts.rule.fingerprint: ")));
}

TEST(CheckAlerts, WhatIsKnownOfPoolsHasNoStatements) {
  Alert alert;
  alert.metric = AlertMetric::kPoolWait;
  alert.above = "1s";
  alert.database = {"shop"};
  EXPECT_THAT(found(alert), IsEmpty());
  alert.application_name = {"api"};
  EXPECT_THAT(found(alert), ElementsAre(HasSubstr("alerts.rule.application_name: application_name: pool_wait is known of pools")));
  alert.application_name = {};
  alert.window = 5s;
  EXPECT_THAT(found(alert), ElementsAre("warning alerts.rule.window: window has no effect: pool_wait is what it is at each look"));
}

TEST(CheckAlerts, AWebhookIsAUrlAndIsNotRepeated) {
  const auto alerting = [](const std::function<void(Alerting&)>& change) {
    Config config;
    config.alerts["rule"] = errors();
    config.alerts["rule"].name = "rule";
    change(config.alerting);
    return found(config);
  };
  EXPECT_THAT(alerting([](Alerting& a) { a.webhook_url = Secret("https://hooks.example/s3cret"); }), IsEmpty());
  EXPECT_THAT(alerting([](Alerting& a) { a.webhook_url = Secret("s3cret"); }),
              ElementsAre(AllOf(HasSubstr("alerting.webhook_url: webhook_url is not a URL"), Not(HasSubstr("s3cret")))));
  EXPECT_THAT(alerting([](Alerting& a) {
                a.webhook_url = Secret("http://hooks.example");
                a.webhook_token = Secret("t");
              }),
              ElementsAre(HasSubstr("warning alerting.webhook_token: webhook_token is sent as it is")));
  EXPECT_THAT(alerting([](Alerting& a) {
                a.webhook_url = Secret("https://hooks.example");
                a.webhook_token = Secret("s3cret\r\nX: y");
              }),
              ElementsAre(AllOf(HasSubstr("alerting.webhook_token: "), Not(HasSubstr("s3cret")))));
  EXPECT_THAT(alerting([](Alerting& a) { a.webhook_ca_file = "/nowhere"; }),
              ElementsAre("alerting.webhook_ca_file: webhook_ca_file: there is no file /nowhere"));
  EXPECT_THAT(alerting([](Alerting& a) { a.webhook_retry = 1h; }), ElementsAre(HasSubstr("alerting.webhook_retry: ")));
  Config config;
  config.alerting.webhook_url = Secret("https://hooks.example");
  EXPECT_THAT(found(config), ElementsAre(HasSubstr("warning alerting.webhook_url: webhook_url has no effect")));
}

TEST(CheckAlerts, ThereAreNotTooMany) {
  Config config;
  for (std::size_t i = 0; i <= kAlertsMax; ++i) config.alerts["rule" + std::to_string(i)] = errors();
  config.finish();
  EXPECT_THAT(found(config), ElementsAre("alerting.: there are 201 alerts, and at most 200 are looked at"));
}

}  // namespace
}  // namespace conf
