#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace base {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

const Logger log{"pooler"};

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/weir-log-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    stop_logging();
    std::filesystem::remove_all(folder_);
  }

  std::string path() const { return folder_ + "/weir.log"; }
  LogSettings to_file() const { return {.file = path()}; }
  static std::string content(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
  std::string logged() const {
    EXPECT_TRUE(flush_log(5s));
    return content(path());
  }

  std::string folder_;
};

TEST_F(LogTest, a_line_has_time_pid_level_module_and_message) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("client {} gone", 7);
  EXPECT_THAT(logged(), ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\.[0-9]{3} UTC \\[" +
                                      std::to_string(getpid()) + "\\] LOG pooler: client 7 gone\n$"));
}

TEST_F(LogTest, json_lines_hold_the_same_and_escape_what_json_must) {
  auto settings = to_file();
  settings.format = LogFormat::kJson;
  ASSERT_TRUE(start_logging(settings).ok());
  log.warn("say \"{}\"", "a\\b\n\x1b[31m\xff\xc3\xa4");
  EXPECT_THAT(logged(),
              HasSubstr("\"level\":\"warn\",\"pid\":" + std::to_string(getpid()) +
                        ",\"module\":\"pooler\",\"message\":\"say \\\"a\\\\b\\n\\u001b[31m\\\\xff\xc3\xa4\\\"\"}\n"));
}

TEST_F(LogTest, no_message_can_forge_a_line_or_reach_the_terminal) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("user {}", "x\n2026-01-01 00:00:00.000 UTC [1] LOG forged\r\x1b[2J\x7f\xfe");
  const std::string text = logged();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  EXPECT_THAT(text, HasSubstr("\\n2026"));
  EXPECT_THAT(text, HasSubstr("\\xfe"));
}

TEST_F(LogTest, braces_and_percents_in_arguments_are_plain_text) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("user {}", "%n%s{}{0}");
  EXPECT_THAT(logged(), HasSubstr("user %n%s{}{0}\n"));
}

TEST_F(LogTest, a_long_line_is_cut) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("{}", std::string(1'000'000, 'x'));
  const std::string text = logged();
  EXPECT_LT(text.size(), kLogLineMax + 200);
  EXPECT_THAT(text, testing::EndsWith("xxx...\n"));
}

TEST_F(LogTest, levels_change_while_running_for_all_and_for_one_module) {
  const Logger other{"other"};
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.debug("one");
  set_log_level("pooler", LogLevel::kDebug);
  log.debug("two");
  other.debug("three");
  set_log_level(LogLevel::kError);
  log.debug("four");
  other.info("five");
  other.error("six");
  const std::string text = logged();
  EXPECT_THAT(text, Not(HasSubstr("one")));
  EXPECT_THAT(text, HasSubstr("DEBUG pooler: two"));
  EXPECT_THAT(text, Not(HasSubstr("three")));
  EXPECT_THAT(text, HasSubstr("DEBUG pooler: four"));
  EXPECT_THAT(text, Not(HasSubstr("five")));
  EXPECT_THAT(text, HasSubstr("ERROR other: six"));
  set_log_level(LogLevel::kInfo);
}

TEST_F(LogTest, a_limited_key_speaks_five_times_and_then_tells_how_often_it_wanted_to) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  for (int i = 0; i < 100; ++i) log.limited("10.0.0.1").warn("login failed");
  log.limited("10.0.0.2").warn("somebody else");
  stop_logging();
  const std::string text = content(path());
  std::size_t said = 0;
  for (std::size_t at = text.find("login failed"); at != std::string::npos; at = text.find("login failed", at + 1))
    ++said;
  EXPECT_EQ(said, 5U);
  EXPECT_THAT(text, HasSubstr("somebody else"));
  EXPECT_THAT(text, HasSubstr("95 more lines like the last of pooler (10.0.0.1) were not shown"));
}

TEST_F(LogTest, a_renamed_file_is_written_until_reopen_makes_a_new_one) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("first");
  ASSERT_TRUE(flush_log(5s));
  std::filesystem::rename(path(), path() + ".1");
  log.info("second");
  ASSERT_TRUE(flush_log(5s));
  reopen_log();
  log.info("third");
  EXPECT_THAT(logged(), HasSubstr("third"));
  EXPECT_THAT(content(path() + ".1"), HasSubstr("second"));
  EXPECT_THAT(content(path() + ".1"), Not(HasSubstr("third")));
}

TEST_F(LogTest, a_reopen_that_fails_keeps_the_old_file) {
  std::filesystem::create_directory(folder_ + "/d");
  ASSERT_TRUE(start_logging({.file = folder_ + "/d/log"}).ok());
  std::filesystem::rename(folder_ + "/d", folder_ + "/e");
  reopen_log();
  log.info("still here");
  ASSERT_TRUE(flush_log(5s));
  EXPECT_THAT(content(folder_ + "/e/log"), HasSubstr("still using the old one"));
  EXPECT_THAT(content(folder_ + "/e/log"), HasSubstr("still here"));
}

TEST_F(LogTest, a_file_that_cannot_be_opened_is_an_error_and_changes_nothing) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  const Status status = reconfigure_logging({.file = folder_ + "/missing/log"});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("missing/log\": No such file or directory"));
  log.info("as before");
  EXPECT_THAT(logged(), HasSubstr("as before"));
}

TEST_F(LogTest, an_unknown_syslog_facility_is_an_error) {
  EXPECT_FALSE(start_logging({.to_syslog = true, .syslog_facility = "kitchen"}).ok());
}

TEST_F(LogTest, reconfigure_moves_the_log_to_another_file_and_format) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("old");
  ASSERT_TRUE(flush_log(5s));
  ASSERT_TRUE(reconfigure_logging({.file = folder_ + "/new", .format = LogFormat::kJson}).ok());
  log.info("new");
  ASSERT_TRUE(flush_log(5s));
  EXPECT_THAT(content(path()), Not(HasSubstr("new")));
  EXPECT_THAT(content(folder_ + "/new"), HasSubstr("\"message\":\"new\""));
}

TEST_F(LogTest, a_full_device_loses_lines_counts_them_and_holds_up_nobody) {
  const uint64_t before = log_counts().dropped;
  ASSERT_TRUE(start_logging({.file = "/dev/full"}).ok());
  const auto start = now();
  for (int i = 0; i < 1000; ++i) log.info("lost {}", i);
  EXPECT_LT(now() - start, 1s);
  ASSERT_TRUE(flush_log(5s));
  EXPECT_EQ(log_counts().dropped - before, 1000U);
}

TEST_F(LogTest, after_a_full_disk_the_log_goes_on_and_says_what_is_missing) {
  struct rlimit limit {};
  getrlimit(RLIMIT_FSIZE, &limit);
  const uint64_t before = log_counts().dropped;
  ASSERT_TRUE(start_logging(to_file()).ok());
  limit.rlim_cur = 64 * 1024;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (int i = 0; i < 2000; ++i) log.info("line {} {}", i, std::string(80, '.'));
  ASSERT_TRUE(flush_log(5s));
  EXPECT_EQ(std::filesystem::file_size(path()), 64U * 1024);
  const uint64_t dropped = log_counts().dropped - before;
  EXPECT_GT(dropped, 1000U);

  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  log.info("room again");
  const std::string text = logged();
  EXPECT_THAT(text, HasSubstr(std::to_string(dropped) + " lines were lost: File too large\n"));
  EXPECT_THAT(text, ContainsRegex("\n[^\n]* LOG pooler: room again\n$"));
  EXPECT_EQ(log_counts().dropped - before, dropped);
}

// A pipe nobody reads is the worst target: its writer would sleep for ever.
TEST_F(LogTest, a_target_that_sleeps_drops_lines_and_neither_callers_nor_the_exit_wait) {
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ASSERT_TRUE(start_logging({.file = fifo}).ok());
  const uint64_t before = log_counts().dropped;
  const auto start = now();
  for (int i = 0; i < 50'000; ++i) log.info("line {} {}", i, std::string(100, '.'));
  EXPECT_LT(now() - start, 2s);
  stop_logging(3s);
  EXPECT_LT(now() - start, 6s);
  EXPECT_GT(log_counts().dropped - before, 40'000U);
  close(reader);
}

TEST_F(LogTest, many_threads_log_whole_lines_and_none_is_lost_below_the_bound) {
  const uint64_t before = log_counts().dropped;
  ASSERT_TRUE(start_logging(to_file()).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 1000; ++i) log.info("thread {} line {} end", t, i);
    });
  for (auto& thread : threads) thread.join();
  const std::string text = logged();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4000);
  EXPECT_EQ(log_counts().dropped, before);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, testing::EndsWith(" end"));
}

TEST_F(LogTest, what_was_logged_before_the_end_is_written_at_the_end) {
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("last words");
  stop_logging();
  EXPECT_THAT(content(path()), HasSubstr("last words"));
  ASSERT_TRUE(start_logging(to_file()).ok());
  log.info("a second life");
  EXPECT_THAT(logged(), HasSubstr("a second life"));
}

TEST_F(LogTest, without_a_writer_lines_go_to_stderr) {
  testing::internal::CaptureStderr();
  log.error("too early");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("ERROR pooler: too early\n"));
}

}  // namespace
}  // namespace base
