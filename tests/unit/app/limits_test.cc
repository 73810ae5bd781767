#include "app/limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace app {
namespace {

conf::Config two_databases() {
  conf::Config config;
  config.weir.max_client_conn = 1000;
  config.weir.default_pool_size = 20;
  config.weir.reserve_pool_size = 5;
  config.databases["a"];
  config.databases["b"].max_db_connections = 7;
  config.finish();
  return config;
}

TEST(Limits, CountClientsAndWhatEachDatabaseMayOpen) {
  const auto need = descriptors_needed(two_databases(), 4);
  EXPECT_EQ(need.clients, 1000U);
  EXPECT_EQ(need.servers, 25U + 7U);
  EXPECT_GT(need.own, 4U * 3U);
  EXPECT_EQ(need.total(), need.clients + need.servers + need.own);
}

TEST(Limits, MoreWorkersNeedMore) {
  EXPECT_GT(descriptors_needed(two_databases(), 64).own, descriptors_needed(two_databases(), 1).own);
}

TEST(Limits, HttpNeedsItsConnectionsWhereItIsOn) {
  conf::Config config = two_databases();
  const uint64_t without = descriptors_needed(config, 1).own;
  config.http.port = 9127;
  EXPECT_EQ(descriptors_needed(config, 1).own, without + 16 + 2);
}

TEST(Limits, JudgeAtTheEdges) {
  const DescriptorNeed need{.clients = 100, .servers = 20, .own = 30};
  EXPECT_EQ(judge(need, 150), Fit::kEnough);
  EXPECT_EQ(judge(need, 149), Fit::kTooFew);
  EXPECT_EQ(judge(need, 32), Fit::kTooFew);
  EXPECT_EQ(judge(need, 31), Fit::kHopeless);
}

TEST(Limits, TheShortageSaysBothNumbers) {
  const std::string text = shortage_text({.clients = 100, .servers = 20, .own = 30}, 64);
  EXPECT_NE(text.find("64"), std::string::npos);
  EXPECT_NE(text.find("150"), std::string::npos);
}

TEST(Limits, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{64, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
}

}  // namespace
}  // namespace app
