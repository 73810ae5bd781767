#pragma once
// Programs that tests run: to the end, or in the background until the test is over.

#include <sys/types.h>

#include <string>
#include <vector>

namespace support {

struct CommandResult {
  int status = -1;     // what it exited with; -1 when it could not be run or a signal ended it
  std::string output;  // stdout and stderr
};
// `argv[0]` is searched for in PATH.
CommandResult run_command(const std::vector<std::string>& argv);

// A folder that disappears with its owner.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& content);
std::string read_file(const std::string& path);

// A program in the background.
class Process {
 public:
  Process() = default;
  // Its output goes to the file.
  Process(const std::vector<std::string>& argv, const std::string& output_file);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  // Sends the signal and waits for the end.
  void end(int signal_number);

 private:
  pid_t pid_ = -1;
};

// A TCP port on 127.0.0.1 that nobody listened on a moment ago.
int free_port();

}  // namespace support
