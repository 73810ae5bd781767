#include "admin/http_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"
#include "tests/support/run_loop.h"

namespace admin {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Scene {
  World world;
  base::EventLoop loop;
  std::shared_ptr<conf::Config> config = std::make_shared<conf::Config>();
  HttpPages pages{{.loop = loop,
                   .sources = world.console.sources(),
                   .loops = {{"the main thread", &loop}},
                   .config = [this] { return config; },
                   .requests = [] { return 3; },
                   .refused = [] { return 1; }}};

  base::HttpResponse get(base::HttpRequest request) {
    std::optional<base::HttpResponse> got;
    request.method = "GET";
    pages.handle(request, [&got](base::HttpResponse response) { got = std::move(response); });
    EXPECT_TRUE(support::run_until(loop, [&got] { return got.has_value(); }));
    return got.value_or(base::HttpResponse{});
  }
  base::HttpResponse get(std::string path) { return get({.method = "GET", .path = std::move(path)}); }
  int status_with(std::string authorization) {
    return get({.method = "GET", .path = "/version", .headers = {{"authorization", std::move(authorization)}}}).status;
  }
};

TEST(HttpPages, TheVersionIsTold) {
  Scene scene;
  const auto response = scene.get("/version");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.type, "application/json");
  EXPECT_EQ(response.body, R"({"name":"Weir","version":"0.1.0","console":"PgBouncer 1.25.2"})" "\n");
}

TEST(HttpPages, WhatIsNotThereIs404) {
  Scene scene;
  for (const char* path : {"/", "/metric", "/metrics/", "/METRICS", "/../etc/passwd"}) EXPECT_EQ(scene.get(path).status, 404) << path;
}

TEST(HttpPages, ATokenIsNeededWhereOneIsSet) {
  Scene scene;
  EXPECT_EQ(scene.status_with("Bearer whatever"), 200) << "none is set";
  scene.config->http.token = conf::Secret("s3cret");
  EXPECT_EQ(scene.status_with("Bearer s3cret"), 200);
  EXPECT_EQ(scene.status_with("bearer  s3cret"), 200) << "schemes are not case-sensitive";
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Bearer S3CRET", "Basic s3cret", "s3cret"})
    EXPECT_EQ(scene.status_with(wrong), 401) << wrong;
  for (const char* path : {"/metrics", "/metrics.json", "/healthz", "/readyz", "/nothing"}) {
    const auto response = scene.get(path);
    EXPECT_EQ(response.status, 401) << path;
    EXPECT_EQ(response.headers.at(0).first, "WWW-Authenticate");
  }
}

TEST(HttpPages, MetricsComeInThreeFormats) {
  Scene scene;
  const auto plain = scene.get("/metrics");
  EXPECT_EQ(plain.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(plain.body, HasSubstr("\nweir_http_requests_total 3\n"));
  EXPECT_THAT(plain.body, HasSubstr("\nweir_http_refused_total 1\n"));
  const auto open = scene.get({.method = "GET", .path = "/metrics", .headers = {{"accept", "application/openmetrics-text"}}});
  EXPECT_EQ(open.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(open.body, EndsWith("\n# EOF\n"));
  const auto json = scene.get("/metrics.json");
  EXPECT_EQ(json.type, "application/json");
  EXPECT_THAT(json.body, StartsWith("{\"metrics\":["));
}

TEST(HttpPages, HealthIsThatLoopsTurn) {
  Scene scene;
  EXPECT_EQ(scene.get("/healthz").status, 200);
  base::EventLoop stuck;
  HttpPages pages({.loop = scene.loop,
                   .sources = scene.world.console.sources(),
                   .loops = {{"worker 1", &stuck}},
                   .config = [&scene] { return scene.config; },
                   .requests = [] { return 0; },
                   .refused = [] { return 0; }});
  std::optional<base::HttpResponse> got;
  pages.handle({.method = "GET", .path = "/healthz"}, [&got](base::HttpResponse response) { got = std::move(response); });
  ASSERT_TRUE(support::run_until(scene.loop, [&got] { return got.has_value(); }));
  EXPECT_EQ(got->status, 503);
  EXPECT_EQ(got->body, "no answer within 1s from worker 1\n");
}

TEST(HttpPages, ReadinessIsOfEachDatabaseAndSaysWhyNot) {
  Scene scene;
  scene.config->databases["app"];
  scene.config->databases["shop"];
  scene.world.inspector.ready_rows = {{"app", ""}, {"shop", "no server: \"refused\""}};
  auto response = scene.get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body,
            "{\"ready\":false,\"databases\":[\n{\"database\":\"app\",\"ready\":true},\n"
            "{\"database\":\"shop\",\"ready\":false,\"why_not\":\"no server: \\\"refused\\\"\"}\n]}\n");
  response = scene.get({.method = "GET", .path = "/readyz", .parameters = {{"database", "app"}}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{\"ready\":true,\"databases\":[\n{\"database\":\"app\",\"ready\":true}\n]}\n");
  EXPECT_EQ(scene.get({.method = "GET", .path = "/readyz", .parameters = {{"database", "shop"}}}).status, 503);
  EXPECT_EQ(scene.get({.method = "GET", .path = "/readyz", .parameters = {{"database", "none"}}}).status, 404);
  scene.config->fallback.emplace();
  EXPECT_EQ(scene.get({.method = "GET", .path = "/readyz", .parameters = {{"database", "none"}}}).status, 200)
      << "\"*\" may serve it; nobody has tried";
  scene.world.inspector.ready_rows.clear();
  EXPECT_EQ(scene.get("/readyz").body, "{\"ready\":true,\"databases\":[\n]}\n");
}

}  // namespace
}  // namespace admin
