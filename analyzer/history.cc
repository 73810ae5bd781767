#include "analyzer/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "analyzer/history_cursor.h"
#include "base/log.h"

namespace analyzer {

namespace {

const base::Logger log{"history"};

// How full the file may be when an interval has been written, so that there is room for the next one; and, where there was
// not, how full it may stay.
constexpr int64_t kFull = 90, kHalf = 50, kPercent = 100;
// Readers go on for as long as the console lets them. After this time the writer tries at its next interval.
constexpr auto kReadersMax = std::chrono::seconds(20);

int64_t part_of(int64_t bytes, int64_t percent) { return bytes / kPercent * percent; }

// When to give up waiting for the file, by the wall: the ThreadSanitizers of gcc 12 and clang 16 do not see
// pthread_mutex_clocklock(), which a steady clock would take. Setting the clock meanwhile makes one wait longer or shorter.
base::WallTime until(base::Duration patience) { return base::wall_now() + patience; }

// In files of all ages.
constexpr std::string_view kKept = "CREATE TABLE IF NOT EXISTS kept(name TEXT PRIMARY KEY, value BLOB NOT NULL)";

bool is(const base::Error& error, std::string_view sqlstate) { return error.sqlstate == sqlstate; }

base::Error in_use(std::string_view why) { return {std::string(HistoryDb::kInUse), std::string(why), {}, {}}; }
constexpr std::string_view kReadersKeepIt = "readers have kept the file too long";

}  // namespace

// A cursor that keeps the file's lock.
template <typename Row>
class History::Locked final : public HistoryCursor<Row> {
 public:
  Locked(std::unique_lock<FileMutex> lock, HistoryCursorPtr<Row> inner, std::atomic<bool>& damaged)
      : lock_(std::move(lock)), inner_(std::move(inner)), damaged_(damaged) {}
  base::Result<bool> next() override {
    auto more = inner_->next();
    if (!more.ok() && is(more.error(), HistoryDb::kCorrupt)) damaged_ = true;
    return more;
  }
  const Row& row() const override { return inner_->row(); }

 private:
  std::unique_lock<FileMutex> lock_;
  HistoryCursorPtr<Row> inner_;  // goes before the lock
  std::atomic<bool>& damaged_;
};

History::History(Place place, const HistoryLimits& limits) : place_(std::move(place)), limits_(limits) {
  state_.state = "opening";
  state_.path = place_.path;
  state_.bytes_max = limits.size_max;
}

History::~History() = default;

void History::open() {
  const std::lock_guard file(file_mutex_);
  if (!db_) note(open_file());
}

void History::add(HistoryInterval interval) {
  waiting_.push_back(std::move(interval));
  base::Status status = base::Ok{};
  uint64_t written = 0;
  std::unique_lock file(file_mutex_, until(kReadersMax));
  if (!file) status = in_use(kReadersKeepIt);
  while (status.ok() && !waiting_.empty()) {
    status = write(waiting_.front());
    if (!status.ok()) break;
    waiting_.pop_front();
    ++written;
  }
  const uint64_t lost = waiting_.size() > kWaitingMax ? waiting_.size() - kWaitingMax : 0;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(lost));
  {
    const std::lock_guard lock(mutex_);
    state_.written += written;
    state_.lost += lost;
    state_.waiting = waiting_.size();
  }
  if (file) note(status);
}

base::Status History::keep(std::string_view name, std::string_view text) {
  std::unique_lock file(file_mutex_, until(kReadersMax));
  if (!file) return in_use(kReadersKeepIt);
  if (!db_) TRY_STATUS(open_file());
  return db_->transaction([&]() -> base::Status {
    TRY_STATUS(db_->run(kKept));
    TRY(HistoryDb::Statement* const put, db_->statement("INSERT OR REPLACE INTO kept VALUES (?, ?)"));
    return put->bind(1, name).bind_bytes(2, text).run();
  });
}

base::Result<std::string> History::kept(std::string_view name) {
  std::unique_lock file(file_mutex_, until(kReadersMax));
  if (!file) return in_use(kReadersKeepIt);
  if (!db_) TRY_STATUS(open_file());
  TRY_STATUS(db_->run(kKept));
  TRY(HistoryDb::Statement* const get, db_->statement("SELECT value FROM kept WHERE name = ?"));
  TRY(const bool found, get->bind(1, name).step());
  std::string text = found ? get->text(0) : std::string();
  get->reset();
  return text;
}

base::Status History::open_file() {
  auto opened = HistoryDb::open({.path = place_.path, .size_max = limits().size_max, .vfs = place_.vfs});
  if (!opened.ok()) {
    if (!is(opened.error(), HistoryDb::kCorrupt)) return std::move(opened).error();
    return begin_anew(opened.error());
  }
  db_.emplace(*std::move(opened));
  return base::Ok{};
}

// One damaged file is kept, the last one: a disk that keeps failing must not fill up with them.
base::Status History::begin_anew(const base::Error& damage) {
  db_.reset();
  const std::string aside = place_.path + ".corrupt";
  for (const std::string_view part : {"-wal", "-journal", ""}) {
    const std::string from = fmt::format("{}{}", place_.path, part), to = fmt::format("{}{}", aside, part);
    if (std::rename(from.c_str(), to.c_str()) != 0 && part.empty())
      return base::Error{std::string(HistoryDb::kCorrupt), "the file is damaged and cannot be moved aside", damage.message, {}};
  }
  log.error("the history {} is damaged ({}): it is {} now, and a new one begins", place_.path, damage.message, aside);
  {
    const std::lock_guard lock(mutex_);
    state_.last_error = fmt::format("damaged ({}); moved to {}", damage.message, aside);
    state_.last_error_at = base::wall_now();
  }
  auto opened = HistoryDb::open({.path = place_.path, .size_max = limits().size_max, .vfs = place_.vfs});
  if (!opened.ok()) return std::move(opened).error();
  db_.emplace(*std::move(opened));
  return base::Ok{};
}

base::Status History::write(const HistoryInterval& interval) {
  const HistoryLimits limits = this->limits();
  if (damaged_.exchange(false) && db_) TRY_STATUS(begin_anew({std::string(HistoryDb::kCorrupt), "found by a reader", {}, {}}));
  if (!db_) TRY_STATUS(open_file());
  base::Status status = try_write(interval, limits);
  if (!status.ok() && is(status.error(), HistoryDb::kDiskFull)) {
    // size_max may be what is full.
    (void)make_room(*db_, limits, base::wall_now(), part_of(limits.size_max, kHalf));
    status = try_write(interval, limits);
  } else if (!status.ok() && is(status.error(), HistoryDb::kCorrupt)) {
    TRY_STATUS(begin_anew(status.error()));
    status = try_write(interval, limits);
  }
  if (!status.ok() && is(status.error(), HistoryDb::kIo)) db_.reset();  // opened again, it may be well
  return status;
}

base::Status History::try_write(const HistoryInterval& interval, const HistoryLimits& limits) {
  db_->set_size_max(limits.size_max);
  TRY_STATUS(db_->transaction([&] { return write_interval(*db_, interval, limits.rows_max); }));
  db_->checkpoint();
  // What is written stays written, whatever becomes of the rest.
  const auto status = make_room(*db_, limits, base::wall_now(), part_of(limits.size_max, kFull));
  if (!status.ok() && is(status.error(), HistoryDb::kCorrupt)) damaged_ = true;
  return base::Ok{};
}

void History::note(const base::Status& status) {
  base::WallTime oldest{}, newest{};
  int64_t bytes = 0;
  if (db_) {
    bytes = db_->bytes();
    const auto edges = db_->statement("SELECT min(at), max(at) FROM spans");
    if (edges.ok()) {
      const auto row = (*edges)->step();
      if (row.ok() && *row && !(*edges)->null(0)) {
        oldest = from_file((*edges)->number(0));
        newest = from_file((*edges)->number(1));
      }
      (*edges)->reset();
    }
  }
  const std::lock_guard lock(mutex_);
  const bool failed = state_.state == "failing";
  state_.bytes = bytes;
  state_.bytes_max = limits_.size_max;
  state_.oldest = oldest;
  state_.newest = newest;
  if (status.ok()) {
    if (failed) log.info("the history {} is written again; {} intervals were lost", place_.path, state_.lost);
    state_.state = "writing";
    return;
  }
  const std::string said = base::to_text(status.error());
  if (!failed || state_.last_error != said)
    log.error("the history {} is not written: {}; it is tried again with each interval", place_.path, said);
  state_.state = "failing";
  state_.last_error = said;
  state_.last_error_at = base::wall_now();
}

void History::set_limits(const HistoryLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

HistoryLimits History::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

std::size_t History::rows_max() const { return limits().rows_max; }

HistoryState History::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

template <typename Row>
base::Result<HistoryCursorPtr<Row>> History::read(
    base::Result<HistoryCursorPtr<Row>> (*reader)(HistoryDb&, const HistorySearch&), const HistorySearch& search,
    base::Duration patience) {
  std::unique_lock file(file_mutex_, until(patience));
  if (!file) return in_use("the history is being written");
  if (!db_) return base::object_not_ready("the history is not open: SHOW HISTORY says why");
  TRY(auto inner, reader(*db_, search));
  return HistoryCursorPtr<Row>(std::make_unique<Locked<Row>>(std::move(file), std::move(inner), damaged_));
}

base::Result<HistoryCursorPtr<HistoryQueryRow>> History::queries(const HistorySearch& search, base::Duration patience) {
  return read(&read_queries, search, patience);
}

base::Result<HistoryCursorPtr<HistoryPoolRow>> History::pools(const HistorySearch& search, base::Duration patience) {
  return read(&read_pools, search, patience);
}

}  // namespace analyzer
