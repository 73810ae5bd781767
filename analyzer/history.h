#pragma once
// History: the file in which what was counted outlives the process.
//
//   History history({.path = "/var/lib/weir/history"}, limits);
//   history.open();                   // on a thread that may wait, as all that follows
//   history.add(std::move(interval)); // in one transaction; what cannot be written now is tried again with the next
//   auto cursor = history.queries({.from = a_week_ago}, patience);
//
// What is committed outlives SIGKILL and a full disk. A file that is damaged is moved aside, under its name with .corrupt
// behind it, and a new one begun. A file that another process has open, or that is none of ours, is left alone. Each
// trouble is said once in the log, and stands in state() until it is over.

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/history_db.h"
#include "analyzer/history_rows.h"
#include "analyzer/history_writer.h"

namespace analyzer {

class History final : public HistoryReader {
 public:
  // Intervals that wait for room on the disk, each some hundred kilobytes at most. Then the oldest is lost.
  static constexpr std::size_t kWaitingMax = 15;

  struct Place {
    std::string path;
    std::string vfs{};  // for tests
  };
  History(Place place, const HistoryLimits& limits);
  ~History() override;
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // On one thread.
  void open();
  void add(HistoryInterval interval);
  // A text beside what is counted, by its name: the last one that was kept; empty for none.
  base::Status keep(std::string_view name, std::string_view text);
  base::Result<std::string> kept(std::string_view name);

  // Any thread.
  void set_limits(const HistoryLimits& limits);
  std::size_t rows_max() const;
  base::Result<HistoryCursorPtr<HistoryQueryRow>> queries(const HistorySearch& search, base::Duration patience) override;
  base::Result<HistoryCursorPtr<HistoryPoolRow>> pools(const HistorySearch& search, base::Duration patience) override;
  HistoryState state() const override;

 private:
  // A cursor and whoever writes have the file in turns. One thread may have several cursors.
  using FileMutex = std::recursive_timed_mutex;
  template <typename Row>
  class Locked;
  template <typename Row>
  base::Result<HistoryCursorPtr<Row>> read(base::Result<HistoryCursorPtr<Row>> (*reader)(HistoryDb&, const HistorySearch&),
                                           const HistorySearch& search, base::Duration patience);

  base::Status open_file();
  base::Status begin_anew(const base::Error& damage);
  base::Status write(const HistoryInterval& interval);
  base::Status try_write(const HistoryInterval& interval, const HistoryLimits& limits);
  void note(const base::Status& status);
  HistoryLimits limits() const;

  const Place place_;
  FileMutex file_mutex_;
  std::optional<HistoryDb> db_;         // guarded by file_mutex_
  std::atomic<bool> damaged_{false};    // a reader met damage
  std::deque<HistoryInterval> waiting_;  // of the writer's thread

  mutable std::mutex mutex_;  // guards what follows
  HistoryLimits limits_;
  HistoryState state_;
};

}  // namespace analyzer
