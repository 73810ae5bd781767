#pragma once
// What keeps the number of series bounded without making a counter go back.
//
// Who is shown one by one is decided once (pools: the first ones) or handed over (statements: those that take the most
// time), and the others are one sum. A counter of that sum only grows: a statement that gets a series of its own leaves its
// past in the sum, and one that loses it takes its counts back into the sum.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pooler/console.h"

namespace admin {

// The labels of whatever is not shown one by one. The parentheses keep it apart from a database of the name "other".
inline constexpr std::string_view kOthers = "(other)";

// Labels that get series of their own: the first `max` that come.
class LabelBound {
 public:
  using Labels = std::vector<std::string>;
  explicit LabelBound(std::size_t max) : max_(max) {}

  // `labels` itself, or as many times kOthers. Empty ones are others too.
  Labels operator()(Labels labels);

 private:
  const std::size_t max_;
  std::set<Labels> known_;
};

// Statements that get series of their own.
class TopStatements {
 public:
  // How often it is looked who takes the most time: a series that comes and goes every few seconds is of no use.
  static constexpr base::Duration kReselect = std::chrono::minutes(1);

  enum Number { kCalls, kErrors, kRows, kServerUs, kWaitUs, kNumbers };
  using Numbers = std::array<uint64_t, kNumbers>;
  struct Shown {
    uint64_t fingerprint = 0;
    std::string database, user;
    std::string query;
    Numbers numbers{};  // since it is shown
  };
  struct Report {
    std::vector<Shown> statements;  // by fingerprint, database and user
    Numbers others{};               // of everything else
  };

  // `pools` never goes back, and each row of `queries` is a part of it.
  Report update(const pooler::StatementMetrics& metrics, std::size_t max, base::TimePoint now);

 private:
  using Key = std::tuple<uint64_t, std::string, std::string>;
  struct Current {
    Numbers numbers{};
    std::string_view query;
  };
  using All = std::map<Key, Current>;
  struct Known {
    Numbers offset{}, last{};
  };
  static All sum_by_key(const std::vector<pooler::QueryRow>& rows);
  void select(const All& all, std::size_t max);

  std::map<Key, Known> shown_;
  std::size_t max_ = 0;
  base::TimePoint selected_{};
};

}  // namespace admin
