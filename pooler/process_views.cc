// The Inspector's half of Process: rows of what there is.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "pooler/gather.h"
#include "pooler/listen_hub.h"
#include "pooler/peer_cancels.h"
#include "pooler/process.h"
#include "pooler/session.h"
#include "pooler/socket_address.h"
#include "pooler/worker.h"
#include "wire/tls.h"

namespace pooler {
namespace {

const base::Logger log{"stats"};

std::string_view state_word(const Server& server) {
  switch (static_cast<ServerState>(server.books.state)) {
    case ServerState::kIdle: return "idle";
    case ServerState::kTested: return "tested";
    case ServerState::kActive: return "active";
    case ServerState::kRecovering: return "active";
    case ServerState::kBeingCanceled: return "being_canceled";
    case ServerState::kMoving: return "active";
  }
  return "active";
}

SocketRow server_row(Server& server) {
  SocketRow row;
  row.type = 'S';
  row.user = server.pool().user();
  row.database = server.pool().database();
  row.state = state_word(server);
  row.addr = server.address().shown_addr;
  row.port = server.address().port;
  SocketAddress own;
  if (own.local_of(server.stream().fd())) {
    row.local_addr = own.is_unix() ? "unix" : own.text();
    row.local_port = own.port();
  }
  row.connect_time = server.connect_wall_time();
  row.request_time = server.books.request_wall_time == base::WallTime{} ? row.connect_time
                                                                        : server.books.request_wall_time;
  row.close_needed = server.books.close_needed;
  row.id = server.id().value();
  row.link_id = server.books.link_id;
  row.remote_pid = static_cast<int>(server.cancel_key().pid());
  if (const wire::TlsSession* tls = server.stream().tls()) row.tls = tls->version_text();
  if (const std::string* name = server.params().value("application_name")) row.application_name = *name;
  row.prepared_statements = static_cast<int>(server.statements().size());
  row.recv_pos = static_cast<int>(server.stream().kept());
  row.send_remain = static_cast<int>(server.stream().pending());
  return row;
}

int clamped(std::size_t value) {
  return static_cast<int>(std::min<std::size_t>(value, std::numeric_limits<int>::max()));
}

MemRow memory(std::string name, std::size_t size, std::size_t used, std::size_t free = 0) {
  return {std::move(name), clamped(size), clamped(used), clamped(free), clamped(size * (used + free))};
}

}  // namespace

void Process::clients(Then<SocketRow> done) {
  gather<SocketRow>(
      [](Worker& worker, std::vector<SocketRow>& rows) {
        worker.each([&rows](Session& session) { rows.push_back(session.row()); });
      },
      std::move(done));
}

void Process::servers(Then<SocketRow> done) {
  gather<SocketRow>(
      [this](Worker& worker, std::vector<SocketRow>& rows) {
        for (const PoolPtr& pool : pools_.all())
          pool->each_server(worker.index(), [&rows](Server& server) { rows.push_back(server_row(server)); });
      },
      std::move(done));
}

void Process::pools(Then<PoolRow> done) {
  std::vector<PoolRow> rows;
  for (const PoolPtr& pool : pools_.all()) {
    PoolRow& row = rows.emplace_back(pool->row());
    const PoolSettingsPtr settings = pool->settings();
    row.pool_mode = conf::to_string(settings->mode);
    if (settings->target.hosts.size() > 1) row.load_balance_hosts = conf::to_string(settings->target.balance);
  }
  done(std::move(rows));
}

void Process::databases(Then<DatabaseRow> done) {
  const conf::ConfigPtr config = pools_.config();
  std::set<std::string> names;
  for (const auto& [name, database] : config->databases) names.insert(name);
  for (const PoolPtr& pool : pools_.all()) names.insert(pool->database());  // made from "*"
  std::vector<DatabaseRow> rows;
  for (const std::string& name : names) {
    const conf::Database* db = config->find_database(name);
    if (db == nullptr) continue;  // its last clients are leaving
    DatabaseRow& row = rows.emplace_back();
    row.name = name;
    for (const auto& host : config->hosts(*db)) {
      row.host += (row.host.empty() ? "" : ",") + host.host;
      if (row.port == 0) row.port = host.port;
    }
    row.database = config->server_dbname(*db, name);
    row.force_user = db->user;
    row.pool_size = db->pool_size.value_or(config->weir.default_pool_size);
    row.min_pool_size = config->min_pool_size(*db);
    row.reserve_pool_size = db->reserve_pool_size.value_or(config->weir.reserve_pool_size);
    row.server_lifetime = config->server_lifetime(*db);
    if (db->pool_mode) row.pool_mode = conf::to_string(*db->pool_mode);
    if (db->load_balance_hosts) row.load_balance_hosts = conf::to_string(*db->load_balance_hosts);
    row.max_connections = config->max_db_connections(*db);
    row.current_connections = pools_.servers_of_database(name);
    row.max_client_connections = config->max_db_client_connections(*db);
    row.current_client_connections = pools_.clients_of_database(name);
    row.paused = pools_.paused(name);
    row.disabled = pools_.disabled(name);
  }
  done(std::move(rows));
}

void Process::readiness(Then<ReadyRow> done) {
  std::map<std::string, ReadyRow> rows;
  const conf::ConfigPtr config = pools_.config();
  for (const auto& [name, database] : config->databases) rows[name].database = name;
  std::set<std::string> served;
  for (const PoolPtr& pool : pools_.all()) {
    ReadyRow& row = rows[pool->database()];
    row.database = pool->database();
    // Nobody but us may be asking, so it is tried again for our sake.
    if (const auto failure = pool->failure_and_ask_again())
      row.why_not = "no server: " + failure->message;
    else if (pool->server_count() > 0)
      served.insert(row.database);
  }
  std::vector<ReadyRow> list;
  for (auto& [name, row] : rows) {
    if (served.contains(name)) row.why_not.clear();
    if (pools_.disabled(name)) row.why_not = "disabled";
    if (pools_.paused(name)) row.why_not = "paused";
    if (suspended_) row.why_not = "suspended";
    if (shutting_down()) row.why_not = "shutting down";
    list.push_back(std::move(row));
  }
  done(std::move(list));
}

void Process::users(Then<UserRow> done) {
  const conf::ConfigPtr config = pools_.config();
  std::set<std::string> names;
  for (const auto& [name, user] : config->users) names.insert(name);
  for (const auto& [name, secret] : config->userlist.users) names.insert(name);
  for (const PoolPtr& pool : pools_.all()) names.insert(pool->user());
  std::vector<UserRow> rows;
  for (const std::string& name : names) {
    UserRow& row = rows.emplace_back();
    row.name = name;
    if (const conf::User* user = config->find_user(name)) {
      row.pool_size = user->pool_size;
      row.reserve_pool_size = user->reserve_pool_size;
      if (user->pool_mode) row.pool_mode = conf::to_string(*user->pool_mode);
    }
    row.max_user_connections = config->max_user_connections(name);
    row.current_connections = pools_.servers_of_user(name);
    row.max_user_client_connections = config->max_user_client_connections(name);
    row.current_client_connections = pools_.clients_of_user(name);
  }
  done(std::move(rows));
}

void Process::stats(Then<StatsRow> done) { done(book_.rows(pools_.all(), runtime_.workers())); }

void Process::lists(Then<ListRow> done) {
  gather<Counts>(
      [](Worker& worker, std::vector<Counts>& counts) {
        Counts& own = counts.emplace_back();
        worker.each([&own](Session& session) { ++(session.logging_in() ? own.logging_in : own.logged_in); });
      },
      [this, done = std::move(done)](const std::vector<Counts>& counts) {
        Counts sum;
        for (const Counts& one : counts) {
          sum.logged_in += one.logged_in;
          sum.logging_in += one.logging_in;
        }
        const conf::ConfigPtr config = pools_.config();
        const auto all = pools_.all();
        std::set<std::string> databases, users;
        for (const auto& [name, database] : config->databases) databases.insert(name);
        for (const auto& [name, user] : config->users) users.insert(name);
        for (const auto& [name, secret] : config->userlist.users) users.insert(name);
        int64_t servers = 0;
        for (const PoolPtr& pool : all) {
          databases.insert(pool->database());
          users.insert(pool->user());
          servers += pool->server_count();
        }
        const auto count = [](std::size_t n) { return static_cast<int64_t>(n); };
        done({{"databases", count(databases.size())},
              {"users", count(users.size())},
              {"peers", count(config->peers.size())},
              {"pools", count(all.size())},
              {"peer_pools", count(config->peers.size())},
              {"free_clients", 0},  // nothing is kept for clients to come
              {"used_clients", sum.logged_in},
              {"login_clients", sum.logging_in},
              {"free_servers", 0},
              {"used_servers", servers},
              {"dns_names", count(runtime_.resolver.list().size())},
              {"dns_zones", 0},
              {"dns_queries", runtime_.resolver.lookups_running()},
              {"dns_pending", count(runtime_.resolver.callers_waiting())}});
      });
}

void Process::mem(Then<MemRow> done) {
  gather<std::size_t>(
      [](Worker& worker, std::vector<std::size_t>& counts) { counts.push_back(worker.session_count()); },
      [this, done = std::move(done)](const std::vector<std::size_t>& counts) {
        std::size_t sessions = 0, servers = 0;
        for (const std::size_t count : counts) sessions += count;
        const auto all = pools_.all();
        for (const PoolPtr& pool : all) servers += static_cast<std::size_t>(pool->server_count());
        // In kilobytes, because the columns are numbers of four bytes.
        const struct mallinfo2 heap = mallinfo2();
        constexpr std::size_t kKb = 1024;
        MemRow heap_row = memory("heap", kKb, (heap.uordblks + heap.hblkhd) / kKb, heap.fordblks / kKb);
        done({memory("client", sizeof(Session), sessions), memory("server", sizeof(Server), servers),
              memory("pool", sizeof(Pool), all.size()), std::move(heap_row)});
      });
}

void Process::dns_hosts(Then<DnsHostRow> done) {
  std::vector<DnsHostRow> rows;
  for (const wire::Resolver::Row& known : runtime_.resolver.list()) {
    DnsHostRow& row = rows.emplace_back();
    row.hostname = known.host;
    row.ttl = std::chrono::duration_cast<std::chrono::seconds>(known.ttl).count();
    for (const std::string& address : known.addresses) row.addrs += (row.addrs.empty() ? "" : ",") + address;
  }
  done(std::move(rows));
}

void Process::peers(Then<PeerRow> done) {
  const conf::ConfigPtr config = pools_.config();
  std::vector<PeerRow> rows;
  for (const auto& [id, peer] : config->peers)
    rows.push_back({id, peer.host, peer.port, peer.pool_size.value_or(config->weir.default_pool_size)});
  done(std::move(rows));
}

void Process::peer_pools(Then<PeerPoolRow> done) {
  std::vector<PeerPoolRow> rows;
  for (const auto& [id, peer] : pools_.config()->peers) {
    const PeerCancels::Counts now = peer_cancels().counts(id);
    rows.push_back({.peer_id = id,
                    .cl_active_cancel_req = now.sent,
                    .cl_waiting_cancel_req = now.in_line + now.dialling,
                    .sv_active_cancel = now.sent,
                    .sv_login = now.dialling});
  }
  done(std::move(rows));
}

void Process::pin_counts(Then<PinCountRow> done) { done(runtime_.pins.rows()); }

void Process::listeners(Then<ListenRow> done) {
  done(runtime_.listen_hubs != nullptr ? runtime_.listen_hubs->rows() : std::vector<ListenRow>());
}

void Process::statement_cache(Then<StatementCacheRow> done) {
  StatementCacheRow sum;
  for (Worker* worker : runtime_.worker_list) {
    const analyzer::StatementCounts& counts = worker->statements().counts();
    sum.text_hits += counts.text_hits.load(std::memory_order_relaxed);
    sum.skeleton_hits += counts.skeleton_hits.load(std::memory_order_relaxed);
    sum.shared_hits += counts.shared_hits.load(std::memory_order_relaxed);
    sum.parses += counts.parses.load(std::memory_order_relaxed);
    sum.parse_errors += counts.parse_errors.load(std::memory_order_relaxed);
    sum.over_budget += counts.over_budget.load(std::memory_order_relaxed);
    sum.evictions += counts.evictions.load(std::memory_order_relaxed);
  }
  done({sum});
}

Inspector::RunState Process::state() {
  if (suspended_) return RunState::kSuspended;
  return pools_.paused({}) ? RunState::kPaused : RunState::kActive;
}

// ---- Statistics ----

void Process::sample() { book_.sample(pools_.all(), runtime_.workers()); }

void Process::end_period() {
  const conf::ConfigPtr config = pools_.config();
  const Totals average = book_.end_period(pools_.all(), runtime_.workers(), base::now());
  if (config->weir.log_stats)
    log.info("{} xacts/s, {} queries/s, {} client parses/s, {} server parses/s, {} binds/s, in {} B/s, out {} B/s, "
             "xact {} us, query {} us, wait {} us",
             average.xact_count, average.query_count, average.client_parse_count, average.server_parse_count,
             average.bind_count, average.bytes_received, average.bytes_sent, average.xact_time, average.query_time,
             average.wait_time);
  period_timer_.once(config->weir.stats_period);
}

}  // namespace pooler
