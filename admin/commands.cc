#include "admin/commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace admin {

namespace {

using enum pooler::ConsoleRole;

constexpr std::array<CommandInfo, static_cast<std::size_t>(Command::kCount)> kCommands{{
    {Command::kShow, "SHOW view", kStats, Audit::kNo, "SHOW", "Shows a view. SELECT view means the same."},
    {Command::kShowHelp, "SHOW HELP", kStats, Audit::kNo, "SHOW", "Shows this text."},
    {Command::kShowParameter, "SHOW parameter", kStats, Audit::kNo, "SHOW",
     "Shows a session parameter that drivers ask for, such as client_encoding."},
    {Command::kSelectConstant, "SELECT constant", kStats, Audit::kNo, "SELECT 1",
     "Answers a number, a text, version() or pg_is_in_recovery(), so that a connection can be tested."},
    {Command::kSelect, "SELECT ... FROM table ...", kStats, Audit::kNo, "SELECT",
     "Answers from what SHOW shows; see below. SHOW TABLES and SHOW COLUMNS FROM table say what there is."},
    {Command::kReload, "RELOAD", kAdmin, Audit::kYes, "RELOAD",
     "Reads the configuration again. A wrong file changes nothing and is an error."},
    {Command::kPause, "PAUSE [database]", kAdmin, Audit::kYes, "PAUSE",
     "Gives no more servers to clients and waits until those in use are free. Cancelling it is a RESUME."},
    {Command::kResume, "RESUME [database]", kAdmin, Audit::kYes, "RESUME", "Ends PAUSE, KILL and SUSPEND."},
    {Command::kDisable, "DISABLE database", kAdmin, Audit::kYes, "DISABLE", "Refuses new clients of a database."},
    {Command::kEnable, "ENABLE database", kAdmin, Audit::kYes, "ENABLE", "Ends DISABLE."},
    {Command::kReconnect, "RECONNECT [database]", kAdmin, Audit::kYes, "RECONNECT",
     "Closes each server connection as soon as it is free and opens new ones."},
    {Command::kKill, "KILL [database]", kAdmin, Audit::kYes, "KILL",
     "Drops all connections at once and pauses; RESUME ends it."},
    {Command::kKillClient, "KILL_CLIENT id", kAdmin, Audit::kYes, "KILL_CLIENT",
     "Drops one client; its id or ptr is in SHOW CLIENTS."},
    {Command::kSuspend, "SUSPEND", kAdmin, Audit::kYes, "SUSPEND",
     "Accepts no clients, gives no servers and waits until those in use are free; after suspend_timeout their clients are "
     "dropped. RESUME ends it. Cancelling it is a RESUME."},
    {Command::kShutdown, "SHUTDOWN [WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]", kAdmin, Audit::kYes, "SHUTDOWN",
     "Stops Weir: at once, when all servers are free, or when all clients have left."},
    {Command::kWaitClose, "WAIT_CLOSE [database]", kAdmin, Audit::kYes, "WAIT_CLOSE",
     "Waits until the servers that RECONNECT or RELOAD marked are closed."},
    {Command::kSet, "SET key = value", kAdmin, Audit::kYes, "SET",
     "Changes a setting until the next RELOAD or restart."},
    {Command::kSetParameter, "SET parameter = value", kStats, Audit::kNo, "SET",
     "Accepts what drivers set for their session, such as extra_float_digits, and ignores it."},
    {Command::kSetLegacy, "SET weir.legacy_columns = on|off", kStats, Audit::kNo, "SET",
     "For this session, adds total_requests to SHOW STATS and reserve_pool to SHOW DATABASES, for old exporters."},
    {Command::kReset, "RESET parameter|ALL", kStats, Audit::kNo, "RESET", "Does nothing."},
    {Command::kResetQueries, "RESET QUERIES", kAdmin, Audit::kYes, "RESET",
     "Begins the counts of SHOW QUERIES again. Those of SHOW STATS stay."},
    {Command::kAdviseNow, "ADVISE NOW", kAdmin, Audit::kYes, "ADVISE",
     "Looks for indexes that statements lack, now, and waits for the end of it: SHOW INDEX_ADVICE."},
    {Command::kAdviceApply, "ADVICE APPLY id", kAdmin, Audit::kYes, "ADVICE",
     "Creates the index, CONCURRENTLY, as [advice].apply_user, and waits for it; it goes on if you do not. SHOW INDEX_ADVICE "
     "says how far it is."},
    {Command::kAdviceDismiss, "ADVICE DISMISS id", kAdmin, Audit::kYes, "ADVICE",
     "Marks advice that is not to be followed; its id is in SHOW INDEX_ADVICE. Without a history until the next restart."},
    {Command::kBegin, "BEGIN", kStats, Audit::kNo, "BEGIN",
     "Starts a transaction in name only: commands take effect at once and ROLLBACK undoes nothing."},
    {Command::kCommit, "COMMIT", kStats, Audit::kNo, "COMMIT", "Ends it."},
    {Command::kRollback, "ROLLBACK", kStats, Audit::kNo, "ROLLBACK", "Ends it. Nothing is undone."},
    {Command::kSavepoint, "SAVEPOINT name", kStats, Audit::kNo, "SAVEPOINT", "Does nothing."},
    {Command::kRelease, "RELEASE name", kStats, Audit::kNo, "RELEASE", "Does nothing."},
    {Command::kRollbackTo, "ROLLBACK TO name", kStats, Audit::kNo, "ROLLBACK",
     "Leaves the state after an error. Nothing is undone."},
    {Command::kDeallocate, "DEALLOCATE name|ALL", kStats, Audit::kNo, "DEALLOCATE",
     "Forgets prepared statements of this session."},
    {Command::kDiscard, "DISCARD ALL", kStats, Audit::kNo, "DISCARD ALL",
     "Forgets all prepared statements of this session."},
    {Command::kCloseCursor, "CLOSE ALL", kStats, Audit::kNo, "CLOSE CURSOR ALL", "Does nothing."},
    {Command::kUnlisten, "UNLISTEN *", kStats, Audit::kNo, "UNLISTEN", "Does nothing."},
}};

// A command without its row, or rows out of order, do not compile.
consteval bool every_command_has_its_row() {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i].command != static_cast<Command>(i)) return false;
    if (kCommands[i].syntax.empty() || kCommands[i].tag.empty() || kCommands[i].help.empty()) return false;
    // Whatever is worth an audit line is worth an administrator (CVE-2026-6667 is a command that forgot to ask).
    if (kCommands[i].audit == Audit::kYes && kCommands[i].role != kAdmin) return false;
  }
  return true;
}
static_assert(every_command_has_its_row());

struct Parameter {
  std::string_view name, value;
};
constexpr Parameter kParameters[] = {
    {"client_encoding", "UTF8"},
    {"server_encoding", "UTF8"},
    {"default_transaction_isolation", "read committed"},
    {"transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"transaction_read_only", "off"},
    {"standard_conforming_strings", "on"},
    {"datestyle", "ISO"},
    {"timezone", "GMT"},
    {"intervalstyle", "postgres"},
    {"integer_datetimes", "on"},
    {"is_superuser", "on"},
    {"server_version", kServerVersion},
};

// None of these is a setting of Weir.
constexpr std::string_view kIgnored[] = {
    "application_name", "bytea_output", "client_min_messages", "extra_float_digits", "geqo",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "jit", "lc_messages", "lc_monetary",
    "lc_numeric", "lc_time", "lock_timeout", "names", "role", "row_security", "search_path",
    "session_authorization", "statement_timeout", "synchronous_commit", "transaction", "xmloption"};

}  // namespace

const std::array<CommandInfo, static_cast<std::size_t>(Command::kCount)>& all_commands() { return kCommands; }

const CommandInfo& info_of(Command command) { return kCommands[static_cast<std::size_t>(command)]; }

std::vector<ColumnInfo> columns_of(const Invocation& invocation) {
  switch (invocation.command) {
    case Command::kShow: return invocation.view->columns;
    case Command::kSelect: return invocation.query->columns;
    case Command::kShowParameter:
    case Command::kSelectConstant: return {{invocation.name, {}, invocation.type}};
    default: return {};
  }
}

base::Status permitted(const Invocation& invocation, pooler::ConsoleRole role) {
  const bool shows = invocation.command == Command::kShow;
  const auto needed = shows ? invocation.view->role : info_of(invocation.command).role;
  if (needed == kStats || role == kAdmin) return base::Ok{};
  return base::with_hint(
      base::insufficient_privilege(fmt::format("permission denied for {}", describe(invocation))),
      "Only users listed in admin_users may do this.");
}

std::string describe(const Invocation& invocation) {
  if (invocation.command == Command::kShow) return fmt::format("SHOW {}", invocation.view->name);
  if (invocation.command == Command::kShutdown) {
    if (invocation.mode == pooler::ShutdownMode::kWaitForServers) return "SHUTDOWN WAIT_FOR_SERVERS";
    if (invocation.mode == pooler::ShutdownMode::kWaitForClients) return "SHUTDOWN WAIT_FOR_CLIENTS";
    return "SHUTDOWN";
  }
  if (invocation.command == Command::kResetQueries) return "RESET QUERIES";
  if (invocation.command == Command::kAdviseNow) return "ADVISE NOW";
  const std::string_view syntax = info_of(invocation.command).syntax;
  const std::string_view verb = syntax.substr(0, syntax.find(' '));
  if (invocation.name.empty()) return std::string(verb);
  return fmt::format("{} {}", verb, base::quote_identifier(invocation.name));
}

const std::string_view* parameter_value(std::string_view name) {
  const auto* found = std::find_if(std::begin(kParameters), std::end(kParameters),
                                   [name](const Parameter& parameter) { return parameter.name == name; });
  return found == std::end(kParameters) ? nullptr : &found->value;
}

bool ignored_parameter(std::string_view name) {
  return parameter_value(name) != nullptr ||
         std::find(std::begin(kIgnored), std::end(kIgnored), name) != std::end(kIgnored);
}

std::string help_text() {
  std::string text;
  for (const View& view : all_views()) text += fmt::format("\tSHOW {:<16} {}\n", view.name, view.help);
  for (const CommandInfo& command : all_commands()) text += fmt::format("\t{:<22} {}\n", command.syntax, command.help);
  text += "Only users in admin_users may do what changes something; those in stats_users may look.";
  return text;
}

}  // namespace admin
