#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

#include "admin/alert_webhook.h"
#include "admin/alerts.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(ViewsAlerts, WithoutAlertsThereIsNothingAndThatIsSaid) {
  World world;
  Client root(world);
  EXPECT_THAT(root.query("SHOW ALERTS"), Not(HasSubstr("D(")));
  EXPECT_THAT(root.query("SHOW ALERTING"), HasSubstr("D(off||0|0|0|0|0|0||-|-)"));
}

TEST(ViewsAlerts, EachRuleHasItsStateAndItsNumbers) {
  World world;
  conf::Alert alert;
  alert.name = "waits";
  alert.metric = conf::AlertMetric::kPoolWait;
  alert.above = "1s";
  alert.severity = "page";
  alert.description = "look at shop";
  AlertRow row{make_rule(alert), {}};
  row.status.state = AlertState::kFiring;
  row.status.since = row.status.fired = base::WallTime(1'763'694'880s);
  row.status.firings = 2;
  row.status.reading = {1500.0, "shop/app"};
  alert.name = "quiet";
  AlertRow quiet{make_rule(alert), {}};
  world.alerts.rows = [row, quiet] { return std::vector<AlertRow>{row, quiet}; };
  AlertingRow webhook{.state = "retrying", .webhook = "https://hooks.example", .sent = 3, .retries = 1, .waiting = 2};
  webhook.last_error = "it answers 503";
  world.alerts.webhook = [webhook] { return webhook; };
  Client root(world);
  const std::string shown = root.query("SHOW ALERTS");
  EXPECT_THAT(shown, HasSubstr("D(waits|firing|2025-11-21 03:14:40+00|1500|1000|ms|shop/app|pool_wait|page|1|2|2025-11-21 "
                               "03:14:40+00|-|look at shop)"));
  EXPECT_THAT(shown, HasSubstr("D(quiet|inactive|-|-|1000|ms||pool_wait|page|0|0|-|-|look at shop)"));
  EXPECT_THAT(root.query("SELECT alert FROM alerts WHERE value > above"), HasSubstr("D(waits)"));
  EXPECT_THAT(root.query("SELECT state, webhook, rules, sent, waiting, last_error FROM alerting"),
              HasSubstr("D(retrying|https://hooks.example|2|3|2|it answers 503)"));
}

}  // namespace
}  // namespace admin
