#include "sql_support.h"

#include <fmt/format.h>

#include "conf/diff.h"

namespace admin {

namespace {

std::string shown(const base::Error& error) { return error.sqlstate + " " + error.message; }

}  // namespace

SqlWorld::SqlWorld() {
  const auto pool = [this](std::string database, std::string user, int active, std::string mode) {
    pooler::PoolRow& row = inspector.pool_rows.emplace_back();
    row.database = std::move(database);
    row.user = std::move(user);
    row.cl_active = active;
    row.pool_mode = std::move(mode);
  };
  pool("app", "alice", 3, "transaction");
  pool("app", "bob", 1, "session");
  pool("shop", "alice", 10, "transaction");
  inspector.pool_rows[0].cl_waiting = 2;
  using namespace std::chrono;
  const base::WallTime moment = time_point_cast<base::Duration>(sys_days(year(2026) / 11 / 21) + hours(3));
  for (uint64_t i = 1; i <= 4; ++i) {
    pooler::SocketRow& row = inspector.client_rows.emplace_back();
    row.id = i;
    row.user = i % 2 == 1 ? "alice" : "bob";
    row.database = "app";
    row.state = i == 4 ? "waiting" : "active";
    row.application_name = i == 3 ? "" : "job_" + std::to_string(i);
    row.connect_time = moment + minutes(i);
    row.wait = seconds(i * i);
  }
  pooler::StatsRow& stats = inspector.stats_rows.emplace_back();
  stats.database = "app";
  stats.total.query_count = 7;
  stats.total.query_time = 100;
  config = {{"pool_mode", "transaction", "session", true}};
}

base::Result<Table> SqlWorld::run(std::string_view sql, std::vector<Cell> values) {
  TRY(Query query, translate(sql, context));
  SqlJob job{.query = std::make_shared<const Query>(std::move(query)), .values = std::move(values), .limits = limits};
  job.now = base::WallTime(std::chrono::seconds(1'800'000'000));
  const Sources sources{inspector, [this] { return config; }, [] { return ConsoleNumbers(); }, "0.1.0"};
  for (const View* view : job.query->tables) {
    view->take(sources, [&job](SnapshotPtr snapshot) { job.snapshots.push_back(std::move(snapshot)); });
  }
  return run_sql(job, stop);
}

std::string SqlWorld::ask(std::string_view sql, std::vector<Cell> values) {
  const auto table = run(sql, std::move(values));
  if (!table.ok()) return shown(table.error());
  std::string text;
  for (const auto& row : table->rows) {
    if (!text.empty()) text += " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i > 0 ? "|" : "") + encode_cell(row[i], table->columns[i].type, wire::Format::kText).value_or("-");
    }
  }
  return text;
}

std::string SqlWorld::columns(std::string_view sql) {
  const auto query = translate(sql, context);
  if (!query.ok()) return shown(query.error());
  std::string text;
  for (const ColumnInfo& column : query->columns) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", column.name, name_of(column.type));
  }
  return text;
}

std::string SqlWorld::parameters(std::string_view sql, std::vector<uint32_t> declared) {
  std::vector<wire::Oid> oids;
  for (uint32_t oid : declared) oids.emplace_back(oid);
  const auto query = translate(sql, context, oids);
  if (!query.ok()) return shown(query.error());
  std::string text;
  for (Type type : query->parameters) text += fmt::format("{}{}", text.empty() ? "" : " ", name_of(type));
  return text;
}

}  // namespace admin
