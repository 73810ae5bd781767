#include "pooler/lint_watch.h"

#include <optional>
#include <string>
#include <vector>

#include "analyzer/hash.h"
#include "pooler/bind_values.h"

namespace pooler {

analyzer::LoopLimits loop_limits(const conf::Advice& settings) {
  return {.calls = static_cast<uint32_t>(settings.n_plus_one_calls),
          .gap = settings.n_plus_one_gap,
          .time = settings.n_plus_one_time};
}

void LintWatch::add(const SlowCall& call, bool in_transaction, const analyzer::LoopLimits& limits) {
  const uint64_t fingerprint = call.row.fingerprint();
  if (call.kept == nullptr || call.kept->text().empty() || fingerprint == 0) return;
  const KeptStatement& kept = *call.kept;
  const std::string_view values = kept.has_bind() ? kept.bind() : kept.text();
  const uint64_t value_hash = analyzer::keyed_hash(values).low;
  const bool failed = !call.record.sqlstate.empty();
  const bool select = kept.facts().kind == analyzer::Kind::kSelect && !kept.facts().several && !failed && call.record.call;
  loop_.add({.fingerprint = fingerprint,
             .database = call.row.owner().database,
             .text = call.row.text(),
             .client = client_,
             .select = select,
             .in_transaction = in_transaction,
             .value_hash = value_hash,
             .rows = call.record.rows,
             .began = call.record.ended - call.record.server,
             .ended = call.record.ended},
            limits, books_.loops);
  if (failed || kept.facts().several) return;
  analyzer::LintFacts& facts = books_.facts.of(fingerprint, call.row.owner().database);
  analyzer::LintCall seen{.text = kept.text(),
                          .prepared = call.prepared,
                          .rows = call.record.rows,
                          .value_hash = value_hash,
                          .run = loop_.run()};
  if (!analyzer::LintBook::worth_a_look(facts)) return facts.count(seen);
  std::vector<std::optional<std::string>> bound;
  std::vector<uint32_t> types;
  if (kept.has_bind() && kept.one_bind()) {
    bound = bind_values(kept.bind(), kept.types()).values;
    for (const wire::Oid type : parse_types(kept.types())) types.push_back(type.value());
  }
  seen.values = bound;
  seen.types = types;
  facts.look(seen);
}

}  // namespace pooler
