#include "app/pidfile.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace app {
namespace {

// A file that is replaced under our hands this often is somebody's game.
constexpr int kTries = 5;

base::Error failed(const std::string& path, std::string_view why) {
  return base::configuration_limit(fmt::format("cannot write pidfile \"{}\": {}", path, why));
}
std::string reason() { return std::generic_category().message(errno); }

bool same_file(const base::Fd& fd, const std::string& path) {
  struct stat held {}, named {};
  return ::fstat(fd.get(), &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

base::Result<Pidfile> Pidfile::write(std::string path) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    base::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644));
    if (!fd) return failed(path, errno == ELOOP ? "it is a symbolic link" : reason());
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return failed(path, reason());
    if (!S_ISREG(facts.st_mode)) return failed(path, "it is no regular file");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return failed(path, "another process of Weir runs with it");
    if (!same_file(fd, path)) continue;  // its last owner removed it between open and lock
    const std::string text = std::to_string(::getpid()) + '\n';
    if (::ftruncate(fd.get(), 0) != 0 || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      return failed(path, reason());
    return Pidfile(std::move(fd), std::move(path));
  }
  return failed(path, "it keeps being replaced");
}

Pidfile::~Pidfile() {
  if (fd_ && same_file(fd_, path_)) ::unlink(path_.c_str());
}

}  // namespace app
