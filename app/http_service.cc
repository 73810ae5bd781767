#include "app/http_service.h"

#include <utility>

namespace app {

base::Result<std::vector<pooler::ListenSocket>> HttpService::open(const conf::Http& http) {
  if (http.port == 0) return std::vector<pooler::ListenSocket>();
  conf::Weir where;
  where.listen_addr = http.listen_addr;
  where.listen_port = http.port;
  where.unix_socket_dir.clear();
  where.tcp_defer_accept = false;  // who says nothing is cut off by our own deadline
  auto sockets = pooler::ListenSocket::open_all(where);
  if (!sockets.ok()) return base::with_hint(sockets.error(), "see [http] port and listen_addr");
  return sockets;
}

HttpService::HttpService(std::vector<pooler::ListenSocket> sockets, const conf::Http& http,
                         const admin::Sources& sources, std::vector<admin::Health::Watched> loops,
                         std::function<conf::ConfigPtr()> config)
    : sockets_(std::move(sockets)),
      server_(http_limits(http),
              [this](const base::HttpRequest& request, const base::HttpServer::Answer& answer) {
                pages_.handle(request, answer);
              }),
      pages_({.loop = server_.loop(),
              .sources = sources,
              .loops = std::move(loops),
              .config = std::move(config),
              .requests = [this] { return server_.requests(); },
              .refused = [this] { return server_.refused(); }}) {
  for (const pooler::ListenSocket& socket : sockets_) server_.add(socket.fd());
}

std::string HttpService::text() const {
  std::string out;
  for (const pooler::ListenSocket& socket : sockets_) out += (out.empty() ? "" : ", ") + socket.text();
  return out;
}

base::HttpLimits http_limits(const conf::Http& http) {
  return {.connections = static_cast<std::size_t>(http.max_connections),
          .head_bytes = static_cast<std::size_t>(http.max_request_size),
          .request = http.request_timeout,
          .answer = http.answer_timeout,
          .sending = http.answer_timeout};
}

}  // namespace app
