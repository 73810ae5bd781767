#include "admin/alert_gauges.h"

#include <fmt/format.h>

#include <algorithm>

namespace admin {

namespace {

using conf::AlertMetric;

class Gauges {
 public:
  void used(AlertMetric metric, const std::string& database, const std::string& user, int used, int most, std::string where) {
    if (most <= 0) return;
    all.push_back({metric, database, user, 100.0 * std::max(used, 0) / most, std::move(where)});
  }
  std::vector<AlertGauge> all;
};

}  // namespace

std::vector<AlertGauge> alert_gauges(const AlertSources& sources, const conf::Config& config) {
  Gauges gauges;
  for (const pooler::PoolRow& pool : sources.pools) {
    const std::string where = fmt::format("{}/{}", pool.database, pool.user);
    const double waited_ms = static_cast<double>(pool.maxwait.count()) / 1000;
    gauges.all.push_back({AlertMetric::kPoolWait, pool.database, pool.user, waited_ms, where});
    const conf::Database* db = config.find_database(pool.database);
    if (db == nullptr) continue;  // it goes with its last client
    const int most = config.pool_size(*db, pool.user) + config.reserve_pool_size(*db, pool.user);
    gauges.used(AlertMetric::kServerSaturation, pool.database, pool.user, pool.sv_active + pool.sv_being_canceled, most, where);
  }
  gauges.used(AlertMetric::kClientSaturation, "", "", sources.clients, config.weir.max_client_conn, "max_client_conn");
  for (const pooler::DatabaseRow& database : sources.databases) {
    gauges.used(AlertMetric::kServerSaturation, database.name, "", database.current_connections, database.max_connections,
                fmt::format("max_db_connections of {}", database.name));
    gauges.used(AlertMetric::kClientSaturation, database.name, "", database.current_client_connections,
                database.max_client_connections, fmt::format("max_db_client_connections of {}", database.name));
  }
  for (const pooler::UserRow& user : sources.users)
    gauges.used(AlertMetric::kClientSaturation, "", user.name, user.current_client_connections, user.max_user_client_connections,
                fmt::format("max_user_client_connections of {}", user.name));
  return std::move(gauges.all);
}

}  // namespace admin
