#pragma once
// LintReader: asks a database for what the rules need to know of some of its tables, over a SideConnection of one of its
// pools, which is closed again. One question at a time.
//
// Lives on one worker's loop. stop() when that has ended, before it is destroyed.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/lint_catalog.h"
#include "base/clock.h"
#include "base/result.h"
#include "pooler/side_connection.h"
#include "wire/pg_client.h"

namespace pooler {

class Pool;
struct Runtime;

// Of one database: more tables than applications name, and rows about them.
inline constexpr std::size_t kLintTablesMax = 500;
inline constexpr std::size_t kLintRowsMax = 20'000;

// Columns, and then indexes, of tables and views of these names, wherever they stand. A name with a quote or a backslash
// is left out.
std::string lint_columns_query(const std::vector<std::string>& tables);
std::string lint_indexes_query(const std::vector<std::string>& tables);
// Adds what they brought.
base::Status read_lint_columns(const wire::PgRows& rows, analyzer::LintCatalog& into);
base::Status read_lint_indexes(const wire::PgRows& rows, analyzer::LintCatalog& into);

class LintReader final : private SideHandler {
 public:
  using Done = std::function<void(base::Result<analyzer::LintCatalog>)>;
  LintReader(Runtime& runtime, base::EventLoop& loop) : runtime_(runtime), loop_(loop) {}
  ~LintReader() override { stop(); }
  LintReader(const LintReader&) = delete;
  LintReader& operator=(const LintReader&) = delete;

  // `done` is called on the loop, later. Only while nothing is being read.
  void read(const std::shared_ptr<Pool>& pool, std::vector<std::string> tables, Done done);
  void stop();

 private:
  // SideHandler
  void on_connected() override;
  void on_notification(std::string_view, std::string_view) override {}
  void on_read_end() override {}
  void on_lost(const base::Error& error) override { finish(error); }

  void finish(base::Result<analyzer::LintCatalog> result);

  Runtime& runtime_;
  base::EventLoop& loop_;
  std::unique_ptr<SideConnection> connection_;
  std::vector<std::string> tables_;
  analyzer::LintCatalog catalog_;
  Done done_;
};

}  // namespace pooler
