#pragma once
// How sure Weir is of something it says, for advice about indexes and for rules about statements alike.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace analyzer {

enum class Confidence : uint8_t { kLow, kMedium, kHigh };

constexpr std::string_view name_of(Confidence confidence) {
  constexpr std::array<std::string_view, 3> kNames{"low", "medium", "high"};
  return kNames[static_cast<std::size_t>(confidence)];
}

}  // namespace analyzer
