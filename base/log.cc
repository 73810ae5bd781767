#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/syslog_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/log_file.h"
#include "base/log_limit.h"
#include "base/text.h"
#include "base/thread.h"

namespace base {
namespace {

// How often the writer looks for swallowed lines to tell, while there are limits to watch.
constexpr auto kTick = std::chrono::seconds(1);
// After writing, the writer lets lines gather this long before it looks again: a busy log then costs a wake-up per batch
// and not one per line. What a crash of the whole machine could take along is this much more of the log.
constexpr auto kGather = std::chrono::milliseconds(2);

struct Line {
  WallTime time;
  LogLevel level;
  std::string_view module;
  std::string text;
};

struct LevelName {
  LogLevel level;
  std::string_view json, text;
  spdlog::level::level_enum spdlog_level;
};
constexpr std::array kLevels = {LevelName{LogLevel::kTrace, "trace", "TRACE", spdlog::level::trace},
                                LevelName{LogLevel::kDebug, "debug", "DEBUG", spdlog::level::debug},
                                LevelName{LogLevel::kInfo, "info", "LOG", spdlog::level::info},
                                LevelName{LogLevel::kWarn, "warn", "WARNING", spdlog::level::warn},
                                LevelName{LogLevel::kError, "error", "ERROR", spdlog::level::err}};
const LevelName& names_of(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

struct Facility {
  std::string_view name;
  int value;
};
constexpr Facility kFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"daemon", LOG_DAEMON}, {"user", LOG_USER},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};

// What a JSON string may hold (RFC 8259, section 7), and no byte that a terminal or a parser could trip over.
void append_json(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += fmt::format("\\\\x{:02x}", byte);
    } else if (length == 1 && (byte < 0x20 || byte == 0x7f)) {
      out += byte == '\n' ? std::string("\\n") : byte == '\t' ? std::string("\\t") : fmt::format("\\u{:04x}", byte);
    } else if (byte == '"' || byte == '\\') {
      out += {'\\', text.front()};
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

// The level's name where the pattern says %*.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit LevelFlag(LogFormat format) : format_(format) {}
  void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto level = std::find_if(kLevels.begin(), kLevels.end(),
                                    [&](const LevelName& one) { return one.spdlog_level == line.level; });
    const std::string_view name = format_ == LogFormat::kJson ? level->json : level->text;
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(format_); }

 private:
  LogFormat format_;
};

// A line as it stands in the log.
class LineFormatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format), formatter_(spdlog::pattern_time_type::utc, "\n") {
    formatter_.add_flag<LevelFlag>('*', format);
    // The pid as text: spdlog's flag for it is a system call for each line.
    const std::string pid = std::to_string(::getpid());
    formatter_.set_pattern(format == LogFormat::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%*","pid":)" + pid +
                                                            R"(,"module":"%n","message":"%v"})"
                                                      : "%Y-%m-%d %H:%M:%S.%e UTC [" + pid + "] %* %n: %v");
  }

  void append(spdlog::memory_buf_t& out, const Line& line) { formatter_.format(message(line), out); }

  // The line for syslog, which has its own time and level.
  spdlog::details::log_msg message(const Line& line) {
    escaped_ = escape_for_log(line.text, kLogLineMax);
    if (format_ == LogFormat::kJson) {
      escaped_.clear();
      append_json(escaped_, std::string_view(line.text).substr(0, kLogLineMax));
      if (line.text.size() > kLogLineMax) escaped_ += "...";
    }
    return {line.time, spdlog::source_loc{}, line.module, names_of(line.level).spdlog_level, escaped_};
  }

 private:
  LogFormat format_;
  spdlog::pattern_formatter formatter_;
  std::string escaped_;
};

// Where lines go, opened.
struct Output {
  LogSettings settings;
  std::optional<LineFile> file;  // a log file or stderr
};

Result<Output> open_output(const LogSettings& settings) {
  const auto facility = std::find_if(std::begin(kFacilities), std::end(kFacilities),
                                     [&](const Facility& one) { return one.name == settings.syslog_facility; });
  if (settings.to_syslog && facility == std::end(kFacilities))
    return config_file_error("unknown syslog facility \"" + settings.syslog_facility + "\"");
  Output output{settings, std::nullopt};
  if (!settings.file.empty()) {
    TRY(output.file, LineFile::open(settings.file));
  } else if (settings.to_stderr) {
    output.file = LineFile::borrow(STDERR_FILENO, "stderr");
  }
  return output;
}

// What callers and the writer share. Never destroyed: a thread that outlives main may still log.
struct Queue {
  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable work_done;
  // All guarded by mutex.
  std::vector<Line> lines;
  std::size_t bytes = 0;
  uint64_t refused = 0;  // lines that found the queue full, since last told
  uint64_t taken_in = 0;
  uint64_t worked_off = 0;
  bool running = false;
  bool stopping = false;
  bool stopped = false;
  bool reopen = false;
  bool busy = false;  // the writer works on what it took
  bool idle = false;  // the writer sleeps until somebody wakes it
  bool flush = false;  // somebody waits for what is there
  std::optional<Output> next_output;
  std::thread writer;

  bool half_full() const { return lines.size() >= kLogQueueMax / 2 || bytes >= kLogQueueBytesMax / 2; }
  bool cannot_wait() const { return stopping || reopen || next_output || flush || half_full(); }
};
Queue& queue() {
  static Queue& the_queue = *new Queue;
  return the_queue;
}

struct Levels {
  std::mutex mutex;
  LogLevel common = LogLevel::kInfo;
  std::vector<std::pair<std::string, LogLevel>> modules;
};
Levels& levels() {
  static Levels& the_levels = *new Levels;
  return the_levels;
}
// What lies below this is not logged by any module: the usual answer costs one look.
std::atomic<LogLevel> lowest_level{LogLevel::kInfo};
std::atomic<bool> modules_differ{false};

struct Limits {
  std::mutex mutex;
  LogLimit limit{kLimitBurst, kLimitPeriod};
};
Limits& limits() {
  static Limits& the_limits = *new Limits;
  return the_limits;
}
std::atomic<bool> limits_in_use{false};

std::atomic<uint64_t> written_count{0};
std::atomic<uint64_t> dropped_count{0};

// The writer's side: one thread, everything that can take time.
class Writer {
 public:
  explicit Writer(Output output) { use(std::move(output)); }

  void run() {
    Queue& q = queue();
    std::unique_lock lock(q.mutex);
    const auto awake = [&q] { return !q.lines.empty() || q.stopping || q.reopen || q.next_output || q.refused > 0; };
    while (true) {
      q.idle = true;
      if (limits_in_use.load(std::memory_order_relaxed))
        q.work_came.wait_for(lock, kTick, awake);
      else
        q.work_came.wait(lock, awake);
      q.idle = q.flush = false;
      std::vector<Line> batch = std::exchange(q.lines, {});
      q.bytes = 0;
      const uint64_t refused = std::exchange(q.refused, 0);
      auto next = std::exchange(q.next_output, std::nullopt);
      const bool reopen = std::exchange(q.reopen, false);
      const bool last = q.stopping;
      q.busy = true;
      lock.unlock();
      if (next) use(*std::move(next));
      if (reopen) reopen_file();
      work_off(batch, refused, last);
      lock.lock();
      q.busy = false;
      q.worked_off += batch.size();
      if (last && q.lines.empty()) q.stopped = true;
      q.work_done.notify_all();
      if (q.stopped) return;
      q.work_came.wait_for(lock, kGather, [&q] { return q.cannot_wait(); });
    }
  }

 private:
  void use(Output output) {
    syslog_.reset();  // closelog() is for the whole process: before the next openlog()
    output_ = std::move(output);
    formatter_.emplace(output_.settings.format);
    if (!output_.settings.to_syslog) return;
    const auto facility = std::find_if(std::begin(kFacilities), std::end(kFacilities), [this](const Facility& one) {
      return one.name == output_.settings.syslog_facility;
    });
    syslog_ = std::make_unique<spdlog::sinks::syslog_sink_st>(output_.settings.syslog_ident, LOG_PID,
                                                              facility->value, false);
  }

  void reopen_file() {
    if (!output_.file) return;
    const Status status = output_.file->reopen();
    if (!status.ok()) say(LogLevel::kError, "log", to_text(status.error()) + "; still using the old one");
  }

  void work_off(const std::vector<Line>& batch, uint64_t refused, bool last) {
    for (const Line& line : batch) put(line);
    if (refused > 0)
      say(LogLevel::kWarn, "log",
          fmt::format("{} lines were dropped: they came faster than they could be written", refused));
    tell_swallowed(last);
    send();
  }

  void say(LogLevel level, std::string_view module, std::string text) {
    put({wall_now(), level, module, std::move(text)});
  }

  void put(const Line& line) {
    if (syslog_) syslog_->log(formatter_->message(line));
    if (!output_.file) {
      written_count.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    formatter_->append(text_, line);
    ++lines_in_text_;
    if (text_.size() >= kPieceSize) send();
  }

  void send() {
    if (lines_in_text_ == 0) return;
    const uint64_t lines = std::exchange(lines_in_text_, 0);
    const std::string text(text_.data(), text_.size());
    text_.clear();
    if (lost_ > 0 && !send_loss()) {
      lose(lines);
      return;
    }
    const uint64_t lost = output_.file->write(text);
    written_count.fetch_add(lines - lost, std::memory_order_relaxed);
    if (lost > 0) lose(lost);
  }

  // The first thing said when the file takes lines again.
  bool send_loss() {
    spdlog::memory_buf_t notice;
    formatter_->append(notice, {wall_now(), LogLevel::kWarn, "log",
                                fmt::format("{} lines were lost: {}", lost_, output_.file->failure())});
    if (output_.file->write({notice.data(), notice.size()}) > 0) return false;
    lost_ = 0;
    return true;
  }

  void lose(uint64_t lines) {
    dropped_count.fetch_add(lines, std::memory_order_relaxed);
    const bool first = std::exchange(lost_, lost_ + lines) == 0;
    if (!first || output_.settings.file.empty()) return;
    // Once per failure somebody should hear of it.
    LineFormatter plain(LogFormat::kText);
    spdlog::memory_buf_t notice;
    plain.append(notice, {wall_now(), LogLevel::kError, "log",
                          fmt::format("could not write to log file \"{}\": {}", output_.file->name(),
                                      output_.file->failure())});
    LineFile::borrow(STDERR_FILENO, "stderr").write({notice.data(), notice.size()});
  }

  void tell_swallowed(bool last) {
    if (!limits_in_use.load(std::memory_order_relaxed)) return;
    Limits& all = limits();
    std::vector<LogLimit::Swallowed> told;
    {
      const std::lock_guard lock(all.mutex);
      told = last ? all.limit.expire_all() : all.limit.expire(now());
      if (all.limit.empty()) limits_in_use.store(false, std::memory_order_relaxed);
    }
    for (const auto& [key, count] : told)
      say(LogLevel::kWarn, "log", fmt::format("{} more lines like the last of {} were not shown", count, key));
  }

  static constexpr std::size_t kPieceSize = 64 * 1024;

  Output output_;
  std::unique_ptr<spdlog::sinks::syslog_sink_st> syslog_;
  std::optional<LineFormatter> formatter_;
  spdlog::memory_buf_t text_;
  uint64_t lines_in_text_ = 0;
  uint64_t lost_ = 0;  // lines the file did not take, since it last took one
};

void set_levels(LogLevel common, std::vector<std::pair<std::string, LogLevel>> modules) {
  Levels& all = levels();
  const std::lock_guard lock(all.mutex);
  all.common = common;
  all.modules = std::move(modules);
  LogLevel lowest = common;
  for (const auto& [module, level] : all.modules) lowest = std::min(lowest, level);
  lowest_level.store(lowest, std::memory_order_relaxed);
  modules_differ.store(!all.modules.empty(), std::memory_order_relaxed);
}

void write_at_once(const Line& line) {
  LineFormatter formatter(LogFormat::kText);
  spdlog::memory_buf_t text;
  formatter.append(text, line);
  LineFile::borrow(STDERR_FILENO, "stderr").write({text.data(), text.size()});
}

}  // namespace

std::string_view name_of(LogLevel level) { return names_of(level).json; }

Status start_logging(const LogSettings& settings) {
  TRY(auto output, open_output(settings));
  set_levels(settings.level, settings.module_levels);
  Queue& q = queue();
  const std::lock_guard lock(q.mutex);
  if (q.running) {
    q.next_output = std::move(output);
    q.work_came.notify_one();
    return Ok{};
  }
  q.running = true;
  q.stopping = q.stopped = false;
  q.writer = start_thread("weir-log", [writer = std::make_shared<Writer>(std::move(output))] { writer->run(); });
  return Ok{};
}

Status reconfigure_logging(const LogSettings& settings) { return start_logging(settings); }

void stop_logging(Duration patience) {
  Queue& q = queue();
  std::unique_lock lock(q.mutex);
  if (!q.running) return;
  q.stopping = true;
  q.running = false;
  q.work_came.notify_one();
  const bool stopped = q.work_done.wait_for(lock, patience, [&q] { return q.stopped; });
  std::thread writer = std::move(q.writer);
  lock.unlock();
  // A writer that hangs in the kernel is left to the end of the process.
  stopped ? writer.join() : writer.detach();
}

void reopen_log() {
  Queue& q = queue();
  const std::lock_guard lock(q.mutex);
  q.reopen = q.running;
  q.work_came.notify_one();
}

bool flush_log(Duration patience) {
  Queue& q = queue();
  std::unique_lock lock(q.mutex);
  const uint64_t wanted = q.taken_in;
  q.flush = true;
  q.work_came.notify_one();
  return !q.running || q.work_done.wait_for(lock, patience, [&] {
    return q.worked_off >= wanted && !q.busy && !q.reopen && !q.next_output;
  });
}

void set_log_level(LogLevel level) {
  auto modules = [] {
    const std::lock_guard lock(levels().mutex);
    return levels().modules;
  }();
  set_levels(level, std::move(modules));
}

void set_log_level(std::string_view module, LogLevel level) {
  Levels& all = levels();
  std::unique_lock lock(all.mutex);
  auto modules = all.modules;
  const LogLevel common = all.common;
  lock.unlock();
  std::erase_if(modules, [&](const auto& one) { return one.first == module; });
  modules.emplace_back(module, level);
  set_levels(common, std::move(modules));
}

LogCounts log_counts() {
  return {.written = written_count.load(std::memory_order_relaxed),
          .dropped = dropped_count.load(std::memory_order_relaxed)};
}

bool Logger::enabled(LogLevel level) const {
  if (level < lowest_level.load(std::memory_order_relaxed)) return false;
  if (!modules_differ.load(std::memory_order_relaxed)) return true;
  Levels& all = levels();
  const std::lock_guard lock(all.mutex);
  for (const auto& [module, own] : all.modules)
    if (module == module_) return level >= own;
  return level >= all.common;
}

void Logger::emit(LogLevel level, fmt::string_view format, fmt::format_args args) const {
  Line line{wall_now(), level, module_, fmt::vformat(format, args)};
  // One byte more than fits shows the writer that something was cut.
  if (line.text.size() > kLogLineMax) {
    line.text.resize(kLogLineMax + 1);
    line.text.shrink_to_fit();
  }
  Queue& q = queue();
  std::unique_lock lock(q.mutex);
  if (!q.running) {
    lock.unlock();
    write_at_once(line);
    return;
  }
  if (q.lines.size() >= kLogQueueMax || q.bytes + line.text.size() > kLogQueueBytesMax) {
    ++q.refused;
    dropped_count.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  q.bytes += line.text.size();
  ++q.taken_in;
  q.lines.push_back(std::move(line));
  const bool wake = std::exchange(q.idle, false) || q.half_full();
  lock.unlock();
  if (wake) q.work_came.notify_one();
}

LimitedLogger Logger::limited(std::string_view key) const { return {*this, key}; }

bool LimitedLogger::allowed(LogLevel level) const {
  if (!logger_.enabled(level)) return false;
  Limits& all = limits();
  const std::lock_guard lock(all.mutex);
  limits_in_use.store(true, std::memory_order_relaxed);
  return all.limit.allow(fmt::format("{} ({})", logger_.module_, key_), now());
}

}  // namespace base
