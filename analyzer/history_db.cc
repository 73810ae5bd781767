#include "analyzer/history_db.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "base/fd.h"

namespace analyzer {

namespace {

// "Weir", in the place of the file where SQLite keeps whose it is.
constexpr int64_t kApplication = 0x57656972;
constexpr int64_t kSchemaVersion = 1;
// Of SQLite's own, for pages of the file.
constexpr std::string_view kCache = "PRAGMA cache_size=-2000";
// A file up to this size is read through when it is opened: a second or two from a slow disk.
constexpr int64_t kCheckedBytesMax = int64_t{256} << 20;
// Pages given back at a time, so that nobody waits long for the file.
constexpr int64_t kPagesBack = 4096;

constexpr std::string_view kSchema = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE texts(fingerprint INTEGER PRIMARY KEY, query TEXT NOT NULL, first_at INTEGER NOT NULL);
CREATE TABLE kinds(id INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL, others INTEGER NOT NULL,
  database TEXT NOT NULL, user TEXT NOT NULL, application TEXT NOT NULL,
  UNIQUE(fingerprint, others, database, user, application));
CREATE TABLE spans(step INTEGER, at INTEGER, length INTEGER NOT NULL, PRIMARY KEY(step, at)) WITHOUT ROWID;
CREATE TABLE queries(step INTEGER, at INTEGER, kind INTEGER,
  calls INTEGER NOT NULL, errors INTEGER NOT NULL, rows INTEGER NOT NULL, bytes_in INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL, server_us INTEGER NOT NULL, wait_us INTEGER NOT NULL, idle_us INTEGER NOT NULL,
  parses INTEGER NOT NULL, server_parses INTEGER NOT NULL, error_classes TEXT NOT NULL, times BLOB NOT NULL,
  PRIMARY KEY(step, at, kind)) WITHOUT ROWID;
CREATE INDEX queries_by_kind ON queries(kind);
CREATE TABLE pools(step INTEGER, at INTEGER, database TEXT, user TEXT,
  looks INTEGER NOT NULL, active INTEGER NOT NULL, active_max INTEGER NOT NULL, waiting INTEGER NOT NULL,
  waiting_max INTEGER NOT NULL, servers INTEGER NOT NULL, servers_max INTEGER NOT NULL, idle INTEGER NOT NULL,
  longest_wait_us INTEGER NOT NULL, transactions INTEGER NOT NULL, queries INTEGER NOT NULL, wait_us INTEGER NOT NULL,
  times BLOB NOT NULL, PRIMARY KEY(step, at, database, user)) WITHOUT ROWID;
)";

base::Error error_of(sqlite3* database, int code) {
  const std::string said = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {std::string(HistoryDb::kInUse), "the file is in use by another process", {}, {}};
    case SQLITE_FULL: return {std::string(HistoryDb::kDiskFull), said, {}, {}};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return {std::string(HistoryDb::kCorrupt), said, {}, {}};
    case SQLITE_NOMEM: return base::out_of_memory(said);
    default: return {std::string(HistoryDb::kIo), fmt::format("{} ({})", said, code), {}, {}};
  }
}

}  // namespace

// ---- Statements ----

HistoryDb::Statement::Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

void HistoryDb::Statement::Finish::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void HistoryDb::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

HistoryDb::Statement& HistoryDb::Statement::bind(int index, int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

HistoryDb::Statement& HistoryDb::Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

HistoryDb::Statement& HistoryDb::Statement::bind_bytes(int index, std::string_view bytes) {
  if (bytes.empty())
    sqlite3_bind_zeroblob(statement_.get(), index, 0);
  else
    sqlite3_bind_blob64(statement_.get(), index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

base::Result<bool> HistoryDb::Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  base::Error error = error_of(database_, code);
  reset();
  return error;
}

base::Status HistoryDb::Statement::run() {
  for (;;) {
    TRY(const bool more, step());
    if (more) continue;
    reset();
    return base::Ok{};
  }
}

void HistoryDb::Statement::reset() { sqlite3_reset(statement_.get()); }
int64_t HistoryDb::Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }
bool HistoryDb::Statement::null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
std::string HistoryDb::Statement::text(int column) const { return std::string(bytes(column)); }

std::string_view HistoryDb::Statement::bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

// ---- The file ----

base::Result<HistoryDb> HistoryDb::open(const Options& options) {
  // SQLite would let others read it. What is there stays as it is. Closed before SQLite comes: to close any descriptor of
  // a file ends all of the process's locks on it.
  base::Fd(::open(options.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)).reset();
  HistoryDb db;
  sqlite3* opened = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(options.path.c_str(), &opened, kFlags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  db.database_.reset(opened);
  if (code != SQLITE_OK) return error_of(opened, code);
  TRY_STATUS(db.set_up(options));
  return db;
}

base::Status HistoryDb::set_up(const Options& options) {
  sqlite3* database = database_.get();
  sqlite3_extended_result_codes(database, 1);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Held alone from the first read on. The log's index is then plain memory: as a file it would be mapped, and a full
  // disk would end the process.
  TRY_STATUS(run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY"));
  TRY_STATUS(run(kCache));
  {
    TRY(const auto first, prepare("SELECT count(*) FROM sqlite_schema"));
    TRY_STATUS(first->step());
    const bool fresh = first->number(0) == 0 && pragma("PRAGMA application_id") == 0;
    if (!fresh && pragma("PRAGMA application_id") != kApplication) {
      return base::Error{std::string(kNotOurs), "the file is a database of somebody else", {},
                         "Give the history a file of its own."};
    }
    if (!fresh && pragma("PRAGMA user_version") != kSchemaVersion) {
      return base::Error{std::string(kNotOurs),
                         fmt::format("the file was written by another version of Weir (format {}, this one has {})",
                                     pragma("PRAGMA user_version"), kSchemaVersion),
                         {},
                         "Move it away to begin a new one."};
    }
    first->reset();
    if (fresh) {
      TRY_STATUS(run("PRAGMA auto_vacuum=INCREMENTAL"));
    }
    TRY_STATUS(run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"));
    page_size_ = std::max<int64_t>(pragma("PRAGMA page_size"), 512);
    set_size_max(options.size_max);
    if (!fresh) return bytes() > kCheckedBytesMax ? base::Status(base::Ok{}) : check();
  }
  return transaction([this]() -> base::Status {
    TRY_STATUS(run(kSchema));
    TRY_STATUS(run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplication, kSchemaVersion)));
    return base::Ok{};
  });
}

base::Status HistoryDb::check() {
  TRY(const auto check, prepare("PRAGMA quick_check(1)"));
  TRY(const bool said, check->step());
  if (said && check->bytes(0) == "ok") return base::Ok{};
  return base::Error{std::string(kCorrupt), said ? check->text(0) : "the file cannot be checked", {}, {}};
}

base::Result<std::unique_ptr<HistoryDb::Statement>> HistoryDb::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &prepared, nullptr);
  if (code != SQLITE_OK) return error_of(database_.get(), code);
  return std::make_unique<Statement>(database_.get(), prepared);
}

base::Result<HistoryDb::Statement*> HistoryDb::statement(std::string_view sql) {
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    TRY(auto made, prepare(sql));
    known = statements_.emplace(std::string(sql), std::move(made)).first;
  }
  known->second->reset();
  return known->second.get();
}

base::Status HistoryDb::run(std::string_view sql) {
  const int code = sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? base::Status(base::Ok{}) : base::Status(error_of(database_.get(), code));
}

int64_t HistoryDb::pragma(const char* sql) {
  const auto asked = prepare(sql);
  if (!asked.ok()) return 0;
  const auto row = (*asked)->step();
  return row.ok() && *row ? (*asked)->number(0) : 0;
}

void HistoryDb::checkpoint() {
  (void)sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

int64_t HistoryDb::bytes_used() { return (pragma("PRAGMA page_count") - pragma("PRAGMA freelist_count")) * page_size_; }
int64_t HistoryDb::bytes() { return pragma("PRAGMA page_count") * page_size_; }

void HistoryDb::set_size_max(int64_t bytes_max) {
  // SQLite does not go below what there is.
  (void)pragma(fmt::format("PRAGMA max_page_count={}", std::max<int64_t>(bytes_max / page_size_, 1)).c_str());
  if (bytes() > bytes_max) (void)run(fmt::format("PRAGMA incremental_vacuum({})", kPagesBack));
}

}  // namespace analyzer
