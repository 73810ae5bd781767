#include "pooler/startup_settings.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

wire::StartupMessage startup(std::vector<std::pair<std::string, std::string>> parameters) {
  return {wire::kProtocol30, std::move(parameters)};
}

TEST(StartupSettings, KeepsEverythingButUserAndDatabase) {
  const auto found = read_startup_settings(
      startup({{"user", "u"}, {"database", "d"}, {"TimeZone", "UTC"}, {"_pq_.x", "1"}, {"extra_float_digits", "2"}}), {});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->settings, (ParamList{{"extra_float_digits", "2"}, {"timezone", "UTC"}}));
}

TEST(StartupSettings, ReadsOptionsInTheirPlaceAndTheLastCounts) {
  const auto found = read_startup_settings(
      startup({{"search_path", "a"}, {"options", "-c search_path=b --statement_timeout=5s"}}), {});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->settings, (ParamList{{"search_path", "b"}, {"statement_timeout", "5s"}}));
}

TEST(StartupSettings, LeavesOutWhatIsIgnoredAndWhatIsNoName) {
  const auto found = read_startup_settings(startup({{"extra_float_digits", "2"}, {"1 bad", "x"}}), {"extra_float_digits"});
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->settings.empty());
  EXPECT_EQ(found->nonsense, std::vector<std::string>{"1 bad"});
}

TEST(StartupSettings, KnowsReplication) {
  const auto found = read_startup_settings(startup({{"replication", "database"}}), {});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->replication, wire::Replication::kLogical);
  EXPECT_FALSE(read_startup_settings(startup({{"replication", "perhaps"}}), {}).ok());
}

TEST(StartupSettings, RefusesOptionsThatPostgresqlRefuses) {
  EXPECT_FALSE(read_startup_settings(startup({{"options", "-c ="}}), {}).ok());
}

}  // namespace
}  // namespace pooler
