#include "admin/prepared.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::ElementsAre;

TEST(ConsolePrepared, NamesAreUniqueUntilClosed) {
  PreparedSet set;
  EXPECT_TRUE(set.parse({.name = "s", .sql = "SHOW POOLS", .parameter_types = {}}).ok());
  EXPECT_EQ(set.parse({.name = "s", .sql = "SHOW POOLS", .parameter_types = {}}).error().sqlstate, "42P05");
  set.close_statement("s");
  EXPECT_TRUE(set.parse({.name = "s", .sql = "SHOW STATS", .parameter_types = {}}).ok());
  EXPECT_TRUE(set.parse({.name = "", .sql = "SHOW STATS", .parameter_types = {}}).ok());
  EXPECT_TRUE(set.parse({.name = "", .sql = "SHOW POOLS", .parameter_types = {}}).ok());
}

TEST(ConsolePrepared, AWrongParseForgetsTheUnnamedStatement) {
  PreparedSet set;
  ASSERT_TRUE(set.parse({.name = "", .sql = "SHOW POOLS", .parameter_types = {}}).ok());
  EXPECT_FALSE(set.parse({.name = "", .sql = "SHWO", .parameter_types = {}}).ok());
  EXPECT_EQ(set.statement(""), nullptr);
}

TEST(ConsolePrepared, TakesOneCommandAtATime) {
  PreparedSet set;
  EXPECT_EQ(set.parse({.name = "", .sql = "RESUME; RESUME", .parameter_types = {}}).error().sqlstate, "42601");
}

TEST(ConsolePrepared, IsBoundedInNumberAndBytes) {
  PreparedSet set;
  for (std::size_t i = 0; i < kMaxPrepared; ++i) {
    ASSERT_TRUE(set.parse({.name = fmt::to_string(i), .sql = "RESUME", .parameter_types = {}}).ok());
  }
  EXPECT_EQ(set.parse({.name = "one more", .sql = "RESUME", .parameter_types = {}}).error().sqlstate, "54000");
  set.close_all_statements();
  const std::string half = "RESUME --" + std::string(kMaxPreparedBytes / 2, 'x');
  EXPECT_TRUE(set.parse({.name = "a", .sql = half, .parameter_types = {}}).ok());
  EXPECT_EQ(set.parse({.name = "b", .sql = half, .parameter_types = {}}).error().sqlstate, "54000");
  set.close_statement("a");
  EXPECT_TRUE(set.parse({.name = "b", .sql = half, .parameter_types = {}}).ok());

  for (std::size_t i = 0; i < kMaxPortals; ++i) {
    ASSERT_TRUE(set.bind({.portal = fmt::to_string(i), .statement = "b", .formats = {}, .values = {}, .results = {}})
                    .ok());
  }
  EXPECT_EQ(
      set.bind({.portal = "more", .statement = "b", .formats = {}, .values = {}, .results = {}}).error().sqlstate,
      "54000");
}

struct Case {
  std::string_view sql;
  std::vector<uint32_t> types;
  std::vector<std::string_view> values;
  std::vector<int16_t> formats;
  std::string_view outcome;  // a call of the pooler, or an SQLSTATE
};

TEST(ConsolePrepared, ParametersStandForNamesAndValues) {
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"PAUSE $1", {}, {"appdb"}, {}, "pause appdb"},
      {"KILL_CLIENT $1", {}, {"17"}, {1}, "kill_client 17"},
      {"KILL_CLIENT $1", {23}, {"\0\0\1\1"sv}, {1}, "kill_client 257"},
      {"KILL_CLIENT $1", {20}, {"\0\0\0\1\0\0\0\0"sv}, {1}, "kill_client 4294967296"},
      {"KILL_CLIENT $1", {21}, {"\0\7"sv}, {1}, "kill_client 7"},
      {"KILL_CLIENT $1", {23}, {"\0\1"sv}, {1}, "22P03"},
      {"SET query_timeout = $1", {0}, {"5 s; DROP"}, {0}, "set query_timeout=5 s; DROP"},
      {"KILL $1", {}, {""}, {}, "42601"},  // an empty name is not "all of them"
      {"KILL $1", {}, {}, {}, "08P01"},
      {"KILL $1", {}, {"a", "b"}, {}, "08P01"},
      {"KILL $1", {}, {"a"}, {0, 0}, "08P01"},
      {"KILL $1", {}, {"a"}, {7}, "22023"},
      {"KILL $99", {}, {"a"}, {}, "42P02"},
      {"KILL $0", {}, {"a"}, {}, "42P02"},
  };
  for (const Case& c : cases) {
    World world;
    Client client(world);
    const std::string answer =
        client.send(Batch().parse(c.sql, "", c.types).bind(c.values, {}, "", "", c.formats).execute().sync().bytes);
    if (answer.find("E(ERROR " + std::string(c.outcome)) != std::string::npos) {
      EXPECT_TRUE(world.operations.calls.empty()) << c.sql;
    } else {
      EXPECT_THAT(world.operations.calls, ElementsAre(std::string(c.outcome))) << c.sql << ": " << answer;
    }
  }
}

TEST(ConsolePrepared, AParameterIsNeverNull) {
  PreparedSet set;
  ASSERT_TRUE(set.parse({.name = "", .sql = "KILL $1", .parameter_types = {}}).ok());
  EXPECT_EQ(
      set.bind({.portal = "", .statement = "", .formats = {}, .values = {std::nullopt}, .results = {}}).error().sqlstate,
      "22004");
}

}  // namespace
}  // namespace admin
