#include "pooler/slow_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

namespace pooler {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class SlowLogTest : public testing::Test {
 protected:
  SlowLogTest() { fs::create_directories(folder_); }
  ~SlowLogTest() override { fs::remove_all(folder_); }

  static analyzer::SlowStatementPtr statement(const std::string& query) {
    auto one = std::make_shared<analyzer::SlowStatement>();
    one->query = query;
    one->server = 1500us;
    return one;
  }
  void put(const std::string& query) { log_.put(statement(query)); }
  std::string text(const char* name = "slow.log") {
    EXPECT_TRUE(log_.flush(5s));
    std::ifstream in(folder_ / name);
    return (std::stringstream() << in.rdbuf()).str();
  }
  std::string path() const { return folder_ / "slow.log"; }

  const fs::path folder_ = fs::temp_directory_path() / ("weir-slow-log-" + std::to_string(::getpid()));
  SlowLog log_;
};

TEST_F(SlowLogTest, WritesWhatItIsGivenInOrder) {
  ASSERT_TRUE(log_.configure({.file = path()}).ok());
  for (int i = 0; i < 100; ++i) put("SELECT " + std::to_string(i) + ";");
  const std::string all = text();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = all.find("ms  statement: SELECT " + std::to_string(i) + ";\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(log_.counts().written, 100u);
}

TEST_F(SlowLogTest, JsonWhereItIsAskedFor) {
  ASSERT_TRUE(log_.configure({.file = path(), .json = true}).ok());
  put("SELECT 1");
  EXPECT_THAT(text(), HasSubstr("\"query\":\"SELECT 1\""));
}

TEST_F(SlowLogTest, ALaterConfigurationTakesOver) {
  ASSERT_TRUE(log_.configure({.file = path()}).ok());
  put("SELECT first");
  EXPECT_THAT(text(), HasSubstr("first"));
  ASSERT_TRUE(log_.configure({.file = folder_ / "other.log"}).ok());
  put("SELECT second");
  EXPECT_THAT(text("other.log"), HasSubstr("second"));
  EXPECT_THAT(text(), Not(HasSubstr("second")));
}

TEST_F(SlowLogTest, AFileThatCannotBeOpenedChangesNothing) {
  ASSERT_TRUE(log_.configure({.file = path()}).ok());
  EXPECT_FALSE(log_.configure({.file = folder_ / "nowhere" / "slow.log"}).ok());
  put("SELECT 1");
  EXPECT_THAT(text(), HasSubstr("SELECT 1"));
}

TEST_F(SlowLogTest, AfterReopenItWritesIntoTheNewFile) {
  ASSERT_TRUE(log_.configure({.file = path()}).ok());
  put("SELECT before");
  text();
  fs::rename(path(), folder_ / "slow.log.1");
  log_.reopen();
  put("SELECT behind");
  EXPECT_THAT(text(), HasSubstr("behind"));
  EXPECT_THAT(text("slow.log.1"), Not(HasSubstr("behind")));
}

TEST_F(SlowLogTest, AFullDiskIsCountedAndOver) {
  ASSERT_TRUE(log_.configure({.file = "/dev/full"}).ok());
  for (int i = 0; i < 3; ++i) put("SELECT 1");
  ASSERT_TRUE(log_.flush(5s));
  EXPECT_EQ(log_.counts().lost, 3u);
  EXPECT_EQ(log_.counts().written, 0u);
  EXPECT_EQ(log_.counts().failure, "No space left on device");
  ASSERT_TRUE(log_.configure({.file = path()}).ok());
  put("SELECT 2");
  EXPECT_THAT(text(), HasSubstr("SELECT 2"));
  EXPECT_EQ(log_.counts().failure, "");
}

TEST_F(SlowLogTest, SoManyASecondAndTheRestIsSaid) {
  ASSERT_TRUE(log_.configure({.file = path(), .rate_max = 3}).ok());
  const base::TimePoint second{100s};
  int admitted = 0;
  for (int i = 0; i < 10; ++i)
    if (log_.admit(second + i * 10ms)) {
      ++admitted;
      put("SELECT 1");
    }
  EXPECT_EQ(admitted, 3);
  EXPECT_TRUE(log_.admit(second + 1s)) << "a new second";
  EXPECT_EQ(log_.counts().over_rate, 7u);
  std::string all;
  for (int i = 0; i < 100 && all.find("missing") == std::string::npos; ++i) {
    std::this_thread::sleep_for(50ms);
    all = text();
  }
  EXPECT_THAT(all, HasSubstr("LOG:  slow log: 7 statements are missing here: slow_log_max_rate = 3 in a second\n"));
}

TEST_F(SlowLogTest, WithoutARateAllAreAdmitted) {
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(log_.admit(base::TimePoint{5s}));
}

TEST_F(SlowLogTest, TheLineInFrontOfTheWriterIsBounded) {
  // A pipe that nobody reads holds the writer up for a second and then loses lines.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_TRUE(log_.configure({.file = "/proc/self/fd/" + std::to_string(ends[1])}).ok());
  const std::string large(10'000, 'x');
  for (int i = 0; i < 20'000; ++i) put(large);
  const auto counts = log_.counts();
  EXPECT_GT(counts.queue_full, 0u);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_TRUE(log_.flush(5s));
  const auto after = log_.counts();
  EXPECT_EQ(after.written + after.queue_full + after.lost, 20'000u);
}

TEST_F(SlowLogTest, ManyThreadsLoseNothingUncounted) {
  ASSERT_TRUE(log_.configure({.file = path(), .rate_max = 50}).ok());
  std::vector<std::thread> threads;
  std::atomic<uint64_t> admitted{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, &admitted] {
      for (int i = 0; i < 1000; ++i)
        if (log_.admit(base::now())) {
          ++admitted;
          put("SELECT 1");
        }
    });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(log_.flush(5s));
  const auto counts = log_.counts();
  EXPECT_EQ(counts.over_rate + admitted, 4000u);
  EXPECT_EQ(counts.written + counts.queue_full, admitted);
}

TEST_F(SlowLogTest, NothingToWriteNeedsNoThreadToEnd) {
  SlowLog unused;
  EXPECT_TRUE(unused.flush(1ms));
  EXPECT_EQ(unused.counts().written, 0u);
}

TEST_F(SlowLogTest, TheEndWritesWhatIsInLine) {
  {
    SlowLog last;
    ASSERT_TRUE(last.configure({.file = path()}).ok());
    for (int i = 0; i < 50; ++i) last.put(statement("SELECT end"));
  }
  std::ifstream in(path());
  std::string line;
  int found = 0;
  while (std::getline(in, line)) found += line.find("SELECT end") != std::string::npos ? 1 : 0;
  EXPECT_EQ(found, 50);
}

}  // namespace
}  // namespace pooler
