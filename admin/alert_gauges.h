#pragma once
// What alerts look at besides statements: pools and limits, as the console shows them. Pure.

#include <vector>

#include "admin/alerts.h"
#include "conf/config.h"
#include "pooler/console.h"

namespace admin {

struct AlertSources {
  std::vector<pooler::PoolRow> pools;
  std::vector<pooler::DatabaseRow> databases;
  std::vector<pooler::UserRow> users;
  int clients = 0;  // logged in
};

// A limit that is not set has no gauge.
std::vector<AlertGauge> alert_gauges(const AlertSources& sources, const conf::Config& config);

}  // namespace admin
