#include "admin/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "fakes.h"

namespace admin {
namespace {

// Columns, order and types, PgBouncer 1.25.2's where it has the view: s text, i int4, q int8, N numeric, b bytea.
struct Golden {
  std::string_view view;
  std::string_view columns;
};
constexpr std::string_view kConnection =
    "type:s user:s database:s replication:s state:s addr:s port:i local_addr:s local_port:i connect_time:s "
    "request_time:s wait:i wait_us:i close_needed:i ptr:s link:s remote_pid:i tls:s application_name:s "
    "prepared_statements:i id:i";
constexpr std::string_view kSocket =
    "type:s user:s database:s replication:s state:s addr:s port:i local_addr:s local_port:i connect_time:s "
    "request_time:s wait:i wait_us:i close_needed:i ptr:s link:s remote_pid:i tls:s application_name:s "
    "prepared_statements:i id:i recv_pos:i pkt_pos:i pkt_remain:i send_pos:i send_remain:i pkt_avail:i send_avail:i";
constexpr std::string_view kQueriesThen =
    "at:t resolution:s seconds:d fingerprint:s query:s database:s user:s application_name:s calls:q errors:q rows:q "
    "total_ms:d mean_ms:d p50_ms:d p75_ms:d p95_ms:d p99_ms:d max_ms:d wait_ms:d idle_ms:d bytes_in:q bytes_out:q parses:q "
    "server_parses:q error_classes:s first_at:t";
constexpr Golden kGolden[] = {
    {"POOLS",
     "database:s user:s cl_active:i cl_waiting:i cl_active_cancel_req:i cl_waiting_cancel_req:i sv_active:i "
     "sv_active_cancel:i sv_being_canceled:i sv_idle:i sv_used:i sv_tested:i sv_login:i maxwait:i maxwait_us:i "
     "pool_mode:s load_balance_hosts:s"},
    {"DATABASES",
     "name:s host:s port:i database:s force_user:s pool_size:i min_pool_size:i reserve_pool_size:i "
     "server_lifetime:i pool_mode:s load_balance_hosts:s max_connections:i current_connections:i "
     "max_client_connections:i current_client_connections:i paused:i disabled:i"},
    {"USERS",
     "name:s pool_size:s reserve_pool_size:s pool_mode:s max_user_connections:i current_connections:i "
     "max_user_client_connections:i current_client_connections:i"},
    {"PEERS", "peer_id:i host:s port:i pool_size:i"},
    {"PEER_POOLS", "peer_id:i cl_active_cancel_req:i cl_waiting_cancel_req:i sv_active_cancel:i sv_login:i"},
    {"STATS",
     "database:s total_server_assignment_count:N total_xact_count:N total_query_count:N total_received:N "
     "total_sent:N total_xact_time:N total_query_time:N total_wait_time:N total_client_parse_count:N "
     "total_server_parse_count:N total_bind_count:N avg_server_assignment_count:N avg_xact_count:N "
     "avg_query_count:N avg_recv:N avg_sent:N avg_xact_time:N avg_query_time:N avg_wait_time:N "
     "avg_client_parse_count:N avg_server_parse_count:N avg_bind_count:N"},
    {"STATS_TOTALS",
     "database:s server_assignment_count:N xact_count:N query_count:N bytes_received:N bytes_sent:N xact_time:N "
     "query_time:N wait_time:N client_parse_count:N server_parse_count:N bind_count:N"},
    {"STATS_AVERAGES",
     "database:s server_assignment_count:N xact_count:N query_count:N bytes_received:N bytes_sent:N xact_time:N "
     "query_time:N wait_time:N avg_client_parse_count:N avg_server_parse_count:N avg_bind_count:N"},
    {"TOTALS", "name:s value:N"},
    {"CLIENTS", kConnection},
    {"CLIENTS_EXTENDED",
     "type:s user:s database:s replication:s state:s addr:s port:i local_addr:s local_port:i connect_time:s "
     "request_time:s wait:i wait_us:i close_needed:i ptr:s link:s remote_pid:i tls:s application_name:s "
     "prepared_statements:i id:i pinned:s pinned_age:i pinned_statement:s pinned_fingerprint:s"},
    {"PINS",
     "id:i ptr:s database:s user:s application_name:s reasons:s age:i statement:s fingerprint:s server_id:i "
     "server_ptr:s server_pid:i"},
    {"PIN_COUNTS",
     "database:s user:s fingerprint:s reasons:s pins:N pinned:i pinned_time:N last_seen:s statement:s"},
    {"STATEMENT_CACHE",
     "text_hits:N skeleton_hits:N shared_hits:N parses:N parse_errors:N over_budget:N evictions:N"},
    {"LISTENERS",
     "database:s user:s client_encoding:s state:s channels:i subscribers:i connected_since:s remote_pid:i received:N "
     "delivered:N losses:N overflows:N last_error:s"},
    {"SERVERS", kConnection},
    {"SOCKETS", kSocket},
    {"ACTIVE_SOCKETS", kSocket},
    {"FDS",
     "fd:i task:s user:s database:s addr:s port:i cancel:q link:i client_encoding:s std_strings:s datestyle:s "
     "timezone:s password:s scram_client_key:b scram_server_key:b"},
    {"CONFIG", "key:s value:s default:s changeable:s"},
    {"QUERIES",
     "fingerprint:s query:s database:s user:s application_name:s calls:q errors:q rows:q total_ms:d mean_ms:d p50_ms:d "
     "p75_ms:d p95_ms:d p99_ms:d min_ms:d max_ms:d wait_ms:d idle_ms:d bytes_in:q bytes_out:q parses:q server_parses:q "
     "error_classes:s first_seen:t last_seen:t"},
    {"ACTIVE_QUERIES",
     "id:i database:s user:s application_name:s state:s age_ms:d transaction_ms:d statements:q fingerprint:s query:s "
     "server_pid:i"},
    {"TRANSACTIONS",
     "id:i database:s user:s application_name:s state:s age_ms:d transaction_ms:d statements:q fingerprint:s query:s "
     "server_pid:i"},
    {"GUARDS",
     "name:s matches:s action:s limit:s dry_run:i matched:q refused:q would_have_refused:q keys:i since:t last_matched:t "
     "last_refused:t"},
    {"ERRORS",
     "class:s meaning:s errors:q calls:q fingerprint:s query:s database:s user:s application_name:s"},
    {"SLOW_QUERIES",
     "ended:t total_ms:d wait_ms:d server_ms:d fingerprint:s query:s parameters:s database:s user:s application_name:s "
     "client:s statement_name:s rows:q bytes_in:q bytes_out:q sqlstate:s traceparent:s server_pid:i plan:s"},
    {"TRACES",
     "endpoint:s waiting:q exported:q dropped:q lost:q rejected_spans:q requests:q retries:q failure:s failed_at:t"},
    {"ALERTS", "alert:s state:s since:t value:d above:d unit:s worst:s metric:s severity:s firing:i firings:q last_fired:t "
               "last_resolved:t description:s"},
    {"ALERTING", "state:s webhook:s rules:q sent:q retries:q given_up:q dropped:q waiting:q last_error:s last_error_at:t "
                 "last_sent_at:t"},
    {"SLOW_LOG", "file:s written:q over_rate:q queue_full:q lost:q failure:s"},
    {"INDEX_ADVICE",
     "id:s status:s database:s table:s statement:s saves_ms_per_hour:d write_ms_per_hour:d queries:i best_fingerprint:s "
     "cost_before:d cost_after:d estimated_bytes:q confidence:s model:s reason:s makes_redundant:s note:s effect:s "
     "first_seen:t last_confirmed:t"},
    {"INDEX_ADVICE_DETAILS",
     "id:s index:s fingerprint:s calls:q ms_per_call:d cost_before:d cost_after:d plan_before:s plan_after:s samples:i query:s"},
    {"ADVICE_CANDIDATES", "database:s fingerprint:s index:s reason:s cost_before:d cost_after:d verdict:s"},
    {"UNUSED_INDEXES", "database:s table:s index:s definition:s reason:s statement:s bytes:q scans:q"},
    {"REDUNDANT_INDEXES", "database:s table:s index:s definition:s reason:s statement:s bytes:q scans:q"},
    {"ADVISOR",
     "database:s state:s hypopg:s looks:q failures:q queries:i candidates:i questions:q took_ms:d last:t notes:s"},
    {"HISTORY",
     "state:s path:s bytes:q bytes_max:q oldest:t newest:t written:q waiting:q lost:q last_error:s last_error_at:t"},
    {"QUERIES_HISTORY", kQueriesThen},
    {"QUERIES_BY_HOUR", kQueriesThen},
    {"QUERIES_BY_DAY", kQueriesThen},
    {"POOLS_HISTORY",
     "at:t resolution:s seconds:d database:s user:s clients:d clients_max:q waiting:d waiting_max:q servers:d servers_max:q "
     "idle_servers:d longest_wait_ms:d transactions:q queries:q wait_ms:d p50_ms:d p95_ms:d p99_ms:d"},
    {"LINT",
     "severity:s rule:s database:s fingerprint:s lost_ms_per_hour:d calls:q confidence:s evidence:s note:s advice:s "
     "rewritten:s query:s"},
    {"N_PLUS_ONE",
     "database:s fingerprint:s loops:q calls:q turns:d turns_max:q clients:q server_ms:d gap_ms:d lost_ms_per_hour:d "
     "confidence:s query:s source_fingerprint:s source_query:s rewritten:s"},
    {"POOL_ADVICE",
     "database:s user:s change:s pool_size:i suggested_pool_size:i reserve_pool_size:i suggested_reserve_pool_size:i "
     "query_wait_timeout_ms:d suggested_query_wait_timeout_ms:d seconds:d transactions_per_second:d held_ms:d wait_ms:d "
     "wait_after_ms:d busy:d busy_max:i waiting_max:i longest_wait_ms:d"},
    {"LINT_RULES", "rule:s severity:s what:s why:s instead:s guard:s"},
    {"STATE", "key:s value:s"},
    {"VERSION", "version:s"},
    {"WEIR_VERSION", "version:s"},
    {"LISTS", "list:s items:i"},
    {"MEM", "name:s size:i used:i free:i memtotal:i"},
    {"DNS_HOSTS", "hostname:s ttl:q addrs:s"},
    {"DNS_ZONES", "zonename:s serial:q count:i"},
    {"TABLES", "name:s columns:i who:s description:s"},
    {"COLUMNS", "table_name:s column_name:s data_type:s description:s"},
};

std::string letters(const View& view) {
  std::string text;
  for (const ColumnInfo& column : view.columns) {
    const char letter = column.type == Type::kText      ? 's'
                        : column.type == Type::kInt4    ? 'i'
                        : column.type == Type::kInt8    ? 'q'
                        : column.type == Type::kNumeric ? 'N'
                        : column.type == Type::kFloat8  ? 'd'
                        : column.type == Type::kTimestamptz ? 't'
                                                            : 'b';
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", column.name, letter);
  }
  return text;
}

TEST(Views, HaveTheirColumnsAndThoseOfPgBouncerWhereItHasTheView) {
  for (const Golden& golden : kGolden) {
    const View* view = find_view(golden.view);
    ASSERT_NE(view, nullptr) << golden.view;
    EXPECT_EQ(letters(*view), golden.columns) << golden.view;
  }
}

TEST(Views, EachOneHasAGoldenRow) { EXPECT_EQ(all_views().size(), std::size(kGolden)); }

TEST(Views, ExplainThemselvesAndEachColumn) {
  for (const View& view : all_views()) {
    EXPECT_FALSE(view.help.empty()) << view.name;
    for (const ColumnInfo& column : view.columns) EXPECT_FALSE(column.help.empty()) << view.name << column.name;
  }
}

TEST(Views, AreFoundWhateverTheCase) {
  EXPECT_EQ(find_view("pools"), find_view("POOLS"));
  EXPECT_EQ(find_view("pool"), nullptr);
}

TEST(Views, AnswerWithTheColumnsTheyDeclare) {
  World world;
  Client client(world);
  for (const View& view : all_views()) {
    std::string description;
    append_description(description, view.columns);
    const std::string answer = client.query("SHOW " + std::string(view.name));
    EXPECT_TRUE(answer.starts_with(transcript(description))) << view.name << ": " << answer;
    EXPECT_TRUE(answer.ends_with("C(SHOW) Z(I)")) << view.name << ": " << answer;
  }
}

}  // namespace
}  // namespace admin
