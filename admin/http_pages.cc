#include "admin/http_pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"

namespace admin {

namespace {

using base::http_text;
using base::HttpResponse;
using Answer = base::HttpServer::Answer;

HttpResponse json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.type = content_type(MetricFormat::kJson);
  response.body = std::move(body);
  return response;
}

HttpResponse not_allowed() {
  HttpResponse response = http_text(401, "a token is needed: Authorization: Bearer TOKEN");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"weir\"");
  return response;
}

}  // namespace

HttpPages::HttpPages(Services services)
    : services_(std::move(services)),
      scraper_(services_.loop, services_.sources),
      health_(services_.loop, services_.loops),
      memory_(static_cast<std::size_t>(services_.config()->http.max_pools)) {}

bool HttpPages::may_read(const base::HttpRequest& request) const {
  const conf::ConfigPtr config = services_.config();
  if (!config->http.token) return true;
  constexpr std::string_view kScheme = "bearer ";
  std::string_view shown = request.header("authorization");
  if (!base::equal_ignoring_case(shown.substr(0, kScheme.size()), kScheme)) return false;
  return base::constant_time_equal(base::trim(shown.substr(kScheme.size())), config->http.token->reveal());
}

void HttpPages::handle(const base::HttpRequest& request, const Answer& answer) {
  if (!may_read(request)) return answer(not_allowed());
  if (request.path == "/metrics") return metrics(format_for(request.header("accept")), answer);
  if (request.path == "/metrics.json") return metrics(MetricFormat::kJson, answer);
  if (request.path == "/healthz") return health(answer);
  if (request.path == "/readyz") return ready(request.parameter("database"), answer);
  if (request.path == "/version")
    return answer(json(200, fmt::format("{{\"name\":\"Weir\",\"version\":{},\"console\":{}}}\n",
                                        base::json_string(services_.sources.version), base::json_string(kCompatibleVersion))));
  answer(http_text(404, "there are /metrics, /metrics.json, /healthz, /readyz and /version"));
}

void HttpPages::metrics(MetricFormat format, const Answer& answer) {
  scraper_.scrape([this, format, answer](const Scraped& gathered) {
    Scraped scraped = gathered;
    scraped.http_requests = services_.requests();
    scraped.http_refused = services_.refused();
    const auto most = static_cast<std::size_t>(services_.config()->http.max_fingerprints);
    HttpResponse response;
    response.type = content_type(format);
    response.body = to_text(make_families(scraped, memory_, most, base::now()), format);
    answer(std::move(response));
  });
}

void HttpPages::health(const Answer& answer) {
  health_.check([answer](const std::vector<std::string>& silent) {
    if (silent.empty()) return answer(http_text(200, "ok"));
    answer(http_text(503, fmt::format("no answer within {} from {}", base::duration_text(Health::kDeadline),
                                      fmt::join(silent, ", "))));
  });
}

void HttpPages::ready(const std::string* database, const Answer& answer) {
  std::optional<std::string> wanted;
  if (database != nullptr) wanted = *database;
  const bool known = !wanted || services_.config()->find_database(*wanted) != nullptr;
  if (!known) return answer(http_text(404, "there is no such database"));
  services_.sources.inspector.readiness([wanted, answer](std::vector<pooler::ReadyRow> rows) {
    if (wanted) {
      std::erase_if(rows, [&wanted](const pooler::ReadyRow& row) { return row.database != *wanted; });
      if (rows.empty()) rows.push_back({*wanted, ""});  // of "*", and nobody has used it yet
    }
    const bool all = std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.why_not.empty(); });
    answer(json(all ? 200 : 503, readiness_json(rows)));
  });
}

std::string readiness_json(const std::vector<pooler::ReadyRow>& rows) {
  std::string list;
  bool all = true;
  for (const pooler::ReadyRow& row : rows) {
    const bool ready = row.why_not.empty();
    all = all && ready;
    list += fmt::format("{}\n{{\"database\":{},\"ready\":{}{}}}", list.empty() ? "" : ",", base::json_string(row.database), ready,
                        ready ? "" : ",\"why_not\":" + base::json_string(row.why_not));
  }
  return fmt::format("{{\"ready\":{},\"databases\":[{}\n]}}\n", all, list);
}

}  // namespace admin
