#pragma once
// Cancel: from a key to the query that runs, and on to PostgreSQL.
//
// A client's key is random and looked up in constant time, whatever the number of clients. A cancel is meant for one
// request: it is dropped when that request has ended, and a server that may still be hit is lent to nobody until
// PostgreSQL has closed the cancel connection (it does so after it has acted).

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/loop.h"
#include "pooler/server.h"
#include "wire/types.h"

namespace pooler {

struct Runtime;

// Whom a cancel key belongs to.
struct CancelTarget {
  int worker = 0;
  uint64_t client = 0;
};

// All keys of the process. Thread-safe.
class CancelKeys {
 public:
  // `peer_id` (0: none) stands in every key, so that another process of the same service knows whose it is.
  explicit CancelKeys(int peer_id) : peer_id_(static_cast<uint16_t>(peer_id)) {}

  // A new key: 4 secret bytes for protocol 3.0, 32 from 3.2 on.
  wire::CancelKey add(int worker, uint64_t client, wire::ProtocolVersion version);
  void remove(const wire::CancelKey& key);
  std::optional<CancelTarget> find(const wire::CancelKey& key) const;

  // The process that gave out a key, 0 if it says none.
  static int peer_of(const wire::CancelKey& key);
  // The key as the next process of the service is told it: with one hop less. Nothing when there is none left: peers
  // that take each other for the one that is meant would pass it round for ever.
  static std::optional<wire::CancelKey> passed_on(const wire::CancelKey& key);

 private:
  static constexpr std::size_t kShards = 16;
  // Hops are counted in the lowest two bits of a secret, where there are peers; its last byte with all of them left.
  static constexpr unsigned char kHops = 3;
  static std::string with_all_hops(std::string_view secret);
  struct Entry {
    std::string secret;
    CancelTarget target;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<uint32_t, Entry> by_pid;  // guarded by mutex
  };
  Shard& shard(uint32_t pid) { return shards_[pid % kShards]; }
  const Shard& shard(uint32_t pid) const { return shards_[pid % kShards]; }

  const uint16_t peer_id_;
  std::array<Shard, kShards> shards_;
};

// The cancel connections that are under way: nobody else owns them. Thread-safe.
class CancelFlights {
 public:
  void keep(base::EventLoop& loop, std::unique_ptr<base::Deferred> flight);
  std::unique_ptr<base::Deferred> take(base::Deferred& flight);
  // Those of a loop that has ended are gone without a word; before the loop itself is, and on the thread that ran it.
  void end(base::EventLoop& loop);

 private:
  struct Kept {
    base::EventLoop* loop = nullptr;
    std::unique_ptr<base::Deferred> flight;
  };
  std::mutex mutex_;
  std::unordered_map<base::Deferred*, Kept> flights_;  // guarded by mutex_; at most kMaxCancels, more or less
};

// Sends a cancel request for what `server` runs now, on a connection of its own. On the server's worker. Bounded in
// number (kMaxCancels of the process; more are dropped and counted) and in time (cancel_wait_timeout).
inline constexpr int kMaxCancels = 1000;
// Of who cares. Both on the server's worker; neither is called any more when that ends.
struct CancelAsks {
  std::function<bool()> still_meant;  // asked when it can be sent: within the lease, is it still for what runs?
  // Nothing that runs from now on can be hit; with `in_doubt`, it can: PostgreSQL was told, and has not said that it acted.
  std::function<void(bool in_doubt)> over;
};
// False: it was dropped.
bool cancel_what_runs(Runtime& runtime, Server& server, CancelAsks asks = {});
// Passes a cancel request on to another process of the service: peer number `id`, of which at most `pool_size` are
// under way at a time.
struct CancelPeer {
  int id = 0;
  std::string host;
  int port = 0, pool_size = 0;
};
void cancel_at_peer(Runtime& runtime, int worker, const CancelPeer& peer, const wire::CancelKey& key);
int cancels_in_flight();
uint64_t cancels_dropped();

}  // namespace pooler
