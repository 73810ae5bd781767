#include "base/outbox.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/text.h"

namespace base {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

std::string answer(int status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

// A server that hears each request to its end and says what it is told to. nullopt: it says nothing and holds the
// connection until the test is over.
class Site {
 public:
  using Reply = std::function<std::optional<std::string>(const std::string& request)>;
  explicit Site(Reply reply) : reply_(std::move(reply)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening_.get(), 64), 0);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Site() {
    end_ = true;
    thread_.join();
  }

  std::string url(std::string_view path = "/hook") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Peer {
    Fd fd;
    std::string heard;
    bool held = false;
  };
  void serve() {
    std::vector<Peer> peers;
    while (!end_) {
      std::vector<pollfd> waits = {{listening_.get(), POLLIN, 0}};
      for (const Peer& peer : peers) waits.push_back({peer.held ? -1 : peer.fd.get(), POLLIN, 0});
      if (::poll(waits.data(), waits.size(), 20) <= 0) continue;
      for (std::size_t i = waits.size() - 1; i > 0; --i)
        if (waits[i].revents != 0 && !hear(peers[i - 1])) peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      if (waits[0].revents != 0) peers.push_back({Fd(::accept(listening_.get(), nullptr, nullptr)), "", false});
    }
  }
  bool hear(Peer& peer) {
    std::array<char, 65536> part;
    const ssize_t got = ::recv(peer.fd.get(), part.data(), part.size(), 0);
    if (got <= 0) return false;
    peer.heard.append(part.data(), static_cast<std::size_t>(got));
    const auto head = peer.heard.find("\r\n\r\n");
    const auto length = peer.heard.find("Content-Length: ");
    if (head == std::string::npos || length == std::string::npos) return true;
    const auto digits = peer.heard.substr(length + 16, peer.heard.find('\r', length) - length - 16);
    if (peer.heard.size() < head + 4 + static_cast<std::size_t>(parse_int(digits).value_or(0))) return true;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(peer.heard);
    }
    const auto reply = reply_(std::exchange(peer.heard, ""));
    if (!reply) return peer.held = true;
    (void)::send(peer.fd.get(), reply->data(), reply->size(), MSG_NOSIGNAL);
    return true;
  }

  const Reply reply_;
  Fd listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
  std::atomic<bool> end_ = false;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::optional<std::string> well(const std::string&) { return answer(200, "thanks"); }
std::optional<std::string> silence(const std::string&) { return std::nullopt; }

std::future<PostOutcome> post(Outbox& outbox, PostRequest request) {
  auto promise = std::make_shared<std::promise<PostOutcome>>();
  auto future = promise->get_future();
  EXPECT_TRUE(outbox.post(std::move(request), [promise](const PostOutcome& outcome) { promise->set_value(outcome); }));
  return future;
}

PostRequest json(std::string url, std::string body = "{}") {
  return {.url = std::move(url), .type = "application/json", .body = std::move(body)};
}

TEST(Outbox, PostsABodyWithItsHeaders) {
  Site site(well);
  Outbox outbox("weir/1.2");
  auto request = json(site.url("/hook?a=b"), "{\"status\":\"firing\"}");
  request.headers = {"Authorization: Bearer s3cret"};
  const auto outcome = post(outbox, std::move(request)).get();
  EXPECT_EQ(outcome.status, 200);
  EXPECT_TRUE(outcome.delivered());
  EXPECT_EQ(outcome.answer, "thanks");
  EXPECT_EQ(outcome.error, "");
  ASSERT_EQ(site.requests().size(), 1u);
  const std::string heard = site.requests()[0];
  EXPECT_THAT(heard, StartsWith("POST /hook?a=b HTTP/1.1\r\n"));
  for (const char* part : {"Content-Type: application/json\r\n", "Authorization: Bearer s3cret\r\n", "User-Agent: weir/1.2\r\n",
                           "\r\n\r\n{\"status\":\"firing\"}"})
    EXPECT_THAT(heard, HasSubstr(part));
  EXPECT_THAT(heard, Not(HasSubstr("Expect")));
  EXPECT_EQ(outbox.counts().sent, 1u);
  EXPECT_EQ(outbox.counts().held, 0u);
}

TEST(Outbox, ABodyMayHaveAnyBytesAndALargeOneGoesAtOnce) {
  Site site(well);
  Outbox outbox("weir");
  std::string body(3 << 20, 'x');
  body[7] = '\0';
  const auto began = now();
  EXPECT_TRUE(post(outbox, json(site.url(), body)).get().delivered());
  EXPECT_LT(now() - began, 900ms);  // libcurl waits a second where it asks for permission first
  EXPECT_TRUE(site.requests()[0].ends_with(body));
}

TEST(Outbox, WhatTheServerSaysIsTheOutcome) {
  Site site([](const std::string&) { return answer(503, "later", "Retry-After: 7\r\n"); });
  Outbox outbox("weir");
  const auto outcome = post(outbox, json(site.url())).get();
  EXPECT_EQ(outcome.status, 503);
  EXPECT_FALSE(outcome.delivered());
  EXPECT_EQ(outcome.answer, "later");
  EXPECT_EQ(outcome.retry_after, 7s);
  EXPECT_EQ(outbox.counts().failed, 1u);
  EXPECT_EQ(outbox.counts().sent, 0u);
}

TEST(Outbox, GoesNowhereElse) {
  Site other(well);
  Site site([&other](const std::string&) { return answer(307, "", "Location: " + other.url() + "\r\n"); });
  Outbox outbox("weir");
  EXPECT_EQ(post(outbox, json(site.url())).get().status, 307);
  EXPECT_TRUE(other.requests().empty());
  ::setenv("http_proxy", other.url("").c_str(), 1);
  EXPECT_EQ(post(outbox, json(site.url())).get().status, 307);
  ::unsetenv("http_proxy");
  EXPECT_TRUE(other.requests().empty());
  EXPECT_EQ(post(outbox, json("file:///etc/passwd")).get().error, "neither http:// nor https://");
  EXPECT_NE(post(outbox, json("ftp://127.0.0.1/")).get().error, "");
}

TEST(Outbox, SaysWhyThereWasNoAnswerAndNoSecret) {
  int port = 0;
  {
    Site gone(well);
    port = static_cast<int>(*parse_int(gone.url("").substr(gone.url("").rfind(':') + 1)));
  }
  Outbox outbox("weir");
  const auto refused = post(outbox, json("http://me:s3cret@127.0.0.1:" + std::to_string(port) + "/t0ken")).get();
  EXPECT_EQ(refused.status, 0);
  EXPECT_FALSE(refused.delivered());
  EXPECT_THAT(refused.error, ContainsRegex("[Cc]onnect"));
  EXPECT_THAT(refused.error, Not(HasSubstr("s3cret")));
  EXPECT_THAT(refused.error, Not(HasSubstr("t0ken")));
  EXPECT_EQ(post(outbox, json("http://me:s3/cret@127.0.0.1/")).get().error, "not a URL");
  auto split = json("http://127.0.0.1/");
  split.headers = {"A: b\r\nC: d"};
  EXPECT_EQ(post(outbox, split).get().error, "a header has a line break in it");
  EXPECT_EQ(outbox.counts().failed, 3u);
}

TEST(Outbox, PasswordsOfAUrlAreSentAsAuthorization) {
  Site site(well);
  Outbox outbox("weir");
  EXPECT_TRUE(post(outbox, json("http://me:s3cret@" + site.url().substr(7))).get().delivered());
  EXPECT_THAT(site.requests()[0], HasSubstr("Authorization: Basic bWU6czNjcmV0\r\n"));
}

TEST(Outbox, AServerThatSaysNothingIsLeftAtTheDeadlineAndHoldsUpNobody) {
  Site slow(silence), site(well);
  Outbox outbox("weir");
  auto request = json(slow.url());
  request.deadline = 300ms;
  const auto began = now();
  auto late = post(outbox, std::move(request));
  EXPECT_TRUE(post(outbox, json(site.url())).get().delivered());
  EXPECT_LT(now() - began, 300ms);
  const auto outcome = late.get();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.error, "no answer before the deadline");
  EXPECT_GE(now() - began, 290ms);
  EXPECT_LT(now() - began, 3s);
}

TEST(Outbox, TheDeadlineHoldsInLineToo) {
  Site slow(silence);
  Outbox outbox("weir", {.at_once = 1});
  const auto began = now();
  auto first = json(slow.url());
  first.deadline = 5s;
  auto second = json(slow.url());
  second.deadline = 200ms;
  auto hangs = post(outbox, std::move(first));
  EXPECT_EQ(post(outbox, std::move(second)).get().error, "the deadline passed while it was in line");
  EXPECT_LT(now() - began, 3s);
}

TEST(Outbox, OfALongAnswerTheBeginIsRead) {
  Site site([](const std::string&) { return answer(200, std::string(1 << 20, 'a')); });
  Outbox outbox("weir", {.answer = 1000});
  const auto outcome = post(outbox, json(site.url())).get();
  EXPECT_TRUE(outcome.delivered());
  EXPECT_EQ(outcome.answer, std::string(1000, 'a'));
}

TEST(Outbox, WhatDoesNotFitIsDroppedAndCounted) {
  Site slow(silence);
  Outbox outbox("weir", {.items = 3, .bytes = 10'000, .at_once = 1});
  std::atomic<int> came = 0;
  const auto count = [&came](const PostOutcome&) { ++came; };
  EXPECT_FALSE(outbox.post(json(slow.url(), std::string(10'000, 'x')), count));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(outbox.post(json(slow.url()), count));
  EXPECT_FALSE(outbox.post(json(slow.url()), count));
  EXPECT_EQ(outbox.counts().dropped, 2u);
  EXPECT_EQ(outbox.counts().held, 3u);
  outbox.stop();
  EXPECT_EQ(came, 3);
  EXPECT_EQ(outbox.counts().failed, 3u);
  EXPECT_FALSE(outbox.post(json(slow.url()), count));
}

TEST(Outbox, RequestsThatWereDoneMakeRoom) {
  Site site(well);
  Outbox outbox("weir", {.items = 1});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(post(outbox, json(site.url())).get().delivered()) << i;
}

TEST(Outbox, StopsAtOnceThoughAServerHangs) {
  Site slow(silence);
  Outbox outbox("weir");
  auto request = json(slow.url());
  request.deadline = 60s;
  auto under_way = post(outbox, request);
  while (slow.requests().empty()) std::this_thread::yield();
  const auto began = now();
  outbox.stop();
  EXPECT_LT(now() - began, 1s);
  EXPECT_EQ(under_way.get().error, "given up: the process ends");
}

TEST(Outbox, StopsWithPatienceWhenAllIsSaid) {
  Site site(well);
  Outbox outbox("weir");
  std::vector<std::future<PostOutcome>> all;
  for (int i = 0; i < 30; ++i) all.push_back(post(outbox, json(site.url())));
  const auto began = now();
  outbox.stop(20s);
  EXPECT_LT(now() - began, 10s);
  for (auto& one : all) EXPECT_TRUE(one.get().delivered());
}

TEST(Outbox, ADoneMayPostAnother) {
  Site site(well);
  Outbox outbox("weir");
  auto promise = std::make_shared<std::promise<PostOutcome>>();
  auto future = promise->get_future();
  EXPECT_TRUE(outbox.post(json(site.url("/1")), [&outbox, &site, promise](const PostOutcome&) {
    EXPECT_TRUE(outbox.post(json(site.url("/2")), [promise](const PostOutcome& outcome) { promise->set_value(outcome); }));
  }));
  EXPECT_TRUE(future.get().delivered());
  EXPECT_EQ(site.requests().size(), 2u);
}

TEST(Outbox, WithoutARequestThereIsNoThread) {
  Outbox outbox("weir");
  outbox.stop(10s);
  EXPECT_EQ(outbox.counts().held, 0u);
}

}  // namespace
}  // namespace base
