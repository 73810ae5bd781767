#include "admin/docs.h"

#include <fmt/format.h>

#include "admin/commands.h"
#include "admin/console.h"
#include "admin/views.h"

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
  text += "## Views\n\n";
  for (const View& view : all_views()) text += view_section(view);
  return text + log_in_section();
}

}  // namespace admin
