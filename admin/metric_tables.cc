// The declarations: which metric comes from where. Names are those of PgBouncer's exporters where these have one.

#include "admin/metrics.h"

namespace admin {

namespace {

constexpr double kMicros = 1e-6, kMillis = 1e-3;

}  // namespace

const std::vector<ViewMetric>& view_metrics() {
  using enum MetricType;
  static const std::vector<ViewMetric> metrics = {
      {"pgbouncer_pools_client_active_connections", kGauge, "POOLS", "cl_active"},
      {"pgbouncer_pools_client_waiting_connections", kGauge, "POOLS", "cl_waiting"},
      {"pgbouncer_pools_client_active_cancel_connections", kGauge, "POOLS", "cl_active_cancel_req"},
      {"pgbouncer_pools_client_waiting_cancel_connections", kGauge, "POOLS", "cl_waiting_cancel_req"},
      {"pgbouncer_pools_server_active_connections", kGauge, "POOLS", "sv_active"},
      {"pgbouncer_pools_server_active_cancel_connections", kGauge, "POOLS", "sv_active_cancel"},
      {"pgbouncer_pools_server_being_canceled_connections", kGauge, "POOLS", "sv_being_canceled"},
      {"pgbouncer_pools_server_idle_connections", kGauge, "POOLS", "sv_idle"},
      {"pgbouncer_pools_server_used_connections", kGauge, "POOLS", "sv_used"},
      {"pgbouncer_pools_server_testing_connections", kGauge, "POOLS", "sv_tested"},
      {"pgbouncer_pools_server_login_connections", kGauge, "POOLS", "sv_login"},
      {"pgbouncer_pools_client_maxwait_seconds", kGauge, "POOLS", "maxwait", 1, "maxwait_us", Combine::kGreatest},

      {"pgbouncer_databases_pool_size", kGauge, "DATABASES", "pool_size"},
      {"pgbouncer_databases_min_pool_size", kGauge, "DATABASES", "min_pool_size"},
      {"pgbouncer_databases_reserve_pool", kGauge, "DATABASES", "reserve_pool_size"},
      {"pgbouncer_databases_max_connections", kGauge, "DATABASES", "max_connections"},
      {"pgbouncer_databases_current_connections", kGauge, "DATABASES", "current_connections"},
      {"pgbouncer_databases_max_client_connections", kGauge, "DATABASES", "max_client_connections"},
      {"pgbouncer_databases_current_client_connections", kGauge, "DATABASES", "current_client_connections"},
      {"pgbouncer_databases_paused", kGauge, "DATABASES", "paused", 1, {}, Combine::kGreatest},
      {"pgbouncer_databases_disabled", kGauge, "DATABASES", "disabled", 1, {}, Combine::kGreatest},

      {"pgbouncer_stats_queries_total", kCounter, "STATS", "total_query_count"},
      {"pgbouncer_stats_queries_pooled_total", kCounter, "STATS", "total_query_count"},
      {"pgbouncer_stats_queries_duration_seconds_total", kCounter, "STATS", "total_query_time", kMicros},
      {"pgbouncer_stats_sql_transactions_pooled_total", kCounter, "STATS", "total_xact_count"},
      {"pgbouncer_stats_server_in_transaction_seconds_total", kCounter, "STATS", "total_xact_time", kMicros},
      {"pgbouncer_stats_client_wait_seconds_total", kCounter, "STATS", "total_wait_time", kMicros},
      {"pgbouncer_stats_received_bytes_total", kCounter, "STATS", "total_received"},
      {"pgbouncer_stats_sent_bytes_total", kCounter, "STATS", "total_sent"},
      {"pgbouncer_stats_server_assignments_total", kCounter, "STATS", "total_server_assignment_count"},
      {"pgbouncer_stats_client_parses_total", kCounter, "STATS", "total_client_parse_count"},
      {"pgbouncer_stats_server_parses_total", kCounter, "STATS", "total_server_parse_count"},
      {"pgbouncer_stats_binds_total", kCounter, "STATS", "total_bind_count"},

      {"weir_pinned_clients", kGauge, "PIN_COUNTS", "pinned"},
      {"weir_alert_firing", kGauge, "ALERTS", "firing", 1, {}, Combine::kGreatest},
      {"weir_alert_firings_total", kCounter, "ALERTS", "firings"},
      {"weir_alert_messages_sent_total", kCounter, "ALERTING", "sent"},
      {"weir_alert_messages_given_up_total", kCounter, "ALERTING", "given_up"},
      {"weir_alert_messages_dropped_total", kCounter, "ALERTING", "dropped"},
      {"weir_alert_messages_waiting", kGauge, "ALERTING", "waiting"},
      {"weir_advice_saves_seconds_per_hour", kGauge, "INDEX_ADVICE", "saves_ms_per_hour", kMillis},
      {"weir_advice_write_seconds_per_hour", kGauge, "INDEX_ADVICE", "write_ms_per_hour", kMillis},
      {"weir_advisor_looks_total", kCounter, "ADVISOR", "looks"},
      {"weir_advisor_failures_total", kCounter, "ADVISOR", "failures"},
      {"weir_statement_cache_text_hits_total", kCounter, "STATEMENT_CACHE", "text_hits"},
      {"weir_statement_cache_skeleton_hits_total", kCounter, "STATEMENT_CACHE", "skeleton_hits"},
      {"weir_statement_cache_shared_hits_total", kCounter, "STATEMENT_CACHE", "shared_hits"},
      {"weir_statement_cache_parses_total", kCounter, "STATEMENT_CACHE", "parses"},
      {"weir_statement_cache_parse_errors_total", kCounter, "STATEMENT_CACHE", "parse_errors"},
      {"weir_statement_cache_evictions_total", kCounter, "STATEMENT_CACHE", "evictions"},
      {"weir_traces_waiting", kGauge, "TRACES", "waiting"},
      {"weir_traces_exported_total", kCounter, "TRACES", "exported"},
      {"weir_traces_dropped_total", kCounter, "TRACES", "dropped"},
      {"weir_traces_lost_total", kCounter, "TRACES", "lost"},
      {"weir_traces_rejected_spans_total", kCounter, "TRACES", "rejected_spans"},
      {"weir_traces_requests_total", kCounter, "TRACES", "requests"},
      {"weir_traces_retries_total", kCounter, "TRACES", "retries"},
  };
  return metrics;
}

const std::vector<ItemMetric>& item_metrics() {
  static const std::vector<ItemMetric> metrics = {
      {"pgbouncer_databases", "LISTS", "databases", "Databases that are known."},
      {"pgbouncer_users", "LISTS", "users", "Users that are known."},
      {"pgbouncer_pools", "LISTS", "pools", "Pools."},
      {"pgbouncer_free_clients", "LISTS", "free_clients", "Always 0: nothing is kept for clients to come."},
      {"pgbouncer_used_clients", "LISTS", "used_clients", "Clients that are logged in."},
      {"pgbouncer_login_clients", "LISTS", "login_clients", "Clients that log in."},
      {"pgbouncer_free_servers", "LISTS", "free_servers", "Always 0: nothing is kept for servers to come."},
      {"pgbouncer_used_servers", "LISTS", "used_servers", "Server connections."},
      {"pgbouncer_cached_dns_names", "LISTS", "dns_names", "Host names whose addresses are remembered."},
      {"pgbouncer_cached_dns_zones", "LISTS", "dns_zones", "Always 0."},
      {"pgbouncer_in_flight_dns_queries", "LISTS", "dns_queries", "Host names being looked up."},
      {"pgbouncer_config_max_client_connections", "CONFIG", "max_client_conn", "Most clients at a time."},
      {"pgbouncer_config_max_user_connections", "CONFIG", "max_user_connections",
       "Most server connections per user; 0 is no limit."},
  };
  return metrics;
}

const std::vector<OwnMetric>& own_metrics() {
  using enum MetricType;
  static const std::vector<std::string_view> pool = {"database", "user"};
  static const std::vector<std::string_view> statement = {"fingerprint", "database", "user"};
  static const std::vector<OwnMetric> metrics = {
      {"pgbouncer_up", kGauge, {}, "1: whoever can read this has reached it."},
      {"pgbouncer_version_info", kInfo, {"version"}, "The PgBouncer that the console answers for."},
      {"weir_build_info", kInfo, {"version"}, "The version of Weir."},
      {"weir_database_ready", kGauge, {"database"}, "1 if clients of the database can be served; /readyz says why not."},
      {"weir_query_duration_seconds", kHistogram, pool, "How long servers were busy with each statement."},
      {"weir_query_errors_total", kCounter, {"database", "user", "sqlstate_class"},
       "Statements that failed, by the first two characters of SQLSTATE."},
      {"weir_query_rows_total", kCounter, pool, "Rows that statements returned or changed."},
      {"weir_query_received_bytes_total", kCounter, pool, "Bytes of the messages that asked for statements."},
      {"weir_query_sent_bytes_total", kCounter, pool, "Bytes of the answers to statements."},
      {"weir_query_wait_seconds_total", kCounter, pool, "How long statements waited for a server."},
      {"weir_query_idle_in_transaction_seconds_total", kCounter, pool,
       "How long clients kept transactions open without asking for anything."},
      {"weir_statement_calls_total", kCounter, statement, "How often a statement was run; of those that take the most time."},
      {"weir_statement_errors_total", kCounter, statement, "How often it failed."},
      {"weir_statement_rows_total", kCounter, statement, "Rows that it returned or changed."},
      {"weir_statement_seconds_total", kCounter, statement, "How long servers were busy with it."},
      {"weir_statement_wait_seconds_total", kCounter, statement, "How long it waited for a server."},
      {"weir_statement_info", kInfo, {"fingerprint", "query"}, "The beginning of the statement, with $n for its values."},
      {"weir_metrics_missing", kGauge, {"part"},
       "1 for each part that is missing here because a worker did not answer in time."},
      {"weir_internal_errors_total", kCounter, {}, "Errors inside Weir that ended a connection."},
      {"weir_http_requests_total", kCounter, {}, "HTTP requests that were answered."},
      {"weir_http_refused_total", kCounter, {}, "HTTP requests that were malformed, too large or too slow."},
      {"process_start_time_seconds", kGauge, {}, "When the process started, in seconds since 1970."},
      {"process_cpu_seconds_total", kCounter, {}, "Processor time that it has used."},
      {"process_resident_memory_bytes", kGauge, {}, "Memory that it has."},
      {"process_virtual_memory_bytes", kGauge, {}, "Address space that it has."},
      {"process_open_fds", kGauge, {}, "Descriptors that are open."},
      {"process_max_fds", kGauge, {}, "Most descriptors that may be."},
  };
  return metrics;
}

const std::vector<std::string_view>& label_columns(std::string_view view) {
  static const std::vector<std::string_view> none;
  static const std::map<std::string_view, std::vector<std::string_view>> columns = {
      {"POOLS", {"database", "user"}},
      {"PIN_COUNTS", {"database", "user"}},
      {"ALERTS", {"alert", "severity"}},
      {"INDEX_ADVICE", {"database", "status"}},
      {"ADVISOR", {"database"}},
      {"DATABASES", {"name", "host", "port", "database", "force_user", "pool_mode"}},
      {"STATS", {"database"}}};
  const auto found = columns.find(view);
  return found == columns.end() ? none : found->second;
}

const std::vector<std::string_view>& scraped_views() {
  static const std::vector<std::string_view> views = {"POOLS",      "DATABASES",       "STATS", "LISTS", "CONFIG",
                                                      "PIN_COUNTS", "STATEMENT_CACHE", "TRACES", "ALERTS",
                                                      "ALERTING",   "INDEX_ADVICE",    "ADVISOR"};
  return views;
}

}  // namespace admin
