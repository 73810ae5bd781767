#include "admin/alert_gauges.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace admin {
namespace {

using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

std::vector<std::string> text(const std::vector<AlertGauge>& gauges) {
  std::vector<std::string> out;
  for (const AlertGauge& gauge : gauges)
    out.push_back(fmt::format("{} [{}] [{}] {:g} {}", conf::to_string(gauge.metric), gauge.database, gauge.user, gauge.value,
                              gauge.where));
  return out;
}

TEST(AlertGauges, PoolsAndLimitsAreMeasured) {
  conf::Config config;
  config.weir.max_client_conn = 200;
  config.databases["shop"].pool_size = 8;
  config.databases["shop"].reserve_pool_size = 2;
  config.finish();
  AlertSources sources;
  sources.clients = 50;
  pooler::PoolRow pool;
  pool.database = "shop";
  pool.user = "app";
  pool.sv_active = 4;
  pool.sv_being_canceled = 1;
  pool.sv_idle = 3;
  pool.maxwait = 1500ms;
  sources.pools = {pool};
  sources.databases.resize(1);
  sources.databases[0].name = "shop";
  sources.databases[0].max_connections = 20;
  sources.databases[0].current_connections = 5;
  sources.databases[0].max_client_connections = 100;
  sources.databases[0].current_client_connections = 50;
  sources.users.resize(1);
  sources.users[0].name = "app";
  sources.users[0].max_user_client_connections = 500;
  sources.users[0].current_client_connections = 50;
  EXPECT_THAT(text(alert_gauges(sources, config)),
              UnorderedElementsAre("pool_wait [shop] [app] 1500 shop/app", "server_saturation [shop] [app] 50 shop/app",
                                   "client_saturation [] [] 25 max_client_conn",
                                   "server_saturation [shop] [] 25 max_db_connections of shop",
                                   "client_saturation [shop] [] 50 max_db_client_connections of shop",
                                   "client_saturation [] [app] 10 max_user_client_connections of app"));
}

TEST(AlertGauges, WhatHasNoLimitIsNotSaturated) {
  conf::Config config;
  AlertSources sources;
  sources.databases.resize(1);
  sources.users.resize(1);
  sources.pools.resize(1);
  sources.pools[0].database = "gone";
  EXPECT_THAT(text(alert_gauges(sources, config)),
              UnorderedElementsAre("pool_wait [gone] [] 0 gone/", "client_saturation [] [] 0 max_client_conn"));
}

}  // namespace
}  // namespace admin
