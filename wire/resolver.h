#pragma once
// Resolver: host names to addresses, remembered for a while, without holding up anybody.
//
// A look-up runs in a thread of its own, because the system's resolver may hang for as long as it likes: a name that
// does costs one thread and its own callers' patience, nothing else. There is one look-up per name at a time. When a
// look-up fails for a passing reason, addresses that were known before go on being used. Shared by all workers.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/ticket.h"

namespace wire {

// Numeric texts, in the order in which to try them.
using Addresses = std::shared_ptr<const std::vector<std::string>>;

// An IPv4 or IPv6 address, which needs no look-up.
bool is_numeric_address(std::string_view host);

// What the system's resolver says.
struct LookupResult {
  enum class Kind { kFound, kUnknown /* there is no such name */, kFailed /* ask again later */ } kind;
  std::vector<std::string> addresses;
  std::string failure;  // its own words
};
using Lookup = std::function<LookupResult(const std::string& host)>;
LookupResult system_lookup(const std::string& host);

struct ResolverSettings {
  base::Duration max_ttl = std::chrono::seconds(15);
  base::Duration unknown_ttl = std::chrono::seconds(15);
  base::Duration timeout = std::chrono::seconds(5);  // how long one caller waits
};

class Resolver {
 public:
  // Threads at a time; each is one name that takes long.
  static constexpr int kLookupsMax = 64;
  // A look-up that has not come back by then is written off, and the next caller starts another.
  static constexpr base::Duration kWrittenOff = std::chrono::seconds(60);
  // Names remembered. They come from the configuration, so this is far away.
  static constexpr std::size_t kNamesMax = 4096;

  using Done = std::function<void(base::Result<Addresses>)>;

  explicit Resolver(ResolverSettings settings, Lookup lookup = system_lookup);
  // Look-ups under way come to nothing; nobody is called back. Before the loops end.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` on `loop`, never from inside this call, within the timeout, unless the ticket is dropped first. For
  // the loop's own thread.
  base::Ticket resolve(const std::string& host, base::EventLoop& loop, Done done);

  void reconfigure(ResolverSettings settings);

  struct Row {
    std::string host;
    base::Duration ttl;  // until it is looked up anew; zero when that is due
    std::vector<std::string> addresses;
  };
  std::vector<Row> list() const;
  int lookups_running() const;
  std::size_t callers_waiting() const;

 private:
  struct State;
  struct Caller;
  struct Name;
  // Starts the look-up of a name; false when there is no thread for it. With the state's lock held.
  static bool take_off(const std::shared_ptr<State>& state, const std::string& host, Name& name, base::TimePoint now);
  static void look_up(const std::shared_ptr<State>& state, const std::string& host, uint64_t flight);
  std::shared_ptr<State> state_;
};

}  // namespace wire
