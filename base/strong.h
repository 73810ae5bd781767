#pragma once
// Strong<Tag, Rep>: numbers that mean different things do not mix.
//
//   using ClientId = base::Strong<struct ClientIdTag, uint64_t>;

#include <compare>
#include <cstddef>
#include <functional>

namespace base {

template <typename Tag, typename Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Strong&) const = default;

 private:
  Rep value_{};
};

}  // namespace base

template <typename Tag, typename Rep>
struct std::hash<base::Strong<Tag, Rep>> {
  std::size_t operator()(const base::Strong<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
