#include "analyzer/history.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/analyzer/faulty_vfs.h"
#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using namespace support;

base::WallTime this_hour() { return begin_of(HistoryStep::kHour, base::wall_now()); }

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() { FaultyVfs::install(); }
  ~HistoryTest() override { FaultyVfs::write_answer = SQLITE_OK; }

  void add(History& history, int minute, uint64_t calls = 1) {
    history.add(interval(this_hour() + minutes(minute), {query(1, totals(calls, 10))}));
  }
  uint64_t calls(History& history) { return calls_of(all(history.queries({}, seconds(1)))); }

  Folder folder_;
  const std::string path_ = folder_ / "history";
  HistoryLimits limits_;
};

TEST_F(HistoryTest, GoesOnWhereItWas) {
  {
    History history({path_}, limits_);
    EXPECT_EQ(history.state().state, "opening");
    history.open();
    EXPECT_EQ(history.state().state, "writing");
    add(history, 0, 3);
    EXPECT_EQ(history.state().written, 1u);
    EXPECT_EQ(history.state().newest, this_hour());
    EXPECT_GT(history.state().bytes, 0);
  }
  History history({path_}, limits_);
  add(history, 1, 4);  // opens it
  EXPECT_EQ(calls(history), 7u);
  EXPECT_EQ(history.state().lost, 0u);
}

TEST_F(HistoryTest, ATextIsKeptBesideWhatIsCounted) {
  const std::string bytes("a\0b\xff", 4);
  {
    History history({path_}, limits_);
    history.open();
    EXPECT_EQ(*history.kept("advice"), "");
    ASSERT_TRUE(history.keep("advice", "the first").ok());
    ASSERT_TRUE(history.keep("advice", bytes).ok());
    ASSERT_TRUE(history.keep("other", "text").ok());
    add(history, 0, 3);
  }
  History history({path_}, limits_);
  EXPECT_EQ(*history.kept("advice"), bytes);
  EXPECT_EQ(*history.kept("other"), "text");
  add(history, 1, 4);
  EXPECT_EQ(calls(history), 7u);
}

TEST_F(HistoryTest, ATextThatCannotBeKeptIsToldToWhoeverWantsIt) {
  History history({path_, FaultyVfs::kName}, limits_);
  ASSERT_TRUE(history.keep("advice", "the first").ok());
  FaultyVfs::write_answer = SQLITE_FULL;
  const auto status = history.keep("advice", std::string(100'000, 'x'));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate, HistoryDb::kDiskFull);
  FaultyVfs::write_answer = SQLITE_OK;
  EXPECT_EQ(*history.kept("advice"), "the first");
}

TEST_F(HistoryTest, AFullDiskIsToldAndOverWhenThereIsRoom) {
  History history({path_, FaultyVfs::kName}, limits_);
  add(history, 0);
  FaultyVfs::write_answer = SQLITE_FULL;
  for (int minute = 1; minute <= 3; ++minute) add(history, minute);
  auto state = history.state();
  EXPECT_EQ(state.state, "failing");
  EXPECT_EQ(state.waiting, 3u);
  EXPECT_EQ(state.lost, 0u);
  EXPECT_NE(state.last_error.find("full"), std::string::npos) << state.last_error;
  EXPECT_EQ(calls(history), 1u);  // what is there can be read
  FaultyVfs::write_answer = SQLITE_OK;
  add(history, 4);
  state = history.state();
  EXPECT_EQ(state.state, "writing");
  EXPECT_EQ(state.waiting, 0u);
  EXPECT_EQ(state.written, 5u);
  EXPECT_EQ(calls(history), 5u);
}

TEST_F(HistoryTest, WhatWaitsIsBoundedAndWhatIsLostIsCounted) {
  History history({path_, FaultyVfs::kName}, limits_);
  add(history, 0);
  for (const int answer : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    FaultyVfs::write_answer = answer;
    for (int minute = 1; minute <= 20; ++minute) add(history, minute);
    EXPECT_EQ(history.state().state, "failing");
    EXPECT_EQ(history.state().waiting, History::kWaitingMax);
  }
  EXPECT_EQ(history.state().lost, 40 - History::kWaitingMax);
  FaultyVfs::write_answer = SQLITE_OK;
  add(history, 21);
  EXPECT_EQ(calls(history), 1 + History::kWaitingMax + 1);
}

TEST_F(HistoryTest, ADamagedFileIsMovedAsideAndANewOneBegins) {
  std::ofstream(path_) << std::string(30000, 'z');
  History history({path_}, limits_);
  history.open();
  add(history, 0, 2);
  EXPECT_EQ(history.state().state, "writing");
  EXPECT_NE(history.state().last_error.find("damaged"), std::string::npos);
  EXPECT_EQ(calls(history), 2u);
  EXPECT_TRUE(std::filesystem::exists(path_ + ".corrupt"));
}

TEST_F(HistoryTest, DamageThatAReaderMeetsIsMendedByTheNextInterval) {
  {
    History history({path_}, limits_);
    for (int minute = 0; minute < 59; ++minute) {
      std::vector<HistoryQuery> kinds;
      for (uint64_t i = 0; i < 50; ++i) {
        kinds.push_back(query(1000 * static_cast<uint64_t>(minute) + i, totals(1, 10)));
        kinds.back().text = std::make_shared<const std::string>(2000, 'x');  // so that the file is larger than any cache
      }
      history.add(interval(this_hour() + minutes(minute), std::move(kinds)));
    }
  }
  History history({path_}, limits_);
  history.open();
  ASSERT_EQ(history.state().state, "writing");
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<long>(std::filesystem::file_size(path_));
  for (long page = 1; page < size / 4096; ++page) {
    file.seekp(page * 4096);
    file << std::string(200, '\x77');
  }
  file.close();
  auto cursor = history.queries({}, seconds(1));
  bool met = !cursor.ok();
  while (!met) {
    const auto more = (*cursor)->next();
    if (more.ok() && !*more) break;
    met = !more.ok();
  }
  EXPECT_TRUE(met);
  if (cursor.ok()) cursor->reset();
  for (int minute = 0; minute < 3; ++minute) add(history, minute);
  EXPECT_EQ(history.state().state, "writing");
  EXPECT_TRUE(std::filesystem::exists(path_ + ".corrupt"));
  EXPECT_GE(calls(history), 2u);
}

TEST_F(HistoryTest, TheSecondIsRefusedUntilTheFirstIsGone) {
  std::optional<History> first;
  first.emplace(History::Place{path_}, limits_);
  add(*first, 0);
  History second({path_}, limits_);
  second.open();
  EXPECT_EQ(second.state().state, "failing");
  EXPECT_NE(second.state().last_error.find("another process"), std::string::npos) << second.state().last_error;
  EXPECT_FALSE(second.queries({}, seconds(1)).ok());
  add(second, 1);
  add(*first, 2);
  first.reset();
  add(second, 3);
  EXPECT_EQ(second.state().state, "writing");
  EXPECT_EQ(calls(second), 4u);
}

TEST_F(HistoryTest, AReaderIsWaitedForAndWaits) {
  History history({path_}, limits_);
  add(history, 0);
  auto cursor = history.queries({}, seconds(1));
  ASSERT_TRUE(cursor.ok());
  std::thread other([&] {
    const auto refused = history.queries({}, std::chrono::milliseconds(1));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().sqlstate, HistoryDb::kInUse);
  });
  other.join();
  std::atomic<bool> added{false};
  std::thread writer([&] {
    add(history, 1);
    added = true;
  });
  EXPECT_TRUE(*(*cursor)->next());
  EXPECT_FALSE(added);
  cursor->reset();
  writer.join();
  EXPECT_EQ(calls(history), 2u);
}

TEST_F(HistoryTest, SizeMaxHoldsWhateverIsWritten) {
  limits_.size_max = 1 << 20;
  History history({path_}, limits_);
  const std::string padding(1800, 'q');
  uint64_t next = 1;
  for (int minute = 0; minute < 120; ++minute) {
    std::vector<HistoryQuery> kinds;
    for (int i = 0; i < 60; ++i) {
      kinds.push_back(query(next++, totals(1, 10)));
      kinds.back().text = std::make_shared<const std::string>(padding);
    }
    history.add(interval(this_hour() + minutes(minute), std::move(kinds)));
    EXPECT_LE(history.state().bytes, limits_.size_max);
  }
  EXPECT_EQ(history.state().state, "writing") << history.state().last_error;
  EXPECT_EQ(history.state().lost, 0u);
  EXPECT_LE(std::filesystem::file_size(path_), static_cast<uintmax_t>(limits_.size_max));
}

}  // namespace
}  // namespace analyzer
