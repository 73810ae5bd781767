#pragma once
// Throttle: what slows down those who have not logged in: how many connections may be on their way to a log-in, and
// how long the answer to a failed one is held back.
//
// The addresses of one IPv6 /64 count as one, because a single customer owns them all, and whatever is no address
// (empty, "unix") is the Unix socket and counts as one. Failures drain away with time (a leaky bucket per address, per
// user and per pair of both). Holding back concerns failed log-ins only, and refusing concerns one address only, so
// nobody can lock a user out from elsewhere by failing in that user's name. Time comes in with the calls. From any
// thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/lru.h"
#include "base/result.h"

namespace pooler {

struct ThrottleLimits {
  int max_preauth = 1000;        // 0: no limit
  int max_preauth_per_ip = 100;  // 0: no limit
  base::Duration fail_delay = std::chrono::milliseconds(500);  // 0: neither delay nor block
};

class Throttle;

// One connection that has not logged in; gives its place back when it goes. The Throttle outlives it.
class [[nodiscard]] PreauthTicket {
 public:
  PreauthTicket() = default;
  ~PreauthTicket() { release(); }
  PreauthTicket(PreauthTicket&& other) noexcept;
  PreauthTicket& operator=(PreauthTicket&& other) noexcept;

  void release();
  explicit operator bool() const { return throttle_ != nullptr; }

 private:
  friend class Throttle;
  PreauthTicket(Throttle& throttle, std::string source) : throttle_(&throttle), source_(std::move(source)) {}

  Throttle* throttle_ = nullptr;
  std::string source_;
};

struct ThrottleCounts {
  uint64_t failures = 0;        // failed log-ins
  uint64_t delayed = 0;         // of these, answers held back
  uint64_t blocked = 0;         // attempts refused without trying
  uint64_t preauth_refused = 0; // connections refused by a pre-auth limit
  std::size_t preauth = 0;      // connections that have not logged in, now
};

class Throttle {
 public:
  // The answer to a failure is held back for fail_delay times 1, 2, 4, 8 as recent failures add up.
  static constexpr int kFactorMax = 8;
  // Of one user from one address, and of one address whoever the user is: so many failures in one burst and so many
  // per second for good are still tried. Far above people and misconfigured applications behind one address; far
  // below what a guesser needs.
  static constexpr double kPairBurst = 60, kPairPerSecond = 1;
  static constexpr double kAddressBurst = 600, kAddressPerSecond = 10;
  // Failures of a user or an address that make the delay grow drain at this rate.
  static constexpr double kDelayDrainPerSecond = 0.1;
  // Entries remembered in each table, about 150 bytes each; the one not used for longest goes first.
  static constexpr std::size_t kTableMax = 20'000;
  // A longer user name counts by its beginning: PostgreSQL's names have at most 63 bytes.
  static constexpr std::size_t kUserBytesMax = 64;

  using Random = std::function<uint64_t()>;

  explicit Throttle(ThrottleLimits limits);
  Throttle(ThrottleLimits limits, Random random);  // for tests
  Throttle(const Throttle&) = delete;
  Throttle& operator=(const Throttle&) = delete;

  // New limits hold for what comes next; those already admitted stay.
  void configure(ThrottleLimits limits);

  // Counts a connection that has not logged in. 53300 over a limit.
  base::Result<PreauthTicket> admit(std::string_view ip);

  // A log-in failed: how long to hold the answer back.
  base::Duration on_failure(std::string_view ip, std::string_view user, base::TimePoint now);
  // Must this attempt be refused without trying? Asked before a secret is looked up. Never on a Unix socket.
  bool blocked(std::string_view ip, std::string_view user, base::TimePoint now);
  // Forgets the failures of this user from this address.
  void on_success(std::string_view ip, std::string_view user);

  ThrottleCounts counts() const;

 private:
  friend class PreauthTicket;

  // Failures that have not drained yet.
  struct Bucket {
    double level = 0;
    base::TimePoint at{};
    double drained(base::TimePoint now, double per_second) const;
  };
  using Table = base::Lru<std::string, Bucket>;

  static double add(Table& table, const std::string& key, base::TimePoint now, double per_second, double level_max);
  static double level(const Table& table, const std::string& key, base::TimePoint now, double per_second);
  void give_back(const std::string& source);

  const Random random_;
  mutable std::mutex mutex_;
  // All below: guarded by mutex_.
  ThrottleLimits limits_;
  ThrottleCounts counts_;
  // Present only while a connection of that address is counted, so never larger than the number of connections.
  std::unordered_map<std::string, int> preauth_by_source_;
  Table delay_by_source_{kTableMax}, delay_by_user_{kTableMax};
  Table rate_by_source_{kTableMax}, rate_by_pair_{kTableMax};
};

}  // namespace pooler
