#pragma once
// SlowLog: the process's log of slow statements.
//
// Workers bring statements (analyzer/slow_log.h); a thread of its own writes them, each with one write(), into a file or,
// where none is configured, as lines of the common log. A caller never waits for that: the queue is bounded, what does
// not fit is lost and counted, and what is missing is said where it is missing. So is what is above the rate.
//
// A full disk is told to the common log once and costs nothing else; when there is room again, writing goes on.
//
// Thread-safe.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "analyzer/slow_log.h"
#include "base/clock.h"
#include "base/log_file.h"
#include "base/result.h"

namespace pooler {

struct SlowLogSettings {
  std::string file{};     // empty: the common log
  bool json = false;
  uint64_t rate_max = 0;  // statements a second; 0: no limit
  bool operator==(const SlowLogSettings&) const = default;
};

struct SlowLogCounts {
  uint64_t written = 0;
  uint64_t over_rate = 0;   // left out, as there were more than slow_log_max_rate in their second
  uint64_t queue_full = 0;  // lost, as they came faster than they could be written
  uint64_t lost = 0;        // lost by the file: a full disk
  std::string failure{};    // why the last ones were; empty when all is well
};

class SlowLog {
 public:
  // Statements that wait to be written: a second of a busy day.
  static constexpr std::size_t kQueueMax = 4096;
  // Their texts and values.
  static constexpr std::size_t kQueueBytesMax = 8 * 1024 * 1024;
  // How long the end of the process waits for the writer.
  static constexpr base::Duration kPatience = std::chrono::seconds(2);

  SlowLog() = default;
  ~SlowLog();
  SlowLog(const SlowLog&) = delete;
  SlowLog& operator=(const SlowLog&) = delete;

  // Opens the file, anew where it was open already. On an error the settings of before stay, but for the rate.
  base::Status configure(const SlowLogSettings& settings);
  // Opens the file anew, after a rotation. Returns at once.
  void reopen();

  // May one more be told of in this second? What may not is counted.
  bool admit(base::TimePoint now);
  void put(analyzer::SlowStatementPtr statement);
  SlowLogCounts counts() const;
  // Waits until what was put before is written or lost; false after `patience`.
  bool flush(base::Duration patience);

 private:
  struct Output {
    std::optional<base::LineFile> file;
    bool json = false;
  };

  void ensure_writer();  // with mutex_ held
  void run();
  void write(Output& output, const analyzer::SlowStatement& statement);
  void write_missing(Output& output, uint64_t statements, const std::string& why);
  void lose(Output& output);

  std::atomic<uint64_t> rate_max_{0};
  std::atomic<int64_t> second_{0};      // the second that is counted
  std::atomic<uint64_t> in_second_{0};
  std::atomic<uint64_t> untold_{0};     // left out since that was said last
  std::atomic<uint64_t> written_{0}, over_rate_{0}, queue_full_{0}, lost_{0};

  mutable std::mutex mutex_;
  std::condition_variable work_came_, work_done_;
  // Guarded by mutex_.
  std::vector<analyzer::SlowStatementPtr> queue_;
  std::size_t queue_bytes_ = 0;
  uint64_t refused_ = 0;  // that found the queue full, since that was said last
  uint64_t taken_in_ = 0, worked_off_ = 0;
  bool stopping_ = false, stopped_ = false, reopen_ = false, tell_ = false;
  base::TimePoint tell_at_{};  // where tell_: when what was left out is told
  std::optional<Output> next_output_;
  std::string failure_;
  std::thread writer_;

  bool failing_ = false;  // the writer's: the last write failed, and that was told
};

}  // namespace pooler
