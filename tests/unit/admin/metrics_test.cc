#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "admin/scrape.h"
#include "fakes.h"
#include "conf/diff.h"
#include "tests/support/run_loop.h"

namespace admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

pooler::PoolRow pool(std::string database, std::string user, int active, base::Duration maxwait) {
  pooler::PoolRow row;
  row.database = std::move(database);
  row.user = std::move(user);
  row.cl_active = active;
  row.maxwait = maxwait;
  return row;
}

analyzer::PoolTotals totals(std::string database, std::string user, std::initializer_list<uint64_t> times) {
  analyzer::PoolTotals pool{std::move(database), std::move(user), {}};
  for (const uint64_t us : times) {
    pool.totals.times.record(us);
    pool.totals.server_us += us;
    ++pool.totals.calls;
  }
  return pool;
}

// What a scrape of these fakes shows.
struct Scene {
  World world;
  MetricsMemory memory{3};

  Scraped scraped() {
    base::EventLoop loop;
    Scraper scraper(loop, world.console.sources());
    std::optional<Scraped> got;
    scraper.scrape([&got](const Scraped& scraped) { got = scraped; });
    EXPECT_TRUE(support::run_until(loop, [&got] { return got.has_value(); }));
    return *got;
  }
  std::string text() {
    return to_text(make_families(scraped(), memory, 2, base::now()), MetricFormat::kPrometheus);
  }
};

TEST(Metrics, ViewsAreShownUnderTheirNames) {
  Scene scene;
  scene.world.inspector.pool_rows = {pool("app", "alice", 3, 1500ms)};
  scene.world.inspector.database_rows.resize(1);
  scene.world.inspector.database_rows[0].name = "app";
  scene.world.inspector.database_rows[0].port = 5432;
  scene.world.inspector.database_rows[0].pool_size = 20;
  scene.world.inspector.database_rows[0].paused = true;
  scene.world.inspector.stats_rows = {{"app", {}, {}}};
  scene.world.inspector.stats_rows[0].total.query_count = 12;
  scene.world.inspector.stats_rows[0].total.wait_time = 2'500'000;
  scene.world.inspector.list_rows = {{"used_clients", 7}};
  scene.world.config = {{"max_client_conn", "1000", "1000", true}};
  const std::string text = scene.text();
  EXPECT_THAT(text, HasSubstr("\npgbouncer_pools_client_active_connections{database=\"app\",user=\"alice\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_pools_client_maxwait_seconds{database=\"app\",user=\"alice\"} 1.5\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_databases_pool_size{name=\"app\",host=\"\",port=\"5432\",database=\"\","
                              "force_user=\"\",pool_mode=\"\"} 20\n"));
  EXPECT_THAT(text, HasSubstr("pgbouncer_databases_paused{name=\"app\""));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_stats_queries_total{database=\"app\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_stats_client_wait_seconds_total{database=\"app\"} 2.5\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_used_clients 7\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_config_max_client_connections 1000\n"));
  EXPECT_THAT(text, HasSubstr("\npgbouncer_version_info{version=\"PgBouncer 1.25.2\"} 1\n"));
}

TEST(Metrics, DurationsAreAHistogramOfEachPool) {
  Scene scene;
  auto& metrics = scene.world.inspector.statement_metrics_rows[0];
  metrics.pools = {totals("app", "alice", {100, 127, 128, 5000, 100'000'000})};
  metrics.pools[0].totals.errors = 2;
  metrics.pools[0].totals.error_classes.add("23505");
  metrics.pools[0].totals.error_classes.add("40001");
  metrics.pools[0].totals.rows = 9;
  const std::string text = scene.text();
  const std::string labels = "{database=\"app\",user=\"alice\"";
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_bucket" + labels + ",le=\"0.000128\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_bucket" + labels + ",le=\"0.000256\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_bucket" + labels + ",le=\"0.008192\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_bucket" + labels + ",le=\"67.108864\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_bucket" + labels + ",le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_sum" + labels + "} 100.005355\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_duration_seconds_count" + labels + "} 5\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_errors_total" + labels + ",sqlstate_class=\"23\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_errors_total" + labels + ",sqlstate_class=\"40\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_query_rows_total" + labels + "} 9\n"));
}

TEST(Metrics, BucketsHaveTheLastTraceThatFellIntoThem) {
  Scene scene;
  scene.world.inspector.statement_metrics_rows[0].pools = {totals("app", "alice", {100, 5000, 100'000'000})};
  const auto exemplar = [](uint64_t us, uint64_t span, int second) {
    return analyzer::Exemplar{{1, 2, span, true}, us, base::WallTime(std::chrono::seconds(second))};
  };
  // Of two workers.
  analyzer::Exemplars first, second;
  first.put("app", "alice", exemplar(100, 1, 1));
  first.put("app", "alice", exemplar(5000, 2, 3));
  second.put("app", "alice", exemplar(5001, 3, 2));
  second.put("app", "alice", exemplar(100'000'000, 4, 4));
  second.put("app", "bob", exemplar(5001, 5, 9));
  scene.world.inspector.exemplar_rows = {first.snapshot()[0], second.snapshot()[0], second.snapshot()[1]};
  const std::string text = to_text(make_families(scene.scraped(), scene.memory, 2, base::now()), MetricFormat::kOpenMetrics);
  const std::string bucket = "\nweir_query_duration_seconds_bucket{database=\"app\",user=\"alice\",le=";
  const std::string trace = " # {trace_id=\"00000000000000010000000000000002\",span_id=\"000000000000000";
  EXPECT_THAT(text, HasSubstr(bucket + "\"0.000128\"} 1" + trace + "1\"} 0.0001 1.000\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"0.000256\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"0.008192\"} 2" + trace + "2\"} 0.005 3.000\n"));
  EXPECT_THAT(text, HasSubstr(bucket + "\"+Inf\"} 3" + trace + "4\"} 100 4.000\n"));
  EXPECT_THAT(text, Not(HasSubstr("0000000000000005"))) << "no histogram is of bob";
  EXPECT_THAT(scene.text(), Not(HasSubstr("trace_id"))) << "not in Prometheus' format";
}

TEST(Metrics, WhatBecameOfTracesIsCounted) {
  Scene scene;
  scene.world.inspector.traces_rows = {{.endpoint = "x", .counts = {.waiting = 1, .exported = 2, .dropped = 3, .lost = 4}}};
  const std::string text = scene.text();
  EXPECT_THAT(text, HasSubstr("\nweir_traces_waiting 1\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_traces_exported_total 2\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_traces_dropped_total 3\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_traces_lost_total 4\n"));
}

TEST(Metrics, StatementsBeyondTheLimitAreOneSum) {
  Scene scene;
  auto& metrics = scene.world.inspector.statement_metrics_rows[0];
  metrics.pools = {totals("app", "alice", {1000, 2000, 3000})};
  for (uint64_t i = 1; i <= 3; ++i) {
    pooler::QueryRow row;
    row.fingerprint = i;
    row.database = "app";
    row.user = "alice";
    row.query = "SELECT \"x\" FROM t" + std::to_string(i) + " WHERE " + std::string(500, 'y');
    row.totals.calls = 1;
    row.totals.server_us = i * 1000;
    metrics.queries.push_back(row);
  }
  const std::string text = scene.text();
  EXPECT_THAT(text, Not(HasSubstr("fingerprint=\"0000000000000001\"")));
  EXPECT_THAT(text, HasSubstr("weir_statement_calls_total{fingerprint=\"0000000000000002\",database=\"app\",user=\"alice\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_statement_seconds_total{fingerprint=\"0000000000000003\",database=\"app\",user=\"alice\"} 0.003\n"));
  EXPECT_THAT(text, HasSubstr("weir_statement_seconds_total{fingerprint=\"(other)\",database=\"(other)\",user=\"(other)\"} 0.001\n"));
  EXPECT_THAT(text, HasSubstr("weir_statement_info{fingerprint=\"0000000000000003\",query=\"SELECT \\\"x\\\" FROM t3 WHERE yyy"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(200, 'y'))));
}

TEST(Metrics, PoolsBeyondTheLimitAreOneSumAndStayThere) {
  Scene scene;  // of three, and the console's own is the one that sorts first of these
  scene.world.inspector.pool_rows = {pool("zz", "a", 1, 1s), pool("zz", "b", 2, 3s), pool("zz", "c", 4, 2s), pool("zz", "d", 8, 1s)};
  for (int turn = 0; turn < 2; ++turn) {
    const std::string text = scene.text();
    EXPECT_THAT(text, HasSubstr("client_active_connections{database=\"zz\",user=\"b\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("client_active_connections{database=\"(other)\",user=\"(other)\"} 12\n"));
    EXPECT_THAT(text, HasSubstr("client_maxwait_seconds{database=\"(other)\",user=\"(other)\"} 2\n")) << "not a sum";
    // Others come in front of them: those who have a name keep it.
    scene.world.inspector.pool_rows.insert(scene.world.inspector.pool_rows.begin(), pool("aa", "a", 0, 0s));
  }
}

TEST(Metrics, ReadinessAndWhatIsMissingAreTold) {
  Scene scene;
  scene.world.inspector.ready_rows = {{"app", ""}, {"other", "paused"}};
  Scraped scraped = scene.scraped();
  scraped.missing = {"LISTS"};
  const std::string text = to_text(make_families(scraped, scene.memory, 2, base::now()), MetricFormat::kPrometheus);
  EXPECT_THAT(text, HasSubstr("weir_database_ready{database=\"app\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_database_ready{database=\"other\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("weir_metrics_missing{part=\"LISTS\"} 1\n"));
}

TEST(Metrics, NothingAtAllIsStillWellFormed) {
  MetricsMemory memory(1);
  for (const auto format : {MetricFormat::kPrometheus, MetricFormat::kOpenMetrics, MetricFormat::kJson})
    EXPECT_THAT(to_text(make_families({}, memory, 0, base::now()), format), HasSubstr("pgbouncer_up"));
}

TEST(Metrics, EveryFamilyIsDeclaredAndNoSeriesIsThereTwice) {
  Scene scene;
  std::set<std::string> declared, series;
  for (const ViewMetric& metric : view_metrics()) declared.emplace(metric.name);
  for (const ItemMetric& metric : item_metrics()) declared.emplace(metric.name);
  for (const OwnMetric& metric : own_metrics()) declared.emplace(metric.name);
  scene.world.inspector.pool_rows = {pool("(other)", "(other)", 1, 1s), pool("b", "b", 1, 1s), pool("c", "c", 1, 1s),
                                     pool("d", "d", 1, 1s), pool("", "", 1, 1s)};
  auto& metrics = scene.world.inspector.statement_metrics_rows[0];
  for (const char* name : {"(other)", "b", "c", "d", ""}) metrics.pools.push_back(totals(name, name, {1}));
  for (const Family& family : make_families(scene.scraped(), scene.memory, 2, base::now())) {
    EXPECT_TRUE(declared.contains(family.name)) << family.name;
    for (const Point& point : family.points) {
      std::string key = family.name;
      for (const std::string& label : point.labels) key += '|' + label;
      EXPECT_TRUE(series.insert(key).second) << key;
      EXPECT_EQ(point.labels.size(), family.label_names.size());
    }
  }
}

TEST(Metrics, TheDocumentIsTheCommittedOne) {
  const std::string path = std::string(WEIR_SOURCE_DIR "/") + "docs/metrics.md";
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(path) << metrics_document();
  std::ifstream file(path);
  std::stringstream committed;
  committed << file.rdbuf();
  EXPECT_TRUE(committed.str() == metrics_document()) << "run admin_test with WEIR_WRITE_DOCS=1 and commit docs/metrics.md";
}

}  // namespace
}  // namespace admin
