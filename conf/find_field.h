#pragma once
// A setting by its name or its place in the table, without a walk over all rows: a file may be nothing but names.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "conf/settings_table.h"

namespace conf {

template <typename Section>
inline constexpr std::size_t kRowCount = std::remove_cvref_t<decltype(kRows<Section>)>::kCount;

// Calls visit(field) for the row at `index`, unless that is a heading.
template <typename Section, typename Visit>
void visit_field(std::size_t index, Visit&& visit) {
  using Call = void (*)(Visit&);
  static constexpr auto kCalls = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Call, sizeof...(I)>{[](Visit& seen) {
      if constexpr (!kIsHeading<decltype(row_at<I>(kRows<Section>))>) seen(row_at<I>(kRows<Section>));
    }...};
  }(std::make_index_sequence<kRowCount<Section>>{});
  kCalls.at(index)(visit);
}

// The row of the setting with that name.
template <typename Section>
std::optional<std::size_t> field_index(std::string_view name) {
  static const auto kIndexes = [] {
    std::unordered_map<std::string_view, std::size_t> indexes;
    for (std::size_t i = 0; i < kRowCount<Section>; ++i)
      visit_field<Section>(i, [&](const auto& field) { indexes.emplace(field.name, i); });
    return indexes;
  }();
  const auto found = kIndexes.find(name);
  return found != kIndexes.end() ? std::optional(found->second) : std::nullopt;
}

// Calls visit(field) for the setting with that name; false if there is none.
template <typename Section, typename Visit>
bool find_field(std::string_view name, Visit&& visit) {
  const auto index = field_index<Section>(name);
  if (index) visit_field<Section>(*index, visit);
  return index.has_value();
}

}  // namespace conf
