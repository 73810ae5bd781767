#include "analyzer/history_db.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/analyzer/faulty_vfs.h"
#include "tests/unit/analyzer/history_values.h"

namespace analyzer {
namespace {

using support::Folder;

std::string refused(const HistoryDb::Options& options) {
  const auto opened = HistoryDb::open(options);
  return opened.ok() ? "" : opened.error().sqlstate;
}

TEST(HistoryDb, WhatWasCommittedIsThereTheNextTime) {
  const Folder folder;
  const std::string path = folder / "history";
  {
    auto db = HistoryDb::open({.path = path});
    ASSERT_TRUE(db.ok()) << base::to_text(db.error());
    const auto put = [&](const char* name) -> base::Status {
      TRY(auto* add, db->statement("INSERT INTO meta VALUES (?, ?)"));
      return add->bind(1, std::string_view(name)).bind(2, int64_t{7}).run();
    };
    ASSERT_TRUE(db->transaction([&] { return put("kept"); }).ok());
    EXPECT_FALSE(db->transaction([&]() -> base::Status {
                     TRY_STATUS(put("undone"));
                     return base::internal_error("no");
                   }).ok());
    EXPECT_FALSE(db->transaction([&] { return put("kept"); }).ok());  // there is one
  }
  auto db = HistoryDb::open({.path = path});
  ASSERT_TRUE(db.ok());
  const auto rows = db->prepare("SELECT name, value FROM meta");
  ASSERT_TRUE(rows.ok());
  ASSERT_TRUE(*(*rows)->step());
  EXPECT_EQ((*rows)->text(0), "kept");
  EXPECT_EQ((*rows)->number(1), 7);
  EXPECT_FALSE(*(*rows)->step());
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST(HistoryDb, OnlyOneHasItOpen) {
  const Folder folder;
  const std::string path = folder / "history";
  {
    const auto first = HistoryDb::open({.path = path});
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(refused({.path = path}), HistoryDb::kInUse);
  }
  EXPECT_EQ(refused({.path = path}), "");
}

TEST(HistoryDb, WhatIsNotOursIsLeftAlone) {
  const Folder folder;
  const std::string path = folder / "theirs";
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE precious(x); INSERT INTO precious VALUES (1)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(refused({.path = path}), HistoryDb::kNotOurs);
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(other, "SELECT x FROM precious", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);

  const std::string newer = folder / "newer";
  { ASSERT_TRUE(HistoryDb::open({.path = newer})->run("PRAGMA user_version=99").ok()); }
  EXPECT_EQ(refused({.path = newer}), HistoryDb::kNotOurs);
}

TEST(HistoryDb, DamageIsFoundWhenItIsOpened) {
  const Folder folder;
  const std::string garbage = folder / "garbage";
  std::ofstream(garbage) << std::string(20000, 'x');
  EXPECT_EQ(refused({.path = garbage}), HistoryDb::kCorrupt);

  const std::string path = folder / "history";
  {
    auto db = HistoryDb::open({.path = path});
    for (int i = 0; i < 2000; ++i)
      ASSERT_TRUE(db->run("INSERT INTO meta VALUES (hex(randomblob(20)), " + std::to_string(i) + ")").ok());
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (int page = 2; page < 20; ++page) {
    file.seekp(page * 4096);
    file << std::string(500, '\x55');
  }
  file.close();
  EXPECT_EQ(refused({.path = path}), HistoryDb::kCorrupt);
}

TEST(HistoryDb, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(refused({.path = "/nowhere/at/all/history"}), HistoryDb::kIo);
}

TEST(HistoryDb, SizeMaxIsADiskThatIsFull) {
  const Folder folder;
  auto db = HistoryDb::open({.path = folder / "history", .size_max = 1 << 20});
  ASSERT_TRUE(db.ok());
  base::Status status = base::Ok{};
  for (int i = 0; i < 2000 && status.ok(); ++i)
    status = db->run("INSERT INTO meta VALUES (hex(randomblob(1000)), 1)");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate, HistoryDb::kDiskFull);
  EXPECT_LE(db->bytes(), 1 << 20);
  ASSERT_TRUE(db->run("DELETE FROM meta").ok());
  EXPECT_LT(db->bytes_used(), 1 << 19);
  EXPECT_TRUE(db->run("INSERT INTO meta VALUES ('again', 1)").ok());
  db->set_size_max(1 << 16);  // what is free goes back
  db->checkpoint();
  EXPECT_LT(db->bytes(), 1 << 18);
}

TEST(HistoryDb, AFullDiskIsAnErrorAndNothingIsHalfDone) {
  support::FaultyVfs::install();
  const Folder folder;
  auto db = HistoryDb::open({.path = folder / "history", .vfs = support::FaultyVfs::kName});
  ASSERT_TRUE(db.ok()) << base::to_text(db.error());
  support::FaultyVfs::write_answer = SQLITE_FULL;
  for (int writes = 0; writes < 5; ++writes) {
    support::FaultyVfs::writes_until_then = writes;
    const auto status = db->transaction([&] { return db->run("INSERT INTO meta VALUES (hex(randomblob(20000)), 1)"); });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().sqlstate, HistoryDb::kDiskFull);
  }
  support::FaultyVfs::write_answer = SQLITE_OK;
  EXPECT_TRUE(db->transaction([&] { return db->run("INSERT INTO meta VALUES ('well', 1)"); }).ok());
  const auto rows = db->prepare("SELECT count(*) FROM meta");
  ASSERT_TRUE(*(*rows)->step());
  EXPECT_EQ((*rows)->number(0), 1);
}

}  // namespace
}  // namespace analyzer
