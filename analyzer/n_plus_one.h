#pragma once
// N+1: one client runs the same SELECT again and again, one behind the other, and only a value changes: a loop over the rows
// of another query.
//
//   LoopWatch watch;                                   // one client's
//   watch.add({...}, limits, book);                    // each statement that was answered
//   loop_findings(book.snapshot(), now)                // of all workers, brought together
//
// What is in one transaction belongs together; outside of one, what has no pause longer than a limit between it. Bounded: a
// client's watch is some two kilobytes, a worker's book some hundred. Pure.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/confidence.h"
#include "analyzer/lint_facts.h"
#include "base/clock.h"
#include "base/lru.h"

namespace analyzer {

struct LoopLimits {
  uint32_t calls = 10;
  base::Duration gap = std::chrono::milliseconds(100);
  base::Duration time = std::chrono::milliseconds(20);
};

// One statement of a client that was answered.
struct LoopCall {
  uint64_t fingerprint = 0;
  std::string_view database{};
  std::string_view text{};      // without values
  uint64_t client = 0;
  bool select = false;          // a SELECT that was answered without an error
  bool in_transaction = false;
  uint64_t value_hash = 0;      // of all its values
  uint64_t rows = 0;
  base::TimePoint began{}, ended{};
};

// The loops of one kind of statement.
struct Loops {
  std::string query, database;
  uint64_t fingerprint = 0, source = 0;  // whose rows the last one of them may be over
  uint64_t loops = 0, calls = 0, turns_max = 0, matched = 0;  // matched: as many turns as the source had rows
  uint64_t server_us = 0, gap_us = 0;
  base::TimePoint last{};
  DistinctCount clients;

  void merge(const Loops& others);
};

class LoopBook {
 public:
  static constexpr std::size_t kStatementsMax = 200;
  void add(Loops loop);
  std::vector<Loops> snapshot() const;
  void clear() { loops_.clear(); }
  std::size_t size() const { return loops_.size(); }

 private:
  base::Lru<std::string, Loops> loops_{kStatementsMax};
};

class LoopWatch {
 public:
  // Kinds of statements that are told apart in one piece of work, and turns of one loop.
  static constexpr std::size_t kSlots = 16;
  static constexpr uint32_t kTurnsMax = 1000;
  // More rows a call than this, and one call is work enough.
  static constexpr double kRowsMax = 100;
  static constexpr double kDifferent = 0.8;

  void add(const LoopCall& call, const LoopLimits& limits, LoopBook& book);
  // The piece of work has come to its end, or to be looked at.
  void end(const LoopLimits& limits, LoopBook& book);
  // As end(), where nothing was asked for as long as a gap.
  void end_if_idle(base::TimePoint now, const LoopLimits& limits, LoopBook& book);
  // How many INSERTs, or statements of any other kind, of the same kind came one behind the other without a pause.
  uint32_t run() const { return run_; }

 private:
  struct Slot {
    uint64_t fingerprint = 0;
    uint32_t turns = 0, pipelined = 0;
    uint64_t source = 0, source_rows = 0;
    uint64_t rows = 0, server_us = 0, gap_us = 0, client = 0;
    base::TimePoint last{};
    DistinctCount values;
    std::string text, database;
  };
  void finish(Slot& slot, const LoopLimits& limits, LoopBook& book);

  std::vector<Slot> slots_;  // as many as are needed, up to kSlots
  uint64_t last_fingerprint_ = 0;
  uint64_t many_ = 0, many_rows_ = 0;  // the last SELECT of this piece of work that had more rows than one
  bool in_transaction_ = false;
  base::TimePoint last_ended_{};
  uint32_t run_ = 0;
};

// Between two of a run.
inline constexpr base::Duration kRunGap = std::chrono::milliseconds(20);

struct LoopFinding {
  Loops loops;
  std::string source_query{};   // where it is known
  std::string rewritten{};
  double lost_ms_per_hour = 0;
  Confidence confidence{};
};

// Those that are worth telling: three loops, or of two clients; of one table, found by an equality, and no IN. `seconds` is
// how long the books were kept, `texts` finds a statement's text by its fingerprint.
std::vector<LoopFinding> loop_findings(std::vector<Loops> loops, double hours,
                                       const std::function<std::string(uint64_t)>& text_of);

}  // namespace analyzer
