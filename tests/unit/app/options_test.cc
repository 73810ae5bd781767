#include "app/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace app {
namespace {

base::Result<Options> parse(std::vector<std::string_view> words) { return parse_options(words); }

TEST(Options, TakeAFileInEverySpelling) {
  for (const auto& words : std::vector<std::vector<std::string_view>>{
           {"--config", "a.toml"}, {"--config=a.toml"}, {"-c", "a.toml"}}) {
    const auto options = parse(words);
    ASSERT_TRUE(options.ok());
    EXPECT_EQ(options->action, Options::Action::kRun);
    EXPECT_EQ(options->config_file, "a.toml");
  }
}

TEST(Options, TakeADatabaseUrl) {
  const auto options = parse({"postgres://u:p@h/db"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->url, "postgres://u:p@h/db");
  EXPECT_TRUE(parse({"postgresql://h/db"}).ok());
}

TEST(Options, NothingMeansTheEnvironment) {
  const auto options = parse({});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->action, Options::Action::kRun);
  EXPECT_TRUE(options->config_file.empty());
  EXPECT_TRUE(options->url.empty());
}

TEST(Options, CheckTakesItsFileWithAndWithoutTheOption) {
  for (const auto& words : std::vector<std::vector<std::string_view>>{{"check", "a"}, {"check", "--config", "a"}}) {
    const auto options = parse(words);
    ASSERT_TRUE(options.ok());
    EXPECT_EQ(options->action, Options::Action::kCheck);
    EXPECT_EQ(options->config_file, "a");
  }
}

TEST(Options, ConvertTakesAFileAndAnOutput) {
  const auto options = parse({"convert", "-o", "weir.toml", "pgbouncer.ini"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->action, Options::Action::kConvert);
  EXPECT_EQ(options->ini_file, "pgbouncer.ini");
  EXPECT_EQ(options->output, "weir.toml");
}

TEST(Options, OtherActions) {
  EXPECT_EQ(parse({"--version"})->action, Options::Action::kVersion);
  EXPECT_EQ(parse({"help"})->action, Options::Action::kHelp);
  EXPECT_EQ(parse({"--help"})->action, Options::Action::kHelp);
  EXPECT_EQ(parse({"--print-docs", "lint"})->document, "lint");
  const auto docs = parse({"--print-docs", "sample"});
  ASSERT_TRUE(docs.ok());
  EXPECT_EQ(docs->action, Options::Action::kPrintDocs);
  EXPECT_EQ(docs->document, "sample");
}

TEST(Options, RefuseWhatTheyDoNotKnow) {
  for (const auto& words : std::vector<std::vector<std::string_view>>{{"--what"},
                                                                      {"--config"},
                                                                      {"--config="},
                                                                      {"--config", "a", "--config", "b"},
                                                                      {"--config", "a", "postgres://h"},
                                                                      {"--version=1"},
                                                                      {"--print-docs", "poems"},
                                                                      {"weir.toml"},
                                                                      {"check", "a", "b"},
                                                                      {"convert"},
                                                                      {"convert", "-x", "a"}}) {
    const auto options = parse(words);
    EXPECT_FALSE(options.ok()) << words.front();
  }
}

TEST(Options, NeverRepeatWhatMayHoldAPassword) {
  const auto options = parse({"postgress://u:secret@h/db"});
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(base::to_text(options.error()).find("secret"), std::string::npos);
}

TEST(Options, HelpNamesEveryCommand) {
  for (const auto* word : {"--config", "check", "convert", "--print-docs", "--version", "DATABASE_URL"})
    EXPECT_NE(help_text().find(word), std::string_view::npos) << word;
}

}  // namespace
}  // namespace app
