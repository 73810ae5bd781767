#include "wire/options.h"

#include <gtest/gtest.h>

#include <string>

namespace wire {
namespace {

Settings settings_of(std::string_view options) {
  auto parsed = parse_options(options);
  EXPECT_TRUE(parsed.ok()) << options << ": " << parsed.error().message;
  return parsed.ok() ? *parsed : Settings{};
}

std::string error_of(std::string_view options) {
  auto parsed = parse_options(options);
  return parsed.ok() ? "no error" : parsed.error().sqlstate + " " + parsed.error().message;
}

TEST(Options, WordsAreSplitAtSpaceAndABackslashQuotesOneByte) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_options(""), Words{});
  EXPECT_EQ(split_options(" \t\n "), Words{});
  EXPECT_EQ(split_options(" a  b\tc "), (Words{"a", "b", "c"}));
  EXPECT_EQ(split_options("a\\ b c\\\\d"), (Words{"a b", "c\\d"}));
  EXPECT_EQ(split_options("a\\"), (Words{"a"}));
  EXPECT_EQ(split_options("\\"), (Words{""}));
  EXPECT_EQ(split_options("'a b'"), (Words{"'a", "b'"}));
}

TEST(Options, SettingsComeInAllSpellings) {
  EXPECT_EQ(settings_of("-c work_mem=1MB"), (Settings{{"work_mem", "1MB"}}));
  EXPECT_EQ(settings_of("-cwork_mem=1MB"), (Settings{{"work_mem", "1MB"}}));
  EXPECT_EQ(settings_of("--work-mem=1MB"), (Settings{{"work_mem", "1MB"}}));
  EXPECT_EQ(settings_of("-c search_path=a,\\ b -c DateStyle=ISO=x"),
            (Settings{{"search_path", "a, b"}, {"datestyle", "ISO=x"}}));
  EXPECT_EQ(settings_of("-c my.name="), (Settings{{"my.name", ""}}));
  EXPECT_EQ(
      settings_of("-es -S 64 --a=b --"),
      (Settings{{"datestyle", "euro"}, {"log_statement_stats", "true"}, {"work_mem", "64"}, {"a", "b"}}));
  EXPECT_EQ(settings_of("-fs -tpl"), (Settings{{"enable_seqscan", "false"}, {"log_planner_stats", "true"}}));
  EXPECT_EQ(settings_of("-d 2"), (Settings{{"log_min_messages", "debug2"}, {"log_statement", "all"}}));
  EXPECT_EQ(settings_of("-v 196608 -c a=b"), (Settings{{"a", "b"}}));
}

TEST(Options, EmptyAndBrokenNamesAreErrors) {
  EXPECT_EQ(error_of("-c ="), "42704 unrecognized configuration parameter \"\"");
  EXPECT_EQ(error_of("-c=x"), "42704 unrecognized configuration parameter \"\"");
  EXPECT_EQ(error_of("--=x"), "42704 unrecognized configuration parameter \"\"");
  EXPECT_EQ(error_of("-c a b"), "42601 -c a requires a value");
  EXPECT_EQ(error_of("--a"), "42601 --a requires a value");
  EXPECT_EQ(error_of("-c a..b=c"), "42602 invalid configuration parameter name \"a..b\"");
  EXPECT_EQ(error_of("-c 1a=c"), "42704 unrecognized configuration parameter \"1a\"");
  EXPECT_EQ(error_of("-c \"a=c"), "42704 unrecognized configuration parameter \"\"a\"");
}

TEST(Options, WhatIsNoSettingIsTheServersError) {
  EXPECT_EQ(error_of("-c"), "42601 invalid command-line argument for server process: -c");
  EXPECT_EQ(error_of("-x"), "42601 invalid command-line argument for server process: -x");
  EXPECT_EQ(error_of("word"), "42601 invalid command-line argument for server process: word");
  EXPECT_EQ(error_of("-"), "42601 invalid command-line argument for server process: -");
  EXPECT_EQ(error_of("-- word"), "42601 invalid command-line argument for server process: word");
  EXPECT_EQ(error_of("-fz"), "42601 invalid command-line argument for server process: -fz");
  EXPECT_EQ(error_of("word -c a"), "42601 -c a requires a value");
}

TEST(Options, OldNamesAreTranslated) {
  EXPECT_EQ(normalize_setting_name("TimeZone"), "timezone");
  EXPECT_EQ(normalize_setting_name("SORT_MEM"), "work_mem");
  EXPECT_EQ(normalize_setting_name("vacuum_mem"), "maintenance_work_mem");
}

}  // namespace
}  // namespace wire
