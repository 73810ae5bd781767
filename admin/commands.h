#pragma once
// What the console can be told, one row per command: syntax, help, who may, and whether it is written to the audit log.
// Commands that drivers send by themselves (BEGIN, SET of a session parameter, DISCARD ALL) are here too: they do
// nothing, and say so by their help.

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/parse.h"
#include "admin/sql_query.h"
#include "admin/views.h"
#include "base/result.h"
#include "pooler/console.h"

namespace admin {

enum class Command {
  kShow,
  kShowHelp,
  kShowParameter,
  kSelectConstant,
  kSelect,
  kReload,
  kPause,
  kResume,
  kDisable,
  kEnable,
  kReconnect,
  kKill,
  kKillClient,
  kSuspend,
  kShutdown,
  kWaitClose,
  kSet,
  kSetParameter,
  kSetLegacy,
  kReset,
  kResetQueries,
  kAdviseNow,
  kAdviceApply,
  kAdviceDismiss,
  kBegin,
  kCommit,
  kRollback,
  kSavepoint,
  kRelease,
  kRollbackTo,
  kDeallocate,
  kDiscard,
  kCloseCursor,
  kUnlisten,
  kCount
};

enum class Audit { kNo, kYes };

struct CommandInfo {
  Command command;
  std::string_view syntax;
  pooler::ConsoleRole role;  // the least that may
  Audit audit;               // yes for everything that changes what Weir does
  std::string_view tag;      // of its CommandComplete
  std::string_view help;
};

const std::array<CommandInfo, static_cast<std::size_t>(Command::kCount)>& all_commands();
const CommandInfo& info_of(Command command);

// A command with what it is about.
struct Invocation {
  Command command = Command::kShow;
  const View* view = nullptr;  // of kShow; lives for ever
  std::string name{};   // a database, a client, a setting, a parameter, a statement; empty for "all"
  std::string value{};  // of kSet and kSelectConstant
  Type type = Type::kText;  // of kSelectConstant
  pooler::ShutdownMode mode = pooler::ShutdownMode::kImmediate;
  std::shared_ptr<const Query> query{};  // of kSelect
  std::vector<Cell> values{};            // ... and of its parameters
};

// What a parsed statement asks for, or 42601 with a hint. Parameters ($1) may stand where a name or value stands; they
// read as empty. SELECTs from tables are not understood here but by translate().
base::Result<Invocation> understand(const Statement& statement);
// May it be a SELECT? Whether it is, translate() says.
bool may_be_select(const Statement& statement);

// The columns it answers with; none for a command that has no rows.
std::vector<ColumnInfo> columns_of(const Invocation& invocation);

// An error if a user of `role` may not do it.
base::Status permitted(const Invocation& invocation, pooler::ConsoleRole role);

// For the audit log: the command with its object; values are left out, because they may be secrets.
std::string describe(const Invocation& invocation);

// Session parameters that the console answers for, as SHOW gives them; null for others.
const std::string_view* parameter_value(std::string_view name);
// Session parameters that SET accepts and ignores.
bool ignored_parameter(std::string_view name);

// The text of SHOW HELP.
std::string help_text();

}  // namespace admin
