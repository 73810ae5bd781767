#include "admin/sql.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "admin/sql_calls.h"
#include "admin/sql_functions.h"
#include "admin/sql_memory.h"
#include "admin/sql_values.h"
#include "base/handle.h"
#include "base/text.h"

namespace admin {

using base::Error;

namespace {

// SQLite's steps between two looks at the clock: some ten microseconds of them.
constexpr int kStepsBetweenLooks = 1000;

using DatabasePtr = base::Handle<sqlite3, sqlite3_close_v2>;
using StatementPtr = base::Handle<sqlite3_stmt, sqlite3_finalize>;

// ---- Tables ----

// One table of the statement: a view's columns over rows that were taken. SQLite's module for it has the same name.
struct TableData {
  const View* view;
  const Snapshot* snapshot;
  SqlRun* run;
  bool* declaring;  // while SQLite enters the table into its memory, which it asks the authorizer about
  // Of the columns that joins look up by =, made at the first look: rows by what is in them. Numbers that round to the
  // same float share a place; SQLite compares again.
  using Index = std::unordered_map<std::string, std::vector<std::size_t>>;
  std::map<std::size_t, Index> indexes{};
};

struct TableHandle : sqlite3_vtab {
  TableData* data;
};
struct CursorHandle : sqlite3_vtab_cursor {
  std::size_t place;                     // in `chosen`, or in the table
  const std::vector<std::size_t>* chosen;  // null: every row
  std::unique_ptr<RowCursor> reading{};    // of a table that is read as it goes
  bool more = false;                       // ... and has a row here

  std::size_t row() const { return chosen == nullptr ? place : (*chosen)[place]; }
};

TableData& data_of(sqlite3_vtab* table) { return *static_cast<TableHandle*>(table)->data; }

std::string_view affinity(Type type) {
  switch (type) {
    case Type::kText: return "TEXT";
    case Type::kBytea: return "BLOB";
    case Type::kFloat8: return "REAL";
    case Type::kNumeric: return "NUMERIC";
    default: return "INTEGER";
  }
}

int connect(sqlite3* database, void* data, int, const char* const*, sqlite3_vtab** table, char**) {
  auto* own = static_cast<TableData*>(data);
  std::string declaration = "CREATE TABLE x(";
  for (std::size_t i = 0; i < own->view->columns.size(); ++i) {
    declaration += fmt::format("{}c{} {}", i > 0 ? ", " : "", i + 1, affinity(own->view->columns[i].type));
  }
  declaration += ")";
  *own->declaring = true;
  const int code = sqlite3_declare_vtab(database, declaration.c_str());
  *own->declaring = false;
  if (code != SQLITE_OK) return code;
  *table = new TableHandle{{}, own};
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<TableHandle*>(table);
  return SQLITE_OK;
}

// ---- Tables that are read as they go ----

struct BoundWord {
  unsigned char op;
  char word;
  Bound::Kind kind;
};
constexpr BoundWord kBoundWords[] = {{SQLITE_INDEX_CONSTRAINT_EQ, '=', Bound::Kind::kSame},
                                     {SQLITE_INDEX_CONSTRAINT_GT, '>', Bound::Kind::kGreater},
                                     {SQLITE_INDEX_CONSTRAINT_GE, '>', Bound::Kind::kGreater},
                                     {SQLITE_INDEX_CONSTRAINT_LT, '<', Bound::Kind::kLess},
                                     {SQLITE_INDEX_CONSTRAINT_LE, '<', Bound::Kind::kLess}};

// Every bound that saves reading goes to filter(): its word and its column, as ">0 ".
int best_search(const RowSource& source, sqlite3_index_info* info) {
  constexpr double kAll = 1e6, kSome = 1e4;  // guesses; what counts is that bounds are worth having
  std::string plan;
  int values = 0;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.usable == 0 || constraint.iColumn < 0 || !source.narrows(static_cast<std::size_t>(constraint.iColumn)))
      continue;
    const auto* word = std::find_if(std::begin(kBoundWords), std::end(kBoundWords),
                                    [&constraint](const BoundWord& one) { return one.op == constraint.op; });
    if (word == std::end(kBoundWords)) continue;
    info->aConstraintUsage[i].argvIndex = ++values;
    plan += fmt::format("{}{} ", word->word, constraint.iColumn);
  }
  info->estimatedCost = values > 0 ? kSome : kAll;
  info->estimatedRows = static_cast<sqlite3_int64>(info->estimatedCost);
  info->idxStr = sqlite3_mprintf("%s", plan.c_str());
  info->needToFreeIdxStr = 1;
  return info->idxStr == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int read_on(CursorHandle& cursor) {
  const SqlBudget::Outside outside;
  auto more = cursor.reading->next();
  cursor.more = more.ok() && *more;
  ++cursor.place;
  if (more.ok()) return SQLITE_OK;
  data_of(cursor.pVtab).run->error = std::move(more).error();
  return SQLITE_ERROR;
}

int begin_reading(CursorHandle& cursor, const RowSource& source, const char* plan, sqlite3_value** values) {
  std::vector<Bound> bounds;
  for (std::string_view left(plan == nullptr ? "" : plan); !left.empty(); ++values) {
    const char word = left.front();
    std::size_t column = 0;
    const auto [end, failure] = std::from_chars(left.data() + 1, left.data() + left.size(), column);
    left.remove_prefix(static_cast<std::size_t>(end - left.data()) + 1);
    if (sqlite3_value_type(*values) != SQLITE_INTEGER) continue;  // SQLite compares it itself
    const auto kind = word == '=' ? Bound::Kind::kSame : word == '>' ? Bound::Kind::kGreater : Bound::Kind::kLess;
    bounds.push_back({column, kind, sqlite3_value_int64(*values)});
  }
  {
    const SqlBudget::Outside outside;
    cursor.reading.reset();
    auto opened = source.open(bounds);
    if (!opened.ok()) {
      data_of(cursor.pVtab).run->error = std::move(opened).error();
      return SQLITE_ERROR;
    }
    cursor.reading = *std::move(opened);
  }
  return read_on(cursor);
}

// ---- Tables that were taken ----

// A column that is compared by = is looked up: a join of ten thousand clients with their servers is ten thousand looks.
int best_index(sqlite3_vtab* table, sqlite3_index_info* info) {
  if (const RowSource* source = data_of(table).snapshot->source()) return best_search(*source, info);
  const auto rows = static_cast<double>(data_of(table).snapshot->rows());
  info->estimatedRows = static_cast<sqlite3_int64>(rows);
  info->estimatedCost = rows;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ || constraint.iColumn < 0) continue;
    constexpr double kRowsOfOneValue = 8;  // a guess; most joins are by id, database or user
    info->aConstraintUsage[i].argvIndex = 1;
    info->idxNum = constraint.iColumn + 1;
    info->estimatedRows = static_cast<sqlite3_int64>(std::min(rows, kRowsOfOneValue));
    info->estimatedCost = 2 + static_cast<double>(info->estimatedRows);
    break;
  }
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = new CursorHandle{{}, 0, nullptr, {}, false};
  return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  const SqlBudget::Outside outside;
  delete static_cast<CursorHandle*>(cursor);
  return SQLITE_OK;
}

std::string key_of(double number) { return fmt::format("{}", number == 0 ? 0.0 : number); }

struct KeyOfCell {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(int64_t number) const { return key_of(static_cast<double>(number)); }
  std::string operator()(uint64_t number) const { return key_of(static_cast<double>(number)); }
  std::string operator()(double number) const { return key_of(number); }
};

const TableData::Index& index_on(TableData& data, std::size_t column) {
  const auto [entry, fresh] = data.indexes.try_emplace(column);
  if (fresh) {
    for (std::size_t row = 0; row < data.snapshot->rows(); ++row) {
      const Cell cell = data.snapshot->cell(row, column);
      if (!std::holds_alternative<std::monostate>(cell)) entry->second[std::visit(KeyOfCell{}, cell)].push_back(row);
    }
  }
  return entry->second;
}

int filter(sqlite3_vtab_cursor* base, int column, const char* plan, int, sqlite3_value** values) {
  static const std::vector<std::size_t> kNone;
  auto* cursor = static_cast<CursorHandle*>(base);
  cursor->place = 0;
  cursor->chosen = nullptr;
  if (const RowSource* source = data_of(base->pVtab).snapshot->source()) return begin_reading(*cursor, *source, plan, values);
  if (column == 0) return SQLITE_OK;
  TableData& data = data_of(cursor->pVtab);
  const auto at = static_cast<std::size_t>(column - 1);
  const Type type = data.view->columns[at].type;
  const bool text_column = type == Type::kText || type == Type::kBytea;
  const int kind = sqlite3_value_type(values[0]);
  cursor->chosen = &kNone;
  if (kind == SQLITE_NULL) return SQLITE_OK;
  if (text_column != (kind == SQLITE_TEXT)) {  // to be compared in a way of its own
    cursor->chosen = nullptr;
    return SQLITE_OK;
  }
  std::string key;
  if (text_column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
    if (text == nullptr) return SQLITE_NOMEM;
    key.assign(text, static_cast<std::size_t>(sqlite3_value_bytes(values[0])));
  } else {
    key = key_of(sqlite3_value_double(values[0]));
  }
  const TableData::Index& index = index_on(data, at);
  if (const auto found = index.find(key); found != index.end()) cursor->chosen = &found->second;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* base) {
  auto& cursor = *static_cast<CursorHandle*>(base);
  if (cursor.reading) return read_on(cursor);
  ++cursor.place;
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* base) {
  const auto* cursor = static_cast<CursorHandle*>(base);
  if (cursor->reading) return cursor->more ? 0 : 1;
  const std::size_t end = cursor->chosen != nullptr ? cursor->chosen->size() : data_of(base->pVtab).snapshot->rows();
  return cursor->place >= end ? 1 : 0;
}

struct GiveCell {
  sqlite3_context* context;
  void operator()(std::monostate) const { sqlite3_result_null(context); }
  void operator()(const std::string& text) const {
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  void operator()(int64_t number) const { sqlite3_result_int64(context, number); }
  void operator()(uint64_t number) const {
    if (number > INT64_MAX) return sqlite3_result_double(context, static_cast<double>(number));
    sqlite3_result_int64(context, static_cast<int64_t>(number));
  }
  void operator()(double number) const { sqlite3_result_double(context, number); }
};

int give_column(sqlite3_vtab_cursor* base, sqlite3_context* context, int column) {
  const TableData& data = data_of(base->pVtab);
  const auto& cursor = *static_cast<CursorHandle*>(base);
  if (cursor.reading) {
    std::visit(GiveCell{context}, cursor.reading->cell(static_cast<std::size_t>(column)));
    return SQLITE_OK;
  }
  const std::size_t row = cursor.row();
  std::visit(GiveCell{context}, data.snapshot->cell(row, static_cast<std::size_t>(column)));
  return SQLITE_OK;
}

int give_row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(static_cast<CursorHandle*>(cursor)->row());
  return SQLITE_OK;
}

// Without xCreate: the table is there by the module's name and cannot be made again. Without xUpdate: it is read-only.
constexpr sqlite3_module make_module() {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xBestIndex = best_index;
  module.xDisconnect = disconnect;
  module.xOpen = open_cursor;
  module.xClose = close_cursor;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = at_end;
  module.xColumn = give_column;
  module.xRowid = give_row_id;
  return module;
}
constexpr sqlite3_module kModule = make_module();

// ---- The database ----

// The translation writes nothing else; this is the lock behind that door.
int authorize(void* declaring, int action, const char*, const char* name, const char*, const char*) {
  if (*static_cast<bool*>(declaring)) return SQLITE_OK;
  if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE) return SQLITE_OK;
  if (action != SQLITE_FUNCTION) return SQLITE_DENY;
  const std::string_view function(name);
  if (function.starts_with("weir_") || function == "coalesce" || function == "nullif") return SQLITE_OK;
  const auto known = sql_functions();
  return std::any_of(known.begin(), known.end(), [function](const SqlFunction& one) { return one.sqlite == function; })
             ? SQLITE_OK
             : SQLITE_DENY;
}

int keep_going(void* run) { return static_cast<SqlRun*>(run)->budget.go_on() ? 0 : 1; }

// What SQLite keeps pointers into.
struct Foundation {
  std::vector<TableData> tables{};
  bool declaring = false;
};

bool open_database(const SqlJob& job, SqlRun& run, Foundation& foundation, DatabasePtr& database) {
  sqlite3* opened = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(":memory:", &opened, kFlags, nullptr);
  database.reset(opened);
  if (code != SQLITE_OK) return false;
  constexpr int kLimits[][2] = {{SQLITE_LIMIT_LENGTH, kMaxSqlText},        {SQLITE_LIMIT_ATTACHED, 0},
                                {SQLITE_LIMIT_COMPOUND_SELECT, 64},        {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
                                {SQLITE_LIMIT_WORKER_THREADS, 0},          {SQLITE_LIMIT_VDBE_OP, 1'000'000},
                                {SQLITE_LIMIT_VARIABLE_NUMBER, kMaxSqlParameters}};
  for (const auto& [limit, most] : kLimits) sqlite3_limit(opened, limit, most);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Sorting goes to memory, never to a file.
  if (sqlite3_exec(opened, "PRAGMA temp_store=MEMORY", nullptr, nullptr, nullptr) != SQLITE_OK) return false;
  for (std::size_t i = 0; i < job.query->tables.size(); ++i) {
    foundation.tables.push_back({job.query->tables[i], job.snapshots[i].get(), &run, &foundation.declaring, {}});
  }
  for (TableData& table : foundation.tables) {
    const std::string name = "weir_" + table_name(*table.view);
    if (sqlite3_create_module_v2(opened, name.c_str(), &kModule, &table, nullptr) != SQLITE_OK) return false;
  }
  if (!add_sql_functions(opened, run)) return false;
  sqlite3_set_authorizer(opened, authorize, &foundation.declaring);
  sqlite3_progress_handler(opened, kStepsBetweenLooks, keep_going, &run);
  return true;
}

struct BindCell {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(const std::string& text) const {
    return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  int operator()(int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
  int operator()(uint64_t number) const { return sqlite3_bind_double(statement, index, static_cast<double>(number)); }
  int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
};

// ---- Answers ----

Error too_large(std::string message) {
  return base::with_hint({"54000", std::move(message), {}, {}}, "LIMIT and WHERE make it smaller.");
}

Error why(const SqlJob& job, const SqlRun& run, const std::atomic<bool>& stop, sqlite3* database) {
  if (stop.load(std::memory_order_relaxed)) return base::query_canceled("canceling statement due to user request");
  if (run.budget.late()) {
    return base::with_hint(base::query_canceled("canceling statement due to statement timeout"),
                           fmt::format("A SELECT of the console may take {}.", base::duration_text(job.limits.time)));
  }
  if (run.error) return *run.error;
  const int code = database == nullptr ? SQLITE_NOMEM : sqlite3_errcode(database);
  if (run.budget.spent() || code == SQLITE_NOMEM) {
    return too_large(fmt::format("the SELECT needs more than {} of memory",
                                 base::size_text(static_cast<int64_t>(job.limits.memory))));
  }
  if (code == SQLITE_TOOBIG) return too_large(fmt::format("a text is longer than {} bytes", kMaxSqlText));
  const std::string said = sqlite3_errmsg(database);
  if (said == "integer overflow") return Error{"22003", "bigint out of range", {}, {}};
  // Its words tell of names that only the translation has; the first ones are the reason.
  for (const std::string_view limit : {"parser stack overflow", "Expression tree is too large", "too many"}) {
    if (said.find(limit) != std::string::npos) return Error{"54001", "the statement is too complex", said, {}};
  }
  return base::with_detail(base::feature_not_supported("the console cannot run this SELECT"), said);
}

// A count that SQLite had to keep as a float, because it is larger than its integers.
Cell large_count(double number) {
  constexpr double kEnd = 18446744073709551616.0;  // 2^64
  if (!(number > 0)) return Cell(uint64_t{0});
  return Cell(number >= kEnd ? UINT64_MAX : static_cast<uint64_t>(number));
}

// A value as a cell of a column of that type.
std::optional<Cell> cell_of(sqlite3_stmt* statement, int column, Type type) {
  const int kind = sqlite3_column_type(statement, column);
  if (kind == SQLITE_NULL) return Cell();
  const auto text = [&] {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    return std::string(bytes == nullptr ? "" : bytes,
                       static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (type) {
    case Type::kText:
    case Type::kBytea: return kind == SQLITE_FLOAT ? float_text(sqlite3_column_double(statement, column)) : text();
    case Type::kFloat8: return Cell(sqlite3_column_double(statement, column));
    case Type::kNumeric:
      if (kind != SQLITE_INTEGER) return large_count(sqlite3_column_double(statement, column));
      return Cell(int64_t{sqlite3_column_int64(statement, column)});
    default: break;
  }
  if (kind != SQLITE_INTEGER) return std::nullopt;  // a sum that left the range of int8
  const int64_t number = sqlite3_column_int64(statement, column);
  if (type == Type::kInt4 && (number < INT32_MIN || number > INT32_MAX)) return std::nullopt;
  return Cell(number);
}

base::Result<Table> read_rows(const SqlJob& job, const SqlRun& run, const std::atomic<bool>& stop, sqlite3* database,
                              sqlite3_stmt* statement) {
  Table table{.columns = job.query->columns, .rows = {}};
  std::size_t bytes = 0;
  for (int code = sqlite3_step(statement); code != SQLITE_DONE; code = sqlite3_step(statement)) {
    if (code != SQLITE_ROW) return why(job, run, stop, database);
    if (table.rows.size() >= job.limits.rows) {
      return too_large(fmt::format("the answer has more than {} rows", job.limits.rows));
    }
    std::vector<Cell>& row = table.rows.emplace_back();
    row.reserve(table.columns.size());
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      auto cell = cell_of(statement, static_cast<int>(i), table.columns[i].type);
      if (!cell) return Error{"22003", "value out of range for its type", {}, {}};
      if (const auto* text = std::get_if<std::string>(&*cell)) bytes += text->size();
      row.push_back(*std::move(cell));
    }
    bytes += row.size() * sizeof(Cell);
    if (bytes > job.limits.answer_bytes) {
      return too_large(fmt::format("the answer is larger than {}",
                                   base::size_text(static_cast<int64_t>(job.limits.answer_bytes))));
    }
  }
  return table;
}

}  // namespace

base::Result<Table> run_sql(const SqlJob& job, const std::atomic<bool>& stop) {
  if (!prepare_sql()) return base::internal_error("SQLite was in use before the console could set its limits");
  SqlBudget budget(stop, base::now() + job.limits.time, job.limits.memory);
  SqlRun run{.budget = budget, .now = job.now};
  const SqlBudget::Here here(budget);
  Foundation foundation;
  DatabasePtr database;
  if (!open_database(job, run, foundation, database)) return why(job, run, stop, database.get());

  sqlite3_stmt* prepared = nullptr;
  const std::string& sql = job.query->sql;
  const int code = sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()), &prepared, nullptr);
  const StatementPtr statement(prepared);
  if (code != SQLITE_OK) return why(job, run, stop, database.get());
  if (sqlite3_column_count(prepared) != static_cast<int>(job.query->columns.size())) {
    return base::internal_error("a SELECT and its translation differ in columns");
  }
  for (int i = 0; i < std::min(sqlite3_bind_parameter_count(prepared), static_cast<int>(job.values.size())); ++i) {
    if (std::visit(BindCell{prepared, i + 1}, job.values[static_cast<std::size_t>(i)]) != SQLITE_OK) {
      return why(job, run, stop, database.get());
    }
  }
  return read_rows(job, run, stop, database.get(), prepared);
}

bool prepare_sql() { return prepare_sql_memory(); }

}  // namespace admin
