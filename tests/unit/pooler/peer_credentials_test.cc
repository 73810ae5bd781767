#include "pooler/peer_credentials.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

namespace {

// Two ends of a Unix socket.
struct Pair {
  int ends[2] = {-1, -1};
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

std::string own_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : "";
}

TEST(PeerCredentials, TheKernelNamesTheUserBehindAUnixSocket) {
  Pair pair;
  const auto uid = pooler::peer_uid(pair.ends[0]);
  ASSERT_TRUE(uid.ok()) << to_text(uid.error());
  EXPECT_EQ(*uid, ::geteuid());
}

TEST(PeerCredentials, ATcpSocketHasNone) {
  const int tcp = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto uid = pooler::peer_uid(tcp);
  ASSERT_FALSE(uid.ok());
  EXPECT_EQ(uid.error().sqlstate, "28000");
  ::close(tcp);
  EXPECT_FALSE(pooler::peer_uid(-1).ok());
}

TEST(PeerCredentials, AUnixSocketThatNobodyConnectedHasNone) {
  const int lone = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_FALSE(pooler::peer_uid(lone).ok());
  ::close(lone);
}

TEST(PeerCredentials, KnowsTheNamesOfUsers) {
  const auto name = pooler::system_user_name(0);
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(*name, "root");
}

TEST(PeerCredentials, AUserWithoutANameIsAnError) {
  const auto name = pooler::system_user_name(2'123'456'789);
  ASSERT_FALSE(name.ok());
  EXPECT_EQ(name.error().sqlstate, "28000");
  EXPECT_NE(name.error().message.find("2123456789"), std::string::npos);
}

TEST(PeerCredentials, TheNameComesOnTheLoop) {
  base::EventLoop loop;
  base::Offload offload("names", 1);
  Pair pair;
  std::optional<std::string> name;
  base::Timer limit(loop, [&loop] { loop.stop(); });
  limit.once(std::chrono::seconds(20));
  base::Ticket ticket;
  loop.post([&] {
    auto asked = pooler::peer_user_name(offload, loop, pair.ends[0], [&](base::Result<std::string> found) {
      EXPECT_TRUE(loop.in_loop_thread());
      ASSERT_TRUE(found.ok());
      name = *found;
      loop.stop();
    });
    ASSERT_TRUE(asked.ok());
    ticket = *std::move(asked);
  });
  loop.run();
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(*name, own_name());
}

}  // namespace
