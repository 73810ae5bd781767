// SHOW TABLES and SHOW COLUMNS: what SELECT can read.
#include "admin/sql_query.h"
#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;

struct TableRow {
  std::string name;
  int columns = 0;
  std::string who, help;
};

struct ColumnRow {
  std::string table, column, type, help;
};

// Every table by its name, those with a second one twice.
template <typename Visit>
void each_table(Visit visit) {
  for (const View& view : all_views()) visit(table_name(view), view);
  for (const TableName& second : kSecondNames) visit(std::string(second.name), *find_table(second.name));
}

void read_tables(const Sources&, const Inspector::Then<TableRow>& then) {
  std::vector<TableRow> rows;
  each_table([&rows](const std::string& name, const View& view) {
    rows.push_back({name, static_cast<int>(view.columns.size()),
                    view.role == ConsoleRole::kAdmin ? "admin_users" : "stats_users", std::string(view.help)});
  });
  then(std::move(rows));
}

void read_columns(const Sources&, const Inspector::Then<ColumnRow>& then) {
  std::vector<ColumnRow> rows;
  each_table([&rows](const std::string& name, const View& view) {
    for (const ColumnInfo& column : view.columns) {
      rows.push_back({name, column.name, std::string(name_of(column.type)), column.help});
    }
  });
  then(std::move(rows));
}

}  // namespace

std::string table_name(const View& view) {
  std::string name;
  for (char c : view.name) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

std::vector<View> table_views() {
  std::vector<View> views;
  views.push_back(make_view("TABLES", "The tables that SELECT can read: what SHOW shows. Not in PgBouncer.",
                            ConsoleRole::kStats,
                            Columns<TableRow>{{"name", "Name of the table.", &TableRow::name},
                                              {"columns", "How many columns it has.", &TableRow::columns},
                                              {"who", "Who may read it.", &TableRow::who},
                                              {"description", "What is in it.", &TableRow::help}},
                            read_tables));
  views.push_back(make_view(
      "COLUMNS", "The columns of these tables; SHOW COLUMNS FROM name shows those of one. Not in PgBouncer.",
      ConsoleRole::kStats,
      Columns<ColumnRow>{{"table_name", "Name of the table.", &ColumnRow::table},
                         {"column_name", "Name of the column.", &ColumnRow::column},
                         {"data_type", "Its type.", &ColumnRow::type},
                         {"description", "What it is.", &ColumnRow::help}},
      read_columns));
  return views;
}

}  // namespace admin
