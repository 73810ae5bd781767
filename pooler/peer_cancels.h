#pragma once
// The cancel requests that are passed on to other processes of the service: as many at a time as the peer's pool_size,
// the others in line, first come first served. SHOW PEER_POOLS counts them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace pooler {

// All peers of the process. Thread-safe. It outlives every Place.
class PeerCancels {
 public:
  // Where the requests for one peer stand.
  struct Counts {
    int in_line = 0, dialling = 0, sent = 0;
    bool operator==(const Counts&) const = default;
  };
  // Called at most once, on any thread, when a request that stood in line may go. It must not wait.
  using Turn = std::function<void()>;

  // One request, from its arrival until its connection has ended.
  class Place {
   public:
    Place(PeerCancels& all, int peer, uint64_t number) : all_(all), peer_(peer), number_(number) {}
    ~Place() { all_.leave(peer_, number_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // The request is on its way.
    void sent() { all_.sent(peer_, number_); }

   private:
    PeerCancels& all_;
    const int peer_;
    const uint64_t number_;
  };

  struct Entry {
    std::unique_ptr<Place> place;
    bool may_go = false;  // at once; if not, `turn` says when
  };
  // `limit` is the peer's pool_size as it is now.
  Entry enter(int peer, int limit, Turn turn);
  Counts counts(int peer) const;

 private:
  enum class Stage { kInLine, kDialling, kSent };
  struct Request {
    Stage stage = Stage::kInLine;
    Turn turn;  // only in line
  };
  struct Line {
    int limit = 1;
    std::map<uint64_t, Request> requests;  // by arrival; as few as kMaxCancels, so that they can be counted
    Counts counts() const;
  };

  void sent(int peer, uint64_t number);
  void leave(int peer, uint64_t number);

  mutable std::mutex mutex_;
  std::map<int, Line> lines_;  // guarded by mutex_, as is next_; a line is there as long as a request is
  uint64_t next_ = 1;
};

// Those of this process.
PeerCancels& peer_cancels();

}  // namespace pooler
