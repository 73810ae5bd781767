#pragma once
// What is remembered of the values and the traffic of one kind of statement, for the rules that need it: sizes, numbers and
// whether a pattern begins with %, never a value itself.
//
//   facts.look({.text = raw, .rows = 3, ...});       // for each call, or some of them
//   facts.parameter(2).number_max                    // of $2 in facts.text()
//
// Pure. Of one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lru.h"

namespace analyzer {

// How many different ones there were, in 64 bytes: close up to some hundreds, and beyond that "many".
class DistinctCount {
 public:
  static constexpr std::size_t kBits = 512;
  void add(uint64_t hash);
  void merge(const DistinctCount& others);
  double estimate() const;

 private:
  std::array<uint64_t, kBits / 64> bits_{};
};

struct ParameterFacts {
  uint32_t seen = 0, nulls = 0, numbers = 0;
  uint32_t wild_first = 0;    // of texts: began with % or _, and that is no escape
  uint32_t elements_max = 0;  // of arrays
  int64_t number_min = 0, number_max = 0;
  uint64_t hash = 0;          // of the last one
  bool always_same = true;
  uint32_t type = 0;          // the type that the client gave it; 0: none

  void add(std::optional<std::string_view> value);
  void merge(const ParameterFacts& others);
};

// One call. `values` are those of its Bind, `types` what its Parse said of them.
struct LintCall {
  std::string_view text{};  // as the client wrote it, or its beginning
  bool prepared = false;    // by Parse, Bind and Execute
  std::span<const std::optional<std::string>> values{};
  std::span<const uint32_t> types{};
  uint64_t rows = 0;
  uint64_t value_hash = 0;  // of all its values
  uint32_t run = 0;         // how many of its kind this client has sent one behind the other, with this one
};

class LintFacts {
 public:
  // Values of one statement that are looked at, and bytes of its text.
  static constexpr std::size_t kParametersMax = 32;
  static constexpr std::size_t kTextMax = 4096;
  // A run is this long before it counts.
  static constexpr uint32_t kLongRun = 50;

  void look(const LintCall& call);
  // The cheap part, for calls whose values are not looked at.
  void count(const LintCall& call);
  void merge(const LintFacts& others);

  // Without values, and with one item for lists of values.
  const std::string& text() const { return text_; }
  // By number; what nobody has seen is empty.
  const ParameterFacts& parameter(std::size_t number) const;
  uint64_t calls() const { return calls_; }
  uint64_t prepared() const { return prepared_; }
  uint64_t rows_max() const { return rows_max_; }
  uint64_t in_long_runs() const { return in_long_runs_; }  // calls
  uint32_t list_max() const { return list_max_; }          // values in the longest list of a text
  double distinct() const { return distinct_.estimate(); }  // values, all of a call taken together

 private:
  std::string text_;
  std::vector<ParameterFacts> parameters_;
  DistinctCount distinct_;
  uint64_t calls_ = 0, prepared_ = 0, rows_max_ = 0, in_long_runs_ = 0;
  uint32_t list_max_ = 0;
};

// Of one worker: the facts of the statements that were run last.
class LintBook {
 public:
  static constexpr std::size_t kStatementsMax = 2000;  // some megabytes
  // The values of each of the first calls are looked at, and then of one in so many.
  static constexpr uint64_t kLookedAt = 16;

  LintFacts& of(uint64_t fingerprint, std::string_view database);
  static bool worth_a_look(const LintFacts& facts) { return facts.calls() < kLookedAt || facts.calls() % kLookedAt == 0; }

  struct Entry {
    uint64_t fingerprint = 0;
    std::string database;
    LintFacts facts;
  };
  std::vector<Entry> snapshot() const;
  void clear() { facts_.clear(); }
  std::size_t size() const { return facts_.size(); }

 private:
  base::Lru<std::string, LintFacts> facts_{kStatementsMax};
};

// `text` with one value for each list of them, as IN ($1, $2, $3) has; says how long the longest was.
std::string with_short_lists(std::string_view text, uint32_t& longest);

}  // namespace analyzer
