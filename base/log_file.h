#pragma once
// LineFile: whole lines into a file, a pipe or a terminal that may be full, gone or asleep.
//
// Nothing here waits longer than kPatience, and a failure is a number of lost lines, not an error that travels. When
// room is found again, writing goes on; a line torn by the failure is ended first. One thread.

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace base {

class LineFile {
 public:
  // How long a pipe, socket or terminal may take no byte before lines are given up.
  static constexpr Duration kPatience = std::chrono::seconds(1);

  // Opens for appending, makes the file if needed.
  static Result<LineFile> open(std::string path, mode_t mode = 0640);
  // A descriptor somebody else owns.
  static LineFile borrow(int fd, std::string name);

  ~LineFile();
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;

  // Writes lines, each ended by '\n'. Returns how many of them were lost.
  std::size_t write(std::string_view lines);
  // Why the last lines were lost.
  const std::string& failure() const { return failure_; }
  const std::string& name() const { return name_; }

  // Opens the path anew, after a log rotation. On failure the old file stays in use.
  Status reopen();

 private:
  LineFile(int fd, bool owned, std::string name);
  bool ready();

  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;  // never makes a writer wait
  bool torn_ = false;     // the last byte written does not end a line
  bool stuck_ = false;    // the last wait was in vain: do not wait again, only look
  std::string name_;
  std::string failure_;
};

}  // namespace base
