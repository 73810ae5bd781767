#pragma once
// AlikeTexts: a text that differs from one seen before in whole numbers and plain strings alone, told by comparing the two
// and without cutting the new one into tokens. Applications that write values into their texts send little else.
//
//   if (const AnalysisPtr* facts = alike.find(sql, variant)) ...
//   else { skeleton.make(sql, ...); ...; alike.put(sql, variant, skeleton.values(), facts); }
//
// What it finds is what the skeleton would have: where the old text has a number of digits alone the new one has such a
// number, where it has a string without quotes and backslashes in it the new one has such a string, and all else is the
// same, byte by byte. Of one worker; bounded; a find allocates nothing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/skeleton.h"
#include "analyzer/statement.h"

namespace analyzer {

class AlikeTexts {
 public:
  static constexpr std::size_t kTextMax = 1024;  // longer ones are rarely many, and comparing them is no longer cheap

  AlikeTexts() : entries_(kSets * kWays) {}

  // Null: none. `variant` keeps texts apart that are read differently. Valid until the next put().
  const AnalysisPtr* find(std::string_view sql, uint8_t variant);
  // `values` are what its skeleton has a mark for. A text that is not fit to be compared with is not kept; and not every
  // new one is, so that texts which come once do not push out those that come again and again.
  void put(std::string_view sql, uint8_t variant, std::span<const Skeleton::Value> values, const AnalysisPtr& facts);

 private:
  // A text finds its entry by its first bytes: as many as rarely hold a value yet, and as tell tables apart.
  static constexpr std::size_t kPrefix = 16;
  static constexpr std::size_t kSets = 64, kWays = 8;  // half a megabyte at most, and its facts
  static constexpr unsigned kEach = 8;                 // of the new ones, every eighth is kept

  struct Entry {
    std::string text;
    AnalysisPtr facts;  // null: free
    std::array<Skeleton::Value, Skeleton::kValuesMax> values;
    uint8_t value_count = 0;
    uint8_t variant = 0;
    bool used = false;  // since it was its turn to give way
  };
  static bool alike(const Entry& entry, std::string_view sql);
  static std::size_t set_of(std::string_view sql);

  std::vector<Entry> entries_;
  std::array<uint8_t, kSets> next_{};  // whose turn it is to give way
  unsigned passed_over_ = kEach - 1;
};

}  // namespace analyzer
