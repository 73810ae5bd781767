#include "app/log_setup.h"

namespace app {
namespace {

base::LogLevel level_of(conf::LogLevel level) {
  switch (level) {
    case conf::LogLevel::kTrace: return base::LogLevel::kTrace;
    case conf::LogLevel::kDebug: return base::LogLevel::kDebug;
    case conf::LogLevel::kInfo: return base::LogLevel::kInfo;
    case conf::LogLevel::kWarn: return base::LogLevel::kWarn;
    case conf::LogLevel::kError: return base::LogLevel::kError;
  }
  return base::LogLevel::kInfo;
}

}  // namespace

base::LogSettings log_settings(const conf::Weir& weir) {
  base::LogSettings settings;
  settings.file = weir.logfile;
  settings.to_syslog = weir.syslog;
  settings.to_stderr = !weir.syslog;
  settings.syslog_facility = weir.syslog_facility;
  settings.syslog_ident = weir.syslog_ident;
  settings.format = weir.log_format == conf::LogFormat::kJson ? base::LogFormat::kJson : base::LogFormat::kText;
  settings.level = level_of(conf::log_level(weir));
  return settings;
}

pooler::SlowLogSettings slow_log_settings(const conf::Weir& weir) {
  return {.file = weir.slow_log_file,
          .json = weir.slow_log_format == conf::LogFormat::kJson,
          .rate_max = static_cast<uint64_t>(weir.slow_log_max_rate)};
}

}  // namespace app
