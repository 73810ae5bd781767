#pragma once
// AdviceBook: what was advised, from one look to the next. Advice is new when it is found, confirmed when a second look finds
// it too, created when an index that does the same is there, dismissed when somebody said so, and gone when looks no longer
// find it. No clock of its own; not thread-safe.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice.h"
#include "base/clock.h"

namespace analyzer {

class AdviceBook {
 public:
  // Looks in a row that may miss it: samples come and go, and costs with them.
  static constexpr int kMissesMax = 3;
  static constexpr std::size_t kAdviceMax = 1000;
  static constexpr std::size_t kDismissedMax = 10'000;

  void enter(const std::string& database, const AdviceResult& result, base::WallTime now);
  // False where there is no such advice.
  bool dismiss(std::string_view id);
  // What saves the most first; what was dismissed last.
  std::vector<Advice> all() const;

 private:
  struct Entry {
    Advice advice;
    int misses = 0;
  };
  std::map<std::string, Entry, std::less<>> entries_;  // by id
  std::set<std::string, std::less<>> dismissed_;
};

}  // namespace analyzer
