#include "pooler/advice_sample.h"

#include <string>
#include <utility>
#include <vector>

#include "analyzer/advice_text.h"
#include "pooler/bind_values.h"

namespace pooler {

std::optional<analyzer::Sample> sample_of(const KeptStatement& kept, bool prepared, const analyzer::HiddenValues& hidden,
                                          std::optional<std::string_view> search_path) {
  using analyzer::Kind;
  const KeptStatement::Facts& facts = kept.facts();
  const bool insert = facts.kind == Kind::kInsert;
  if (facts.kind != Kind::kSelect && facts.kind != Kind::kUpdate && facts.kind != Kind::kDelete && !insert)
    return std::nullopt;
  if (kept.cut() || kept.text().empty() || facts.several || !hidden.may_show(kept.text(), facts.kind)) return std::nullopt;
  std::vector<analyzer::SampleValue> values;
  if (prepared && kept.has_bind()) {
    BindValues bound = bind_values(kept.bind(), kept.types());
    if (!kept.one_bind() || !bound.whole || !bound.readable) return std::nullopt;
    const std::vector<wire::Oid> types = parse_types(kept.types());
    for (std::size_t i = 0; i < bound.values.size(); ++i) {
      const std::string_view type = i < types.size() ? usual_type_name(types[i]) : std::string_view();
      values.push_back({std::move(bound.values[i]), type == "unknown" ? std::string() : std::string(type)});
    }
  }
  auto text = analyzer::with_values(kept.text(), values, insert);
  if (!text || text->size() > analyzer::SampleStore::kBytesOfSample) return std::nullopt;
  analyzer::Sample sample{.sql = *std::move(text)};
  if (search_path) sample.search_path = std::string(*search_path);
  return sample;
}

}  // namespace pooler
