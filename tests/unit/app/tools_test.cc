#include "app/tools.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/app/scratch.h"

namespace app {
namespace {

using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

Options check(const std::string& file) {
  Options options;
  options.action = Options::Action::kCheck;
  options.config_file = file;
  return options;
}

TEST(Tools, CheckSaysOk) {
  const Scratch scratch;
  const std::string file = scratch.write("weir.toml", "[databases.x]\nhost = \"127.0.0.1\"\n");
  CaptureStdout();
  EXPECT_EQ(check_configuration(check(file)), 0);
  EXPECT_NE(GetCapturedStdout().find("OK"), std::string::npos);
}

TEST(Tools, CheckSaysEverythingThatIsWrongAndWhere) {
  const Scratch scratch;
  const std::string file = scratch.write("weir.toml", "[weir]\nmax_client_con = 1\npool_mode = \"sesion\"\n");
  CaptureStderr();
  EXPECT_EQ(check_configuration(check(file)), 1);
  const std::string said = GetCapturedStderr();
  EXPECT_NE(said.find(file + ":2:1: "), std::string::npos) << said;
  EXPECT_NE(said.find(file + ":3:"), std::string::npos) << said;
}

TEST(Tools, CheckOfAMissingFileFails) {
  CaptureStderr();
  EXPECT_EQ(check_configuration(check("/nonexistent/weir.toml")), 1);
  EXPECT_NE(GetCapturedStderr().find("/nonexistent/weir.toml"), std::string::npos);
}

TEST(Tools, ConvertWritesANewFileForItsOwnerAlone) {
  const Scratch scratch;
  Options options;
  options.ini_file = scratch.write("pgbouncer.ini", "[databases]\nx = host=127.0.0.1\n[pgbouncer]\nauth_type = any\n");
  options.output = scratch.path("weir.toml");
  CaptureStderr();
  (void)convert_configuration(options);
  GetCapturedStderr();
  EXPECT_NE(scratch.read("weir.toml").find("[databases.x]"), std::string::npos);
  struct stat facts {};
  ASSERT_EQ(::stat(options.output.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  // Once more: what is there stays.
  CaptureStderr();
  EXPECT_EQ(convert_configuration(options), 1);
  EXPECT_NE(GetCapturedStderr().find("File exists"), std::string::npos);
}

TEST(Tools, EveryDocumentIsPrinted) {
  for (const auto* name : {"settings", "console", "lint", "sample"}) {
    Options options;
    options.document = name;
    CaptureStdout();
    EXPECT_EQ(print_document(options), 0);
    EXPECT_GT(GetCapturedStdout().size(), 1000U) << name;
  }
}

}  // namespace
}  // namespace app
