#pragma once
// AdviceBook: what was advised, from one look to the next. Advice is new when it is found, confirmed when a second look finds
// it too, created when an index that does the same is there, verified (or of no effect, or regressed) when its statements have
// run often enough since, dismissed when somebody said so, and gone when looks no longer find it. No clock of its own; not
// thread-safe.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice.h"
#include "analyzer/advice_record.h"
#include "analyzer/advice_verify.h"
#include "base/clock.h"

namespace analyzer {

class AdviceBook {
 public:
  // Looks in a row that may miss it: samples come and go, and costs with them. Then it is stale, and after a while forgotten.
  static constexpr int kMissesMax = 3;
  static constexpr base::Duration kStaleKept = std::chrono::days(1);
  static constexpr std::size_t kAdviceMax = 1000;
  static constexpr std::size_t kDismissedMax = 10'000;

  // Statements of one piece of advice whose times are kept, those that gain the most.
  static constexpr std::size_t kVerifiedMax = 8;

  void enter(const Workload& workload, const AdviceResult& result, base::WallTime now);
  // Null where there is no such advice.
  const Advice* find(std::string_view id) const;
  // Its index has just been created. False where there is no such advice, as of the next.
  bool created(std::string_view id, base::WallTime now);
  bool dismiss(std::string_view id);
  // For the next process, and of the one before this: what is there already stays. What was not found for so long, perhaps
  // because its database is no more, is not taken over; that it was dismissed is.
  static constexpr base::Duration kRemembered = std::chrono::days(30);
  AdviceRecord record() const;
  void restore(AdviceRecord record, base::WallTime now);
  // What saves the most first; what is stale or was dismissed last.
  std::vector<Advice> all() const;

 private:
  using Times = AdviceEntry::Times;
  struct Change {
    IndexEffect effect;
    std::string text;
  };
  static std::optional<Change> change_of(AdviceEntry& entry, uint64_t fingerprint, const Times& now, base::WallTime at);
  static void verify(AdviceEntry& entry, const Times& now, base::WallTime at, const AdviceIndex& index);

  std::map<std::string, AdviceEntry, std::less<>> entries_;  // by id
  AdviceIds dismissed_;
};

}  // namespace analyzer
