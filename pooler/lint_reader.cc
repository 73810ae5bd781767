#include "pooler/lint_reader.h"

#include <fmt/format.h>

#include <utility>

#include "base/loop.h"
#include "base/text.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"

namespace pooler {
namespace {

// The catalogue is read in milliseconds; what takes longer waits for a lock.
constexpr base::Duration kTimeout = std::chrono::seconds(5);
// What no name has.
constexpr char kBetween = '\x1f';

std::string list_of(const std::vector<std::string>& tables) {
  std::string out;
  std::size_t count = 0;
  for (const std::string& table : tables) {
    if (table.find_first_of("'\\") != std::string::npos || table.find('\0') != std::string::npos) continue;
    if (count++ >= kLintTablesMax) break;
    out += fmt::format("{}'{}'", out.empty() ? "" : ", ", table);
  }
  return out.empty() ? "NULL" : out;
}

constexpr std::string_view kOwnSchemas =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'";

const std::string& text(const std::optional<std::string>& cell) {
  static const std::string kEmpty;
  return cell ? *cell : kEmpty;
}

double number(const std::optional<std::string>& cell, double otherwise) {
  return base::parse_double(text(cell)).value_or(otherwise);
}

base::Error unexpected() { return base::connection_failure("the catalogue has answered something else than it was asked"); }

}  // namespace

std::string lint_columns_query(const std::vector<std::string>& tables) {
  return fmt::format(
      "SELECT n.nspname, c.relname, c.relkind, c.reltuples::pg_catalog.float8, c.relpages::pg_catalog.float8 * "
      "pg_catalog.current_setting('block_size')::pg_catalog.float8, "
      "coalesce(pg_catalog.pg_stat_get_mod_since_analyze(c.oid), 0), a.attname, t.typname, a.attnotnull, s.null_frac, "
      "s.avg_width, pg_catalog.current_setting('transform_null_equals') "
      "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
      "JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
      "LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname "
      "AND NOT s.inherited "
      "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname IN ({}) AND {} "
      "ORDER BY n.nspname, c.relname, a.attnum LIMIT {}",
      list_of(tables), kOwnSchemas, kLintRowsMax);
}

std::string lint_indexes_query(const std::vector<std::string>& tables) {
  return fmt::format(
      "SELECT n.nspname, c.relname, i.indisunique AND i.indpred IS NULL AND i.indisvalid AND i.indimmediate, "
      "i.indexprs IS NOT NULL, pg_catalog.pg_get_indexdef(i.indexrelid), "
      "(SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, pg_catalog.chr(31) ORDER BY k.n) "
      "FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, n) "
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.n <= i.indnkeyatts) "
      "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname IN ({}) AND {} ORDER BY i.indexrelid LIMIT {}",
      list_of(tables), kOwnSchemas, kLintRowsMax);
}

base::Status read_lint_columns(const wire::PgRows& rows, analyzer::LintCatalog& into) {
  for (const auto& row : rows.rows) {
    if (row.size() != 12) return unexpected();
    analyzer::LintTable* table = into.find(text(row[0]), text(row[1]));
    if (table == nullptr) {
      analyzer::LintTable made;
      made.schema = text(row[0]);
      made.name = text(row[1]);
      made.kind = text(row[2]).empty() ? 'r' : text(row[2]).front();
      made.rows = number(row[3], -1);
      made.bytes = number(row[4], 0);
      made.changed = number(row[5], 0);
      table = &into.add(std::move(made));
    }
    table->columns.push_back({.name = text(row[6]),
                              .type = text(row[7]),
                              .not_null = text(row[8]) == "t",
                              .null_share = number(row[9], 0),
                              .width = static_cast<int>(number(row[10], 0))});
    into.null_is_equal = text(row[11]) == "on";
  }
  return base::Ok{};
}

base::Status read_lint_indexes(const wire::PgRows& rows, analyzer::LintCatalog& into) {
  for (const auto& row : rows.rows) {
    if (row.size() != 6) return unexpected();
    analyzer::LintTable* table = into.find(text(row[0]), text(row[1]));
    if (table == nullptr) continue;
    analyzer::LintIndex index;
    index.expressions = text(row[3]) == "t";
    index.unique = text(row[2]) == "t" && !index.expressions;
    index.definition = text(row[4]);
    const std::string& columns = text(row[5]);
    for (std::size_t at = 0; at < columns.size();) {
      const std::size_t end = std::min(columns.find(kBetween, at), columns.size());
      index.columns.push_back(columns.substr(at, end - at));
      at = end + 1;
    }
    table->indexes.push_back(std::move(index));
  }
  return base::Ok{};
}

void LintReader::read(const std::shared_ptr<Pool>& pool, std::vector<std::string> tables, Done done) {
  tables_ = std::move(tables);
  done_ = std::move(done);
  catalog_ = {};
  connection_ = std::make_unique<SideConnection>(
      runtime_, loop_, pool->settings(), pool->login_credentials(),
      SideConnection::Options{.application_name = "weir lint", .statement_timeout = kTimeout},
      static_cast<SideHandler&>(*this));
}

void LintReader::on_connected() {
  connection_->query(lint_columns_query(tables_), [this](const base::Result<wire::PgRows>& columns) {
    if (!columns.ok()) return finish(columns.error());
    if (auto status = read_lint_columns(*columns, catalog_); !status.ok()) return finish(status.error());
    connection_->query(lint_indexes_query(tables_), [this](const base::Result<wire::PgRows>& indexes) {
      if (!indexes.ok()) return finish(indexes.error());
      if (auto status = read_lint_indexes(*indexes, catalog_); !status.ok()) return finish(status.error());
      finish(std::move(catalog_));
    });
  });
}

void LintReader::finish(base::Result<analyzer::LintCatalog> result) {
  const Done done = std::exchange(done_, nullptr);
  stop();
  if (done) done(std::move(result));
}

void LintReader::stop() {
  done_ = nullptr;
  if (!connection_) return;
  connection_->close();
  loop_.defer_delete(std::move(connection_));
}

}  // namespace pooler
