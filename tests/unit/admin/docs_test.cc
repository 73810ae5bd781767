#include "admin/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "admin/commands.h"
#include "admin/views.h"

namespace admin {
namespace {

using testing::HasSubstr;

TEST(ConsoleDocument, NamesEveryViewColumnAndCommand) {
  const std::string text = console_document();
  for (const View& view : all_views()) {
    EXPECT_THAT(text, HasSubstr("### SHOW " + std::string(view.name)));
    for (const ColumnInfo& column : view.columns) EXPECT_THAT(text, HasSubstr("| `" + column.name + "` |"));
  }
  for (const CommandInfo& command : all_commands()) EXPECT_THAT(text, HasSubstr(std::string(command.help)));
}

TEST(ConsoleDocument, IsTheCommittedOne) {
  const std::string path = WEIR_SOURCE_DIR "/docs/console.md";
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(path) << console_document();
  std::ifstream file(path);
  std::stringstream committed;
  committed << file.rdbuf();
  EXPECT_EQ(committed.str(), console_document()) << "run admin_test with WEIR_WRITE_DOCS=1 and commit docs/console.md";
}

}  // namespace
}  // namespace admin
