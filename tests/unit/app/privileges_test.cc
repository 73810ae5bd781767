#include "app/privileges.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace app {
namespace {

// What happens to a whole process is tried in one of its own: `claim` says whether it came out right.
bool in_a_child(bool (*claim)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(claim() ? 0 : 1);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Privileges, HardeningHoldsForTheProcess) {
  EXPECT_TRUE(in_a_child([] {
    if (!harden().ok()) return false;
    rlimit core{1, 1};
    getrlimit(RLIMIT_CORE, &core);
    return core.rlim_max == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  }));
}

TEST(Privileges, RootNeedsAUserToBecome) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  EXPECT_FALSE(may_start("").ok());
  EXPECT_FALSE(become("").ok());
  EXPECT_FALSE(become("root").ok());
  EXPECT_TRUE(may_start("nobody").ok());
}

TEST(Privileges, RootIsGivenUpForGood) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  EXPECT_TRUE(in_a_child([] {
    const passwd* nobody = getpwnam("nobody");
    if (nobody == nullptr || !become("nobody").ok()) return false;
    return ::geteuid() == nobody->pw_uid && ::getuid() == nobody->pw_uid && ::setuid(0) != 0 &&
           ::access("/etc/shadow", R_OK) != 0;
  }));
}

TEST(Privileges, AnotherUserCannotBecomeSomebodyElse) {
  EXPECT_TRUE(in_a_child([] {
    if (::geteuid() == 0 && !become("nobody").ok()) return false;
    const passwd* own = getpwuid(::geteuid());
    return become("").ok() && (own == nullptr || become(own->pw_name).ok()) && !become("root").ok();
  }));
}

TEST(Privileges, AnUnknownUserIsSaid) {
  const auto status = become("no-such-user-here");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("no-such-user-here"), std::string::npos);
}

}  // namespace
}  // namespace app
