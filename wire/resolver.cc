#include "wire/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "base/handle.h"
#include "base/log.h"
#include "base/thread.h"

namespace wire {
namespace {

const base::Logger log{"dns"};

using AddrInfoPtr = base::Handle<addrinfo, freeaddrinfo>;

std::string numeric_text(const addrinfo& info) {
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(info.ai_addr, info.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

base::Error failed(const std::string& host, const std::string& reason) {
  return base::cannot_connect("could not translate host name \"" + host + "\" to address: " + reason);
}

}  // namespace

bool is_numeric_address(std::string_view host) {
  const std::string text(host.substr(0, host.find('%')));  // fe80::1%eth0
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

LookupResult system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    const bool unknown = code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
    return {unknown ? LookupResult::Kind::kUnknown : LookupResult::Kind::kFailed, {}, gai_strerror(code)};
  }
  const AddrInfoPtr owner(found);
  LookupResult result{LookupResult::Kind::kFound, {}, {}};
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    std::string text = numeric_text(*info);
    if (!text.empty() && std::find(result.addresses.begin(), result.addresses.end(), text) == result.addresses.end())
      result.addresses.push_back(std::move(text));
  }
  return result;
}

// Somebody who waits. Its members belong to its loop's thread, except `loop`, which never changes.
struct Resolver::Caller {
  base::EventLoop& loop;
  Done done;  // empty once called back or withdrawn
  std::optional<base::Timer> timer;

  void finish(base::Result<Addresses> result) {
    timer.reset();
    if (auto callback = std::exchange(done, nullptr)) callback(std::move(result));
  }
};

struct Resolver::Name {
  Addresses addresses;                  // what is known; null: nothing
  std::optional<base::Error> unknown;   // known not to exist
  base::TimePoint expires{};
  uint64_t flight = 0;  // the look-up under way; 0: none
  base::TimePoint flight_start{};
  std::vector<std::shared_ptr<Caller>> callers;
};

// Outlives the Resolver as long as a look-up runs.
struct Resolver::State {
  explicit State(ResolverSettings with, Lookup how) : settings(with), lookup(std::move(how)) {}

  std::mutex mutex;
  ResolverSettings settings;  // guarded by mutex, as is all that follows
  const Lookup lookup;
  std::map<std::string, Name, std::less<>> names;
  uint64_t last_flight = 0;
  int running = 0;
  bool closed = false;

  void make_room(base::TimePoint now) {
    if (names.size() < kNamesMax) return;
    std::erase_if(names, [now](const auto& one) {
      return one.second.flight == 0 && one.second.callers.empty() && one.second.expires <= now;
    });
  }

  // Takes a caller out of the line. Returns what is known of the name.
  Addresses leave(const std::string& host, const Caller& caller) {
    const std::lock_guard lock(mutex);
    const auto found = names.find(host);
    if (found == names.end()) return nullptr;
    std::erase_if(found->second.callers, [&caller](const auto& one) { return one.get() == &caller; });
    return found->second.addresses;
  }

  // Tells what is known to everybody in line, each on its loop.
  void tell(Name& name, const base::Result<Addresses>& result) {
    for (auto& caller : std::exchange(name.callers, {})) {
      base::EventLoop& loop = caller->loop;
      loop.post([caller = std::move(caller), result] { caller->finish(result); });
    }
  }
};

Resolver::Resolver(ResolverSettings settings, Lookup lookup)
    : state_(std::make_shared<State>(settings, std::move(lookup))) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->names.clear();
}

void Resolver::reconfigure(ResolverSettings settings) {
  const std::lock_guard lock(state_->mutex);
  state_->settings = settings;
}

base::Ticket Resolver::resolve(const std::string& host, base::EventLoop& loop, Done done) {
  auto caller = std::make_shared<Caller>(loop, std::move(done), std::nullopt);
  base::Ticket ticket([caller, state = state_, host] {
    caller->timer.reset();
    caller->done = nullptr;
    state->leave(host, *caller);
  });
  const auto answer = [&loop, caller](base::Result<Addresses> result) {
    loop.post([caller, result = std::move(result)] { caller->finish(result); });
  };
  if (is_numeric_address(host)) {
    answer(std::make_shared<const std::vector<std::string>>(1, host));
    return ticket;
  }

  const auto now = base::now();
  const std::lock_guard lock(state_->mutex);
  state_->make_room(now);
  Name& name = state_->names[host];
  if (name.expires > now) {
    if (name.addresses)
      answer(name.addresses);
    else
      answer(*name.unknown);
    return ticket;
  }
  if (name.flight != 0 && now - name.flight_start > kWrittenOff) name.flight = 0;
  if (name.flight == 0) {
    if (!take_off(state_, host, name, now)) {
      if (name.addresses)
        answer(name.addresses);
      else
        answer(failed(host, "too many look-ups at a time"));
      return ticket;
    }
  }
  name.callers.push_back(caller);
  caller->timer.emplace(loop, [state = state_, waiting = std::weak_ptr(caller), host] {
    const auto late = waiting.lock();
    if (!late) return;
    // Old addresses are better than none.
    const Addresses known = state->leave(host, *late);
    if (known)
      late->finish(known);
    else
      late->finish(failed(host, "no answer in time"));
  });
  caller->timer->once(state_->settings.timeout);
  return ticket;
}

bool Resolver::take_off(const std::shared_ptr<State>& state, const std::string& host, Name& name,
                        base::TimePoint now) {
  if (state->running >= kLookupsMax) return false;
  const uint64_t flight = ++state->last_flight;
  try {
    base::start_thread("weir-dns", [state, host, flight] { look_up(state, host, flight); }).detach();
  } catch (const std::system_error& failure) {
    log.limited("threads").error("could not start a thread for a look-up: {}", failure.what());
    return false;
  }
  ++state->running;
  name.flight = flight;
  name.flight_start = now;
  return true;
}

void Resolver::look_up(const std::shared_ptr<State>& state, const std::string& host, uint64_t flight) {
  LookupResult result = state->lookup(host);
  if (result.kind == LookupResult::Kind::kFound && result.addresses.empty())
    result = {LookupResult::Kind::kFailed, {}, "no address of a kind that can be used"};
  const std::lock_guard lock(state->mutex);
  --state->running;
  const auto found = state->names.find(host);
  if (state->closed || found == state->names.end() || found->second.flight != flight) return;
  Name& name = found->second;
  name.flight = 0;
  const auto now = base::now();
  if (result.kind == LookupResult::Kind::kFound) {
    name.addresses = std::make_shared<const std::vector<std::string>>(result.addresses);
    name.unknown.reset();
    name.expires = now + state->settings.max_ttl;
    state->tell(name, name.addresses);
    return;
  }
  const base::Error error = failed(host, result.failure);
  log.limited(host).warn("{}", error.message);
  if (result.kind == LookupResult::Kind::kUnknown) {
    name.addresses = nullptr;
    name.unknown = error;
    name.expires = now + state->settings.unknown_ttl;
    state->tell(name, error);
  } else if (name.addresses) {
    state->tell(name, name.addresses);
  } else {
    state->tell(name, error);
  }
}

std::vector<Resolver::Row> Resolver::list() const {
  const auto now = base::now();
  const std::lock_guard lock(state_->mutex);
  std::vector<Row> rows;
  for (const auto& [host, name] : state_->names) {
    rows.push_back({host, std::max(name.expires - now, base::Duration::zero()),
                    name.addresses ? *name.addresses : std::vector<std::string>{}});
  }
  return rows;
}

int Resolver::lookups_running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running;
}

std::size_t Resolver::callers_waiting() const {
  const std::lock_guard lock(state_->mutex);
  std::size_t count = 0;
  for (const auto& [host, name] : state_->names) count += name.callers.size();
  return count;
}

}  // namespace wire
