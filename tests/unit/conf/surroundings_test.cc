#include "conf/surroundings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace conf {
namespace {

using ::testing::HasSubstr;

std::string scratch(const std::string& name) {
  return testing::TempDir() + "conf_" + std::to_string(getpid()) + name;
}

TEST(Process, ReadsFilesAndTheirMode) {
  const std::string path = scratch("file");
  std::ofstream(path) << "text\n";
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const ProcessSurroundings process;
  EXPECT_EQ(process.read_file(path).value(), "text\n");
  EXPECT_EQ(process.stat(path)->mode, 0640U);
  EXPECT_EQ(unlink(path.c_str()), 0);
  const auto gone = process.read_file(path);
  ASSERT_FALSE(gone.ok());
  EXPECT_THAT(gone.error().message, HasSubstr("No such file or directory"));
  EXPECT_FALSE(process.stat(path));
}

TEST(Process, FolderIsNoFile) {
  const auto folder = ProcessSurroundings().read_file("/");
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.error().message, HasSubstr("it is not a file"));
}

TEST(Process, TooLargeAFileIsRefused) {
  const std::string path = scratch("large");
  std::ofstream(path) << "x";
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(ProcessSurroundings::kMaxFile) + 1), 0);
  const auto text = ProcessSurroundings().read_file(path);
  unlink(path.c_str());
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("larger than 64MB"));
}

TEST(Process, ReadsTheEnvironment) {
  ASSERT_EQ(setenv("WEIR_TEST_VARIABLE", "v", 1), 0);
  EXPECT_EQ(ProcessSurroundings().environment("WEIR_TEST_VARIABLE"), "v");
  ASSERT_EQ(unsetenv("WEIR_TEST_VARIABLE"), 0);
  EXPECT_FALSE(ProcessSurroundings().environment("WEIR_TEST_VARIABLE"));
}

TEST(Paths, AreResolvedAgainstAFolder) {
  EXPECT_EQ(resolve_path("/etc", "a"), "/etc/a");
  EXPECT_EQ(resolve_path("/", "a"), "/a");
  EXPECT_EQ(resolve_path("/etc", "/a"), "/a");
  EXPECT_EQ(resolve_path("", "a"), "a");
  EXPECT_EQ(resolve_path("/etc", ""), "");
  EXPECT_EQ(folder_of("/etc/weir/weir.toml"), "/etc/weir");
  EXPECT_EQ(folder_of("/weir.toml"), "/");
  EXPECT_EQ(folder_of("weir.toml"), "");
}

TEST(Expand, ReplacesVariablesAndNothingElse) {
  FixedSurroundings around;
  around.variables = {{"A", "1"}, {"B", "${A}"}};
  EXPECT_EQ(expand("x${A}y${A}", around).value(), "x1y1");
  EXPECT_EQ(expand("${B}", around).value(), "${A}") << "a value is not expanded again";
  EXPECT_EQ(expand("$1 $A $${A} $", around).value(), "$1 $A ${A} $");
  EXPECT_EQ(expand("$$${A}", around).value(), "$${A}");
  EXPECT_FALSE(expand("${C}", around).ok());
  EXPECT_FALSE(expand("${A", around).ok());
  EXPECT_FALSE(expand("${}", around).ok());
}

TEST(Expand, ManyLargeVariablesAreRefused) {
  FixedSurroundings around;
  around.variables = {{"A", std::string(100'000, 'x')}};
  std::string text;
  for (int i = 0; i < 100; ++i) text += "${A}";
  EXPECT_FALSE(expand(text, around).ok());
}

}  // namespace
}  // namespace conf
