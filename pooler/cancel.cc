#include "pooler/cancel.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/ticket.h"
#include "pooler/peer_cancels.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "wire/build.h"
#include "wire/dial.h"
#include "wire/socket_stream.h"

namespace pooler {
namespace {

const base::Logger log{"cancel"};

constexpr std::size_t kShortSecret = 4, kLongSecret = 32;

std::atomic<int> in_flight{0};
std::atomic<uint64_t> dropped{0};

// One cancel connection, which CancelFlights owns. Lives on one loop, that of the server it is aimed at if there is one. Its
// time runs from its making, launched or not.
class Flight final : public base::Deferred, private wire::StreamHandler {
 public:
  using StillMeant = std::function<bool()>;
  using Ended = std::function<void(bool in_doubt)>;

  Flight(Runtime& runtime, base::EventLoop& loop, wire::CancelKey key, base::Duration limit, StillMeant still_meant,
         Ended ended)
      : flights_(runtime.cancel_flights),
        loop_(loop),
        key_(std::move(key)),
        still_meant_(std::move(still_meant)),
        ended_(std::move(ended)),
        deadline_(loop, [this] { end(sent_); }) {
    in_flight.fetch_add(1, std::memory_order_relaxed);
    deadline_.once(limit);
  }
  ~Flight() override { in_flight.fetch_sub(1, std::memory_order_relaxed); }

  static void launch(Flight* self, Runtime& runtime, wire::DialTarget target, const wire::SocketOptions& options,
                     base::Duration limit, wire::TlsContextPtr tls, conf::TlsMode mode,
                     conf::TlsNegotiation negotiation) {
    self->tls_context_ = std::move(tls);
    self->mode_ = mode;
    self->negotiation_ = negotiation;
    self->host_ = target.host;
    self->ticket_ = wire::dial(self->loop_, runtime.resolver, std::move(target), options, limit,
                               [self](base::Result<base::Fd> fd) {
                                 if (!fd.ok()) return self->end();
                                 self->on_connected(std::move(fd).value());
                               });
  }

 private:
  void on_connected(base::Fd fd) {
    stream_ = std::make_unique<wire::SocketStream>(fd.release());
    stream_->attach(loop_, *this);
    const bool local = host_.empty() || host_[0] == '/' || host_[0] == '@';
    if (!tls_context_ || local || mode_ == conf::TlsMode::kDisable || mode_ == conf::TlsMode::kAllow) return send_key();
    if (negotiation_ == conf::TlsNegotiation::kDirect) return start_tls();
    std::string request;
    wire::append_ssl_request(request);
    asked_tls_ = true;
    stream_->write(request);
    stream_->flush();
  }

  void start_tls() {
    auto session = wire::TlsSession::connect(tls_context_, stream_->fd(), host_);
    if (!session.ok()) return end();
    stream_->start_tls(std::move(session).value(), [this](base::Status status) { status.ok() ? send_key() : end(); });
  }

  std::size_t on_data(std::string_view bytes) override {
    if (asked_tls_ && !sent_) {
      if (bytes == "S") {
        start_tls();
      } else if (bytes == "N" && mode_ == conf::TlsMode::kPrefer) {
        send_key();
      } else {
        end();
      }
    }
    return bytes.size();
  }

  void send_key() {
    if (!still_meant_()) return end();
    sent_ = true;
    std::string request;
    wire::append_cancel_request(request, key_);
    stream_->write(request);
    stream_->flush();
  }

  void on_drained() override {}
  // PostgreSQL has acted on it.
  void on_closed(const base::Error&) override { end(); }

  // In doubt: it may still be acted on.
  void end(bool in_doubt = false) {
    if (over_) return;
    over_ = true;
    deadline_.cancel();
    ticket_.drop();
    if (stream_) stream_->close();
    loop_.defer_delete(flights_.take(*this));
    ended_(in_doubt);
  }

  CancelFlights& flights_;
  base::EventLoop& loop_;
  const wire::CancelKey key_;
  StillMeant still_meant_;
  Ended ended_;
  base::Timer deadline_;
  base::Ticket ticket_;
  std::unique_ptr<wire::SocketStream> stream_;
  wire::TlsContextPtr tls_context_;
  conf::TlsMode mode_ = conf::TlsMode::kDisable;
  conf::TlsNegotiation negotiation_ = conf::TlsNegotiation::kPostgres;
  std::string host_;
  bool asked_tls_ = false, sent_ = false, over_ = false;
};

bool may_launch() {
  if (in_flight.load(std::memory_order_relaxed) < kMaxCancels) return true;
  dropped.fetch_add(1, std::memory_order_relaxed);
  log.limited("bound").warn("a cancel request was dropped: {} are under way", kMaxCancels);
  return false;
}

}  // namespace

wire::CancelKey CancelKeys::add(int worker, uint64_t client, wire::ProtocolVersion version) {
  std::string secret = base::secure_bytes(version >= wire::kProtocol32 ? kLongSecret : kShortSecret);
  if (peer_id_ != 0) secret = with_all_hops(secret);
  for (;;) {
    // Some clients print the pid as a signed number: the highest bit stays clear. The middle bytes carry the peer.
    auto pid = static_cast<uint32_t>(base::random_u64()) & 0x7fffffffU;
    if (peer_id_ != 0) pid = (pid & 0x7f0000ffU) | (static_cast<uint32_t>(peer_id_) << 8);
    if (pid == 0) continue;
    Shard& home = shard(pid);
    const std::lock_guard lock(home.mutex);
    if (!home.by_pid.try_emplace(pid, Entry{secret, {worker, client}}).second) continue;
    return wire::CancelKey(pid, secret);
  }
}

void CancelKeys::remove(const wire::CancelKey& key) {
  Shard& home = shard(key.pid());
  const std::lock_guard lock(home.mutex);
  home.by_pid.erase(key.pid());
}

std::optional<CancelTarget> CancelKeys::find(const wire::CancelKey& key) const {
  const std::string secret = peer_id_ != 0 ? with_all_hops(key.secret()) : std::string(key.secret());
  const Shard& home = shard(key.pid());
  const std::lock_guard lock(home.mutex);
  const auto found = home.by_pid.find(key.pid());
  if (found == home.by_pid.end() || !base::constant_time_equal(found->second.secret, secret)) return std::nullopt;
  return found->second.target;
}

int CancelKeys::peer_of(const wire::CancelKey& key) { return static_cast<int>((key.pid() >> 8) & 0xffffU); }

std::string CancelKeys::with_all_hops(std::string_view secret) {
  std::string full(secret);
  if (!full.empty()) full.back() = static_cast<char>(static_cast<unsigned char>(full.back()) | kHops);
  return full;
}

std::optional<wire::CancelKey> CancelKeys::passed_on(const wire::CancelKey& key) {
  std::string secret(key.secret());
  if (secret.empty()) return std::nullopt;
  const auto last = static_cast<unsigned char>(secret.back());
  if ((last & kHops) == 0) return std::nullopt;
  secret.back() = static_cast<char>(last - 1);
  return wire::CancelKey(key.pid(), secret);
}

void CancelFlights::keep(base::EventLoop& loop, std::unique_ptr<base::Deferred> flight) {
  const std::lock_guard lock(mutex_);
  base::Deferred* const key = flight.get();
  flights_.emplace(key, Kept{&loop, std::move(flight)});
}

std::unique_ptr<base::Deferred> CancelFlights::take(base::Deferred& flight) {
  const std::lock_guard lock(mutex_);
  auto found = flights_.extract(&flight);
  return found ? std::move(found.mapped().flight) : nullptr;
}

void CancelFlights::end(base::EventLoop& loop) {
  std::vector<std::unique_ptr<base::Deferred>> over;  // they end without the lock
  const std::lock_guard lock(mutex_);
  for (auto it = flights_.begin(); it != flights_.end();) {
    if (it->second.loop != &loop) {
      ++it;
      continue;
    }
    over.push_back(std::move(it->second.flight));
    it = flights_.erase(it);
  }
}

bool cancel_what_runs(Runtime& runtime, Server& server, CancelAsks asks) {
  if (server.cancel_key().empty() || !may_launch()) return false;
  auto pool = server.pool().shared_from_this();
  const auto settings = pool->settings();
  pool->cancel_begins(server);
  const ServerId id = server.id();
  auto& loop = *server.loop();
  auto owned = std::make_unique<Flight>(
      runtime, loop, server.cancel_key(), settings->cancel_wait_timeout,
      [pool, id, generation = server.books.generation, meant = std::move(asks.still_meant)] {
        return pool->still_runs(id, generation) && (!meant || meant());
      },
      [pool, id, over = std::move(asks.over)](bool in_doubt) {
        pool->cancel_ends(id, in_doubt);
        if (over) over(in_doubt);
      });
  Flight* const flight = owned.get();
  runtime.cancel_flights.keep(loop, std::move(owned));
  Flight::launch(flight, runtime, {server.address().host, server.address().port},
                 wire::socket_options(settings->config->weir), settings->cancel_wait_timeout, settings->tls,
                 settings->target.tls_mode, settings->target.tls_negotiation);
  return true;
}

void cancel_at_peer(Runtime& runtime, int worker, const CancelPeer& peer, const wire::CancelKey& key) {
  if (!may_launch()) return;
  static constexpr base::Duration kPeerTimeout = std::chrono::seconds(10);
  auto& loop = *runtime.loops[static_cast<std::size_t>(worker)];
  // Touched on `loop` only. Null once the flight has ended, which may be before its turn has come.
  struct Waiting {
    Flight* flight = nullptr;
    std::unique_ptr<PeerCancels::Place> place;
  };
  auto waiting = std::make_shared<Waiting>();
  // Who stands in line is the flight: its turn alone must not keep its place.
  const auto go = [weak = std::weak_ptr(waiting), &runtime, host = peer.host, port = peer.port] {
    const auto in_line = weak.lock();
    if (!in_line || in_line->flight == nullptr) return;
    Flight::launch(in_line->flight, runtime, {host, port}, {}, kPeerTimeout, nullptr, conf::TlsMode::kDisable,
                   conf::TlsNegotiation::kPostgres);
  };
  auto entry = peer_cancels().enter(peer.id, peer.pool_size, [&loop, go] { loop.post(go); });
  waiting->place = std::move(entry.place);
  auto flight = std::make_unique<Flight>(
      runtime, loop, key, kPeerTimeout,
      [waiting] {
        waiting->place->sent();
        return true;
      },
      [waiting](bool) {
        waiting->flight = nullptr;
        waiting->place.reset();
      });
  waiting->flight = flight.get();
  runtime.cancel_flights.keep(loop, std::move(flight));
  if (entry.may_go) go();
}

int cancels_in_flight() { return in_flight.load(std::memory_order_relaxed); }
uint64_t cancels_dropped() { return dropped.load(std::memory_order_relaxed); }

}  // namespace pooler
