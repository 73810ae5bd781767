#include "analyzer/advice_veto.h"

#include <fmt/format.h>

#include <algorithm>

namespace analyzer {

std::string Vetoes::objection(const Candidate& candidate, const AdviceTable& table, double& rows) {
  const IndexShape& shape = candidate.shape;
  if (!shape.predicate.empty()) {
    const double part = parts_.expected(table, shape.predicate, "");
    if (part > kPartMax) return fmt::format("would hold {:.0f} % of the rows", 100 * std::min(1.0, part));
    rows = part * table.rows;
  }
  if (candidate.reckoned && shape.method != "btree") return {};  // from the rows that match
  for (const IndexKey& key : shape.keys)
    if (key.expression && !tells_apart(shape, key.text, table)) return "the values of " + key.text + " do not tell rows apart";
  return {};
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
