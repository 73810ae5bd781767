#pragma once
// What the rules need to know of a database's tables. Without one, a rule that needs it says nothing. Immutable once made.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

struct LintColumn {
  std::string name, type;  // "int4", "timestamptz", as pg_type has it
  bool not_null = false;
  double null_share = 0;   // of rows; from the statistics
  int width = 0;           // bytes, on average; 0: not known
};

struct LintIndex {
  std::vector<std::string> columns;  // those of the key that are columns
  std::string definition;            // as pg_get_indexdef() has it
  bool unique = false;               // all of it, and of all rows
  bool expressions = false;          // some of the key are none
};

struct LintTable {
  std::string schema, name;
  char kind = 'r';      // pg_class.relkind
  double rows = -1;     // -1: not known
  double bytes = 0;
  double changed = 0;   // rows, since the last ANALYZE
  std::vector<LintColumn> columns;
  std::vector<LintIndex> indexes;

  const LintColumn* column(std::string_view column_name) const {
    for (const LintColumn& one : columns)
      if (one.name == column_name) return &one;
    return nullptr;
  }
};

class LintCatalog {
 public:
  // Of two of one name, what stands in an earlier schema of the usual path wins: public, then whatever came first.
  LintTable& add(LintTable table) {
    const auto [at, added] = tables_.emplace(std::pair(table.name, table.schema), std::move(table));
    return at->second;
  }
  const LintTable* find(std::string_view schema, std::string_view name) const {
    const LintTable* found = nullptr;
    for (auto at = tables_.lower_bound(std::pair(std::string(name), std::string()));
         at != tables_.end() && at->first.first == name; ++at) {
      if (!schema.empty() && at->second.schema != schema) continue;
      if (found == nullptr || at->second.schema == "public") found = &at->second;
    }
    return found;
  }
  LintTable* find(std::string_view schema, std::string_view name) {
    return const_cast<LintTable*>(static_cast<const LintCatalog*>(this)->find(schema, name));
  }
  const std::map<std::pair<std::string, std::string>, LintTable>& tables() const { return tables_; }
  bool empty() const { return tables_.empty(); }
  bool null_is_equal = false;  // transform_null_equals

 private:
  std::map<std::pair<std::string, std::string>, LintTable> tables_;  // by name and schema
};

}  // namespace analyzer
