#pragma once
// What one SELECT may take of time and memory, in reach of SQLite's allocator: planning a hostile statement takes
// neither steps nor rows, but memory it does take.
//
//   SqlBudget budget(stop, deadline, bytes);
//   { SqlBudget::Here here(budget); ... everything from sqlite3_open to sqlite3_close ... }

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace admin {

class SqlBudget {
 public:
  // `stop` is set by somebody who no longer wants the answer, and outlives the budget.
  SqlBudget(const std::atomic<bool>& stop, base::TimePoint deadline, std::size_t bytes)
      : stop_(stop), deadline_(deadline), bytes_left_(static_cast<int64_t>(bytes)) {}

  // Looks at the clock. Once false, it stays so.
  bool go_on();
  bool late() const { return late_; }
  bool spent() const { return spent_; }  // asked for more memory than there was
  int64_t bytes_left() const { return bytes_left_; }

  // While it lives, SQLite's memory on this thread is the budget's. What is taken inside is given back inside.
  class Here {
   public:
    explicit Here(SqlBudget& budget);
    ~Here();
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;
  };

  // While it lives, this thread's memory is nobody's: for another database of SQLite's, in the middle of a SELECT.
  class Outside {
   public:
    Outside();
    ~Outside();
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;

   private:
    SqlBudget* const interrupted_;
  };

  // The allocator's part.
  bool may_take(int64_t bytes);
  void took(int64_t bytes) { bytes_left_ -= bytes; }

 private:
  const std::atomic<bool>& stop_;
  const base::TimePoint deadline_;
  int64_t bytes_left_;
  unsigned allocations_ = 0;
  bool late_ = false, spent_ = false;
};

// Gives SQLite that allocator; other users of SQLite in the process do not notice. Before anything opens a database;
// false if something has. Any number of times.
bool prepare_sql_memory();

}  // namespace admin
