#include "base/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace base {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: weir\r\n\r\n";

struct Site {
  Fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  HttpServer server;

  explicit Site(HttpServer::Handler handler, const HttpLimits& limits = {}) : server(limits, std::move(handler)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening.get(), 64), 0);
    ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size);
    server.add(listening.get());
    server.start();
  }

  Fd connect() {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
};

void say(const Fd& fd, std::string_view bytes) {
  EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

// Everything until the other side closes.
std::string hear(const Fd& fd, int timeout_ms = 10'000) {
  std::string all;
  std::array<char, 65536> part;
  for (;;) {
    pollfd wait{fd.get(), POLLIN, 0};
    if (::poll(&wait, 1, timeout_ms) <= 0) return all + "<nothing more comes>";
    const ssize_t got = ::recv(fd.get(), part.data(), part.size(), 0);
    if (got < 0) return all + "<reset>";
    if (got == 0) return all;
    all.append(part.data(), static_cast<std::size_t>(got));
  }
}

std::string ask(Site& site, std::string_view request = kGet) {
  const Fd fd = site.connect();
  say(fd, request);
  return hear(fd);
}

void well(HttpRequest, const HttpServer::Answer& answer) { answer(http_text(200, "well")); }

TEST(HttpServer, AnswersARequestAndCloses) {
  Site site(well);
  EXPECT_THAT(ask(site), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(ask(site), EndsWith("\r\n\r\nwell\n"));
  EXPECT_THAT(ask(site, "HEAD / HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\n"));
  EXPECT_EQ(site.server.requests(), 3U);
  EXPECT_EQ(site.server.refused(), 0U);
}

TEST(HttpServer, ARequestMayComeByteByByteAndItsSenderMayCloseItsHalf) {
  Site site(well);
  const Fd fd = site.connect();
  for (const char c : kGet) say(fd, std::string_view(&c, 1));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_THAT(hear(fd), EndsWith("well\n"));
}

TEST(HttpServer, WhatIsRefusedIsToldWhyEvenIfMoreIsStillComing) {
  Site site(well);
  const Fd fd = site.connect();
  say(fd, "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
  EXPECT_THAT(hear(fd), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask(site, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(site.server.refused(), 2U);
  EXPECT_EQ(site.server.requests(), 0U);
}

TEST(HttpServer, WhoTakesTooLongToAskIsCutOffHoweverBusyHeLooks) {
  Site site(well, {.request = 200ms});
  const auto begun = now();
  const Fd silent = site.connect();
  const Fd slow = site.connect();
  std::string heard;
  for (const char c : kGet) {  // a byte now and then: no pause is ever long
    if (::send(slow.get(), &c, 1, MSG_NOSIGNAL) < 0) break;
    pollfd wait{slow.get(), POLLIN, 0};
    if (::poll(&wait, 1, 20) > 0) break;
  }
  EXPECT_THAT(hear(slow), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(hear(silent), "");
  EXPECT_LT(now() - begun, 5s);
  EXPECT_EQ(site.server.refused(), 2U);
}

TEST(HttpServer, WhoDoesNotReadTheAnswerIsCutOff) {
  const std::string large(16 << 20, 'x');
  Site site([&large](HttpRequest, const HttpServer::Answer& answer) { answer(http_text(200, large)); },
            {.connections = 1, .sending = 2s});  // time enough for who does read, under a sanitizer too
  const Fd idle = site.connect();
  say(idle, kGet);
  const auto begun = now();
  EXPECT_EQ(ask(site).size() > large.size(), true) << "the only place is free again";
  EXPECT_LT(now() - begun, 10s);
}

TEST(HttpServer, AnAnswerThatDoesNotComeIsReplacedAndMayComeLater) {
  std::promise<HttpServer::Answer> kept;
  Site site([&kept](HttpRequest, HttpServer::Answer answer) { kept.set_value(std::move(answer)); }, {.answer = 100ms});
  EXPECT_THAT(ask(site), StartsWith("HTTP/1.1 503 "));
  kept.get_future().get()(http_text(200, "late"));
}

TEST(HttpServer, AnAnswerMayOutliveTheServer) {
  HttpServer::Answer kept;
  {
    std::promise<void> asked;
    Site site([&](HttpRequest, HttpServer::Answer answer) {
      kept = std::move(answer);
      asked.set_value();
    });
    const Fd fd = site.connect();
    say(fd, kGet);
    asked.get_future().wait();
  }
  kept(http_text(200, "nobody hears this"));
}

TEST(HttpServer, BeyondTheLimitConnectionsWaitTheirTurn) {
  std::vector<HttpServer::Answer> kept;
  std::promise<void> both;
  Site site(
      [&](HttpRequest, HttpServer::Answer answer) {
        kept.push_back(std::move(answer));
        if (kept.size() == 2) both.set_value();
      },
      {.connections = 2});
  const Fd first = site.connect(), second = site.connect(), third = site.connect();
  for (const Fd* fd : {&first, &second, &third}) say(*fd, kGet);
  both.get_future().wait();
  EXPECT_EQ(hear(third, 100), "<nothing more comes>");
  const HttpServer::Answer one = kept[0], two = kept[1];
  one(http_text(200, "one"));
  two(http_text(200, "two"));
  EXPECT_THAT(hear(first) + hear(second), testing::AllOf(HasSubstr("one"), HasSubstr("two")));
  for (int i = 0; i < 500 && site.server.requests() < 3; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(site.server.requests(), 3U);
}

TEST(HttpServer, AnExceptionOfTheHandlerEndsThatConnectionAlone) {
  Site site([](HttpRequest request, const HttpServer::Answer& answer) {
    if (request.path == "/bad") throw std::runtime_error("of a library");
    answer(http_text(200, "well"));
  });
  EXPECT_EQ(ask(site, "GET /bad HTTP/1.0\r\n\r\n"), "");
  EXPECT_THAT(ask(site), EndsWith("well\n"));
}

TEST(HttpServer, StopsWithConnectionsOpen) {
  Site site([](HttpRequest, const HttpServer::Answer&) {});
  const Fd asking = site.connect(), silent = site.connect();
  say(asking, kGet);
  for (int i = 0; i < 500 && site.server.requests() < 1; ++i) std::this_thread::sleep_for(10ms);
  site.server.stop();
  EXPECT_EQ(hear(asking), "");
  site.server.stop();
}

}  // namespace
}  // namespace base
