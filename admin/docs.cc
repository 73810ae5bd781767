#include "admin/docs.h"

#include <fmt/format.h>

#include "admin/commands.h"
#include "admin/console.h"
#include "admin/sql.h"
#include "admin/sql_functions.h"
#include "admin/views.h"
#include "base/text.h"

namespace admin {

namespace {

constexpr std::string_view kIntroduction =
    "# The console\n\n"
    "This page is printed from the tables in `admin/`; do not edit it.\n\n"
    "Connect to the database `pgbouncer` or `weir` with any PostgreSQL client, by simple or extended protocol. Users "
    "in `admin_users` may do everything, those in `stats_users` may look. Statements end with a semicolon or with the "
    "query, several may stand in one query, keywords are not case-sensitive, and names may be in double quotes. A "
    "name, a client's id or a value may also be a parameter (`$1`).\n\n"
    "Views that PgBouncer 1.25.2 has show exactly its columns, in its order and with its types; what Weir adds is in "
    "views of its own. Every command that changes something writes a line to the log that says who gave it and from "
    "where; values are left out.\n\n"
    "Exporters made for old PgBouncers, Debian's `prometheus-pgbouncer-exporter` among them, ask for columns that "
    "PgBouncer itself has dropped. Give such a client the environment `PGOPTIONS='-c weir.legacy_columns=on'`: for "
    "its sessions alone, `total_requests` is added to SHOW STATS and `reserve_pool` to SHOW DATABASES.\n\n";

std::string_view who(pooler::ConsoleRole role) {
  return role == pooler::ConsoleRole::kAdmin ? "admin_users" : "stats_users";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string commands_section() {
  std::string text = "## Commands\n\n| command | who may | what it does |\n|---|---|---|\n";
  for (const CommandInfo& command : all_commands()) {
    text += fmt::format("| `{}` | `{}` | {} |\n", escaped(command.syntax), who(command.role), command.help);
  }
  return text +
         "\nCtrl-C while PAUSE or SUSPEND waits takes it back. What a client sends while a command waits is "
         "done after it.\n\n";
}

std::string view_section(const View& view) {
  std::string text = fmt::format("### SHOW {}\n\n{}\n", view.name, view.help);
  if (view.role == pooler::ConsoleRole::kAdmin) text += "Only for `admin_users`.\n";
  text += "\n| column | type | what it is |\n|---|---|---|\n";
  for (const ColumnInfo& column : view.columns) {
    text += fmt::format("| `{}` | {} | {} |\n", column.name, name_of(column.type), escaped(column.help));
  }
  return text + "\n";
}

constexpr std::string_view kSelect =
    "## SELECT\n\n"
    "Every view below is a table of its name in lower case, with the same columns; `settings` is SHOW CONFIG. "
    "`SHOW TABLES` lists them, `SHOW COLUMNS FROM pools` explains one.\n\n"
    "```sql\n"
    "SELECT database, \"user\", sum(cl_active + cl_waiting) AS clients, max(maxwait)\n"
    "FROM pools WHERE database <> 'pgbouncer' GROUP BY 1, 2 ORDER BY clients DESC LIMIT 5;\n\n"
    "SELECT c.application_name, count(*), max(now() - c.connect_time) AS oldest\n"
    "FROM clients c JOIN pools p ON p.database = c.database AND p.\"user\" = c.\"user\"\n"
    "WHERE p.cl_waiting > 0 AND c.application_name ILIKE '%batch%' GROUP BY c.application_name;\n"
    "```\n\n"
    "The grammar, the names and the types are PostgreSQL's: joins, GROUP BY and HAVING, FILTER, OVER, subqueries, WITH, "
    "UNION, `::` casts, ILIKE, NULLS FIRST. Parameters (`$1`) get their types from where they stand. The column `user` "
    "need not be quoted where a table has it, `default` neither. SHOW's moments are texts; compared with a moment, or "
    "subtracted from one, they are moments. A table is read once per statement, as SHOW reads it, and only if the "
    "statement names it.\n\n"
    "What is not there says so (0A000): other schemas, DISTINCT ON, LATERAL, functions in FROM, arrays, row values, window "
    "frames, regular expressions, months in intervals. numeric is computed with 64 bits.\n\n"
    "Nothing can be written, and a SELECT is bounded: {} of time and {} of memory, {} rows, answers of {}; {} may wait "
    "while one runs, beside the workers and not on them. Beyond that it fails with 57014, 54000 or 53400.\n\n";

std::string select_section() {
  const SqlLimits limits;
  std::string text = fmt::format(fmt::runtime(kSelect), base::duration_text(limits.time),
                                 base::size_text(static_cast<int64_t>(limits.memory)), limits.rows,
                                 base::size_text(static_cast<int64_t>(limits.answer_bytes)), kSelectsInLine);
  std::string aggregates, others;
  for (const SqlFunction& function : sql_functions()) {
    std::string& list = function.kind == SqlFunction::Kind::kScalar ? others : aggregates;
    list += fmt::format("{}`{}`", list.empty() ? "" : ", ", function.name);
  }
  return text + "Aggregate and window functions: " + aggregates +
         ", `percentile_cont` and `percentile_disc` WITHIN GROUP. Others: " + others +
         ", `coalesce`, `nullif`, `greatest`, `least`, `current_user`, `current_database`, `version`.\n\n";
}

std::string log_in_section() {
  std::string text = "## At log-in\n\nThe console reports these parameters:\n\n| parameter | value |\n|---|---|\n";
  for (const auto& [name, value] : Console::welcome_parameters()) {
    text += fmt::format("| `{}` | `{}` |\n", name, value);
  }
  return text;
}

}  // namespace

std::string console_document() {
  std::string text(kIntroduction);
  text += commands_section();
  text += select_section();
  text += "## Views\n\n";
  for (const View& view : all_views()) text += view_section(view);
  return text + log_in_section();
}

}  // namespace admin
