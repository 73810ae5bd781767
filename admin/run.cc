#include "admin/run.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "admin/sql_run.h"

namespace admin {

namespace {

using Done = std::function<void(Answer)>;
using pooler::Operations;

// Those whose first cell is `name`.
void keep_rows_of(Table& table, const std::string& name) {
  std::erase_if(table.rows, [&name](const std::vector<Cell>& row) { return row.front() != Cell(name); });
}

void show(const Invocation& invocation, const Sources& sources, Done done) {
  invocation.view->take(sources, [done = std::move(done), invocation](const SnapshotPtr& snapshot) {
    Table table = to_table(invocation.view->columns, *snapshot);
    if (!invocation.name.empty()) keep_rows_of(table, invocation.name);  // SHOW COLUMNS FROM table
    done(Reply{.table = std::move(table), .tag = done_reply(invocation).tag, .notices = {}});
  });
}

Operations::Token select(const Invocation& invocation, const Sources& sources, Done done) {
  return select_rows(invocation.query, invocation.values, sources,
                     [done = std::move(done), tag = done_reply(invocation).tag](base::Result<Table> table) {
                       if (!table.ok()) return done(std::move(table).error());
                       std::string whole_tag = fmt::format("{} {}", tag, table->rows.size());
                       done(Reply{.table = *std::move(table), .tag = std::move(whole_tag), .notices = {}});
                     });
}

Reply help() {
  base::Error text{"00000", "what the console understands", "\n" + help_text(), {}};
  return {.table = {}, .tag = "SHOW", .notices = {{std::move(text)}}};
}

Reply constant(const Invocation& invocation) {
  Table table{.columns = columns_of(invocation), .rows = {}};
  if (invocation.type == Type::kText) {
    table.rows.push_back({Cell(invocation.value)});
  } else {
    int64_t number = 0;  // grammar.cc read it as one
    std::from_chars(invocation.value.data(), invocation.value.data() + invocation.value.size(), number);
    table.rows.push_back({Cell(number)});
  }
  return {.table = std::move(table), .tag = done_reply(invocation).tag, .notices = {}};
}

// A client's id as SHOW CLIENTS has it: id in decimal or ptr in hexadecimal.
base::Result<uint64_t> client_id(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  uint64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, id, hexadecimal ? 16 : 10);
  if (text.empty() || failure != std::errc() || stop != end) {
    return base::with_hint(base::Error{"22P02", "KILL_CLIENT needs the id of a client", {}, {}},
                           "SHOW CLIENTS has it in its column \"id\".");
  }
  return id;
}

base::Status kill_client(const Invocation& invocation, Operations& operations) {
  TRY(const uint64_t id, client_id(invocation.name));
  return operations.kill_client(id);
}

// The operations that are complete when their call returns.
base::Status at_once(const Invocation& invocation, Operations& operations) {
  switch (invocation.command) {
    case Command::kResume: return operations.resume(invocation.name);
    case Command::kDisable: return operations.disable(invocation.name);
    case Command::kEnable: return operations.enable(invocation.name);
    case Command::kReconnect: return operations.reconnect(invocation.name);
    case Command::kKill: return operations.kill(invocation.name);
    case Command::kKillClient: return kill_client(invocation, operations);
    case Command::kShutdown: return operations.shutdown(invocation.mode);
    case Command::kAdviceDismiss: return operations.dismiss_advice(invocation.name);
    case Command::kSet: return operations.set(invocation.name, invocation.value);
    default: return base::internal_error("console command without an operation");
  }
}

}  // namespace

Reply done_reply(const Invocation& invocation) {
  return {.table = {}, .tag = std::string(info_of(invocation.command).tag), .notices = {}};
}

Operations::Token run(const Invocation& invocation, const Sources& sources, Operations& operations, Done done) {
  const auto when_complete = [done, reply = done_reply(invocation)](base::Status status) {
    status.ok() ? done(reply) : done(std::move(status).error());
  };
  switch (invocation.command) {
    case Command::kShow: show(invocation, sources, std::move(done)); return {};
    case Command::kSelect: return select(invocation, sources, std::move(done));
    case Command::kShowHelp: done(help()); return {};
    case Command::kShowParameter:
    case Command::kSelectConstant: done(constant(invocation)); return {};
    case Command::kPause: return operations.pause(invocation.name, when_complete);
    case Command::kSuspend: return operations.suspend(when_complete);
    case Command::kWaitClose: return operations.wait_close(invocation.name, when_complete);
    case Command::kReload: operations.reload(when_complete); return {};
    case Command::kResetQueries: operations.reset_queries(when_complete); return {};
    case Command::kAdviseNow: return operations.advise_now(when_complete);
    case Command::kAdviceApply: return operations.apply_advice(invocation.name, when_complete);
    default: when_complete(at_once(invocation, operations)); return {};
  }
}

}  // namespace admin
