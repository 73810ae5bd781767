#include "analyzer/advice_tables.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "analyzer/advice_views.h"
#include "analyzer/parser.h"
#include "analyzer/skeleton.h"

namespace analyzer {
namespace {

bool parsed(std::string_view sql, Parse& out) {
  Skeleton skeleton;
  skeleton.make(sql);
  parse(sql, skeleton, {}, out);
  return out.outcome == Parse::Outcome::kParsed && out.tree.root()["stmts"].size() == 1;
}

void add_tables(const Tree& tree, std::vector<WrittenTable>& to) {
  for (WrittenTable& table : tables_of(tree))
    if (std::find(to.begin(), to.end(), table) == to.end() && to.size() < kTablesRead) to.push_back(std::move(table));
}

// Views of views of views: as many are looked into.
constexpr int kViewsInViews = 4;
// An empty search_path, in which all names have their schemas: those that views have.
const std::optional<std::string> kNoPath = "";

}  // namespace

base::Status AdviceTables::read(const Workload& workload, Measure& measure) {
  Names names;
  Parse out;
  for (const WorkQuery& query : workload.queries)  // with those that only write
    for (const Sample& sample : query.samples)
      if (parsed(sample.sql, out)) add_tables(out.tree, names[sample.search_path]);
  for (int depth = 0; depth <= kViewsInViews; ++depth) {
    TRY_STATUS(find(names, measure));
    TRY_STATUS(read_catalog(measure));
    names.clear();
    for (const AdviceTable& table : catalog_.tables)
      if (!table.query.empty() && parsed(table.query, out)) add_tables(out.tree, names[kNoPath]);
    std::erase_if(names[kNoPath], [this](const WrittenTable& name) { return oid_of_.contains(Named{kNoPath, name}); });
    if (names[kNoPath].empty()) break;
  }
  count(workload);
  return base::Ok{};
}

base::Status AdviceTables::find(const Names& names, Measure& measure) {
  for (const auto& [path, list] : names) {
    std::vector<std::string> quoted;
    for (const WrittenTable& table : list) quoted.push_back(qualified_name(table.schema, table.name));
    TRY(const SqlRows rows, measure.ask(path,
                                        "SELECT pg_catalog.to_regclass(n)::pg_catalog.oid FROM"
                                        " pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY u (n, i) ORDER BY i",
                                        {array_text(quoted)}));
    for (std::size_t i = 0; i < rows.size() && i < list.size(); ++i)
      if (const auto oid = rows[i].front()) oid_of_.emplace(Named{path, list[i]}, *oid);
  }
  return base::Ok{};
}

base::Status AdviceTables::read_catalog(Measure& measure) {
  std::vector<std::string> oids;
  for (const auto& [named, oid] : oid_of_)
    if (std::find(oids.begin(), oids.end(), oid) == oids.end()) oids.push_back(oid);
  const SqlRow wanted{array_text(oids)};
  TRY(const SqlRows tables, measure.ask("", kTablesSql, wanted));
  TRY(const SqlRows columns, measure.ask("", kColumnsSql, wanted));
  TRY(const SqlRows indexes, measure.ask("", kIndexesSql, wanted));
  catalog_ = catalog_of(tables, columns, indexes);
  found_.clear();
  for (const auto& [named, oid] : oid_of_)
    for (const AdviceTable& table : catalog_.tables)
      if (std::to_string(table.oid) == oid) found_.emplace(named, &table);
  return base::Ok{};
}

const AdviceTable* AdviceTables::table_of(const Path& path, const WrittenTable& name) const {
  for (const Path& known : {path, kNoPath})
    if (const auto found = found_.find(Named{known, name}); found != found_.end()) return found->second;
  return nullptr;
}

std::string AdviceTables::whole(const std::string& sql, const Path& path) const {
  std::string text = sql;
  Parse out;
  for (int depth = 0; depth <= kViewsInViews && parsed(text, out); ++depth) {
    std::string next = with_views(text, out.tree, [&](const WrittenTable& name) {
      const AdviceTable* const table = table_of(path, name);
      return table == nullptr ? std::string() : table->query;
    });
    if (next == text) break;
    text = std::move(next);
  }
  return text;
}

std::vector<TableUse> AdviceTables::uses_of(const Sample& sample) const {
  Parse out;
  if (!parsed(whole(sample.sql, sample.search_path), out)) return {};
  TableOf tables;
  for (const auto& [named, table] : found_)
    if (named.first == sample.search_path || named.first == kNoPath) tables.emplace_back(named.second, table);
  return analyzer::uses_of(out.tree, tables);
}

void AdviceTables::count(const Workload& workload) {
  std::vector<const WorkQuery*> sorted;
  for (const WorkQuery& query : workload.queries) sorted.push_back(&query);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const WorkQuery* a, const WorkQuery* b) { return a->total_ms > b->total_ms; });
  Parse out;
  for (const WorkQuery* query : sorted) {
    if (query->samples.empty() || !parsed(query->samples.front().sql, out)) continue;
    const Path& path = query->samples.front().search_path;
    for (const WrittenTable& name : tables_of(out.tree))
      if (const AdviceTable* const table = table_of(path, name)) naming_[table].push_back(query->fingerprint);
    for (const WrittenColumns& write : writes_of(out.tree)) {
      const AdviceTable* const table = table_of(path, write.table);
      if (table == nullptr) continue;
      // Rows, where the command tag is this statement's.
      const double per_hour = static_cast<double>(std::max(query->rows, query->calls)) / workload.hours;
      if (write.how == WrittenColumns::How::kInsert) inserts_[table] += per_hour;
      for (const std::string& column : write.columns) updates_[{table, column}] += per_hour;
    }
  }
}

std::vector<uint64_t> AdviceTables::naming(const AdviceTable* table) const {
  const auto found = naming_.find(table);
  return found == naming_.end() ? std::vector<uint64_t>() : found->second;
}

double AdviceTables::inserts(const AdviceTable* table) const {
  const auto found = inserts_.find(table);
  return found == inserts_.end() ? 0 : found->second;
}

double AdviceTables::updates(const AdviceTable* table, const std::string& column) const {
  const auto found = updates_.find({table, column});
  return found == updates_.end() ? 0 : found->second;
}

}  // namespace analyzer
