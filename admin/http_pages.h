#pragma once
// HttpPages: what each path answers, and to whom. Of the HTTP server's loop.

#include <cstdint>
#include <functional>
#include <string_view>

#include "admin/health.h"
#include "admin/metrics.h"
#include "admin/scrape.h"
#include "admin/views.h"
#include "base/http_server.h"
#include "conf/config.h"

namespace admin {

class HttpPages {
 public:
  struct Services {
    base::EventLoop& loop;
    const Sources& sources;
    std::vector<Health::Watched> loops;
    std::function<conf::ConfigPtr()> config;           // any thread
    std::function<uint64_t()> requests, refused;       // the server's counts
  };
  explicit HttpPages(Services services);

  void handle(const base::HttpRequest& request, const base::HttpServer::Answer& answer);

 private:
  bool may_read(const base::HttpRequest& request) const;
  void metrics(MetricFormat format, const base::HttpServer::Answer& answer);
  void health(const base::HttpServer::Answer& answer);
  void ready(const std::string* database, const base::HttpServer::Answer& answer);

  Services services_;
  Scraper scraper_;
  Health health_;
  MetricsMemory memory_;
};

// {"ready":true,"databases":[{"database":"app","ready":true}]}
std::string readiness_json(const std::vector<pooler::ReadyRow>& rows);

}  // namespace admin
