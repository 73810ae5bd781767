#include "base/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace base {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::size_t kHeadMax = 8192;

HttpRequest request(std::string_view bytes) {
  auto parsed = parse_http(bytes, kHeadMax);
  EXPECT_TRUE(std::holds_alternative<HttpRequest>(parsed)) << bytes;
  return std::holds_alternative<HttpRequest>(parsed) ? std::get<HttpRequest>(parsed) : HttpRequest{};
}

// The status of the refusal; 0 if it is none, -1 if more is waited for.
int refusal(std::string_view bytes, std::size_t head_max = kHeadMax) {
  const auto parsed = parse_http(bytes, head_max);
  if (std::holds_alternative<HttpIncomplete>(parsed)) return -1;
  const auto* response = std::get_if<HttpResponse>(&parsed);
  return response == nullptr ? 0 : response->status;
}

TEST(Http, ARequestIsItsPathItsParametersAndItsHeaders) {
  const HttpRequest got = request(
      "GET /ready%7a?database=a%20b+c&verbose&x=1%3D2 HTTP/1.1\r\nHost: weir\r\nAccept:  text/plain, */* \r\n\r\n");
  EXPECT_EQ(got.method, "GET");
  EXPECT_EQ(got.path, "/readyz");
  ASSERT_NE(got.parameter("database"), nullptr);
  EXPECT_EQ(*got.parameter("database"), "a b c");
  EXPECT_EQ(*got.parameter("verbose"), "");
  EXPECT_EQ(*got.parameter("x"), "1=2");
  EXPECT_EQ(got.parameter("nothing"), nullptr);
  EXPECT_EQ(got.header("accept"), "text/plain, */*");
  EXPECT_EQ(got.header("authorization"), "");
}

TEST(Http, AnOldClientNeedsNoHostAndAProxyNamesItInTheTarget) {
  EXPECT_EQ(request("HEAD / HTTP/1.0\r\n\r\n").method, "HEAD");
  EXPECT_EQ(request("GET http://weir:9127/metrics?a=b HTTP/1.1\r\nHost: weir\r\n\r\n").path, "/metrics");
  EXPECT_EQ(request("GET http://weir HTTP/1.0\r\n\r\n").path, "/");
  EXPECT_EQ(request("\r\nGET / HTTP/1.0\n\n").path, "/") << "bare line feeds, and a blank line in front";
}

TEST(Http, WhatHasNotComeWholeIsWaitedForWhereverItIsCut) {
  const std::string whole = "GET /metrics HTTP/1.1\r\nHost: weir\r\nAccept: */*\r\n\r\n";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_EQ(refusal(whole.substr(0, cut)), -1) << cut;
  EXPECT_EQ(refusal(whole), 0);
  EXPECT_EQ(refusal(whole + "GET /again HTTP/1.1\r\n"), 0) << "what comes behind is nobody's";
}

TEST(Http, WhatIsNoRequestIsRefusedWithItsReason) {
  EXPECT_EQ(refusal("\x16\x03\x01\x02\n\n"), 400) << "TLS";
  EXPECT_EQ(refusal("GET\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / FTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("PRI * HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(refusal("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
  EXPECT_EQ(refusal("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 405) << "methods are case-sensitive";
  EXPECT_EQ(refusal("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n"), 400);
  std::string many = "GET /?";
  for (int i = 0; i < 17; ++i) many += "a=b&";
  EXPECT_EQ(refusal(many + " HTTP/1.0\r\n\r\n"), 400);
}

TEST(Http, ABodyIsRefused) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 0);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), 413);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 413);
}

TEST(Http, AHeadIsBoundedWhetherOrNotItEnds) {
  const std::string start = "GET / HTTP/1.0\r\nX: ";
  EXPECT_EQ(refusal(start + std::string(100, 'x'), 64), 431);
  EXPECT_EQ(refusal(start + std::string(100, 'x') + "\r\n\r\n", 64), 431);
  const std::string exact = start + std::string(64 - start.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(refusal(exact, 64), 0);
  EXPECT_EQ(refusal(exact, 63), 431);
  std::string blanks;
  for (int i = 0; i < 100; ++i) blanks += "\r\n";
  EXPECT_NE(refusal(blanks, 64), -1) << "blank lines are not taken for ever";
}

TEST(Http, AnAnswerSaysWhatItIsAndThatItIsTheLast) {
  HttpResponse response = http_text(404, "there is nothing here");
  response.headers.emplace_back("Allow", "GET");
  const std::string bytes = to_bytes(response, true, WallTime(1'763'694'880s));
  EXPECT_THAT(bytes, StartsWith("HTTP/1.1 404 Not Found\r\nDate: Fri, 21 Nov 2025 03:14:40 GMT\r\n"));
  EXPECT_THAT(bytes, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"));
  EXPECT_THAT(bytes, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(bytes, HasSubstr("\r\nAllow: GET\r\n"));
  EXPECT_THAT(bytes, EndsWith("\r\n\r\nthere is nothing here\n"));
  EXPECT_THAT(to_bytes(response, false, WallTime()), EndsWith("\r\nAllow: GET\r\n\r\n"))
      << "HEAD: the same, without the body";
  EXPECT_THAT(to_bytes(response, false, WallTime()), HasSubstr("Content-Length: 22"));
  EXPECT_THAT(to_bytes(response, false, WallTime()), Not(HasSubstr("nothing")));
}

TEST(Http, EveryStatusThatIsGivenHasAPhrase) {
  for (const int status : {200, 400, 401, 404, 405, 408, 413, 431, 500, 503, 505})
    EXPECT_THAT(to_bytes(http_text(status, ""), true, WallTime()),
                Not(HasSubstr("HTTP/1.1 " + std::to_string(status) + " \r\n")));
}

TEST(Http, OfAUrlThePlaceMayBeShown) {
  const auto place = [](std::string_view url) {
    const auto shown = place_of_url(url);
    return shown.ok() ? *shown : "!" + shown.error().message;
  };
  EXPECT_EQ(place("https://hooks.example.com/services/T0/s3cret?key=s3cret"), "https://hooks.example.com");
  EXPECT_EQ(place("http://me:s3@cret@127.0.0.1:9093/"), "http://127.0.0.1:9093");
  EXPECT_EQ(place("HTTP://[::1]:80?x"), "http://[::1]:80");
  EXPECT_EQ(place("http://a_b-c"), "http://a_b-c");
  for (const char* bad : {"", "s3cret", "ftp://s3cret", "http://", "http://s3cret:x/", "http://s3cret:0", "http://s3cret:65536",
                          "http://s3cret:", "http://[s3cret]", "http://[::1", "http://s3 cret", "http://s3cret\n", "https:///s3cret",
                          "http://me:s3cret/x@host", "http://\xc3\xa4"}) {
    EXPECT_THAT(place(bad), StartsWith("!is not a URL: ")) << bad;
    EXPECT_THAT(place(bad), Not(HasSubstr("s3"))) << bad;
  }
}

}  // namespace
}  // namespace base
