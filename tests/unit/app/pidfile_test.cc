#include "app/pidfile.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/app/scratch.h"

namespace app {
namespace {

namespace fs = std::filesystem;

TEST(Pidfile, HoldsOurNumberAndGoesWithIt) {
  const Scratch scratch;
  {
    const auto pidfile = Pidfile::write(scratch.path("pid"));
    ASSERT_TRUE(pidfile.ok());
    EXPECT_EQ(scratch.read("pid"), std::to_string(::getpid()) + "\n");
  }
  EXPECT_FALSE(fs::exists(scratch.path("pid")));
}

TEST(Pidfile, ReplacesWhatADeadProcessLeft) {
  const Scratch scratch;
  scratch.write("pid", "999999999\n");
  const auto pidfile = Pidfile::write(scratch.path("pid"));
  ASSERT_TRUE(pidfile.ok());
  EXPECT_EQ(scratch.read("pid"), std::to_string(::getpid()) + "\n");
}

TEST(Pidfile, RefusesWhileAnotherHasIt) {
  const Scratch scratch;
  const auto first = Pidfile::write(scratch.path("pid"));
  ASSERT_TRUE(first.ok());
  const auto second = Pidfile::write(scratch.path("pid"));
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("another process"), std::string::npos);
  EXPECT_TRUE(fs::exists(scratch.path("pid")));
}

TEST(Pidfile, LeavesASymbolicLinkAlone) {
  const Scratch scratch;
  scratch.write("victim", "precious");
  fs::create_symlink(scratch.path("victim"), scratch.path("pid"));
  EXPECT_FALSE(Pidfile::write(scratch.path("pid")).ok());
  EXPECT_EQ(scratch.read("victim"), "precious");
  EXPECT_TRUE(fs::is_symlink(scratch.path("pid")));
}

TEST(Pidfile, LeavesAFolderAlone) {
  const Scratch scratch;
  fs::create_directory(scratch.path("pid"));
  EXPECT_FALSE(Pidfile::write(scratch.path("pid")).ok());
}

TEST(Pidfile, DoesNotRemoveASuccessorsFile) {
  const Scratch scratch;
  {
    const auto pidfile = Pidfile::write(scratch.path("pid"));
    ASSERT_TRUE(pidfile.ok());
    fs::remove(scratch.path("pid"));
    scratch.write("pid", "1\n");
  }
  EXPECT_EQ(scratch.read("pid"), "1\n");
}

TEST(Pidfile, SaysWhyItCannotBeWritten) {
  const auto pidfile = Pidfile::write("/nonexistent/folder/pid");
  ASSERT_FALSE(pidfile.ok());
  EXPECT_NE(pidfile.error().message.find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace app
