#pragma once
// One row per setting. A section is a struct whose members hold the defaults and whose fields() lists one
// Field per member; loading, bounds, SHOW CONFIG, SET, the reload diff, the documents and the sample file all
// walk that list.
//
//   struct Workers {
//     int count = 0;
//     static constexpr auto fields();
//   };
//   constexpr auto Workers::fields() {
//     return Rows{Field{"count", &Workers::count, Reload::kRestart, "Worker threads.", within(0, 256)}};
//   }
//
// Member types and what a file may say for them are listed in conf/value.h.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.h"

namespace conf {

// When a changed value takes effect.
enum class Reload {
  kLive,            // at the next moment anybody looks
  kNewConnections,  // for connections opened after the reload
  kRestart,         // only in a new process; SHOW CONFIG says changeable = no
};

// The smallest and the largest value allowed: plain numbers for counts and sizes, microseconds for durations.
struct Bounds {
  int64_t min = 0;
  int64_t max = std::numeric_limits<int64_t>::max();
};

constexpr Bounds within(int64_t min, int64_t max) { return {min, max}; }
constexpr Bounds within(base::Duration min, base::Duration max) { return {min.count(), max.count()}; }
constexpr Bounds at_least(int64_t min) { return {min, std::numeric_limits<int64_t>::max()}; }
constexpr Bounds at_least(base::Duration min) { return {min.count(), std::numeric_limits<int64_t>::max()}; }

template <typename Section, typename T>
struct Field {
  std::string_view name;
  T Section::*member;
  Reload reload;
  std::string_view help;  // one or two sentences, plain English
  Bounds bounds{};
};

// Spelled out because clang before 17, which builds the fuzzers, deduces none for an aggregate.
template <typename Section, typename T>
Field(std::string_view, T Section::*, Reload, std::string_view) -> Field<Section, T>;
template <typename Section, typename T>
Field(std::string_view, T Section::*, Reload, std::string_view, Bounds) -> Field<Section, T>;

// Starts a group of settings in the documents and the sample file; every other walk skips it.
struct Heading {
  std::string_view title;
};

// A table's rows, each of a type of its own. What std::tuple asks of its constructors grows with the square of the rows, which
// took the compiler seconds in every file with a table.
template <std::size_t Index, typename T>
struct Slot {
  T row;
};
template <typename Indexes, typename... T>
struct RowsByIndex;
template <std::size_t... Index, typename... T>
struct RowsByIndex<std::index_sequence<Index...>, T...> : Slot<Index, T>... {
  constexpr explicit RowsByIndex(T... rows) : Slot<Index, T>{rows}... {}
  template <typename Visit>
  constexpr void each(Visit&& visit) const {
    (visit(static_cast<const Slot<Index, T>&>(*this).row), ...);
  }
};
template <typename... T>
struct Rows : RowsByIndex<std::index_sequence_for<T...>, T...> {
  static constexpr std::size_t kCount = sizeof...(T);
  constexpr explicit Rows(T... rows) : RowsByIndex<std::index_sequence_for<T...>, T...>(rows...) {}
};
template <std::size_t Index, typename T>
constexpr const T& row_at(const Slot<Index, T>& slot) {
  return slot.row;
}

template <typename T>
inline constexpr bool kIsHeading = std::is_same_v<std::remove_cvref_t<T>, Heading>;

template <typename Section>
inline constexpr auto kRows = Section::fields();

// Calls visit(row) for each row of Section, headings too, in table order.
template <typename Section, typename Visit>
constexpr void for_each_row(Visit&& visit) {
  kRows<Section>.each(visit);
}
// Calls visit(field) for each Field of Section, in table order.
template <typename Section, typename Visit>
constexpr void for_each_field(Visit&& visit) {
  for_each_row<Section>([&visit](const auto& row) {
    if constexpr (!kIsHeading<decltype(row)>) visit(row);
  });
}

// The spelling of each value of an enum: specialise kNames<E> as an array of EnumName<E>.
template <typename E>
struct EnumName {
  std::string_view name;
  E value;
};

template <typename E>
inline constexpr int kNames = 0;  // specialised per enum, in conf/settings.h

template <typename E>
requires std::is_enum_v<E>
constexpr std::string_view to_string(E value) {
  for (const auto& entry : kNames<E>) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}

}  // namespace conf
