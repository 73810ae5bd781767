#include "pooler/side_connection.h"

#include <gmock/gmock.h>

#include "pooler/server_login.h"
#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SideConnectionTest : public ListenFixture, private SideHandler {
 protected:
  ~SideConnectionTest() override { drop(); }

  void open(PoolSettings settings, SideConnection::Options options = {.application_name = "side"}) {
    drop();
    connected_ = false;
    lost_.reset();
    connection_ = std::make_unique<SideConnection>(runtime_, loop_, std::make_shared<const PoolSettings>(settings),
                                                   settings.credentials, std::move(options),
                                                   static_cast<SideHandler&>(*this));
    EXPECT_FALSE(connected_ || lost_) << "told inside the call";
    ASSERT_TRUE(wait([this] { return connected_ || lost_; }));
  }
  void drop() {
    if (!connection_) return;
    connection_->close();
    loop_.defer_delete(std::move(connection_));
    support::run_for(loop_, 1ms);
  }
  // The rows, "a|b" each and one behind the other, or the error.
  std::string ask(const std::string& sql) {
    std::optional<base::Result<wire::PgRows>> answer;
    connection_->query(sql, [&](base::Result<wire::PgRows> rows) { answer = std::move(rows); });
    EXPECT_TRUE(wait([&] { return answer || lost_; }));
    if (!answer) return "lost";
    if (!answer->ok()) return answer->error().sqlstate + " " + answer->error().message;
    std::string out;
    for (const auto& row : (*answer)->rows) {
      for (std::size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "|" : "") + row[i].value_or("NULL");
      out += '\n';
    }
    return out;
  }

  void on_connected() override { connected_ = true; }
  void on_notification(std::string_view channel, std::string_view) override { heard_.emplace_back(channel); }
  void on_read_end() override {}
  void on_lost(const base::Error& error) override {
    EXPECT_FALSE(lost_) << "told twice";
    lost_ = error;
  }

  std::unique_ptr<SideConnection> connection_;
  bool connected_ = false;
  std::optional<base::Error> lost_;
  std::vector<std::string> heard_;
};

TEST_F(SideConnectionTest, AsksAndIsAnswered) {
  open(settings("postgres"));
  ASSERT_TRUE(connected_) << to_text(*lost_);
  EXPECT_EQ(ask("SELECT 1, NULL, 'x' UNION ALL SELECT 2, 'y', ''"), "1|NULL|x\n2|y|\n");
  EXPECT_EQ(ask("SELECT current_setting('application_name'), current_setting('search_path'), pg_backend_pid()"),
            "side||" + std::to_string(connection_->remote_pid()) + "\n");
  EXPECT_EQ(ask(""), "");
  EXPECT_EQ(ask("SELECT 1; SELECT 2"), "1\n2\n");
}

TEST_F(SideConnectionTest, AnErrorOfAStatementIsThatStatementsAlone) {
  open(settings("postgres"));
  EXPECT_EQ(ask("SELECT 1; SELECT 1/0; SELECT 2"), "22012 division by zero");
  EXPECT_EQ(ask("SELECT 'still here'"), "still here\n");
  EXPECT_THAT(ask(std::string("SELECT 'a\0b'", 12)), HasSubstr("08P01"));
  EXPECT_EQ(ask("SELECT 3"), "3\n");
}

TEST_F(SideConnectionTest, LogsInWithAPasswordOrWithTheKeysOfAScramLogin) {
  postgres_.run("DROP ROLE IF EXISTS keyed; CREATE ROLE keyed LOGIN PASSWORD 'right'");
  auto with = settings("postgres");
  with.target.hosts = {{"127.0.0.1", postgres_.port()}};
  with.target.user = "keyed";
  with.credentials.secret = conf::PlainSecret{conf::Secret("right")};
  open(with);
  EXPECT_TRUE(connected_) << to_text(*lost_);

  std::optional<base::Result<ServerConnection>> login;
  const auto attempt = ServerLogin::start(runtime_, loop_, std::make_shared<const PoolSettings>(with), with.credentials,
                                          0, {}, [&](base::Result<ServerConnection> made) { login = std::move(made); });
  ASSERT_TRUE(wait([&] { return login.has_value(); }) && login->ok());
  with.credentials.secret = conf::PlainSecret{conf::Secret("wrong")};
  open(with);
  ASSERT_TRUE(lost_);
  EXPECT_EQ(lost_->sqlstate, "28P01");

  with.credentials.secret = conf::NoSecret{};
  with.credentials.keys = (*login)->keys;
  open(with);
  EXPECT_TRUE(connected_) << to_text(*lost_);
}

TEST_F(SideConnectionTest, HasTheEncodingAndTheTimeoutThatItWasGiven) {
  auto with = settings("postgres");
  with.target.startup = {{"application_name", "the pool's"}, {"client_encoding", "UTF8"}};
  open(with, {.application_name = "side", .client_encoding = "LATIN1", .statement_timeout = 200ms});
  ASSERT_TRUE(connected_);
  EXPECT_EQ(ask("SELECT current_setting('client_encoding'), current_setting('application_name')"), "LATIN1|side\n");
  EXPECT_EQ(ask("SELECT pg_sleep(20)"), "57014 canceling statement due to statement timeout");
  EXPECT_EQ(ask("SELECT 1"), "1\n");
}

TEST_F(SideConnectionTest, ASilentServerIsGivenUp) {
  open(settings("postgres"), {.application_name = "side", .client_encoding = "", .statement_timeout = 100ms});
  // Its own timeout does not help it any more.
  EXPECT_EQ(ask("SET statement_timeout = 0; SELECT pg_sleep(20)"), "lost");
  ASSERT_TRUE(lost_);
  EXPECT_EQ(lost_->sqlstate, "57014");
}

TEST_F(SideConnectionTest, TheServersLastWordsAreTheReasonOfTheLoss) {
  open(settings("postgres"));
  postgres_.run("SELECT pg_terminate_backend(" + std::to_string(connection_->remote_pid()) + ")");
  ASSERT_TRUE(wait([this] { return lost_.has_value(); }));
  EXPECT_EQ(lost_->sqlstate, "57P01");
}

TEST_F(SideConnectionTest, WhatCannotBeReachedIsAnError) {
  auto with = settings("nowhere");
  open(with);
  ASSERT_TRUE(lost_);
  EXPECT_EQ(lost_->sqlstate, "3D000");
  with.target.hosts = {{"/nonexistent", 1}};
  open(with);
  ASSERT_TRUE(lost_);
  EXPECT_EQ(lost_->sqlstate, "08001");
}

TEST_F(SideConnectionTest, ForeignUsesOfTheProtocolEndIt) {
  open(settings("postgres"));
  EXPECT_EQ(ask("COPY (SELECT 1) TO STDOUT"), "lost");
  open(settings("postgres"));
  EXPECT_EQ(ask("SELECT repeat('x', 1000000) FROM generate_series(1, 20)"), "lost");
  EXPECT_EQ(lost_->sqlstate, "53400");
}

TEST_F(SideConnectionTest, NotificationsComeWithWhatIsRead) {
  open(settings("postgres"));
  EXPECT_EQ(ask("LISTEN here"), "");
  notify("NOTIFY here");
  notify("NOTIFY elsewhere");
  notify("NOTIFY here, 'again'");
  ASSERT_TRUE(wait([this] { return heard_.size() == 2; }));
  // Closed while something is on its way: nothing follows.
  notify("NOTIFY here, 'late'");
  drop();
  EXPECT_FALSE(lost_);
}

}  // namespace
}  // namespace pooler
