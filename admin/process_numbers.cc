#include "admin/process_numbers.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "base/clock.h"

namespace admin {

namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

// In clock ticks since the machine started: the twentieth word behind the name, which stands in parentheses and may hold
// anything (proc(5)).
uint64_t start_ticks() {
  std::ifstream in("/proc/self/stat");
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::size_t at = name_end + 1;
  for (int word = 0; word < 20 && at != std::string::npos; ++word) at = text.find(' ', at + (word > 0 ? 1 : 0));
  if (at == std::string::npos) return 0;
  uint64_t ticks = 0;
  for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    ticks = ticks * 10 + static_cast<uint64_t>(text[at] - '0');
  return ticks;
}

double started_at() {
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  const double uptime = static_cast<double>(up.tv_sec) + static_cast<double>(up.tv_nsec) / 1e9;
  const double now = std::chrono::duration<double>(base::wall_now().time_since_epoch()).count();
  return now - uptime + static_cast<double>(start_ticks()) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

uint64_t count_descriptors() {
  std::error_code failed;
  uint64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end; at.increment(failed))
    ++count;
  return count > 0 ? count - 1 : 0;  // less the one that looked
}

}  // namespace

ProcessNumbers process_numbers() {
  static const double kStarted = started_at();  // the clock may be set later
  ProcessNumbers numbers;
  numbers.start_time = kStarted;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) numbers.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream memory("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  if (memory >> all >> resident) {
    numbers.virtual_bytes = all * page;
    numbers.resident_bytes = resident * page;
  }
  numbers.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.max_descriptors = limit.rlim_cur;
  return numbers;
}

}  // namespace admin
