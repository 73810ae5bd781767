// The console's rows, as bytes on the wire.

#include <string>
#include <vector>

#include "admin/table.h"
#include "bench/micro/micro.h"

namespace micro {

// As SHOW CLIENTS has them: texts, numbers, counts, a NULL.
static admin::Table clients() {
  admin::Table table;
  std::vector<admin::Cell> row;
  const auto add = [&table, &row](const char* name, admin::Type type, admin::Cell cell) {
    table.columns.push_back({name, "", type});
    row.push_back(std::move(cell));
  };
  for (const char* name : {"type", "user", "database", "state", "addr", "local_addr", "connect_time",
                           "request_time", "application_name"})
    add(name, admin::Type::kText, std::string("some text of its own"));
  for (const char* name :
       {"port", "local_port", "wait", "wait_us", "close_needed", "remote_pid", "prepared_statements"})
    add(name, admin::Type::kInt4, int64_t{54321});
  add("id", admin::Type::kInt8, int64_t{1234567890123});
  add("bytes", admin::Type::kNumeric, uint64_t{98765432109876});
  add("link", admin::Type::kText, admin::Cell());
  table.rows.push_back(std::move(row));
  return table;
}

[[gnu::noipa]] static std::size_t op_console_row(std::string& out, const admin::Table& table) {
  admin::append_row(out, table.columns, table.rows.front());
  return out.size();
}
static void console_row(benchmark::State& state) {
  const admin::Table table = clients();
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(op_console_row(out, table));
  }
}
const Benchmark kConsoleRow("console: a row of 19 columns", console_row);

}  // namespace micro
