#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

pooler::SocketRow socket(char type, std::string state, uint64_t id) {
  pooler::SocketRow row;
  row.type = type;
  row.user = "app";
  row.database = "appdb";
  row.state = std::move(state);
  row.addr = "10.0.0.9";
  row.port = 40000;
  row.local_addr = "10.0.0.1";
  row.local_port = 6432;
  row.connect_time = base::WallTime(1'795'230'880s);
  row.request_time = base::WallTime(1'795'230'881s);
  row.wait = 3'000'007us;
  row.close_needed = true;
  row.id = id;
  row.link_id = 255;
  row.remote_pid = 77;
  row.tls = "TLSv1.3/TLS_AES_256_GCM_SHA384";
  row.application_name = "psql";
  row.prepared_statements = 6;
  return row;
}

TEST(SocketViews, ShowEverythingOfAClient) {
  World world;
  world.inspector.client_rows = {socket('C', "active", 16)};
  Client client(world);
  EXPECT_THAT(client.query("SHOW CLIENTS"),
              HasSubstr("D(C|app|appdb|none|active|10.0.0.9|40000|10.0.0.1|6432|2026-11-21 03:14:40 UTC|"
                        "2026-11-21 03:14:41 UTC|3|7|1|0x10|0xff|77|TLSv1.3/TLS_AES_256_GCM_SHA384|psql|6|16)"));
}

TEST(SocketViews, SocketsHaveClientsThenServersWithPrefixedStatesAndBuffers) {
  World world;
  world.inspector.client_rows = {socket('C', "login", 1)};
  world.inspector.server_rows = {socket('S', "login", 2)};
  auto& server = world.inspector.server_rows[0];
  server.recv_pos = 1;
  server.pkt_pos = 2;
  server.pkt_remain = 3;
  server.send_pos = 4;
  server.send_remain = 5;
  server.pkt_avail = 6;
  server.send_avail = 7;
  Client client(world);
  const std::string answer = client.query("SHOW SOCKETS");
  EXPECT_LT(answer.find("|cl_login|"), answer.find("|sv_login|"));
  EXPECT_THAT(answer, HasSubstr("|6|2|1|2|3|4|5|6|7)"));
}

TEST(SocketViews, ClientsLeaveOutLoginsAndServersCallThemNew) {
  World world;
  world.inspector.client_rows = {socket('C', "login", 1)};
  world.inspector.server_rows = {socket('S', "login", 2)};
  Client client(world);
  EXPECT_THAT(client.query("SHOW CLIENTS"), Not(HasSubstr("D(")));
  EXPECT_THAT(client.query("SHOW SERVERS"), HasSubstr("|new|"));
}

TEST(SocketViews, ActiveSocketsAreThoseInUseOrWithBytesOnTheirWay) {
  World world;
  world.inspector.client_rows = {socket('C', "active", 1), socket('C', "idle", 2), socket('C', "waiting", 3)};
  world.inspector.client_rows[2].pkt_avail = 10;
  Client client(world);
  const std::string answer = client.query("SHOW ACTIVE_SOCKETS");
  EXPECT_THAT(answer, HasSubstr("|cl_active|"));
  EXPECT_THAT(answer, HasSubstr("|cl_waiting|"));
  EXPECT_THAT(answer, Not(HasSubstr("|cl_idle|")));
}

TEST(SocketViews, TheIdFitsItsColumnAndThePointerIsWhole) {
  World world;
  world.inspector.client_rows = {socket('C', "active", 0x1'8000'0001)};
  Client client(world);
  const std::string answer = client.query("SHOW CLIENTS");
  EXPECT_THAT(answer, HasSubstr("|0x180000001|"));
  EXPECT_THAT(answer, HasSubstr("|1)"));
}

TEST(SocketViews, FdsAreForAdministratorsAndShowNoSecrets) {
  World world;
  Client watcher(world, pooler::ConsoleRole::kStats);
  EXPECT_EQ(watcher.query("SHOW FDS"), "E(ERROR 42501) Z(I)");
  Client root(world);
  EXPECT_THAT(root.query("SHOW FDS"), Not(HasSubstr("D(")));
}

}  // namespace
}  // namespace admin
