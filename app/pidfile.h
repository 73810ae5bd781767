#pragma once
// Pidfile: a file with the number of this process, which goes when the process ends.

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace app {

class Pidfile {
 public:
  // Refuses when another living process has it. A file that a dead one left is replaced; a symbolic link or anything
  // else that is no regular file is left alone.
  static base::Result<Pidfile> write(std::string path);
  ~Pidfile();
  Pidfile(Pidfile&&) noexcept = default;
  Pidfile& operator=(Pidfile&&) = delete;

 private:
  Pidfile(base::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::Fd fd_;  // locked as long as we live: a number alone may be another process's by now
  std::string path_;
};

}  // namespace app
