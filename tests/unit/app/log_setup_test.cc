#include "app/log_setup.h"

#include <gtest/gtest.h>

namespace app {
namespace {

TEST(LogSetup, DefaultsGoToStderrAsText) {
  const auto settings = log_settings(conf::Weir{});
  EXPECT_TRUE(settings.to_stderr);
  EXPECT_FALSE(settings.to_syslog);
  EXPECT_EQ(settings.level, base::LogLevel::kInfo);
  EXPECT_EQ(settings.format, base::LogFormat::kText);
}

TEST(LogSetup, CarriesEverySettingOver) {
  conf::Weir weir;
  weir.logfile = "weir.log";
  weir.syslog = true;
  weir.syslog_ident = "pool";
  weir.syslog_facility = "local3";
  weir.log_format = conf::LogFormat::kJson;
  weir.log_level = conf::LogLevel::kWarn;
  const auto settings = log_settings(weir);
  EXPECT_EQ(settings.file, "weir.log");
  EXPECT_TRUE(settings.to_syslog);
  EXPECT_FALSE(settings.to_stderr);
  EXPECT_EQ(settings.syslog_ident, "pool");
  EXPECT_EQ(settings.syslog_facility, "local3");
  EXPECT_EQ(settings.format, base::LogFormat::kJson);
  EXPECT_EQ(settings.level, base::LogLevel::kWarn);
}

TEST(LogSetup, TheSlowLogIsAsConfigured) {
  conf::Weir weir;
  EXPECT_EQ(slow_log_settings(weir), (pooler::SlowLogSettings{.file = "", .json = false, .rate_max = 100}));
  weir.slow_log_file = "slow.log";
  weir.slow_log_format = conf::LogFormat::kJson;
  weir.slow_log_max_rate = 0;
  EXPECT_EQ(slow_log_settings(weir), (pooler::SlowLogSettings{.file = "slow.log", .json = true, .rate_max = 0}));
}

TEST(LogSetup, VerboseLowersTheLevel) {
  conf::Weir weir;
  weir.verbose = 2;
  EXPECT_EQ(log_settings(weir).level, base::LogLevel::kTrace);
}

}  // namespace
}  // namespace app
