#include "pooler/pam_check.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "slapd.h"

namespace {

using namespace std::chrono_literals;

// A PAM service in a folder of its own. The script is handed the password on its standard input, as any module is.
class PamCheck : public testing::Test {
 protected:
  PamCheck() {
    folder_.write("seen", "", 0666);
    folder_.write("check",
                  "#!/bin/sh\n"
                  "password=$(tr -d '\\0')\n"
                  "echo \"$PAM_USER $PAM_RHOST $PAM_SERVICE\" >> " + folder_.path("seen") + "\n"
                  "[ \"$PAM_USER\" = alice ] && [ \"$password\" = 'right word' ]\n",
                  0755);
    folder_.write("account", "#!/bin/sh\n[ \"$PAM_USER\" != locked ]\n", 0755);
    folder_.write("weir_test",
                  "auth [success=1 default=ignore] pam_exec.so quiet expose_authtok " + folder_.path("check") + "\n"
                  "auth requisite pam_deny.so\n"
                  "auth required pam_permit.so\n"
                  "account required pam_permit.so\n");
    folder_.write("weir_no_account", "auth required pam_permit.so\naccount required pam_deny.so\n");
    folder_.write("weir_slow", "auth optional pam_faildelay.so delay=8000000\nauth requisite pam_deny.so\n");
    folder_.write("weir_broken", "auth required pam_of_no_such_name.so\n");
  }

  base::Status ask(const std::string& service, const std::string& user, const std::string& password,
                   const std::string& address = "10.1.2.3") {
    return pooler::check_pam({.service = service,
                              .user = user,
                              .password = conf::Secret(password),
                              .remote_address = address,
                              .folder = folder_.path()});
  }
  std::string seen() {
    std::ostringstream text;
    text << std::ifstream(folder_.path("seen")).rdbuf();
    return text.str();
  }

  test::TemporaryFolder folder_;
};

TEST_F(PamCheck, TheModulesTellRightFromWrong) {
  const auto right = ask("weir_test", "alice", "right word");
  EXPECT_TRUE(right.ok()) << to_text(right.error());
  const auto wrong = ask("weir_test", "alice", "wrong word");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().sqlstate, "28P01");
  EXPECT_EQ(to_text(wrong.error()).find("wrong word"), std::string::npos);
  EXPECT_FALSE(ask("weir_test", "bob", "right word").ok());
}

TEST_F(PamCheck, TheModulesHearWhoAsksFromWhere) {
  (void)ask("weir_test", "alice", "right word", "2001:db8::7");
  (void)ask("weir_test", "bob", "x", "");
  EXPECT_EQ(seen(), "alice 2001:db8::7 weir_test\nbob [local] weir_test\n");
}

TEST_F(PamCheck, ThePasswordIsNotTheOnlyThingThatCounts) {
  const auto refused = ask("weir_no_account", "alice", "right word");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("account"), std::string::npos);
}

TEST_F(PamCheck, AServiceThatCannotJudgeLetsNobodyIn) {
  const auto broken = ask("weir_broken", "alice", "right word");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().sqlstate, "28000") << "a fault of ours, not of the password";
}

TEST_F(PamCheck, AFailureHoldsNoThread) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(ask("weir_slow", "alice", "x").ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s) << "the module asked for eight seconds";
}

#if !defined(WEIR_SANITIZE_THREAD)  // libaudit, below PAM, writes its messages through one static buffer
TEST_F(PamCheck, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("weir_test", "alice", t % 2 == 0 ? "right word" : "wrong").ok(), t % 2 == 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}
#endif

}  // namespace
