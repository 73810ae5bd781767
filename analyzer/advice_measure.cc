#include "analyzer/advice_measure.h"

#include <utility>

#include "base/text.h"

namespace analyzer {

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
  if (!open_ || path_ != search_path) {
    end();
    TRY(const SqlRows begun, send("BEGIN READ ONLY", {}));
    open_ = true;
    path_ = search_path;
    if (search_path) {
      auto set = send("SELECT pg_catalog.set_config('search_path', $1, true)", {*search_path});
      if (!set.ok()) {
        end();
        return std::move(set).error();
      }
    }
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
  for (const std::string& definition : definitions) {
    const auto made = ask("", "SELECT indexname FROM " + schema + ".hypopg_create_index($1)", {definition});
    if (!made.ok()) {
      if (made.error().sqlstate.starts_with("08") || made.error().sqlstate.starts_with("57")) return made.error();
      continue;  // not immutable, too many columns, a type without an operator class
    }
    if (!made->empty() && !made->front().empty()) names_[definition] = made->front().front().value_or("");
  }
  pretended_ = definitions;
  return base::Ok{};
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
