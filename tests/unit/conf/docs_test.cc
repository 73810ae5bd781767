#include "conf/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "conf/load.h"

namespace conf {
namespace {

using ::testing::HasSubstr;

TEST(Docs, SampleFileLoads) {
  const LoadResult result = load_text(sample_toml(), "weir.toml", FixedSurroundings());
  EXPECT_EQ(to_text(result.problems), "");
  EXPECT_EQ(to_text(result.warnings), "");
}

// Removing the # before every setting must give settings that Weir knows, most of them with their defaults.
TEST(Docs, SampleFileNamesOnlyKnownSettings) {
  std::string text = sample_toml();
  for (std::size_t at = 0; (at = text.find("\n#", at)) != std::string::npos; ++at) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  for (const Problem& problem : load_text(text, "weir.toml", FixedSurroundings()).problems) {
    EXPECT_THAT(problem.message, testing::Not(HasSubstr("unknown"))) << to_text(problem);
    EXPECT_THAT(problem.message, testing::Not(HasSubstr("Error while parsing"))) << to_text(problem);
  }
}

TEST(Docs, EverySettingIsInTheManual) {
  const std::string text = settings_markdown();
  for (const char* name :
       {"listen_addr", "log_format", "target_session_attrs", "`count`", "reserve_pool_size"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

// What is committed is what the tables say.
void expect_committed(const std::string& name, const std::string& text) {
  const std::string path = std::string(WEIR_SOURCE_DIR "/") + name;
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream committed;
  committed << file.rdbuf();
  EXPECT_TRUE(committed.str() == text) << "run conf_test with WEIR_WRITE_DOCS=1 and commit " << name;
}

TEST(Docs, TheManualOfSettingsIsTheCommittedOne) { expect_committed("docs/settings.md", settings_markdown()); }

TEST(Docs, TheSampleFileIsTheInstalledOne) { expect_committed("packaging/weir.toml", sample_toml()); }

}  // namespace
}  // namespace conf
