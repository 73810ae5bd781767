// Server: a statement of ours within a client's batch, and words of ours for what the server cancels.

#include <gtest/gtest.h>

#include "tests/unit/pooler/server_fixture.h"

namespace pooler {
namespace {

class ServerOwn : public ServerFixture {
 protected:
  // The client's Bind and Execute of its unnamed statement.
  void bind_and_execute() {
    std::string bytes;
    EXPECT_TRUE(wire::append_bind_header(bytes, "", "", 6).ok());
    bytes.append(6, '\0');
    wire::append_execute(bytes, "");
    server_->write(bytes);
    server_->expect(Expect::kBind, Action::kForward);
    server_->expect(Expect::kExecute, Action::kForward);
  }
  void sync() {
    std::string bytes;
    wire::append_sync(bytes);
    server_->write(bytes);
    server_->expect(Expect::kSync, Action::kForward);
  }
  void query(std::string_view sql) {
    std::string bytes;
    EXPECT_TRUE(wire::append_query(bytes, sql).ok());
    server_->write(bytes);
    server_->expect(Expect::kQuery, Action::kForward);
  }
  std::string told() const {
    const auto report = wire::parse_report(std::string_view(client_.replies).substr(wire::kHeaderSize));
    return report.error.sqlstate + ' ' + report.error.message + '|' + report.error.detail;
  }

  // What PostgreSQL says of our own statement.
  const std::string done_ = message('3') + message('1') + message('2') + complete("SELECT 0") + message('3') + message('3');
};

TEST_F(ServerOwn, AStatementWithinABatchHasNamesOfItsOwnAndLeavesNone) {
  server_->write_in_batch("SELECT 1");
  EXPECT_EQ(heard(), "C(Sweir_own) P(weir_own|SELECT 1) B(weir_own|weir_own) E C(Pweir_own) C(Sweir_own)");
  EXPECT_FALSE(server_->clean());
  EXPECT_TRUE(server_->replies().open_batch());
}

TEST_F(ServerOwn, NothingOfItIsTheClients) {
  server_->write_in_batch("SELECT 1");
  bind_and_execute();
  sync();
  (void)heard();
  says(done_ + message('2') + complete("SELECT 1") + ready());
  EXPECT_EQ(client_.types(), "2CZ");
  EXPECT_TRUE(server_->clean());
}

TEST_F(ServerOwn, AnswersCutAtEveryByteGiveTheSame) {
  const std::string answer = done_ + message('2') + complete("SELECT 1") + ready();
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    connect();
    client_.replies.clear();
    server_->write_in_batch("SELECT 1");
    bind_and_execute();
    sync();
    (void)heard();
    says(answer, cut);
    EXPECT_EQ(client_.types(), "2CZ") << cut;
    EXPECT_TRUE(server_->clean()) << cut;
  }
}

TEST_F(ServerOwn, ItsErrorIsTheClientsAndWhatFollowsIsSkipped) {
  server_->write_in_batch("SELECT raises");
  bind_and_execute();
  sync();
  (void)heard();
  says(message('3') + message('1') + message('2') + error("53400", "no") + ready());
  EXPECT_EQ(client_.types(), "EZ");
  EXPECT_EQ(told(), "53400 no|");
  EXPECT_TRUE(server_->clean());
}

// The statement whose Execute failed is there still, outside a transaction too: the next one closes it before it is made.
TEST_F(ServerOwn, OneThatFailedBeforeIsInNobodysWay) {
  server_->write_in_batch("SELECT raises");
  sync();
  (void)heard();
  says(message('3') + message('1') + message('2') + error("53400", "no") + ready());
  server_->write_in_batch("SELECT 2");
  EXPECT_TRUE(heard().starts_with("C(Sweir_own) P(weir_own|SELECT 2)"));
  sync();
  says(done_ + ready());
  EXPECT_EQ(client_.types(), "EZZ");
  EXPECT_TRUE(server_->clean());
}

TEST_F(ServerOwn, ACancelIsToldWithItsReason) {
  query("SELECT slow");
  server_->explain_cancel(std::make_unique<base::Error>(base::with_detail(base::query_canceled("too long"), "says a rule")));
  says(error("57014", "canceling statement due to user request") + ready());
  EXPECT_EQ(told(), "57014 too long|says a rule");
  EXPECT_EQ(client_.types(), "EZ");
}

TEST_F(ServerOwn, AReasonIsForACancelAndForOneClientOnly) {
  query("SELECT slow");
  server_->explain_cancel(std::make_unique<base::Error>(base::query_canceled("too long")));
  says(error("22012", "division by zero") + ready());
  EXPECT_EQ(told(), "22012 division by zero|");
  client_.replies.clear();
  server_->set_handler(&client_);  // as for the next one
  query("SELECT slow");
  says(error("57014", "canceling statement due to user request") + ready());
  EXPECT_EQ(told(), "57014 canceling statement due to user request|");
}

}  // namespace
}  // namespace pooler
