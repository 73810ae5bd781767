#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "admin/views.h"

namespace admin {
namespace {

const ColumnInfo* column(std::string_view view, std::string_view name) {
  const View* found = find_view(view);
  if (found == nullptr) return nullptr;
  for (const ColumnInfo& one : found->columns)
    if (one.name == name) return &one;
  return nullptr;
}

bool numeric(Type type) { return type == Type::kInt4 || type == Type::kInt8 || type == Type::kNumeric || type == Type::kFloat8; }

TEST(MetricTables, WhatComesFromAViewNamesANumberThatItHas) {
  for (const ViewMetric& metric : view_metrics()) {
    const ColumnInfo* info = column(metric.view, metric.column);
    ASSERT_NE(info, nullptr) << metric.name;
    EXPECT_TRUE(numeric(info->type)) << metric.name;
    EXPECT_TRUE(metric.micros.empty() || column(metric.view, metric.micros) != nullptr) << metric.name;
    for (const std::string_view label : label_columns(metric.view)) EXPECT_NE(column(metric.view, label), nullptr) << label;
    EXPECT_THAT(scraped_views(), testing::Contains(metric.view));
  }
  for (const ItemMetric& metric : item_metrics()) {
    ASSERT_NE(find_view(metric.view), nullptr) << metric.name;
    EXPECT_THAT(scraped_views(), testing::Contains(metric.view));
  }
}

TEST(MetricTables, NamesAreThoseOfPrometheusAndEachIsThereOnce) {
  std::set<std::string_view> seen;
  const auto check = [&seen](std::string_view name, MetricType type, std::string_view help) {
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_TRUE(std::regex_match(std::string(name), std::regex("(pgbouncer|weir|process)(_[a-z0-9]+)+"))) << name;
    EXPECT_EQ(name.ends_with("_total"), type == MetricType::kCounter) << name;
    EXPECT_EQ(name.ends_with("_info"), type == MetricType::kInfo) << name;
    EXPECT_TRUE(help.ends_with('.')) << name;
  };
  for (const ViewMetric& metric : view_metrics()) {
    check(metric.name, metric.type, column(metric.view, metric.column)->help);
    EXPECT_EQ(metric.name.find("seconds") != std::string_view::npos, metric.scale != 1 || !metric.micros.empty()) << metric.name;
  }
  for (const ItemMetric& metric : item_metrics()) check(metric.name, MetricType::kGauge, metric.help);
  for (const OwnMetric& metric : own_metrics()) check(metric.name, metric.type, metric.help);
}

// Names in PgBouncer's exporters, which dashboards and alerts are made for.
TEST(MetricTables, ExportersNamesAreThere) {
  std::set<std::string_view> names;
  for (const ViewMetric& metric : view_metrics()) names.insert(metric.name);
  for (const ItemMetric& metric : item_metrics()) names.insert(metric.name);
  for (const OwnMetric& metric : own_metrics()) names.insert(metric.name);
  for (const char* name :
       {"pgbouncer_up", "pgbouncer_stats_queries_pooled_total", "pgbouncer_stats_queries_duration_seconds_total",
        "pgbouncer_stats_received_bytes_total", "pgbouncer_stats_queries_total", "pgbouncer_stats_sent_bytes_total",
        "pgbouncer_stats_client_wait_seconds_total", "pgbouncer_stats_sql_transactions_pooled_total",
        "pgbouncer_stats_server_in_transaction_seconds_total", "pgbouncer_pools_client_active_connections",
        "pgbouncer_pools_client_waiting_connections", "pgbouncer_pools_server_active_connections",
        "pgbouncer_pools_server_idle_connections", "pgbouncer_pools_server_used_connections",
        "pgbouncer_pools_server_testing_connections", "pgbouncer_pools_server_login_connections",
        "pgbouncer_pools_client_maxwait_seconds", "pgbouncer_config_max_client_connections",
        "pgbouncer_config_max_user_connections", "pgbouncer_databases", "pgbouncer_pools", "pgbouncer_used_clients"})
    EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace
}  // namespace admin
