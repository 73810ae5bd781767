#pragma once
// The log: one line per event, written by a thread of its own.
//
//   const base::Logger log{"pooler"};                        // namespace scope; the name is a literal
//   log.warn("client {} waited {} for {}, giving up", id, waited, pool);
//   log.limited(address).warn("login of {} failed", user);   // at most kLimitBurst of these per kLimitPeriod
//
// A caller never waits: lines go into a bounded queue, and what does not fit is counted and said when there is room
// again. A full disk loses lines and nothing else. Whatever a line contains, it stays one line: control bytes and
// invalid UTF-8 are escaped. Before start_logging() and after stop_logging() lines go straight to stderr.
//
// info is what an operator acts on, debug what a developer follows. Secrets and parameters never appear.
// Everything here may be called from any thread.

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace base {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kText, kJson };

std::string_view name_of(LogLevel level);

// Lines in the queue: at a hundred bytes each, about a megabyte.
inline constexpr std::size_t kLogQueueMax = 8192;
// Bytes in the queue, for long lines.
inline constexpr std::size_t kLogQueueBytesMax = 4 * 1024 * 1024;
// A longer line is cut and ends in "...": one message must not fill the log.
inline constexpr std::size_t kLogLineMax = 8 * 1024;
// Lines of one key that pass limited() before it swallows the rest of the period.
inline constexpr int kLimitBurst = 5;
inline constexpr Duration kLimitPeriod = std::chrono::seconds(10);

struct LogSettings {
  std::string file{};     // empty: stderr, unless that is not wanted
  bool to_stderr = true;  // where no file is given
  bool to_syslog = false;
  std::string syslog_ident = "weir";
  std::string syslog_facility = "daemon";  // auth, authpriv, daemon, user, local0 to local7
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;
  std::vector<std::pair<std::string, LogLevel>> module_levels{};  // win over level
};

// Opens the targets and starts the writer. After a fork, not before it.
Status start_logging(const LogSettings& settings);
// The same for a running log. On an error nothing changes.
Status reconfigure_logging(const LogSettings& settings);
// Writes out what is queued, for at most `patience`, then ends the writer.
void stop_logging(Duration patience = std::chrono::seconds(2));
// Opens the log file anew, after a rotation. Returns at once; the writer does it.
void reopen_log();
// Waits until everything logged before is written or lost; false after `patience`. For tests and for last words.
bool flush_log(Duration patience);

void set_log_level(LogLevel level);
void set_log_level(std::string_view module, LogLevel level);

struct LogCounts {
  uint64_t written = 0;  // lines handed to their target
  uint64_t dropped = 0;  // lines lost: queue full, disk full, nobody reading
};
LogCounts log_counts();

class LimitedLogger;

class Logger {
 public:
  constexpr explicit Logger(std::string_view module) : module_(module) {}

  bool enabled(LogLevel level) const;
  // At most kLimitBurst lines per `key` of this module and kLimitPeriod; how many were swallowed is said afterwards.
  LimitedLogger limited(std::string_view key) const;

  template <typename... Args>
  void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(level)) emit(level, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kTrace)) emit(LogLevel::kTrace, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kDebug)) emit(LogLevel::kDebug, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kInfo)) emit(LogLevel::kInfo, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kWarn)) emit(LogLevel::kWarn, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kError)) emit(LogLevel::kError, format, fmt::make_format_args(args...));
  }

 private:
  friend class LimitedLogger;
  void emit(LogLevel level, fmt::string_view format, fmt::format_args args) const;

  std::string_view module_;
};

// What limited() returns; for one use in the same expression.
class LimitedLogger {
 public:
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (allowed(LogLevel::kDebug)) logger_.emit(LogLevel::kDebug, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (allowed(LogLevel::kInfo)) logger_.emit(LogLevel::kInfo, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    if (allowed(LogLevel::kWarn)) logger_.emit(LogLevel::kWarn, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    if (allowed(LogLevel::kError)) logger_.emit(LogLevel::kError, format, fmt::make_format_args(args...));
  }

 private:
  friend class Logger;
  LimitedLogger(const Logger& logger, std::string_view key) : logger_(logger), key_(key) {}
  bool allowed(LogLevel level) const;

  const Logger& logger_;
  std::string_view key_;
};

}  // namespace base
