#include "pooler/process.h"

#include "tests/unit/pooler/process_fixture.h"

namespace pooler {
namespace {

class ProcessTest : public ProcessFixture {
 protected:
  struct Answer {
    std::optional<base::Status> status;
    Operations::Done done() {
      return [this](base::Status given) { status = std::move(given); };
    }
  };
  bool answered(const Answer& answer) {
    return support::run_until(main_, [&] { return answer.status.has_value(); });
  }
};

TEST_F(ProcessTest, PauseOfAnIdleProcessIsDoneAtOnceAndResumeEndsIt) {
  Answer paused;
  const auto token = process_->pause("", paused.done());
  ASSERT_TRUE(token);
  ASSERT_TRUE(answered(paused));
  EXPECT_TRUE(paused.status->ok());
  EXPECT_EQ(process_->state(), Inspector::RunState::kPaused);
  EXPECT_TRUE(process_->resume("").ok());
  EXPECT_EQ(process_->state(), Inspector::RunState::kActive);
}

TEST_F(ProcessTest, APauseThatIsOverIsNotUndoneByItsToken) {
  Answer paused;
  auto token = process_->pause("app", paused.done());
  ASSERT_TRUE(answered(paused));
  token.reset();
  EXPECT_TRUE(pools_->paused("app"));
}

TEST_F(ProcessTest, APauseThatWaitsIsUndoneByItsToken) {
  Answer paused;
  auto token = process_->pause("app", paused.done());
  EXPECT_TRUE(pools_->paused("app"));
  token.reset();  // before the loop had a chance to find that nothing is in use
  EXPECT_FALSE(pools_->paused("app"));
  support::run_for(main_, std::chrono::milliseconds(100));
  EXPECT_FALSE(paused.status.has_value());
}

TEST_F(ProcessTest, WhatIsPausedIsNotPausedAgain) {
  Answer first, second;
  const auto token = process_->pause("", first.done());
  EXPECT_EQ(process_->pause("", second.done()), nullptr);
  ASSERT_TRUE(answered(second));
  ASSERT_FALSE(second.status->ok());
  EXPECT_EQ(second.status->error().sqlstate, "55000");
}

TEST_F(ProcessTest, WhatIsNotPausedCannotBeResumed) {
  EXPECT_EQ(process_->resume("").error().sqlstate, "55000");
  EXPECT_EQ(process_->resume("app").error().sqlstate, "55000");
  EXPECT_EQ(process_->resume("nowhere").error().sqlstate, "3D000");
}

TEST_F(ProcessTest, ResumeOfEverythingResumesEachDatabase) {
  Answer paused;
  const auto token = process_->pause("app", paused.done());
  EXPECT_TRUE(process_->resume("").ok());
  EXPECT_FALSE(pools_->paused("app"));
}

TEST_F(ProcessTest, UnknownDatabasesAre3D000) {
  Answer paused, waited;
  EXPECT_EQ(process_->pause("nowhere", paused.done()), nullptr);
  EXPECT_EQ(process_->wait_close("nowhere", waited.done()), nullptr);
  ASSERT_TRUE(answered(paused));
  ASSERT_TRUE(answered(waited));
  EXPECT_EQ(paused.status->error().sqlstate, "3D000");
  EXPECT_EQ(waited.status->error().sqlstate, "3D000");
  for (const auto& status : {process_->disable("nowhere"), process_->enable("nowhere"), process_->reconnect("nowhere"),
                             process_->kill("nowhere")})
    EXPECT_EQ(status.error().sqlstate, "3D000");
}

TEST_F(ProcessTest, SuspendStopsAcceptingUntilResume) {
  Answer suspended;
  const auto token = process_->suspend(suspended.done());
  ASSERT_TRUE(answered(suspended));
  EXPECT_TRUE(suspended.status->ok());
  EXPECT_TRUE(listening_suspended_);
  EXPECT_EQ(process_->state(), Inspector::RunState::kSuspended);
  EXPECT_TRUE(process_->resume("").ok());
  EXPECT_TRUE(support::run_until(main_, [&] { return !listening_suspended_; }));
  EXPECT_EQ(process_->state(), Inspector::RunState::kActive);
}

TEST_F(ProcessTest, DisableRefusesNewClientsUntilEnable) {
  EXPECT_TRUE(process_->disable("app").ok());
  EXPECT_FALSE(pools_->find_or_make("app", "alice").ok());
  EXPECT_TRUE(process_->enable("app").ok());
  EXPECT_TRUE(pools_->find_or_make("app", "alice").ok());
  EXPECT_FALSE(process_->disable("").ok());
}

TEST_F(ProcessTest, WaitCloseIsDoneWhenNothingNeedsToBeClosed) {
  Answer waited;
  EXPECT_TRUE(process_->reconnect("app").ok());
  const auto token = process_->wait_close("app", waited.done());
  ASSERT_TRUE(answered(waited));
  EXPECT_TRUE(waited.status->ok());
}

TEST_F(ProcessTest, KillClientFindsItsClientOnAnyWorker) {
  const base::Fd first = connect(0), second = connect(1);
  std::vector<SocketRow> clients;
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 3; }));
  clients = rows(&Process::clients);
  ASSERT_EQ(clients.size(), 2U);
  for (const SocketRow& client : clients) EXPECT_TRUE(process_->kill_client(client.id).ok());
  EXPECT_NE(read_all(first).find("57P01"), std::string::npos);
  EXPECT_NE(read_all(second).find("57P01"), std::string::npos);
}

TEST_F(ProcessTest, KillClientSaysWhenThereIsNoneOfThatId) {
  const auto status = process_->kill_client(4711);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("4711"), std::string::npos);
}

TEST_F(ProcessTest, KillClientFromAWorkerAsksTheOthers) {
  const base::Fd client = connect(1);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  std::atomic<int> result{-1};
  workers_[0]->loop().post([&] { result = process_->kill_client(1).ok() ? 1 : 0; });
  EXPECT_TRUE(support::run_until(main_, [&] { return result >= 0; }));
  EXPECT_EQ(result, 1);
  EXPECT_NE(read_all(client).find("57P01"), std::string::npos);
}

TEST_F(ProcessTest, KillPausesAndEndsClients) {
  const base::Fd client = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  EXPECT_TRUE(process_->kill("").ok());
  EXPECT_TRUE(pools_->paused(""));
  EXPECT_NE(read_all(client).find("57P01"), std::string::npos);
}

TEST_F(ProcessTest, AnswersComeBackOnTheCallersLoop) {
  std::atomic<bool> right{false}, came{false};
  workers_[1]->loop().post([&] {
    process_->lists([&](const std::vector<ListRow>&) {
      right = workers_[1]->loop().in_loop_thread();
      came = true;
    });
  });
  EXPECT_TRUE(support::run_until(main_, [&] { return came.load(); }));
  EXPECT_TRUE(right);

  came = right = false;
  Operations::Token token;
  workers_[0]->loop().post([&] {
    token = process_->pause("", [&](const base::Status& status) {
      right = status.ok() && workers_[0]->loop().in_loop_thread();
      came = true;
    });
  });
  EXPECT_TRUE(support::run_until(main_, [&] { return came.load(); }));
  EXPECT_TRUE(right);
}

TEST_F(ProcessTest, ReloadPassesTheErrorOn) {
  reload_answer_ = base::config_file_error("weir.toml:1:1: bad");
  Answer answer;
  process_->reload(answer.done());
  ASSERT_TRUE(answered(answer));
  EXPECT_EQ(answer.status->error().sqlstate, "F0000");
}

TEST_F(ProcessTest, SetChangesOneSettingAndRefusesOthers) {
  EXPECT_TRUE(process_->set("default_pool_size", "33").ok());
  ASSERT_TRUE(applied_);
  EXPECT_EQ(applied_->weir.default_pool_size, 33);
  applied_ = nullptr;
  EXPECT_FALSE(process_->set("listen_port", "1").ok());
  EXPECT_FALSE(process_->set("no_such_setting", "1").ok());
  EXPECT_EQ(applied_, nullptr);
}

TEST_F(ProcessTest, ShutdownAtOnceTellsClientsAndQuits) {
  const base::Fd client = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  EXPECT_TRUE(process_->shutdown(ShutdownMode::kImmediate).ok());
  EXPECT_TRUE(support::run_until(main_, [&] { return quit_; }));
  EXPECT_FALSE(listening_);
  EXPECT_TRUE(process_->shutting_down());
  EXPECT_NE(read_all(client).find("57P01"), std::string::npos);
}

TEST_F(ProcessTest, ShutdownWaitsForClientsThatAreLoggedIn) {
  auto pool = pools_->find_or_make("app", "alice");
  ASSERT_TRUE(pool.ok());
  ASSERT_TRUE(pools_->admit(**pool).ok());
  EXPECT_TRUE(process_->shutdown(ShutdownMode::kWaitForClients).ok());
  support::run_for(main_, std::chrono::milliseconds(200));
  EXPECT_FALSE(listening_);
  EXPECT_FALSE(quit_);
  pools_->dismiss(**pool);
  EXPECT_TRUE(support::run_until(main_, [&] { return quit_; }));
}

TEST_F(ProcessTest, ASecondShutdownAtOnceDoesNotWait) {
  auto pool = pools_->find_or_make("app", "alice");
  ASSERT_TRUE(pools_->admit(**pool).ok());
  EXPECT_TRUE(process_->shutdown(ShutdownMode::kWaitForClients).ok());
  EXPECT_TRUE(process_->shutdown(ShutdownMode::kImmediate).ok());
  EXPECT_TRUE(support::run_until(main_, [&] { return quit_; }));
  pools_->dismiss(**pool);
}

TEST_F(ProcessTest, ShutdownWaitingForServersEndsIdleClients) {
  const base::Fd client = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  EXPECT_TRUE(process_->shutdown(ShutdownMode::kWaitForServers).ok());
  EXPECT_TRUE(support::run_until(main_, [&] { return quit_; }));
  EXPECT_NE(read_all(client).find("57P01"), std::string::npos);
}

}  // namespace
}  // namespace pooler
