#include "app/settings_source.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/unit/app/scratch.h"

namespace app {
namespace {

SettingsSource from_file(const std::string& path) {
  Options options;
  options.config_file = path;
  return SettingsSource(options);
}

TEST(SettingsSource, ReadsTheFileAnewEachTime) {
  const Scratch scratch;
  const auto source = from_file(scratch.write("a.toml", "[databases.x]\nhost = \"127.0.0.1\"\n"));
  ASSERT_TRUE(source.load().config);
  EXPECT_TRUE(source.load().config->databases.contains("x"));
  scratch.write("a.toml", "[databases.y]\nhost = \"127.0.0.1\"\n");
  EXPECT_TRUE(source.load().config->databases.contains("y"));
  scratch.write("a.toml", "[databases.y");
  EXPECT_FALSE(source.load().config);
}

TEST(SettingsSource, NeverShowsAUrl) {
  Options options;
  options.url = "postgres://u:secret@h/db";
  EXPECT_EQ(SettingsSource(options).text().find("secret"), std::string::npos);
  EXPECT_TRUE(SettingsSource(options).load().config);
}

TEST(SettingsSource, TheEnvironmentAloneIsEnoughWithAUrl) {
  ::unsetenv("DATABASE_URL");
  ::unsetenv("WEIR_DATABASE_URL");
  EXPECT_TRUE(SettingsSource(Options{}).says_nothing());
  ::setenv("DATABASE_URL", "", 1);
  EXPECT_TRUE(SettingsSource(Options{}).says_nothing());
  ::setenv("DATABASE_URL", "postgres://u:p@127.0.0.1:5432/shop", 1);
  EXPECT_FALSE(SettingsSource(Options{}).says_nothing());
  const auto loaded = SettingsSource(Options{}).load();
  ::unsetenv("DATABASE_URL");
  ASSERT_TRUE(loaded.config) << conf::to_text(loaded.problems);
  EXPECT_TRUE(loaded.config->databases.contains("shop"));
}

}  // namespace
}  // namespace app
