#pragma once
// One execution of a statement that is traced: what its spans are made of. Nothing here can hold a value of the statement.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "analyzer/query_stats.h"
#include "analyzer/statement.h"
#include "analyzer/trace_context.h"
#include "base/clock.h"

namespace analyzer {

struct StatementTrace {
  TraceContext context;             // where the application is in its trace; its span is 0: this is the root
  uint64_t span = 0;                // of this execution
  base::WallTime ended{};
  base::Duration total{};           // from when it could be sent until it was done,
  base::Duration wait{}, server{};  // that it waited for a server first, and that one worked for it at the end
  QueryOwnerPtr owner{};
  std::shared_ptr<const std::string> query{};  // normalized; null: it is not known, or not told
  std::string operation{};          // "SELECT"; "BATCH" for several statements in one text
  std::string collection{};         // the one table that it names; empty: none, or several
  std::size_t statements = 1;
  uint64_t fingerprint = 0, rows = 0;
  std::string sqlstate{};           // of the error that it ended in
  std::string client{};             // address
  std::string server_address{};     // empty: it got none
  int server_port = 0, server_pid = 0;
};
using StatementTracePtr = std::unique_ptr<const StatementTrace>;

// What a statement does, in a word: its command. `normalized` is asked for the many that have no kind of their own.
std::string operation_name(Kind kind, std::string_view normalized);
// The table that it names, with the schema where it has one, if it is only one.
std::string only_collection(const Statement& statement);

}  // namespace analyzer
