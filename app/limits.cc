#include "app/limits.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

namespace app {
namespace {

// Per worker: epoll, eventfd, and the sockets of libevent's signals.
constexpr uint64_t kPerWorker = 4;
// Standard streams, log, pidfile, main loop, signals, service manager, reserve, a file being read.
constexpr uint64_t kFixed = 32;
// Host names being looked up, cancel requests on their way, auth_query: they come and go.
constexpr uint64_t kPassing = 64;

uint64_t servers_of(const conf::Config& config, const conf::Database& db) {
  const int cap = config.max_db_connections(db);
  const int pool = config.pool_size(db, {}) + config.reserve_pool_size(db, {});
  return static_cast<uint64_t>(cap > 0 ? cap : pool);
}

}  // namespace

DescriptorNeed descriptors_needed(const conf::Config& config, int workers) {
  DescriptorNeed need;
  need.clients = static_cast<uint64_t>(config.weir.max_client_conn);
  for (const auto& [name, db] : config.databases) need.servers += servers_of(config, db);
  if (config.fallback) need.servers += servers_of(config, *config.fallback);
  need.own = kFixed + kPassing + kPerWorker * static_cast<uint64_t>(workers) + config.weir.listen_addr.size() + 1;
  // Two of a kind where an address is every one: IPv4 and IPv6.
  if (config.http.port > 0)
    need.own += static_cast<uint64_t>(config.http.max_connections) + 2 * config.http.listen_addr.size();
  return need;
}

Fit judge(const DescriptorNeed& need, uint64_t limit) {
  if (limit >= need.total()) return Fit::kEnough;
  return limit < need.own + 2 ? Fit::kHopeless : Fit::kTooFew;
}

std::string shortage_text(const DescriptorNeed& need, uint64_t limit) {
  return fmt::format(
      "the limit of open files is {}, and {} may be needed: {} clients (max_client_conn), {} servers, {} for Weir itself; "
      "raise it (LimitNOFILE= of systemd, ulimit -n) or lower max_client_conn",
      limit, need.total(), need.clients, need.servers, need.own);
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<uint64_t>(limit.rlim_cur);
}

}  // namespace app
