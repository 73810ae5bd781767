#include "app/http_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>


namespace app {
namespace {

using testing::HasSubstr;

int port_of(const pooler::ListenSocket& socket) { return socket.info().local_port; }

TEST(HttpService, WithoutAPortThereIsNothing) {
  const auto sockets = HttpService::open(conf::Http());
  ASSERT_TRUE(sockets.ok());
  EXPECT_TRUE(sockets->empty());
}

TEST(HttpService, APortThatIsTakenIsRefusedWithItsName) {
  conf::Weir any;
  any.listen_port = 0;
  any.unix_socket_dir.clear();
  const auto taken = pooler::ListenSocket::open_all(any);
  ASSERT_TRUE(taken.ok());
  conf::Http http;
  http.port = port_of((*taken)[0]);
  const auto refused = HttpService::open(http);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(base::to_text(refused.error()), HasSubstr("cannot listen on 127.0.0.1:" + std::to_string(http.port) +
                                                        ": Address already in use (see [http] port"));
}

TEST(HttpService, LimitsAreTheSettings) {
  conf::Http http;
  http.max_connections = 3;
  http.max_request_size = 1000;
  http.request_timeout = std::chrono::seconds(7);
  http.answer_timeout = std::chrono::seconds(9);
  const base::HttpLimits limits = http_limits(http);
  EXPECT_EQ(limits.connections, 3u);
  EXPECT_EQ(limits.head_bytes, 1000u);
  EXPECT_EQ(limits.request, std::chrono::seconds(7));
  EXPECT_EQ(limits.answer, std::chrono::seconds(9));
  EXPECT_EQ(limits.sending, std::chrono::seconds(9));
}

}  // namespace
}  // namespace app
