// Any bytes have facts, the same from every level of the cache, and what they point at lies in the text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "analyzer/analyze.h"
#include "analyzer/statement_cache.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_same(const analyzer::Analysis& a, const analyzer::Analysis& b) {
  check(a.fingerprint == b.fingerprint && a.effects == b.effects && a.writes == b.writes && a.parsed == b.parsed);
  check(a.statements.size() == b.statements.size());
  for (std::size_t i = 0; i < a.statements.size(); ++i) {
    const auto& x = a.statements[i];
    const auto& y = b.statements[i];
    check(x.kind == y.kind && x.effects == y.effects && x.name == y.name && x.parameters == y.parameters);
    check(x.settings.size() == y.settings.size() && x.tables.size() == y.tables.size());
    check(x.functions.size() == y.functions.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool standard = data[0] % 4 != 0;
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);

  static analyzer::StatementCache shared;
  static analyzer::LocalStatements local(shared);
  static analyzer::Skeleton skeleton;
  skeleton.make(sql, standard);
  const auto fresh = analyzer::analyze(sql, standard, skeleton, {}).analysis;
  const analyzer::AnalysisPtr known = local.get(sql, standard);
  // The grammar refuses some literals for their values, E'\u' for one; a text of the same skeleton it takes.
  if (fresh->parsed || !known->shareable) check_same(*fresh, *known);

  check(!fresh->statements.empty());
  analyzer::Effects all;
  for (const auto& statement : fresh->statements) {
    check(statement.at + statement.size <= sql.size() && statement.name_at + statement.name_size <= sql.size());
    check((statement.kind == analyzer::Kind::kUnknown) == !fresh->parsed);
    check(statement.settings.empty() || statement.effects.has(analyzer::Effect::kSettings));
    all |= statement.effects;
  }
  check(all == fresh->effects);
  return 0;
}
