#include "base/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace base {
namespace {

// A pipe that is ready for writing takes this much without blocking (PIPE_BUF, see pipe(7)).
constexpr std::size_t kPipePiece = 4096;

std::string errno_text(int code) { return std::system_category().message(code); }

int open_for_append(const std::string& path, mode_t mode) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode);
}

}  // namespace

Result<LineFile> LineFile::open(std::string path, mode_t mode) {
  const int fd = open_for_append(path, mode);
  if (fd < 0) return config_file_error("could not open log file \"" + path + "\": " + errno_text(errno));
  return LineFile(fd, true, std::move(path));
}

LineFile LineFile::borrow(int fd, std::string name) { return LineFile(fd, false, std::move(name)); }

LineFile::LineFile(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {
  struct stat status {};
  regular_ = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

LineFile::~LineFile() {
  if (owned_ && fd_ >= 0) ::close(fd_);
}

LineFile::LineFile(LineFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      owned_(other.owned_),
      regular_(other.regular_),
      torn_(other.torn_),
      stuck_(other.stuck_),
      name_(std::move(other.name_)),
      failure_(std::move(other.failure_)) {}

LineFile& LineFile::operator=(LineFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(owned_, other.owned_);
  std::swap(regular_, other.regular_);
  std::swap(torn_, other.torn_);
  std::swap(stuck_, other.stuck_);
  std::swap(name_, other.name_);
  std::swap(failure_, other.failure_);
  return *this;
}

std::size_t LineFile::write(std::string_view lines) {
  bool mending = torn_;
  while (mending || !lines.empty()) {
    if (!ready()) break;
    const std::string_view piece =
        mending ? std::string_view("\n") : lines.substr(0, regular_ ? std::string_view::npos : kPipePiece);
    const ssize_t count = ::write(fd_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      failure_ = errno_text(count < 0 ? errno : ENOSPC);
      break;
    }
    const auto taken = static_cast<std::size_t>(count);
    torn_ = piece[taken - 1] != '\n';
    if (!mending) lines.remove_prefix(taken);
    mending = false;
  }
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

bool LineFile::ready() {
  if (regular_) return true;
  struct pollfd watched {.fd = fd_, .events = POLLOUT, .revents = 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  const int found = ::poll(&watched, 1, stuck_ ? 0 : static_cast<int>(patience.count()));
  stuck_ = found == 0;
  if (found > 0) return true;
  failure_ = found == 0 ? "nobody reads it" : errno_text(errno);
  return false;
}

Status LineFile::reopen() {
  if (!owned_) return Ok{};
  auto anew = open(name_);
  if (!anew.ok()) return std::move(anew).error();
  *this = *std::move(anew);
  return Ok{};
}

}  // namespace base
