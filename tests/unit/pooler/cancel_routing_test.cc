#include "pooler/cancel_routing.h"

#include <chrono>
#include <string>
#include <thread>

#include "pooler/cancel.h"
#include "pooler/peer_cancels.h"
#include "tests/unit/pooler/process_fixture.h"
#include "wire/build.h"

namespace pooler {
namespace {

// Another process of the service: a listener that takes one connection at a time.
class Peer {
 public:
  Peer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

  // What the next connection says in so many bytes; empty if none comes before `patience` is over.
  std::string hear(std::size_t bytes, int patience_ms = 5000) {
    const timeval patience{patience_ms / 1000, (patience_ms % 1000) * 1000};
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const base::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return {};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string heard(bytes, '\0');
    const auto got = ::recv(fd.get(), heard.data(), bytes, MSG_WAITALL);
    heard.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return heard;
  }

 private:
  base::Fd listener_;
  int port_ = 0;
};

class CancelRouting : public testing::Test {
 protected:
  explicit CancelRouting(int peer_id = 1) {
    auto loaded = conf::load_text("[weir]\npeer_id = " + std::to_string(peer_id) +
                                      "\n[databases.app]\nhost = \"127.0.0.1\"\n[peers.1]\nhost = \"127.0.0.1\"\nport = " +
                                      std::to_string(peer_.port()) + "\n[peers.2]\nhost = \"127.0.0.1\"\nport = " +
                                      std::to_string(peer_.port()) + "\npool_size = 1\n",
                                  "test", conf::FixedSurroundings());
    EXPECT_TRUE(loaded.config) << conf::to_text(loaded.problems);
    pools_ = std::make_unique<Pools>(runtime_, loaded.config, ServerTlsContexts{});
    worker_ = std::make_unique<Worker>(0, runtime_, *pools_, loaded.config);
    runtime_.loops.push_back(&worker_->loop());
    runtime_.worker_list.push_back(worker_.get());
    worker_->start();
  }
  ~CancelRouting() override {
    worker_->stop();
    worker_->join();
    auth_queries_.stop_worker(0);
  }
  void route(const wire::CancelKey& key) {
    worker_->loop().post([this, key] { route_cancel(*worker_, key); });
  }
  static wire::CancelKey of_peer(uint32_t peer, std::string_view secret) {
    return wire::CancelKey(0x12000034U | (peer << 8), secret);
  }
  static std::string request(const wire::CancelKey& key) {
    std::string bytes;
    wire::append_cancel_request(bytes, key);
    return bytes;
  }

  Peer peer_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{1};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  std::unique_ptr<Pools> pools_;
  std::unique_ptr<Worker> worker_;
};

class CancelRoutingWithoutANumber : public CancelRouting {
 protected:
  CancelRoutingWithoutANumber() : CancelRouting(0) {}
};

TEST_F(CancelRouting, AKeyOfAPeerIsPassedOnToItWithOneHopLess) {
  route(of_peer(2, "abc\xff"));
  EXPECT_EQ(peer_.hear(16), request(of_peer(2, "abc\xfe")));
}

TEST_F(CancelRouting, AKeyThatHasBeenRoundIsPassedOnNoMore) {
  route(of_peer(2, "abc\xfc"));
  EXPECT_EQ(peer_.hear(16, 200), "");
}

TEST_F(CancelRouting, AKeyOfNobodyWeKnowOrOfOurselvesGoesNowhere) {
  for (const uint32_t peer : {0U, 1U, 3U, 0xffffU}) route(of_peer(peer, "abc\xff"));
  EXPECT_EQ(peer_.hear(16, 200), "");
}

TEST_F(CancelRouting, AKeyOfOursWhoseClientIsGoneGoesNowhere) {
  route(cancel_keys_.add(0, 12345, wire::kProtocol30));
  EXPECT_EQ(peer_.hear(16, 200), "");
}

// One is on its way, to a peer that does not take it, and two are in line.
TEST_F(CancelRouting, TheEndOfItsWorkerIsTheEndOfWhatIsOnItsWay) {
  for (const char* secret : {"abc\xff", "def\xff", "ghi\xff"}) route(of_peer(2, secret));
  while (cancels_in_flight() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(peer_cancels().counts(2).in_line, 2);
  worker_->stop();
  worker_->join();
  EXPECT_EQ(cancels_in_flight(), 0);
  EXPECT_EQ(peer_cancels().counts(2), PeerCancels::Counts());
}

TEST_F(CancelRoutingWithoutANumber, NothingIsPassedOn) {
  route(of_peer(2, "abc\xff"));
  EXPECT_EQ(peer_.hear(16, 200), "");
}

}  // namespace
}  // namespace pooler
