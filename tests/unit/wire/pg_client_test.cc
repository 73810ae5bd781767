#include "wire/pg_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "tests/support/certificates.h"
#include "tests/support/postgres.h"
#include "tests/support/run_loop.h"

namespace wire {
namespace {

using namespace std::chrono_literals;
using support::Postgres;
using support::run_until;
using testing::HasSubstr;

class PgClientTest : public testing::Test {
 protected:
  PgClientSettings by_socket() const {
    return {.hosts = {{postgres_.socket_folder(), postgres_.port()}}, .dbname = "postgres", .user = "postgres"};
  }
  PgClientSettings by_tcp(const std::string& password) const {
    return {.hosts = {{"127.0.0.1", postgres_.port()}}, .dbname = "postgres", .user = "asker",
            .password = conf::Secret(password)};
  }

  base::Result<PgRows> ask(PgClient& client, const std::string& sql, PgClient::Params params = {},
                           base::Duration timeout = 10s) {
    std::optional<base::Result<PgRows>> answer;
    const auto ticket =
        client.query(sql, std::move(params), timeout, [&](base::Result<PgRows> rows) { answer = std::move(rows); });
    EXPECT_FALSE(answer.has_value()) << "called back from inside the call";
    EXPECT_TRUE(run_until(loop_, [&] { return answer.has_value(); }, 20s));
    return answer ? *answer : base::internal_error("no answer");
  }

  // The first value of the answer, or what went wrong.
  std::string value(PgClient& client, const std::string& sql) {
    const auto answer = ask(client, sql);
    return answer.ok() ? answer->rows.at(0).at(0).value_or("NULL") : base::to_text(answer.error());
  }

  Postgres postgres_;
  base::EventLoop loop_;
  Resolver resolver_{{}};
};

TEST_F(PgClientTest, asks_with_parameters_and_gets_rows_with_nulls) {
  PgClient client(loop_, resolver_, by_socket());
  const auto rows = ask(client, "SELECT $1::text AS a, $2::text AS b UNION ALL SELECT 'x', 'y'", {"it's; \\", std::nullopt});
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"a", "b"}));
  using Row = std::vector<std::optional<std::string>>;
  EXPECT_EQ(rows->rows, (std::vector<Row>{{"it's; \\", std::nullopt}, {"x", "y"}}));
  EXPECT_EQ(rows->command, "SELECT 2");
}

TEST_F(PgClientTest, a_thread_may_wait_for_an_answer_until_its_loop_is_stopped) {
  PgClient client(loop_, resolver_, by_socket());
  const auto rows = query_and_wait(loop_, client, "SELECT $1::text", {"a"}, 10s);
  ASSERT_TRUE(rows && rows->ok());
  EXPECT_EQ((*rows)->rows.at(0).at(0), "a");
  base::Timer stop(loop_, [this] { loop_.stop(); });
  stop.once(50ms);
  EXPECT_FALSE(query_and_wait(loop_, client, "SELECT pg_sleep(60)", {}, 60s).has_value());
}

TEST_F(PgClientTest, keeps_its_connection_and_pins_the_search_path) {
  PgClient client(loop_, resolver_, by_socket());
  const auto first = ask(client, "SELECT pg_backend_pid()");
  const auto second = ask(client, "SELECT pg_backend_pid()");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->rows, second->rows);
  EXPECT_TRUE(client.connected());
  EXPECT_TRUE(client.idle());
  EXPECT_EQ(value(client, "SHOW search_path"), "");
  EXPECT_EQ(value(client, "SHOW application_name"), "weir");
}

TEST_F(PgClientTest, an_sql_error_is_postgresqls_own_and_the_connection_lives) {
  PgClient client(loop_, resolver_, by_socket());
  const auto failed = ask(client, "SELECT 1/0");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().sqlstate, "22012");
  EXPECT_EQ(failed.error().message, "division by zero");
  EXPECT_TRUE(client.connected());
  EXPECT_EQ(value(client, "SELECT 1"), "1");
}

TEST_F(PgClientTest, several_statements_in_one_text_are_refused_by_the_protocol) {
  PgClient client(loop_, resolver_, by_socket());
  EXPECT_EQ(ask(client, "SELECT 1; SELECT 2").error().sqlstate, "42601");
}

TEST_F(PgClientTest, queries_in_line_are_answered_in_order) {
  PgClient client(loop_, resolver_, by_socket());
  std::vector<std::string> answers;
  std::vector<base::Ticket> tickets;
  for (int i = 0; i < 20; ++i)
    tickets.push_back(client.query("SELECT $1::text", {std::to_string(i)}, 10s, [&](base::Result<PgRows> rows) {
      answers.push_back(rows.ok() ? *rows->rows[0][0] : rows.error().message);
    }));
  ASSERT_TRUE(run_until(loop_, [&] { return answers.size() == 20; }));
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(answers[i], std::to_string(i));
}

TEST_F(PgClientTest, logs_in_with_scram_over_tcp_and_tells_a_wrong_password) {
  postgres_.run("CREATE ROLE asker LOGIN PASSWORD 'right'");
  PgClient good(loop_, resolver_, by_tcp("right"));
  EXPECT_EQ(value(good, "SELECT current_user"), "asker");
  PgClient bad(loop_, resolver_, by_tcp("wrong"));
  const auto refused = ask(bad, "SELECT 1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "08001");
  EXPECT_THAT(refused.error().message, HasSubstr("password authentication failed for user \"asker\""));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("wrong")));
}

TEST_F(PgClientTest, a_lost_connection_is_made_anew_for_the_next_query) {
  PgClient client(loop_, resolver_, by_socket());
  const std::string pid = value(client, "SELECT pg_backend_pid()");
  postgres_.run("SELECT pg_terminate_backend(" + pid + ")");
  EXPECT_TRUE(ask(client, "SELECT 1").ok());
  EXPECT_TRUE(run_until(loop_, [&] { return client.connected(); }));
}

TEST_F(PgClientTest, a_query_whose_server_ends_gets_the_servers_last_words) {
  PgClient client(loop_, resolver_, by_socket());
  std::optional<base::Result<PgRows>> answer;
  const auto ticket = client.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)", {}, 10s,
                                   [&](base::Result<PgRows> rows) { answer = std::move(rows); });
  ASSERT_TRUE(run_until(loop_, [&] { return answer.has_value(); }));
  ASSERT_FALSE(answer->ok());
  EXPECT_EQ(answer->error().sqlstate, "57P01");
  EXPECT_FALSE(client.connected());
}

TEST_F(PgClientTest, a_server_that_is_down_is_an_error_and_service_returns_with_it) {
  PgClient client(loop_, resolver_, by_socket());
  ASSERT_TRUE(ask(client, "SELECT 1").ok());
  postgres_.stop();
  const auto down = ask(client, "SELECT 1");
  ASSERT_FALSE(down.ok());
  EXPECT_THAT(down.error().message, HasSubstr("connection to server on socket"));
  EXPECT_EQ(down.error().message.find('\n'), std::string::npos);
  postgres_.start();
  EXPECT_TRUE(ask(client, "SELECT 1").ok());
}

TEST_F(PgClientTest, a_query_that_takes_too_long_is_given_up_and_the_next_one_served) {
  PgClient client(loop_, resolver_, by_socket());
  ASSERT_TRUE(ask(client, "SELECT 1").ok());
  std::optional<base::Result<PgRows>> slow, next;
  const auto start = base::now();
  const auto first = client.query("SELECT pg_sleep(30)", {}, 200ms, [&](base::Result<PgRows> rows) { slow = rows; });
  const auto second = client.query("SELECT 2", {}, 10s, [&](base::Result<PgRows> rows) { next = rows; });
  ASSERT_TRUE(run_until(loop_, [&] { return slow && next; }));
  EXPECT_LT(base::now() - start, 5s);
  EXPECT_EQ(slow->error().sqlstate, "57014");
  EXPECT_EQ((*next)->rows[0][0], "2");
}

TEST_F(PgClientTest, a_silent_server_is_given_up_at_the_connect_timeout) {
  // The kernel takes the connection; nobody ever says a word on it.
  const base::Fd silent(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(silent.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(silent.get(), 5), 0);
  ASSERT_EQ(getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  PgClientSettings settings = by_tcp("x");
  settings.hosts = {{"127.0.0.1", ntohs(address.sin_port)}};
  settings.connect_timeout = 300ms;
  PgClient client(loop_, resolver_, settings);
  const auto start = base::now();
  const auto answer = ask(client, "SELECT 1", {}, 10s);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().sqlstate, "08001");
  EXPECT_THAT(answer.error().message, HasSubstr("time"));
  EXPECT_GE(base::now() - start, 290ms);
  EXPECT_LT(base::now() - start, 5s);
}

TEST_F(PgClientTest, an_unknown_host_name_is_an_error) {
  Resolver nobody({}, [](const std::string&) { return LookupResult{LookupResult::Kind::kUnknown, {}, "unknown"}; });
  PgClientSettings settings = by_tcp("x");
  settings.hosts = {{"db", 5432}};
  PgClient client(loop_, nobody, settings);
  EXPECT_EQ(ask(client, "SELECT 1").error().message, "could not translate host name \"db\" to address: unknown");
}

TEST_F(PgClientTest, names_are_looked_up_by_the_resolver_and_hosts_tried_in_order) {
  postgres_.run("CREATE ROLE asker LOGIN PASSWORD 'right'");
  Resolver ours({}, [](const std::string& host) {
    return host == "here" ? LookupResult{LookupResult::Kind::kFound, {"127.0.0.9", "127.0.0.1"}, {}}
                          : LookupResult{LookupResult::Kind::kUnknown, {}, "unknown"};
  });
  PgClientSettings settings = by_tcp("right");
  settings.hosts = {{"nowhere", postgres_.port()}, {"here", postgres_.port()}};
  PgClient client(loop_, ours, settings);
  const auto answer = ask(client, "SELECT host(inet_server_addr())");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->rows[0][0], "127.0.0.1");
}

TEST_F(PgClientTest, a_dropped_ticket_means_no_call_back) {
  PgClient client(loop_, resolver_, by_socket());
  bool called = false;
  auto ticket = client.query("SELECT 1", {}, 10s, [&](base::Result<PgRows>) { called = true; });
  ticket.drop();
  EXPECT_TRUE(ask(client, "SELECT 2").ok());
  EXPECT_FALSE(called);
}

TEST_F(PgClientTest, may_be_destroyed_in_its_own_call_back_and_while_others_wait) {
  auto client = std::make_unique<PgClient>(loop_, resolver_, by_socket());
  bool first = false, second = false;
  const auto one = client->query("SELECT 1", {}, 10s, [&](base::Result<PgRows>) {
    first = true;
    client.reset();
  });
  const auto two = client->query("SELECT pg_sleep(1)", {}, 100ms, [&](base::Result<PgRows>) { second = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return first; }));
  support::run_for(loop_, 300ms);
  EXPECT_FALSE(second);
}

TEST_F(PgClientTest, a_line_that_is_full_refuses_at_once) {
  PgClient client(loop_, resolver_, by_socket());
  std::vector<base::Ticket> tickets;
  tickets.push_back(client.query("SELECT pg_sleep(5)", {}, 10s, [](base::Result<PgRows>) {}));
  for (std::size_t i = 0; i < PgClient::kQueueMax; ++i)
    tickets.push_back(client.query("SELECT 1", {}, 10s, [](base::Result<PgRows>) {}));
  EXPECT_EQ(ask(client, "SELECT 1").error().sqlstate, "53400");
}

TEST_F(PgClientTest, a_result_without_end_is_cut_off) {
  PgClient client(loop_, resolver_, by_socket());
  const auto huge = ask(client, "SELECT repeat('x', 100000) FROM generate_series(1, 1000000)", {}, 20s);
  ASSERT_FALSE(huge.ok());
  EXPECT_EQ(huge.error().sqlstate, "53400");
  EXPECT_TRUE(ask(client, "SELECT 1").ok());
}

TEST_F(PgClientTest, copy_is_refused) {
  PgClient client(loop_, resolver_, by_socket());
  EXPECT_EQ(ask(client, "COPY (SELECT 1) TO STDOUT").error().sqlstate, "0A000");
  EXPECT_TRUE(ask(client, "SELECT 1").ok());
}

TEST_F(PgClientTest, verifies_the_server_as_the_mode_says) {
  support::Authority ours("Weir test"), theirs("somebody else");
  ours.issue("server", "/CN=localhost", "IP:127.0.0.1");
  Postgres secure({"ssl=on", "ssl_cert_file=" + postgres_.adopt(ours.cert("server"), "server.crt"),
                   "ssl_key_file=" + postgres_.adopt(ours.key("server"), "server.key")},
                  "local all all trust\nhostssl all all 127.0.0.1/32 trust\n");
  const auto encrypted = [&](conf::TlsMode mode, const std::string& ca) {
    PgClientSettings settings = by_socket();
    settings.hosts = {{"127.0.0.1", secure.port()}};
    settings.tls = {.mode = mode, .ca_file = ca};
    PgClient client(loop_, resolver_, settings);
    const auto answer = ask(client, "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()");
    return answer.ok() ? *answer->rows[0][0] : answer.error().message;
  };
  EXPECT_EQ(encrypted(conf::TlsMode::kVerifyFull, ours.ca()), "t");
  EXPECT_EQ(encrypted(conf::TlsMode::kRequire, ""), "t");
  EXPECT_EQ(encrypted(conf::TlsMode::kRequire, theirs.ca()), "t");
  EXPECT_THAT(encrypted(conf::TlsMode::kVerifyFull, theirs.ca()), HasSubstr("certificate verify failed"));
  EXPECT_THAT(encrypted(conf::TlsMode::kDisable, ""), HasSubstr("no pg_hba.conf entry"));
}

}  // namespace
}  // namespace wire
