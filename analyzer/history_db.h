#pragma once
// HistoryDb: one SQLite file, held alone, whose errors are Errors. The statements of the history are in history.cc.
//
//   TRY(auto db, HistoryDb::open({.path = path, .size_max = 1 << 28}));
//   HistoryDb::Statement& add = *db.statement("INSERT INTO t VALUES (?, ?)");
//   add.bind(1, 7).bind(2, "seven");
//   TRY_STATUS(add.run());
//
// A write that was committed outlives the process, whatever ends it. Of one thread at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace analyzer {

class HistoryDb {
 public:
  struct Options {
    std::string path;
    int64_t size_max = int64_t{256} << 20;
    std::string vfs{};  // SQLite's name of the file system; tests have one that fails
  };

  // What its errors say by their SQLSTATE.
  static constexpr std::string_view kInUse = "55006";      // by another process
  static constexpr std::string_view kNotOurs = "42809";    // a database, but no history of ours
  static constexpr std::string_view kDiskFull = "53100";   // or size_max
  static constexpr std::string_view kCorrupt = "XX001";
  static constexpr std::string_view kIo = "58030";

  class Statement {
   public:
    Statement(sqlite3* database, sqlite3_stmt* statement);
    Statement& bind(int index, int64_t value);
    Statement& bind(int index, uint64_t value) { return bind(index, static_cast<int64_t>(value)); }
    Statement& bind(int index, std::string_view text);
    Statement& bind_bytes(int index, std::string_view bytes);

    base::Result<bool> step();  // true: there is a row
    base::Status run();         // to its end, and ready for the next time
    void reset();

    int64_t number(int column) const;
    uint64_t count(int column) const { return static_cast<uint64_t>(number(column)); }
    bool null(int column) const;
    std::string text(int column) const;
    std::string_view bytes(int column) const;  // until the next step

   private:
    struct Finish {
      void operator()(sqlite3_stmt* statement) const;
    };
    sqlite3* database_;
    std::unique_ptr<sqlite3_stmt, Finish> statement_;
  };

  static base::Result<HistoryDb> open(const Options& options);

  // Kept and used again, by its text; ready to be bound.
  base::Result<Statement*> statement(std::string_view sql);
  // For a cursor: the caller's own.
  base::Result<std::unique_ptr<Statement>> prepare(std::string_view sql);
  base::Status run(std::string_view sql);  // any number of statements without rows

  // A transaction: rolled back unless `work` and the commit succeed.
  template <typename Work>
  base::Status transaction(Work&& work) {
    TRY_STATUS(run("BEGIN IMMEDIATE"));
    base::Status status = work();
    if (status.ok()) status = run("COMMIT");
    if (!status.ok()) (void)run("ROLLBACK");
    return status;
  }

  // Moves what was committed from the log into the file.
  void checkpoint();
  // Of the file: what holds something, and what there is.
  int64_t bytes_used();
  int64_t bytes();
  // Gives free pages at the end of the file back, where it is larger than size_max.
  void set_size_max(int64_t bytes);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  HistoryDb() = default;
  base::Status set_up(const Options& options);
  base::Status check();
  int64_t pragma(const char* sql);

  std::unique_ptr<sqlite3, Close> database_;
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> statements_;  // go before the database
  int64_t page_size_ = 4096;
};

}  // namespace analyzer
