#include "analyzer/advice_measure.h"

#include <utility>

#include "base/text.h"

namespace analyzer {

namespace {

// The connection, or the time for an answer.
bool lost(const base::Error& error) { return error.sqlstate.starts_with("08") || error.sqlstate.starts_with("57"); }

}  // namespace

std::string array_text(const std::vector<std::string>& items) {
  std::string out = "{";
  for (const std::string& item : items) {
    out += out.size() > 1 ? ",\"" : "\"";
    for (const char c : item) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

base::Result<SqlRows> Measure::send(std::string_view sql, const SqlRow& params) {
  ++questions_;
  return asker_.ask(sql, params);
}

void Measure::end() {
  if (std::exchange(open_, false)) (void)send("ROLLBACK", {});
}

base::Result<SqlRows> Measure::ask(const std::optional<std::string>& search_path, std::string_view sql,
                                   const SqlRow& params) {
  if (!open_) {
    TRY(const SqlRows begun, send("BEGIN READ ONLY", {}));
    open_ = true;
    path_.reset();
  }
  if (path_ != search_path) {
    auto set = search_path ? send("SELECT pg_catalog.set_config('search_path', $1, true)", {*search_path})
                           : send("SET LOCAL search_path TO DEFAULT", {});
    if (!set.ok()) {
      end();
      return std::move(set).error();
    }
    path_ = search_path;
  }
  auto rows = send(sql, params);
  if (!rows.ok()) end();
  return rows;
}

base::Status Measure::pretend(const std::vector<std::string>& definitions) {
  if (definitions == pretended_) return base::Ok{};
  const std::string schema = base::quote_identifier(hypopg_);
  pretended_.clear();
  names_.clear();
  TRY(const SqlRows reset, ask("", "SELECT " + schema + ".hypopg_reset()", {}));
  std::vector<std::string> made;
  for (const std::string& definition : definitions)
    if (!refused_.contains(definition)) made.push_back(definition);
  if (!made.empty()) {
    const std::string sql = "SELECT i.indexname FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY u (d, n)"
                            " CROSS JOIN LATERAL " + schema + ".hypopg_create_index(u.d) i ORDER BY u.n";
    const auto names = ask("", sql, {array_text(made)});
    if (!names.ok()) {
      if (lost(names.error())) return names.error();
      TRY_STATUS(find_refused(made));
      return pretend(definitions);
    }
    for (std::size_t i = 0; i < made.size() && i < names->size(); ++i)
      if (!(*names)[i].empty()) names_[made[i]] = (*names)[i].front().value_or("");
  }
  pretended_ = definitions;
  return base::Ok{};
}

// At least one of them.
base::Status Measure::find_refused(const std::vector<std::string>& definitions) {
  const std::size_t before = refused_.size();
  for (const std::string& definition : definitions) {
    const auto made = ask("", "SELECT FROM " + base::quote_identifier(hypopg_) + ".hypopg_create_index($1)", {definition});
    if (made.ok()) continue;
    if (lost(made.error())) return made.error();
    refused_.insert(definition);  // not immutable, too many columns, a type without an operator class
  }
  return refused_.size() > before ? base::Status(base::Ok{}) : base::internal_error("HypoPG refuses what it takes");
}

base::Result<Plan> Measure::plan(const Sample& sample) {
  TRY(const SqlRows rows, ask(sample.search_path, "EXPLAIN (FORMAT JSON) " + sample.sql, {}));
  std::optional<Plan> plan;
  if (!rows.empty() && !rows.front().empty()) plan = read_plan(rows.front().front().value_or(""));
  if (!plan) return base::internal_error("a plan that cannot be read");
  return *std::move(plan);
}

std::string Measure::name_of(const std::string& definition) const {
  const auto found = names_.find(definition);
  return found == names_.end() ? std::string() : found->second;
}

}  // namespace analyzer
