#include "pooler/listen_socket.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "tests/unit/pooler/sockets.h"

namespace pooler {
namespace {

namespace fs = std::filesystem;

class ListenSocketTest : public testing::Test {
 protected:
  ListenSocketTest() : folder_(fs::temp_directory_path() / ("weir-listen-" + std::to_string(base::random_u64()))) {
    fs::create_directory(folder_);
    weir_.listen_port = free_port();
    weir_.unix_socket_dir = folder_;
    path_ = folder_ / (".s.PGSQL." + std::to_string(weir_.listen_port));
  }
  ~ListenSocketTest() override { fs::remove_all(folder_); }

  bool unix_answers(const std::string& path) {
    const base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
  }

  conf::Weir weir_;
  fs::path folder_, path_;
};

TEST_F(ListenSocketTest, OpensTcpAndUnix) {
  auto sockets = ListenSocket::open_all(weir_);
  ASSERT_TRUE(sockets.ok()) << base::to_text(sockets.error());
  ASSERT_EQ(sockets->size(), 2U);
  EXPECT_EQ((*sockets)[0].text(), "127.0.0.1:" + std::to_string(weir_.listen_port));
  EXPECT_EQ((*sockets)[0].info().local_port, weir_.listen_port);
  EXPECT_TRUE((*sockets)[1].info().unix_socket);
  EXPECT_EQ((*sockets)[1].text(), "unix:" + path_.string());
  EXPECT_TRUE(connect_to(weir_.listen_port));
  EXPECT_TRUE(unix_answers(path_));
}

TEST_F(ListenSocketTest, TheUnixSocketsFileHasItsModeAndGoesWithIt) {
  weir_.unix_socket_mode.bits = 0770;
  {
    auto sockets = ListenSocket::open_all(weir_);
    ASSERT_TRUE(sockets.ok());
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0770U);
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ListenSocketTest, ASocketThatADeadProcessLeftIsReplaced) {
  {
    const base::Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = path_;
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(fs::exists(path_));
  auto sockets = ListenSocket::open_all(weir_);
  ASSERT_TRUE(sockets.ok()) << base::to_text(sockets.error());
  EXPECT_TRUE(unix_answers(path_));
}

TEST_F(ListenSocketTest, ASocketThatSomebodyListensOnIsRespected) {
  weir_.listen_addr.clear();
  auto first = ListenSocket::open_all(weir_);
  ASSERT_TRUE(first.ok());
  const auto second = ListenSocket::open_all(weir_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("another process listens there"), std::string::npos);
  EXPECT_TRUE(unix_answers(path_));
}

TEST_F(ListenSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_FALSE(ListenSocket::open_all(weir_).ok());
  EXPECT_TRUE(fs::is_regular_file(path_));
}

TEST_F(ListenSocketTest, ASuccessorsFileIsLeftAlone) {
  {
    auto sockets = ListenSocket::open_all(weir_);
    ASSERT_TRUE(sockets.ok());
    fs::remove(path_);
    std::ofstream(path_) << "successor";
  }
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ListenSocketTest, TheDefaultFolderThatCannotBeUsedIsDoneWithoutWhereThereIsTcp) {
  weir_.unix_socket_dir = conf::Weir{}.unix_socket_dir;
  // In the way, for root too; where it cannot be made, neither can the socket.
  const fs::path in_the_way = fs::path(weir_.unix_socket_dir) / path_.filename();
  std::ofstream(in_the_way) << "no socket";
  auto sockets = ListenSocket::open_all(weir_);
  weir_.listen_addr.clear();
  const auto without_tcp = ListenSocket::open_all(weir_);
  fs::remove(in_the_way);
  ASSERT_TRUE(sockets.ok()) << base::to_text(sockets.error());
  ASSERT_EQ(sockets->size(), 1U);
  EXPECT_FALSE((*sockets)[0].info().unix_socket);
  EXPECT_FALSE(without_tcp.ok());
}

TEST_F(ListenSocketTest, AFolderThatWasAskedForIsNotDoneWithout) {
  weir_.unix_socket_dir = folder_ / "missing";
  EXPECT_FALSE(ListenSocket::open_all(weir_).ok());
}

TEST_F(ListenSocketTest, AnAbstractSocketNeedsNoFolder) {
  weir_.listen_addr.clear();
  weir_.unix_socket_dir = "@weir-test-" + std::to_string(base::random_u64());
  auto sockets = ListenSocket::open_all(weir_);
  ASSERT_TRUE(sockets.ok()) << base::to_text(sockets.error());
  EXPECT_TRUE(unix_answers(weir_.unix_socket_dir + "/.s.PGSQL." + std::to_string(weir_.listen_port)));
}

TEST_F(ListenSocketTest, ATakenPortIsSaidWithItsName) {
  weir_.unix_socket_dir.clear();
  auto first = ListenSocket::open_all(weir_);
  ASSERT_TRUE(first.ok());
  const auto second = ListenSocket::open_all(weir_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(weir_.listen_port)), std::string::npos);
  EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos);
}

TEST_F(ListenSocketTest, SeveralProcessesMayShareAPortThatIsMeantToBeShared) {
  weir_.unix_socket_dir.clear();
  weir_.so_reuseport = true;
  auto first = ListenSocket::open_all(weir_);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(ListenSocket::open_all(weir_).ok());
}

TEST_F(ListenSocketTest, AStarIsEveryAddressOfBothFamilies) {
  weir_.unix_socket_dir.clear();
  weir_.listen_addr = {"*"};
  auto sockets = ListenSocket::open_all(weir_);
  ASSERT_TRUE(sockets.ok()) << base::to_text(sockets.error());
  for (const auto& socket : *sockets) EXPECT_TRUE(socket.any_address());
  EXPECT_TRUE(connect_to(weir_.listen_port));
}

TEST_F(ListenSocketTest, APathThatIsTooLongIsAnError) {
  weir_.listen_addr.clear();
  weir_.unix_socket_dir = "/" + std::string(200, 'x');
  EXPECT_FALSE(ListenSocket::open_all(weir_).ok());
}

TEST_F(ListenSocketTest, AnUnknownGroupIsAnError) {
  weir_.listen_addr.clear();
  weir_.unix_socket_group = "no-such-group-here";
  const auto sockets = ListenSocket::open_all(weir_);
  ASSERT_FALSE(sockets.ok());
  EXPECT_NE(sockets.error().message.find("no-such-group-here"), std::string::npos);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ListenSocketTest, OnlyAListeningSocketIsAdopted) {
  EXPECT_FALSE(ListenSocket::adopt(base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))).ok());
  EXPECT_FALSE(ListenSocket::adopt(base::Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))).ok());
  base::Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(listening.get(), 1), 0);  // binds to a free port
  EXPECT_TRUE(ListenSocket::adopt(std::move(listening)).ok());
}

}  // namespace
}  // namespace pooler
