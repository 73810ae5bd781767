#include "base/log_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace base {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int in() const { return ends_[1]; }
  std::string read_some(std::size_t count) const {
    std::string text(count, '\0');
    const ssize_t got = read(ends_[0], text.data(), count);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

// A line of `length` bytes and its end.
std::string long_line(std::size_t length) {
  std::string line(length, 'x');
  line.push_back('\n');
  return line;
}

TEST(LineFile, tells_how_many_lines_a_full_pipe_did_not_take) {
  const Pipe pipe;
  LineFile file = LineFile::borrow(pipe.in(), "pipe");
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += long_line(99);  // 300 kB into a pipe of 64 KiB
  const auto start = now();
  const std::size_t lost = file.write(lines);
  EXPECT_GT(lost, 2000U);
  EXPECT_LT(lost, 3000U);
  EXPECT_GE(now() - start, LineFile::kPatience);
  EXPECT_EQ(file.failure(), "nobody reads it");
}

TEST(LineFile, waits_for_a_sleeping_reader_once_and_then_only_looks) {
  const Pipe pipe;
  LineFile file = LineFile::borrow(pipe.in(), "pipe");
  EXPECT_GT(file.write(long_line(200'000)), 0U);
  const auto start = now();
  EXPECT_EQ(file.write("more\n"), 1U);
  EXPECT_LT(now() - start, LineFile::kPatience / 2);
}

TEST(LineFile, ends_a_torn_line_before_it_goes_on) {
  const Pipe pipe;
  LineFile file = LineFile::borrow(pipe.in(), "pipe");
  EXPECT_EQ(file.write(long_line(200'000)), 1U);
  std::string text;
  while (text.size() < 65536) text += pipe.read_some(65536);
  EXPECT_EQ(text.back(), 'x');
  EXPECT_EQ(file.write("whole\n"), 0U);
  EXPECT_EQ(pipe.read_some(100), "\nwhole\n");
}

TEST(LineFile, names_the_file_it_could_not_open) {
  const auto file = LineFile::open("/nonexistent/weir.log");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().message, "could not open log file \"/nonexistent/weir.log\": No such file or directory");
}

TEST(LineFile, a_full_device_is_a_count_and_a_reason) {
  auto file = LineFile::open("/dev/full");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->write("a\nb\n"), 2U);
  EXPECT_EQ(file->failure(), "No space left on device");
}

}  // namespace
}  // namespace base
