#include <gtest/gtest.h>

#include <chrono>

#include "sql_support.h"

#include "analyzer/history_rows.h"
#include "conf/diff.h"

namespace admin {
namespace {

using analyzer::HistoryCursorPtr;
using analyzer::HistoryPoolRow;
using analyzer::HistoryQueryRow;
using analyzer::HistorySearch;
using analyzer::HistoryStep;
using namespace std::chrono_literals;

// Rows in memory, and what was asked for.
class FakeReader final : public analyzer::HistoryReader {
 public:
  std::vector<HistoryQueryRow> query_rows;
  std::vector<HistoryPoolRow> pool_rows;
  std::vector<HistorySearch> searches;
  std::optional<base::Error> refusal, interruption;
  int open = 0;

  base::Result<HistoryCursorPtr<HistoryQueryRow>> queries(const HistorySearch& search, base::Duration) override {
    return cursor(search, query_rows);
  }
  base::Result<HistoryCursorPtr<HistoryPoolRow>> pools(const HistorySearch& search, base::Duration) override {
    return cursor(search, pool_rows);
  }
  analyzer::HistoryState state() const override {
    return {.state = "writing", .path = "/var/lib/weir/history", .bytes = 4096, .bytes_max = 8192, .written = 3};
  }

 private:
  template <typename Row>
  struct Cursor final : analyzer::HistoryCursor<Row> {
    Cursor(FakeReader& reader, const std::vector<Row>& list) : owner(reader), rows(list) { ++owner.open; }
    ~Cursor() override { --owner.open; }
    base::Result<bool> next() override {
      if (at == rows.size() && owner.interruption) return *owner.interruption;
      return at++ < rows.size();
    }
    const Row& row() const override { return rows[at - 1]; }
    FakeReader& owner;
    const std::vector<Row>& rows;
    std::size_t at = 0;
  };
  template <typename Row>
  base::Result<HistoryCursorPtr<Row>> cursor(const HistorySearch& search, const std::vector<Row>& rows) {
    searches.push_back(search);
    if (refusal) return *refusal;
    return HistoryCursorPtr<Row>(std::make_unique<Cursor<Row>>(*this, rows));
  }
};

constexpr base::WallTime kNow{1'800'000'000s};

HistoryQueryRow query_row(base::Duration ago, std::string query, uint64_t calls) {
  HistoryQueryRow row;
  row.moment = {HistoryStep::kMinute, kNow - ago, 1min};
  row.fingerprint = 0xabc;
  row.query = std::move(query);
  row.database = "app";
  row.user = "alice";
  row.application = "web";
  row.first_at = kNow - 24h;
  row.totals.calls = calls;
  row.totals.server_us = 2000 * calls;
  for (uint64_t i = 0; i < calls; ++i) row.totals.times.record(2000);
  return row;
}

class HistoryViews : public testing::Test {
 protected:
  Sources sources() {
    return {world.inspector, [] { return std::vector<ConfigRow>(); }, [] { return ConsoleNumbers(); }, "0.1.0", {}, {reader, {}}};
  }
  Table shown(std::string_view name) {
    const View* view = find_view(name);
    Table table;
    view->take(sources(), [&](const SnapshotPtr& snapshot) { table = to_table(view->columns, *snapshot); });
    return table;
  }
  std::string ask(std::string_view sql) {
    auto query = translate(sql, world.context);
    if (!query.ok()) return query.error().message;
    SqlJob job{.query = std::make_shared<const Query>(*std::move(query)), .now = kNow};
    const Sources all = sources();
    for (const View* view : job.query->tables) job.snapshots.push_back(view->source(all));
    const auto table = run_sql(job, world.stop);
    if (!table.ok()) return table.error().sqlstate + " " + table.error().message;
    std::string text;
    for (const auto& row : table->rows) {
      if (!text.empty()) text += " ";
      for (std::size_t i = 0; i < row.size(); ++i)
        text += (i > 0 ? "|" : "") + encode_cell(row[i], table->columns[i].type, wire::Format::kText).value_or("-");
    }
    return text;
  }

  SqlWorld world;
  std::shared_ptr<FakeReader> reader = std::make_shared<FakeReader>();
};

TEST_F(HistoryViews, ARowIsOneMomentOfOneKindOfStatement) {
  reader->query_rows = {query_row(1min, "SELECT $1", 4)};
  EXPECT_EQ(ask("SELECT at, resolution, seconds, fingerprint, query, database, \"user\", application_name, calls, total_ms, mean_ms, "
                "p95_ms, first_at FROM queries_history"),
            "2027-01-15 07:59:00+00|minute|60|0000000000000abc|SELECT $1|app|alice|web|4|8|2|2|2027-01-14 08:00:00+00");
  EXPECT_EQ(shown("QUERIES_HISTORY").rows.size(), 1u);
  EXPECT_EQ(shown("QUERIES_BY_DAY").rows.size(), 1u);
  EXPECT_EQ(reader->searches.back().step, HistoryStep::kDay);
}

TEST_F(HistoryViews, ABoundOnTheMomentIsABoundOnWhatIsRead) {
  reader->query_rows = {query_row(1min, "new", 1), query_row(8 * 24h, "old", 10)};
  EXPECT_EQ(ask("SELECT query, sum(calls) FROM queries_history WHERE at > now() - interval '7 days' GROUP BY query"), "new|1");
  ASSERT_EQ(reader->searches.size(), 1u);
  EXPECT_EQ(reader->searches[0].from, kNow - 7 * 24h);
  EXPECT_EQ(reader->searches[0].until, base::WallTime::max());
  EXPECT_EQ(reader->searches[0].step, std::nullopt);
  EXPECT_EQ(ask("SELECT query FROM queries_by_hour WHERE at BETWEEN '2027-01-01' AND '2027-01-10' AND calls > 3"), "old");
  using std::chrono::sys_days, std::chrono::year;
  EXPECT_EQ(reader->searches[1].from, base::WallTime(sys_days(year(2027) / 1 / 1)));
  EXPECT_EQ(reader->searches[1].until, base::WallTime(sys_days(year(2027) / 1 / 10)));
  EXPECT_EQ(reader->searches[1].step, HistoryStep::kHour);
  EXPECT_EQ(ask("SELECT count(*) FROM queries_history WHERE at = '2027-01-15 07:59:00+00'"), "1");
  EXPECT_EQ(reader->searches[2].from, reader->searches[2].until);
  // What cannot be told before is compared afterwards.
  EXPECT_EQ(ask("SELECT query FROM queries_history WHERE at > now() - interval '7 days' OR calls = 10"), "new old");
  EXPECT_EQ(reader->searches[3].from, base::WallTime::min());
}

TEST_F(HistoryViews, JoinsReadOnceForEachSide) {
  reader->query_rows = {query_row(1min, "a", 1), query_row(2min, "b", 2)};
  EXPECT_EQ(ask("SELECT x.query, y.query FROM queries_history x JOIN queries_by_day y ON x.at = y.at ORDER BY 1"), "a|a b|b");
  EXPECT_EQ(ask("SELECT count(*) FROM queries_history x, queries_history y"), "4");
  EXPECT_EQ(reader->open, 0);
}

TEST_F(HistoryViews, WhatGoesWrongInTheFileIsTheAnswer) {
  reader->query_rows = {query_row(1min, "a", 1)};
  reader->refusal = base::object_not_ready("the history is not open");
  EXPECT_EQ(ask("SELECT * FROM queries_history"), "55000 the history is not open");
  reader->refusal.reset();
  reader->interruption = base::Error{"XX001", "database disk image is malformed", {}, {}};
  EXPECT_EQ(ask("SELECT count(*) FROM queries_history"), "XX001 database disk image is malformed");
  EXPECT_EQ(shown("QUERIES_HISTORY").rows.size(), 1u);
  EXPECT_EQ(reader->open, 0);
}

TEST_F(HistoryViews, ManyRowsPassOneByOneAndShowHasTheNewest) {
  for (int i = 0; i < 150'000; ++i) reader->query_rows.push_back(query_row(base::Duration(i), "q", 1));
  EXPECT_EQ(ask("SELECT count(*), sum(calls) FROM queries_history"), "150000|150000");
  EXPECT_EQ(shown("QUERIES_HISTORY").rows.size(), 1000u);
}

TEST_F(HistoryViews, PoolsHaveMeansAndMosts) {
  HistoryPoolRow row;
  row.moment = {HistoryStep::kHour, kNow, 1h};
  row.pool.database = "app";
  row.pool.user = "alice";
  row.pool.looks = 4;
  row.pool.active = 10;
  row.pool.active_max = 5;
  row.pool.waiting_max = 3;
  row.pool.longest_wait_us = 1500;
  row.pool.queries = 77;
  reader->pool_rows = {row, HistoryPoolRow()};
  EXPECT_EQ(ask("SELECT database, clients, clients_max, waiting, waiting_max, longest_wait_ms, queries, p95_ms FROM pools_history"),
            "app|2.5|5|0|3|1.5|77|0 |0|0|0|0|0|0|0");
}

TEST_F(HistoryViews, HistoryShowsTheFile) {
  EXPECT_EQ(shown("HISTORY").rows.at(0).at(0), Cell(std::string("writing")));
  EXPECT_EQ(shown("HISTORY").rows.at(0).at(6), Cell(int64_t{3}));
}

TEST_F(HistoryViews, WithoutAHistoryThereIsNothingInIt) {
  reader = nullptr;
  EXPECT_EQ(shown("HISTORY").rows.at(0).at(0), Cell(std::string("off")));
  EXPECT_EQ(shown("QUERIES_HISTORY").rows.size(), 0u);
  EXPECT_EQ(ask("SELECT count(*) FROM pools_history"), "0");
}

TEST_F(HistoryViews, ShowWaitsForTheFileOnAnotherThread) {
  reader->query_rows = {query_row(1min, "a", 1)};
  std::function<void()> work, done;
  bool room = true;
  Sources all = sources();
  all.history.aside = [&](std::function<void()> first, std::function<void()> then) {
    if (!room) return false;
    work = std::move(first);
    done = std::move(then);
    return true;
  };
  std::size_t rows = 99;
  const auto taken = [&rows](const SnapshotPtr& snapshot) { rows = snapshot->rows(); };
  find_view("QUERIES_HISTORY")->take(all, taken);
  EXPECT_EQ(rows, 99u);
  work();
  EXPECT_EQ(rows, 99u);
  done();
  EXPECT_EQ(rows, 1u);
  room = false;
  find_view("QUERIES_HISTORY")->take(all, taken);
  EXPECT_EQ(rows, 0u);
}

}  // namespace
}  // namespace admin
