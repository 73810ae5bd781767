#pragma once
// A statement that has run, as the advisor keeps it. Pure.

#include <optional>
#include <string_view>

#include "analyzer/advice_samples.h"
#include "analyzer/hidden_values.h"
#include "pooler/slow_statement.h"

namespace pooler {

// With its values in its text. Nothing where they are not known, where operators may not see them, or where it is no
// statement that an index could help or hinder. `search_path` is the client's own, where it has one.
std::optional<analyzer::Sample> sample_of(const KeptStatement& kept, bool prepared, const analyzer::HiddenValues& hidden,
                                          std::optional<std::string_view> search_path);

}  // namespace pooler
