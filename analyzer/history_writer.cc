#include "analyzer/history_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/history_cursor.h"
#include "analyzer/history_pools.h"

namespace analyzer {

namespace {

using Statement = HistoryDb::Statement;

// Removals of one call; the next interval goes on. Each is an hour of minutes or a day of hours.
constexpr int kRemovalsMax = 100;

constexpr std::array<std::string_view, 3> kMarks{"minutes_from", "hours_from", "days_from"};

std::string_view mark_of(HistoryStep step) { return kMarks[static_cast<std::size_t>(step)]; }

std::string marks(int count) {
  std::string out = "?";
  for (int i = 1; i < count; ++i) out += ", ?";
  return out;
}

struct Kind {
  uint64_t fingerprint = 0;
  bool others = false;
  std::string_view database{}, user{}, application{};
};

base::Result<int64_t> id_of(HistoryDb& db, const Kind& kind) {
  const auto bind = [&kind](Statement& statement) {
    statement.bind(1, kind.fingerprint).bind(2, int64_t{kind.others ? 1 : 0}).bind(3, kind.database).bind(4, kind.user)
        .bind(5, kind.application);
  };
  TRY(Statement* const find, db.statement("SELECT id FROM kinds WHERE fingerprint = ? AND others = ? AND database = ? AND "
                                          "user = ? AND application = ?"));
  bind(*find);
  TRY(bool known, find->step());
  if (!known) {
    find->reset();
    TRY(Statement* const add, db.statement("INSERT INTO kinds(fingerprint, others, database, user, application) "
                                           "VALUES (?, ?, ?, ?, ?)"));
    bind(*add);
    TRY_STATUS(add->run());
    TRY(known, find->step());
  }
  const int64_t id = known ? find->number(0) : 0;
  find->reset();
  return id;
}

base::Status add_query(HistoryDb& db, HistoryStep step, int64_t at, int64_t kind, const QueryTotals& more) {
  static const std::string kFind = fmt::format("SELECT {} FROM queries WHERE step = ? AND at = ? AND kind = ?", kQueryColumns);
  static const std::string kPut = fmt::format("INSERT OR REPLACE INTO queries(step, at, kind, {}) VALUES ({})", kQueryColumns,
                                              marks(3 + kQueryColumnCount));
  const auto number = static_cast<int64_t>(step);
  QueryTotals totals = more;
  TRY(Statement* const find, db.statement(kFind));
  find->bind(1, number).bind(2, at).bind(3, kind);
  TRY(const bool known, find->step());
  if (known) totals.add(totals_of(*find, 0));
  find->reset();
  TRY(Statement* const put, db.statement(kPut));
  put->bind(1, number).bind(2, at).bind(3, kind);
  bind_totals(*put, 4, totals);
  return put->run();
}

base::Status add_pool(HistoryDb& db, HistoryStep step, int64_t at, const HistoryPool& more) {
  static const std::string kFind =
      fmt::format("SELECT {} FROM pools WHERE step = ? AND at = ? AND database = ? AND user = ?", kPoolColumns);
  static const std::string kPut = fmt::format("INSERT OR REPLACE INTO pools(step, at, database, user, {}) VALUES ({})",
                                              kPoolColumns, marks(4 + kPoolColumnCount));
  const auto name = [&](Statement& statement) {
    statement.bind(1, static_cast<int64_t>(step)).bind(2, at).bind(3, std::string_view(more.database))
        .bind(4, std::string_view(more.user));
  };
  HistoryPool sum = more;
  TRY(Statement* const find, db.statement(kFind));
  name(*find);
  TRY(const bool known, find->step());
  if (known) add(sum, pool_of(*find, 0));
  find->reset();
  TRY(Statement* const put, db.statement(kPut));
  name(*put);
  bind_pool(*put, 5, sum);
  return put->run();
}

base::Result<std::size_t> rows_of(HistoryDb& db, std::string_view table, HistoryStep step, int64_t at) {
  TRY(Statement* const count, db.statement(fmt::format("SELECT count(*) FROM {} WHERE step = ? AND at = ?", table)));
  count->bind(1, static_cast<int64_t>(step)).bind(2, at);
  TRY_STATUS(count->step());
  const uint64_t rows = count->count(0);
  count->reset();
  return std::size_t{rows};
}

// The heaviest `keep` stay; the others go on as one.
base::Status fold_queries(HistoryDb& db, HistoryStep step, int64_t at, std::size_t keep) {
  const auto number = static_cast<int64_t>(step);
  TRY(const int64_t others, id_of(db, {.others = true}));
  static const std::string kLightest = fmt::format(
      "SELECT kind, {} FROM queries WHERE step = ? AND at = ? AND kind <> ? ORDER BY server_us DESC, calls DESC "
      "LIMIT -1 OFFSET ?",
      kQueryColumns);
  TRY(Statement* const lightest, db.statement(kLightest));
  lightest->bind(1, number).bind(2, at).bind(3, others).bind(4, uint64_t{keep});
  QueryTotals sum;
  std::vector<int64_t> going;
  for (;;) {
    TRY(const bool more, lightest->step());
    if (!more) break;
    going.push_back(lightest->number(0));
    sum.add(totals_of(*lightest, 1));
  }
  lightest->reset();
  for (const int64_t kind : going) {
    TRY(Statement* const remove, db.statement("DELETE FROM queries WHERE step = ? AND at = ? AND kind = ?"));
    remove->bind(1, number).bind(2, at).bind(3, kind);
    TRY_STATUS(remove->run());
  }
  return going.empty() ? base::Status(base::Ok{}) : add_query(db, step, at, others, sum);
}

base::Status fold_pools(HistoryDb& db, HistoryStep step, int64_t at, std::size_t keep) {
  const auto number = static_cast<int64_t>(step);
  static const std::string kLightest = fmt::format(
      "SELECT database, user, {} FROM pools WHERE step = ? AND at = ? AND database <> '' ORDER BY queries DESC LIMIT -1 OFFSET ?",
      kPoolColumns);
  TRY(Statement* const lightest, db.statement(kLightest));
  lightest->bind(1, number).bind(2, at).bind(3, uint64_t{keep});
  HistoryPool sum;
  std::vector<std::pair<std::string, std::string>> going;
  for (;;) {
    TRY(const bool more, lightest->step());
    if (!more) break;
    going.emplace_back(lightest->text(0), lightest->text(1));
    add(sum, pool_of(*lightest, 2));
  }
  lightest->reset();
  for (const auto& [database, user] : going) {
    TRY(Statement* const remove, db.statement("DELETE FROM pools WHERE step = ? AND at = ? AND database = ? AND user = ?"));
    remove->bind(1, number).bind(2, at).bind(3, std::string_view(database)).bind(4, std::string_view(user));
    TRY_STATUS(remove->run());
  }
  return going.empty() ? base::Status(base::Ok{}) : add_pool(db, step, at, sum);
}

base::Status write_step(HistoryDb& db, HistoryStep step, const HistoryInterval& interval, std::size_t rows_max,
                        const std::vector<int64_t>& kinds, int64_t others) {
  const int64_t at = to_file(begin_of(step, interval.at));
  TRY(Statement* const span, db.statement("INSERT INTO spans VALUES (?, ?, ?) ON CONFLICT(step, at) DO UPDATE SET "
                                          "length = length + excluded.length"));
  span->bind(1, static_cast<int64_t>(step)).bind(2, at).bind(3, interval.length.count());
  TRY_STATUS(span->run());
  for (std::size_t i = 0; i < kinds.size(); ++i)
    TRY_STATUS(add_query(db, step, at, kinds[i], interval.queries.rows[i].totals));
  if (interval.queries.others.calls > 0 || !interval.queries.others.empty())
    TRY_STATUS(add_query(db, step, at, others, interval.queries.others));
  for (const HistoryPool& pool : interval.pools) TRY_STATUS(add_pool(db, step, at, pool));
  TRY(const std::size_t queries, rows_of(db, "queries", step, at));
  if (queries > kFoldAt * rows_max + 1) TRY_STATUS(fold_queries(db, step, at, rows_max));
  TRY(const std::size_t pools, rows_of(db, "pools", step, at));
  if (pools > kFoldAt * rows_max + 1) TRY_STATUS(fold_pools(db, step, at, rows_max));
  return base::Ok{};
}

// The least or greatest moment of a step, if there is one.
base::Result<std::optional<base::WallTime>> edge(HistoryDb& db, HistoryStep step, bool newest) {
  TRY(Statement* const find, db.statement(newest ? "SELECT max(at) FROM spans WHERE step = ?"
                                                 : "SELECT min(at) FROM spans WHERE step = ?"));
  find->bind(1, static_cast<int64_t>(step));
  TRY_STATUS(find->step());
  const auto found = find->null(0) ? std::nullopt : std::optional(from_file(find->number(0)));
  find->reset();
  return found;
}

// Kinds and texts that nothing is about any more.
base::Status remove_orphans(HistoryDb& db) {
  return db.run("DELETE FROM kinds WHERE NOT EXISTS (SELECT 1 FROM queries WHERE kind = kinds.id); "
                "DELETE FROM texts WHERE NOT EXISTS (SELECT 1 FROM kinds WHERE fingerprint = texts.fingerprint)");
}

base::Status remove_before(HistoryDb& db, HistoryStep step, base::WallTime end) {
  const auto work = [&db, step, end]() -> base::Status {
    for (const std::string_view table : {"queries", "pools", "spans"}) {
      TRY(Statement* const remove, db.statement(fmt::format("DELETE FROM {} WHERE step = ? AND at < ?", table)));
      remove->bind(1, static_cast<int64_t>(step)).bind(2, to_file(end));
      TRY_STATUS(remove->run());
    }
    TRY(Statement* const mark, db.statement("INSERT INTO meta VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET "
                                            "value = max(value, excluded.value)"));
    mark->bind(1, mark_of(step)).bind(2, to_file(end));
    TRY_STATUS(mark->run());
    return remove_orphans(db);
  };
  TRY_STATUS(db.transaction(work));
  db.checkpoint();
  return base::Ok{};
}

// What minutes and hours are removed by: as much as one of the coarser step stands for.
base::WallTime end_of_removal(HistoryStep step, base::WallTime oldest) {
  if (step == HistoryStep::kMinute) return begin_of(HistoryStep::kHour, oldest) + std::chrono::hours(1);
  return begin_of(HistoryStep::kDay, oldest) + std::chrono::hours(24);
}

base::Status remove_old(HistoryDb& db, HistoryStep step, base::WallTime cut, int& removals) {
  while (removals < kRemovalsMax) {
    TRY(const auto oldest, edge(db, step, false));
    if (!oldest || end_of_removal(step, *oldest) > cut) break;
    TRY_STATUS(remove_before(db, step, end_of_removal(step, *oldest)));
    ++removals;
  }
  return base::Ok{};
}

// True: something was there to be removed.
base::Result<bool> remove_oldest(HistoryDb& db) {
  for (const HistoryStep step : kHistorySteps) {
    TRY(const auto oldest, edge(db, step, false));
    TRY(const auto newest, edge(db, step, true));
    if (!oldest || end_of_removal(step, *oldest) > *newest) continue;
    TRY_STATUS(remove_before(db, step, end_of_removal(step, *oldest)));
    return true;
  }
  // All that is left is of one hour and one day.
  TRY(const auto minute, edge(db, HistoryStep::kMinute, false));
  if (minute) {
    TRY_STATUS(remove_before(db, HistoryStep::kMinute, end_of_removal(HistoryStep::kMinute, *minute)));
    return true;
  }
  for (const HistoryStep step : {HistoryStep::kHour, HistoryStep::kDay}) {
    TRY(const auto at, edge(db, step, true));
    if (!at) continue;
    TRY(const std::size_t rows, rows_of(db, "queries", step, to_file(*at)));
    if (rows <= 2) continue;
    const auto halve = [&db, step, at, rows]() -> base::Status {
      TRY_STATUS(fold_queries(db, step, to_file(*at), rows / 2 - 1));
      return remove_orphans(db);
    };
    TRY_STATUS(db.transaction(halve));
    return true;
  }
  return false;
}

}  // namespace

base::Status write_interval(HistoryDb& db, const HistoryInterval& interval, std::size_t rows_max) {
  std::vector<int64_t> kinds;
  kinds.reserve(interval.queries.rows.size());
  for (const HistoryQuery& query : interval.queries.rows) {
    TRY(const int64_t id, id_of(db, {query.fingerprint, false, query.owner->database, query.owner->user,
                                     query.owner->application}));
    kinds.push_back(id);
    TRY(Statement* const text, db.statement("INSERT INTO texts VALUES (?, ?, ?) ON CONFLICT(fingerprint) DO NOTHING"));
    text->bind(1, query.fingerprint).bind(2, std::string_view(*query.text)).bind(3, to_file(interval.at));
    TRY_STATUS(text->run());
  }
  TRY(const int64_t others, id_of(db, {.others = true}));
  for (const HistoryStep step : kHistorySteps) {
    TRY(const base::WallTime complete, complete_from(db, step));
    if (begin_of(step, interval.at) < complete) continue;
    TRY_STATUS(write_step(db, step, interval, rows_max, kinds, others));
  }
  return base::Ok{};
}

base::Status make_room(HistoryDb& db, const HistoryLimits& limits, base::WallTime now, int64_t bytes) {
  int removals = 0;
  TRY_STATUS(remove_old(db, HistoryStep::kMinute, now - limits.keep_minutes, removals));
  TRY_STATUS(remove_old(db, HistoryStep::kHour, now - limits.keep_hours, removals));
  TRY_STATUS(remove_old(db, HistoryStep::kDay, now - limits.keep_days, removals));
  if (db.bytes_used() <= bytes) return base::Ok{};
  TRY_STATUS(db.transaction([&db] { return remove_orphans(db); }));
  while (removals < kRemovalsMax && db.bytes_used() > bytes) {
    TRY(const bool removed, remove_oldest(db));
    if (!removed) break;
    ++removals;
  }
  return base::Ok{};
}

base::Result<base::WallTime> complete_from(HistoryDb& db, HistoryStep step) {
  TRY(Statement* const find, db.statement("SELECT value FROM meta WHERE name = ?"));
  find->bind(1, mark_of(step));
  TRY(const bool known, find->step());
  const auto time = known ? from_file(find->number(0)) : base::WallTime::min();
  find->reset();
  return time;
}

}  // namespace analyzer
