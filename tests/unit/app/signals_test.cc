#include "app/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/run_loop.h"

namespace app {
namespace {

using pooler::ShutdownMode;

// Notes what it is asked for.
class Recorder final : public pooler::Operations {
 public:
  Token pause(const std::string& database, Done) override {
    notes.push_back("pause " + database);
    struct Guard {
      explicit Guard(Recorder& owner) : recorder(owner) {}
      ~Guard() { recorder.notes.push_back("pause forgotten"); }
      Recorder& recorder;
    };
    return std::make_shared<Guard>(*this);
  }
  Token suspend(Done) override { return nullptr; }
  Token wait_close(const std::string&, Done) override { return nullptr; }
  base::Status resume(const std::string& database) override { return note("resume " + database); }
  base::Status disable(const std::string&) override { return base::Ok{}; }
  base::Status enable(const std::string&) override { return base::Ok{}; }
  base::Status reconnect(const std::string&) override { return base::Ok{}; }
  base::Status kill(const std::string&) override { return base::Ok{}; }
  base::Status kill_client(uint64_t) override { return base::Ok{}; }
  base::Status shutdown(ShutdownMode mode) override {
    return note(mode == ShutdownMode::kImmediate        ? "shutdown now"
                : mode == ShutdownMode::kWaitForClients ? "shutdown after clients"
                                                        : "shutdown after servers");
  }
  void reload(Done) override {}
  base::Status set(std::string_view, std::string_view) override { return base::Ok{}; }
  void reset_queries(Done) override {}
  Token advise_now(Done) override { return nullptr; }
  Token apply_advice(const std::string&, Done) override { return nullptr; }
  base::Status dismiss_advice(const std::string&) override { return base::Ok{}; }

  std::vector<std::string> notes;

 private:
  base::Status note(std::string what) {
    notes.push_back(std::move(what));
    return base::Ok{};
  }
};

class SignalsTest : public testing::Test {
 protected:
  void send(int number, std::size_t notes) {
    ::kill(::getpid(), number);
    EXPECT_TRUE(support::run_until(loop_, [&] { return operations_.notes.size() >= notes; }));
  }

  base::EventLoop loop_;
  Recorder operations_;
  Signals signals_{loop_, operations_, [this] { operations_.notes.push_back("reload"); }};
};

using Notes = std::vector<std::string>;

TEST_F(SignalsTest, HangupReloads) {
  send(SIGHUP, 1);
  EXPECT_EQ(operations_.notes, Notes{"reload"});
}

TEST_F(SignalsTest, TermWaitsForClientsAndThenNotAnyMore) {
  send(SIGTERM, 1);
  send(SIGTERM, 2);
  EXPECT_EQ(operations_.notes, (Notes{"shutdown after clients", "shutdown now"}));
}

TEST_F(SignalsTest, IntWaitsForServersAndThenNotAnyMore) {
  send(SIGINT, 1);
  send(SIGINT, 2);
  EXPECT_EQ(operations_.notes, (Notes{"shutdown after servers", "shutdown now"}));
}

TEST_F(SignalsTest, QuitDoesNotWait) {
  send(SIGQUIT, 1);
  EXPECT_EQ(operations_.notes, Notes{"shutdown now"});
}

TEST_F(SignalsTest, APauseLastsUntilItIsResumed) {
  send(SIGUSR1, 1);
  support::run_for(loop_, std::chrono::milliseconds(20));
  EXPECT_EQ(operations_.notes, Notes{"pause "});
  send(SIGUSR2, 3);
  EXPECT_EQ(operations_.notes, (Notes{"pause ", "resume ", "pause forgotten"}));
}

}  // namespace
}  // namespace app
