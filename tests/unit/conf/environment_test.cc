#include "conf/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "conf/find_field.h"
#include "conf/load.h"

namespace conf {
namespace {

using ::testing::ElementsAre;

LoadResult load(std::map<std::string, std::string, std::less<>> variables, std::string_view file = "") {
  FixedSurroundings around;
  around.variables = std::move(variables);
  return load_text(file, "weir.toml", around);
}

ConfigPtr good(std::map<std::string, std::string, std::less<>> variables, std::string_view file = "") {
  LoadResult result = load(std::move(variables), file);
  EXPECT_EQ(to_text(result.problems), "");
  return result.config != nullptr ? result.config : std::make_shared<const Config>();
}

std::vector<std::string> problems(std::map<std::string, std::string, std::less<>> variables, std::string_view file = "") {
  std::vector<std::string> lines;
  for (const Problem& problem : load(std::move(variables), file).problems) lines.push_back(to_text(problem));
  return lines;
}

TEST(Environment, WinsOverTheFileInEveryTableThereIsOneOf) {
  const auto config = good({{"WEIR_LISTEN_PORT", "7002"},
                            {"WEIR_WORKERS_COUNT", "3"},
                            {"WEIR_HTTP_PORT", "9127"},
                            {"WEIR_HTTP_TOKEN", "0123456789abcdef"},
                            {"WEIR_HISTORY_INTERVAL", "2min"},
                            {"WEIR_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces"},
                            {"WEIR_ADVICE_ENABLED", "true"}},
                           "[weir]\nlisten_port = 1\n[workers]\ncount = 1\n[http]\nport = 1\n");
  EXPECT_EQ(config->weir.listen_port, 7002);
  EXPECT_EQ(config->workers.count, 3);
  EXPECT_EQ(config->http.port, 9127);
  EXPECT_EQ(config->http.token->reveal(), "0123456789abcdef");
  EXPECT_EQ(config->history.interval, std::chrono::minutes(2));
  EXPECT_EQ(config->traces.endpoint, "http://127.0.0.1:4318/v1/traces");
  EXPECT_TRUE(config->advice.enabled);
}

TEST(Environment, ReachesAndMakesSectionsWithNames) {
  const auto config = good({{"WEIR_DATABASES__app__POOL_SIZE", "7"},
                            {"WEIR_DATABASES__My_App__HOST", "db.example"},
                            {"WEIR_DATABASES__My_App__POOL_SIZE", "8"},
                            {"WEIR_DATABASES__a__b__HOST", "two.example"},
                            {"WEIR_DATABASES__*__HOST", "any.example"},
                            {"WEIR_USERS__alice__PASSWORD", "hush"},
                            {"WEIR_USERS__alice__QUERY_TIMEOUT", "5s"},
                            {"WEIR_PEER_ID", "1"},
                            {"WEIR_PEERS__1__HOST", "one.example"},
                            {"WEIR_PEERS__2__HOST", "two.example"}},
                           "[databases.app]\nhost = \"file.example\"\npool_size = 3\n");
  EXPECT_THAT(config->hosts(config->databases.at("app")), ElementsAre(HostPort{"file.example", 5432}));
  EXPECT_EQ(config->databases.at("app").pool_size, 7);
  EXPECT_THAT(config->hosts(config->databases.at("My_App")), ElementsAre(HostPort{"db.example", 5432}));
  EXPECT_EQ(config->databases.at("My_App").pool_size, 8);
  EXPECT_TRUE(config->databases.contains("a__b"));
  EXPECT_EQ(config->databases.size(), 3U);
  ASSERT_TRUE(config->fallback);
  EXPECT_THAT(config->hosts(*config->fallback), ElementsAre(HostPort{"any.example", 5432}));
  EXPECT_NE(config->find_secret("alice"), nullptr);
  EXPECT_EQ(config->query_timeout(config->databases.at("app"), "alice"), std::chrono::seconds(5));
  EXPECT_EQ(config->peers.at(2).host, "two.example");
}

TEST(Environment, WhatIsWrongIsSaidWithTheVariablesName) {
  EXPECT_THAT(
      problems({{"WEIR_HTTP_PORT", "x"}}),
      ElementsAre("environment variable WEIR_HTTP_PORT: port must be a whole number, not 'x'"));
  EXPECT_THAT(problems({{"WEIR_DATABASES__app__POOL_SIZE", "0"}}),
              ElementsAre(::testing::StartsWith("environment variable WEIR_DATABASES__app__POOL_SIZE: pool_size must be ")));
  constexpr const char* kHow = " names no setting of [databases.NAME]: write WEIR_DATABASES__NAME__SETTING";
  for (const std::string name : {"WEIR_DATABASES__app__POOL_SISE", "WEIR_DATABASES__HOST", "WEIR_DATABASES____HOST"})
    EXPECT_THAT(problems({{name, "1"}}), ElementsAre("environment variable " + name + ":" + kHow));
  for (const std::string name : {"WEIR_PEERS__0__HOST", "WEIR_PEERS__16384__HOST", "WEIR_PEERS__one__HOST"})
    EXPECT_EQ(problems({{name, "h"}}).size(), 1U) << name;
}

TEST(Environment, OtherVariablesAreNobodysBusiness) {
  EXPECT_THAT(problems({{"WEIR_TWIN", "x"}, {"WEIR_HTTP", "x"}, {"WEIR_DATABASE", "app"}, {"WEIR_DATABASES_APP", "x"}}),
              ElementsAre());
}

// [weir] has no prefix of its own: none of its settings may look like another table's.
TEST(Environment, EachVariableNamesOneSetting) {
  std::map<std::string, int> times;
  const auto add = [&]<typename Section>(const std::string& prefix, const Section*) {
    for_each_field<Section>([&](const auto& field) { ++times[prefix + std::string(field.name)]; });
  };
  add("", static_cast<const Weir*>(nullptr));
  add("workers_", static_cast<const Workers*>(nullptr));
  add("http_", static_cast<const Http*>(nullptr));
  add("history_", static_cast<const History*>(nullptr));
  add("traces_", static_cast<const Traces*>(nullptr));
  add("advice_", static_cast<const Advice*>(nullptr));
  add("alerting_", static_cast<const Alerting*>(nullptr));
  for (const auto& [name, count] : times) EXPECT_EQ(count, 1) << name;
}

}  // namespace
}  // namespace conf
