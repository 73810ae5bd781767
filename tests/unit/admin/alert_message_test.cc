#include "admin/alert_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace admin {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using namespace std::chrono_literals;

AlertEvent event(AlertState state, std::optional<double> value = 312.0) {
  conf::Alert alert;
  alert.name = "slow";
  alert.metric = conf::AlertMetric::kP95;
  alert.above = "250ms";
  alert.hold = 60s;
  alert.severity = "page";
  alert.description = "see \"the book\"";
  AlertEvent out{make_rule(alert), AlertState::kPending, {}};
  out.status.state = state;
  out.status.fired = base::WallTime(1'763'694'880s) + 1500us;
  if (state == AlertState::kResolved) out.status.resolved = base::WallTime(1'763'694'940s);
  out.status.reading = {value, ""};
  return out;
}

TEST(AlertMessage, ValuesHaveTheirUnit) {
  EXPECT_EQ(alert_value(312, conf::AlertUnit::kMilliseconds), "312ms");
  EXPECT_EQ(alert_value(12.5, conf::AlertUnit::kPercent), "12.5%");
  EXPECT_EQ(alert_value(100.0 / 3, conf::AlertUnit::kPercent), "33.333%");
  EXPECT_EQ(alert_value(0, conf::AlertUnit::kPercent), "0%");
  EXPECT_EQ(alert_value(100, conf::AlertUnit::kPercent), "100%");
}

TEST(AlertMessage, ALineSaysWhatAndHowMuch) {
  EXPECT_EQ(alert_text(event(AlertState::kFiring)), "alert slow is firing: p95 is 312ms, above 250ms for 1min");
  EXPECT_EQ(alert_text(event(AlertState::kPending)), "alert slow is pending: p95 is 312ms, above 250ms");
  EXPECT_EQ(alert_text(event(AlertState::kResolved, 3)), "alert slow is resolved: p95 is 3ms");
  EXPECT_EQ(alert_text(event(AlertState::kResolved, std::nullopt)), "alert slow is resolved: there is nothing to tell p95 of");
  AlertEvent pool = event(AlertState::kFiring);
  pool.status.reading.where = "shop/app";
  EXPECT_THAT(alert_text(pool), HasSubstr("p95 is 312ms (shop/app), above"));
}

TEST(AlertMessage, AFiringOneIsWhatAlertmanagerPosts) {
  const std::string body = webhook_body(event(AlertState::kFiring), "weir-1");
  EXPECT_EQ(body.substr(0, body.rfind(':')),
            R"x({"version":"4","groupKey":"{}:{alertname=\"slow\"}","truncatedAlerts":0,"status":"firing","receiver":"weir",)x"
            R"x("groupLabels":{"alertname":"slow"},)x"
            R"x("commonLabels":{"alertname":"slow","severity":"page","metric":"p95","job":"weir","instance":"weir-1"},)x"
            R"x("commonAnnotations":{"summary":"alert slow is firing: p95 is 312ms, above 250ms for 1min","threshold":"250ms",)x"
            R"x("value":"312ms","description":"see \"the book\""},"externalURL":"","alerts":[{"status":"firing",)x"
            R"x("labels":{"alertname":"slow","severity":"page","metric":"p95","job":"weir","instance":"weir-1"},)x"
            R"x("annotations":{"summary":"alert slow is firing: p95 is 312ms, above 250ms for 1min","threshold":"250ms",)x"
            R"x("value":"312ms","description":"see \"the book\""},"startsAt":"2025-11-21T03:14:40.001500Z",)x"
            R"x("endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint")x");
  EXPECT_THAT(body.substr(body.rfind(':')), MatchesRegex(R"(:"[0-9a-f]{16}"\}\]\})"));
}

TEST(AlertMessage, AResolvedOneIsTheSameAlertWithItsEnd) {
  const auto print_of = [](const std::string& body) { return body.substr(body.find("\"fingerprint\"")); };
  const std::string body = webhook_body(event(AlertState::kResolved, 3), "");
  EXPECT_THAT(body, HasSubstr(R"("status":"resolved","receiver")"));
  EXPECT_THAT(body, HasSubstr(R"("startsAt":"2025-11-21T03:14:40.001500Z","endsAt":"2025-11-21T03:15:40.000000Z")"));
  EXPECT_THAT(body, Not(HasSubstr("instance")));
  EXPECT_EQ(print_of(body), print_of(webhook_body(event(AlertState::kFiring), "")));
  EXPECT_NE(print_of(body), print_of(webhook_body(event(AlertState::kFiring), "weir-2")));
}

}  // namespace
}  // namespace admin
