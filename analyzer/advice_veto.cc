#include "analyzer/advice_veto.h"

#include <algorithm>

namespace analyzer {

bool Vetoes::plausible(const Candidate& candidate, const AdviceTable& table, double& rows) {
  const IndexShape& shape = candidate.shape;
  if (!shape.predicate.empty()) {
    const double part = parts_.expected(table, shape.predicate, "");
    if (part > kPartMax) return false;
    rows = part * table.rows;
  }
  if (candidate.reckoned) return true;  // from the rows that match
  return std::all_of(shape.keys.begin(), shape.keys.end(),
                     [&](const IndexKey& key) { return !key.expression || tells_apart(shape, key.text, table); });
}

bool Vetoes::tells_apart(const IndexShape& shape, const std::string& expression, const AdviceTable& table) {
  const std::string definition = what_if_statement(shape);
  const auto [known, fresh] = known_.try_emplace({definition, expression}, false);
  if (!fresh) return known->second;
  // PostgreSQL refuses an index on what is not immutable; such a function is not run on rows either.
  if (measure_.pretend({definition}).ok() && !measure_.name_of(definition).empty())
    known->second = parts_.alike(table, expression) <= kExpressionPartMax;
  return known->second;
}

}  // namespace analyzer
