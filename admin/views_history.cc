// SHOW HISTORY, QUERIES_HISTORY and its like: what was counted, from the file.
//
// SELECT reads the file as it goes, on its own thread, so that weeks of minutes pass through it one by one; a bound on
// `at` is a bound on what is read. SHOW has the newest rows.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "admin/views.h"
#include "analyzer/history_rows.h"
#include "analyzer/query_report.h"

namespace admin {

namespace {

using analyzer::HistoryCursorPtr;
using analyzer::HistoryMoment;
using analyzer::HistoryPoolRow;
using analyzer::HistoryQueryRow;
using analyzer::HistoryReader;
using analyzer::HistorySearch;
using analyzer::HistoryState;
using analyzer::HistoryStep;
using analyzer::QueryTotals;
using pooler::ConsoleRole;

// Of SHOW: more than a person reads.
constexpr std::size_t kShown = 1000;
// How long a reader stands in line while the file is written.
constexpr base::Duration kPatience = std::chrono::seconds(3);

// ---- Columns ----

template <typename Row>
Columns<Row> moment_columns() {
  return {
      {"at", "Where the moment begins.", [](const Row& row) { return Timestamp{row.moment.at}; }},
      {"resolution", "How long the moment is: minute, hour or day.",
       [](const Row& row) { return std::string(analyzer::name_of(row.moment.step)); }},
      {"seconds", "How much of the moment was counted; less while it lasts, or where Weir did not run.",
       [](const Row& row) { return static_cast<double>(row.moment.length.count()) / 1'000'000; }},
  };
}

template <typename Row>
Columns<Row> with(Columns<Row> columns, Columns<Row> more) {
  columns.insert(columns.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return columns;
}

Columns<HistoryQueryRow> query_columns() {
  using Row = HistoryQueryRow;
  const auto count = [](uint64_t QueryTotals::*member) {
    return [member](const Row& row) { return static_cast<int64_t>(row.totals.*member); };
  };
  const auto time = [](uint64_t QueryTotals::*member) { return [member](const Row& row) { return ms(row.totals.*member); }; };
  const auto quantile = [](double part) { return [part](const Row& row) { return ms(row.totals.times.quantile(part)); }; };
  return with<Row>(
      moment_columns<Row>(),
      {{"fingerprint", "As in SHOW QUERIES. Empty for others: the sum of what was too light for a row of its own.",
        [](const Row& row) { return fingerprint_text(row.fingerprint); }},
       {"query", "The first of these statements, with $n for its values.", &Row::query},
       {"database", "Name of the database.", &Row::database},
       {"user", "Name of the user.", &Row::user},
       {"application_name", "What the client calls itself.", &Row::application},
       {"calls", "How often it was run, those included that failed.", count(&QueryTotals::calls)},
       {"errors", "How often it failed.", count(&QueryTotals::errors)},
       {"rows", "Rows that it returned or changed.", count(&QueryTotals::rows)},
       {"total_ms", "Milliseconds that servers were busy with it.", time(&QueryTotals::server_us)},
       {"mean_ms", "The same for one call.",
        [](const Row& row) {
          return row.totals.calls == 0 ? 0.0 : ms(row.totals.server_us) / static_cast<double>(row.totals.calls);
        }},
       {"p50_ms", "So long half of its calls took at most; within 1/16.", quantile(0.50)},
       {"p75_ms", "So long three quarters took at most.", quantile(0.75)},
       {"p95_ms", "So long 95 of a hundred took at most.", quantile(0.95)},
       {"p99_ms", "So long 99 of a hundred took at most.", quantile(0.99)},
       {"max_ms", "The longest call, within 1/16.", [](const Row& row) { return ms(row.totals.times.max()); }},
       {"wait_ms", "Milliseconds that clients waited for a server to run it on.", time(&QueryTotals::wait_us)},
       {"idle_ms", "Milliseconds that clients kept a transaction open after it.", time(&QueryTotals::idle_us)},
       {"bytes_in", "Bytes of the messages that asked for it.", count(&QueryTotals::bytes_in)},
       {"bytes_out", "Bytes of the answers.", count(&QueryTotals::bytes_out)},
       {"parses", "Parse messages that clients sent for it.", count(&QueryTotals::parses)},
       {"server_parses", "Parse messages for it that went to a server.", count(&QueryTotals::server_parses)},
       {"error_classes", "Its errors by SQLSTATE class, as class:count.",
        [](const Row& row) { return analyzer::to_text(row.totals.error_classes); }},
       {"first_at", "The first moment in the history at which any statement of this fingerprint was run.",
        [](const Row& row) { return Timestamp{row.first_at}; }}});
}

Columns<HistoryPoolRow> pool_columns() {
  using Row = HistoryPoolRow;
  using analyzer::HistoryPool;
  const auto count = [](uint64_t HistoryPool::*member) {
    return [member](const Row& row) { return static_cast<int64_t>(row.pool.*member); };
  };
  const auto mean = [](uint64_t HistoryPool::*member) {
    return [member](const Row& row) {
      return row.pool.looks == 0 ? 0.0 : static_cast<double>(row.pool.*member) / static_cast<double>(row.pool.looks);
    };
  };
  const auto time = [](uint64_t HistoryPool::*member) { return [member](const Row& row) { return ms(row.pool.*member); }; };
  const auto quantile = [](double part) { return [part](const Row& row) { return ms(row.pool.times.quantile(part)); }; };
  return with<Row>(
      moment_columns<Row>(),
      {{"database", "Name of the database. Empty for the sum of pools that had no row of their own.",
        [](const Row& row) { return row.pool.database; }},
       {"user", "Name of the user.", [](const Row& row) { return row.pool.user; }},
       {"clients", "Clients that were connected and not in line, on average over looks some seconds apart.",
        mean(&HistoryPool::active)},
       {"clients_max", "The most of them at one look.", count(&HistoryPool::active_max)},
       {"waiting", "Clients in line for a server, on average.", mean(&HistoryPool::waiting)},
       {"waiting_max", "The most of them at one look.", count(&HistoryPool::waiting_max)},
       {"servers", "Server connections, on average.", mean(&HistoryPool::servers)},
       {"servers_max", "The most of them at one look.", count(&HistoryPool::servers_max)},
       {"idle_servers", "Those of them that nobody used, on average.", mean(&HistoryPool::idle)},
       {"longest_wait_ms", "The longest that somebody in line had waited at one of the looks.",
        time(&HistoryPool::longest_wait_us)},
       {"transactions", "Transactions that ended.", count(&HistoryPool::transactions)},
       {"queries", "Requests that were answered.", count(&HistoryPool::queries)},
       {"wait_ms", "Milliseconds that clients waited for a server, all together.", time(&HistoryPool::wait_us)},
       {"p50_ms", "So long half of the statements of this database and user took at most; within 1/16.", quantile(0.50)},
       {"p95_ms", "So long 95 of a hundred took at most.", quantile(0.95)},
       {"p99_ms", "So long 99 of a hundred took at most.", quantile(0.99)}});
}

Columns<HistoryState> state_columns() {
  const auto count = [](uint64_t HistoryState::*member) {
    return [member](const HistoryState& row) { return static_cast<int64_t>(row.*member); };
  };
  return {
      {"state", "off: [history] has no path. opening, writing, or failing: see last_error.", &HistoryState::state},
      {"path", "The file.", &HistoryState::path},
      {"bytes", "Its size.", &HistoryState::bytes},
      {"bytes_max", "The most it may have.", &HistoryState::bytes_max},
      {"oldest", "The first moment that it tells of.", [](const HistoryState& row) { return Timestamp{row.oldest}; }},
      {"newest", "The last one.", [](const HistoryState& row) { return Timestamp{row.newest}; }},
      {"written", "Intervals that were written since Weir started.", count(&HistoryState::written)},
      {"waiting", "Intervals that could not be written yet, and are tried again.", count(&HistoryState::waiting)},
      {"lost", "Intervals that had to be given up.", count(&HistoryState::lost)},
      {"last_error", "The last thing that went wrong.", &HistoryState::last_error},
      {"last_error_at", "When that was.", [](const HistoryState& row) { return Timestamp{row.last_error_at}; }},
  };
}

// ---- Rows ----

template <typename Row>
using Read = base::Result<HistoryCursorPtr<Row>> (HistoryReader::*)(const HistorySearch&, base::Duration);

// What SELECT reads.
template <typename Row>
class HistorySource final : public Snapshot, public RowSource {
 public:
  HistorySource(std::shared_ptr<const Columns<Row>> columns, std::shared_ptr<HistoryReader> reader, Read<Row> read,
                std::optional<HistoryStep> step)
      : columns_(std::move(columns)), reader_(std::move(reader)), read_(read), step_(step) {}

  std::size_t rows() const override { return 0; }
  Cell cell(std::size_t, std::size_t) const override { return {}; }
  const RowSource* source() const override { return this; }
  bool narrows(std::size_t column) const override { return column == 0; }  // at

  base::Result<std::unique_ptr<RowCursor>> open(std::span<const Bound> bounds) const override {
    auto cursor = std::make_unique<Cursor>();
    cursor->columns = columns_;
    if (reader_ == nullptr) return std::unique_ptr<RowCursor>(std::move(cursor));
    HistorySearch search{.step = step_};
    for (const Bound& bound : bounds) {
      const base::WallTime time{base::Duration(bound.value)};
      if (bound.kind != Bound::Kind::kLess) search.from = std::max(search.from, time);
      if (bound.kind != Bound::Kind::kGreater) search.until = std::min(search.until, time);
    }
    TRY(cursor->reading, ((*reader_).*read_)(search, kPatience));
    return std::unique_ptr<RowCursor>(std::move(cursor));
  }

 private:
  struct Cursor final : RowCursor {
    base::Result<bool> next() override { return reading ? reading->next() : base::Result<bool>(false); }
    Cell cell(std::size_t column) const override { return (*columns)[column].cell(reading->row()); }
    std::shared_ptr<const Columns<Row>> columns;
    HistoryCursorPtr<Row> reading;
  };

  std::shared_ptr<const Columns<Row>> columns_;
  std::shared_ptr<HistoryReader> reader_;
  Read<Row> read_;
  std::optional<HistoryStep> step_;
};

// What SHOW shows; nothing while the file cannot be read, which SHOW HISTORY explains.
template <typename Row>
std::vector<Row> newest(HistoryReader& reader, Read<Row> read, std::optional<HistoryStep> step) {
  std::vector<Row> rows;
  auto cursor = (reader.*read)({.step = step}, kPatience);
  if (!cursor.ok()) return rows;
  while (rows.size() < kShown) {
    const auto more = (*cursor)->next();
    if (!more.ok() || !*more) break;
    rows.push_back((*cursor)->row());
  }
  return rows;
}

template <typename Row>
View history_view(std::string_view name, std::string_view help, const std::shared_ptr<const Columns<Row>>& columns,
                  Read<Row> read, std::optional<HistoryStep> step) {
  const auto take = [columns, read, step](const Sources& sources, const View::Taken& taken) {
    auto rows = std::make_shared<std::vector<Row>>();
    const auto give = [columns, rows, taken] { taken(std::make_shared<RowSnapshot<Row>>(columns, std::move(*rows))); };
    const auto reader = sources.history.reader;
    if (reader == nullptr) return give();
    const auto work = [reader, rows, read, step] { *rows = newest<Row>(*reader, read, step); };
    if (!sources.history.aside) {
      work();
      return give();
    }
    if (!sources.history.aside(work, give)) give();
  };
  const auto source = [columns, read, step](const Sources& sources) -> SnapshotPtr {
    return std::make_shared<HistorySource<Row>>(columns, sources.history.reader, read, step);
  };
  return {name, help, ConsoleRole::kStats, infos(*columns), take, source};
}

}  // namespace

std::vector<View> history_views() {
  std::vector<View> views;
  const auto queries = std::make_shared<const Columns<HistoryQueryRow>>(query_columns());
  const auto pools = std::make_shared<const Columns<HistoryPoolRow>>(pool_columns());
  views.push_back(make_view("HISTORY", "The file that the history is kept in.", ConsoleRole::kStats, state_columns(),
                            [](const Sources& sources, const pooler::Inspector::Then<HistoryState>& then) {
                              if (sources.history.reader == nullptr) return then({HistoryState{.state = "off"}});
                              then({sources.history.reader->state()});
                            }));
  views.push_back(history_view<HistoryQueryRow>(
      "QUERIES_HISTORY",
      "What each kind of statement cost, minute by minute; where there are no minutes any more, by hour, and then by day. "
      "Each moment is told once. SHOW has the newest 1,000 rows.",
      queries, &HistoryReader::queries, std::nullopt));
  views.push_back(history_view<HistoryQueryRow>("QUERIES_BY_HOUR", "The same by hour, the one included that lasts.", queries,
                                                &HistoryReader::queries, HistoryStep::kHour));
  views.push_back(history_view<HistoryQueryRow>("QUERIES_BY_DAY", "The same by day, the one included that lasts.", queries,
                                                &HistoryReader::queries, HistoryStep::kDay));
  views.push_back(history_view<HistoryPoolRow>(
      "POOLS_HISTORY", "How pools were, minute by minute; then by hour, and by day.", pools, &HistoryReader::pools,
      std::nullopt));
  return views;
}

}  // namespace admin
