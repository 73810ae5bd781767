#pragma once
// HttpService: the HTTP server with its sockets and its pages, where [http] says a port.

#include <string>
#include <vector>

#include "admin/http_pages.h"
#include "base/http_server.h"
#include "base/result.h"
#include "conf/config.h"
#include "pooler/listen_socket.h"

namespace app {

class HttpService {
 public:
  // The sockets, none where there is no port. While the process may still be root.
  static base::Result<std::vector<pooler::ListenSocket>> open(const conf::Http& http);

  // Everything it is given outlives it.
  HttpService(std::vector<pooler::ListenSocket> sockets, const conf::Http& http, const admin::Sources& sources,
              std::vector<admin::Health::Watched> loops, std::function<conf::ConfigPtr()> config);

  ~HttpService() { stop(); }
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  void start() { server_.start(); }
  void stop() { server_.stop(); }
  // "127.0.0.1:9127"
  std::string text() const;

 private:
  const std::vector<pooler::ListenSocket> sockets_;
  base::HttpServer server_;
  admin::HttpPages pages_;
};

base::HttpLimits http_limits(const conf::Http& http);

}  // namespace app
