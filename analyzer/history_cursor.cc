#include "analyzer/history_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "analyzer/history_writer.h"
#include "analyzer/query_report.h"

namespace analyzer {

namespace {

using Statement = HistoryDb::Statement;

struct Range {
  HistoryStep step;
  base::WallTime from, until;  // until is one of them
};

// Each moment once, the newest first.
base::Result<std::vector<Range>> ranges_of(HistoryDb& db, const HistorySearch& search) {
  if (search.step) return std::vector<Range>{{*search.step, search.from, search.until}};
  std::vector<Range> ranges;
  base::WallTime end = search.until;
  for (const HistoryStep step : kHistorySteps) {
    TRY(const base::WallTime begin, complete_from(db, step));
    ranges.push_back({step, std::max(search.from, begin), end});
    if (begin == base::WallTime::min()) break;
    end = std::min(end, begin - base::Duration(1));
  }
  return ranges;
}

// Goes through the ranges, one statement after the other.
template <typename Row>
class Cursor final : public HistoryCursor<Row> {
 public:
  using Fill = void (*)(const Statement& from, Row& row);
  Cursor(HistoryDb& db, std::string sql, std::vector<Range> ranges, Fill fill)
      : db_(db), sql_(std::move(sql)), ranges_(std::move(ranges)), fill_(fill) {}

  base::Result<bool> next() override {
    for (; range_ < ranges_.size(); ++range_, statement_.reset()) {
      const Range& range = ranges_[range_];
      if (range.from > range.until) continue;
      if (!statement_) {
        TRY(statement_, db_.prepare(sql_));
        statement_->bind(1, static_cast<int64_t>(range.step)).bind(2, to_file(range.from)).bind(3, to_file(range.until));
      }
      TRY(const bool found, statement_->step());
      if (!found) continue;
      row_.moment = {range.step, from_file(statement_->number(0)), base::Duration(statement_->number(1))};
      fill_(*statement_, row_);
      return true;
    }
    return false;
  }
  const Row& row() const override { return row_; }

 private:
  HistoryDb& db_;
  const std::string sql_;
  const std::vector<Range> ranges_;
  const Fill fill_;
  std::size_t range_ = 0;
  std::unique_ptr<Statement> statement_;
  Row row_;
};

void fill_query(const Statement& from, HistoryQueryRow& row) {
  row.fingerprint = from.count(2);
  row.others = from.number(3) != 0;
  row.database = from.text(4);
  row.user = from.text(5);
  row.application = from.text(6);
  row.query = row.others ? "others" : from.text(7);
  row.first_at = row.others || from.null(8) ? base::WallTime{} : from_file(from.number(8));
  row.totals = totals_of(from, 9);
}

void fill_pool(const Statement& from, HistoryPoolRow& row) {
  row.pool = pool_of(from, 4);
  row.pool.database = from.text(2);
  row.pool.user = from.text(3);
}

// "x.a, x.b" of "a, b".
std::string of_table(std::string_view columns, std::string_view table) {
  std::string out(table);
  out += '.';
  for (const char c : columns) {
    out += c;
    if (c == ' ') out.append(table).append(1, '.');
  }
  return out;
}

LatencyHistogram times_of(const Statement& row, int column) {
  return LatencyHistogram::from_bytes(row.bytes(column)).value_or(LatencyHistogram());
}

}  // namespace

int64_t to_file(base::WallTime time) { return time.time_since_epoch().count(); }
base::WallTime from_file(int64_t time) { return base::WallTime(base::Duration(time)); }

base::Result<HistoryCursorPtr<HistoryQueryRow>> read_queries(HistoryDb& db, const HistorySearch& search) {
  TRY(auto ranges, ranges_of(db, search));
  // CROSS: as written, from the newest moment on.
  std::string sql = fmt::format(
      "SELECT q.at, s.length, k.fingerprint, k.others, k.database, k.user, k.application, t.query, t.first_at, {} "
      "FROM queries q CROSS JOIN kinds k ON k.id = q.kind LEFT JOIN texts t ON t.fingerprint = k.fingerprint "
      "LEFT JOIN spans s ON s.step = q.step AND s.at = q.at WHERE q.step = ?1 AND q.at >= ?2 AND q.at <= ?3 "
      "ORDER BY q.at DESC",
      of_table(kQueryColumns, "q"));
  return HistoryCursorPtr<HistoryQueryRow>(
      std::make_unique<Cursor<HistoryQueryRow>>(db, std::move(sql), std::move(ranges), fill_query));
}

base::Result<HistoryCursorPtr<HistoryPoolRow>> read_pools(HistoryDb& db, const HistorySearch& search) {
  TRY(auto ranges, ranges_of(db, search));
  std::string sql = fmt::format(
      "SELECT p.at, s.length, p.database, p.user, {} FROM pools p LEFT JOIN spans s ON s.step = p.step AND s.at = p.at "
      "WHERE p.step = ?1 AND p.at >= ?2 AND p.at <= ?3 ORDER BY p.at DESC",
      of_table(kPoolColumns, "p"));
  return HistoryCursorPtr<HistoryPoolRow>(
      std::make_unique<Cursor<HistoryPoolRow>>(db, std::move(sql), std::move(ranges), fill_pool));
}

QueryTotals totals_of(const Statement& row, int first_column) {
  QueryTotals totals;
  int column = first_column;
  for (uint64_t* counter : {&totals.calls, &totals.errors, &totals.rows, &totals.bytes_in, &totals.bytes_out, &totals.server_us,
                            &totals.wait_us, &totals.idle_us, &totals.parses, &totals.server_parses})
    *counter = row.count(column++);
  totals.error_classes = error_classes_of(row.bytes(column++));
  totals.times = times_of(row, column);
  return totals;
}

void bind_totals(Statement& statement, int first, const QueryTotals& totals) {
  int index = first;
  for (const uint64_t counter : {totals.calls, totals.errors, totals.rows, totals.bytes_in, totals.bytes_out, totals.server_us,
                                 totals.wait_us, totals.idle_us, totals.parses, totals.server_parses})
    statement.bind(index++, counter);
  statement.bind(index++, std::string_view(to_text(totals.error_classes)));
  statement.bind_bytes(index, totals.times.to_bytes());
}

HistoryPool pool_of(const Statement& row, int first_column) {
  HistoryPool pool;
  int column = first_column;
  for (uint64_t* number :
       {&pool.looks, &pool.active, &pool.active_max, &pool.waiting, &pool.waiting_max, &pool.servers, &pool.servers_max,
        &pool.idle, &pool.longest_wait_us, &pool.transactions, &pool.queries, &pool.wait_us})
    *number = row.count(column++);
  pool.times = times_of(row, column);
  return pool;
}

void bind_pool(Statement& statement, int first, const HistoryPool& pool) {
  int index = first;
  for (const uint64_t number :
       {pool.looks, pool.active, pool.active_max, pool.waiting, pool.waiting_max, pool.servers, pool.servers_max, pool.idle,
        pool.longest_wait_us, pool.transactions, pool.queries, pool.wait_us})
    statement.bind(index++, number);
  statement.bind_bytes(index, pool.times.to_bytes());
}

}  // namespace analyzer
