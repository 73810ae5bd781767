#pragma once
// What the admin console needs of the pooler, and what the pooler needs of the console.
//
// `admin` stands right of `pooler`, so the console itself is reached through the two small interfaces at the
// end of this file; everything it shows and does comes through Inspector and Operations.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/exemplars.h"
#include "analyzer/query_report.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"
#include "pooler/slow_recent.h"
#include "pooler/traces.h"

namespace pooler {

// One client or server connection, as SHOW CLIENTS, SERVERS and SOCKETS show it.
struct SocketRow {
  char type = 'C';  // 'C' client, 'S' server
  std::string user, database;
  std::string replication = "none";  // none, logical, physical
  std::string state;                 // PgBouncer's words, without the cl_/sv_ prefix
  std::string addr;
  int port = 0;
  std::string local_addr;
  int local_port = 0;
  base::WallTime connect_time{}, request_time{};
  base::Duration wait{};  // how long a client has been waiting for a server
  bool close_needed = false;
  uint64_t id = 0;       // shown as ptr (hex) and id
  uint64_t link_id = 0;  // the other side, 0 for none
  int remote_pid = 0;
  std::string tls;  // "TLSv1.3/TLS_AES_256_GCM_SHA384" or empty
  std::string application_name;
  int prepared_statements = 0;
  // Of a client that keeps its server: why, for how long, and what brought it about, without its values.
  std::string pin_reasons, pin_statement;
  base::Duration pinned{};
  uint64_t pin_fingerprint = 0;
  int pinned_to_pid = 0;
  // Buffers, for SHOW SOCKETS.
  int recv_pos = 0, pkt_pos = 0, pkt_remain = 0, send_pos = 0, send_remain = 0, pkt_avail = 0, send_avail = 0;
};

struct PoolRow {
  std::string database, user;
  int cl_active = 0, cl_waiting = 0, cl_active_cancel_req = 0, cl_waiting_cancel_req = 0;
  int sv_active = 0, sv_active_cancel = 0, sv_being_canceled = 0, sv_idle = 0, sv_used = 0, sv_tested = 0,
      sv_login = 0;
  base::Duration maxwait{};
  std::string pool_mode, load_balance_hosts;
};

struct DatabaseRow {
  std::string name, host;
  int port = 0;
  std::string database;
  std::optional<std::string> force_user;
  int pool_size = 0, min_pool_size = 0, reserve_pool_size = 0;
  base::Duration server_lifetime{};
  std::optional<std::string> pool_mode, load_balance_hosts;
  int max_connections = 0, current_connections = 0, max_client_connections = 0, current_client_connections = 0;
  bool paused = false, disabled = false;
};

struct UserRow {
  std::string name;
  std::optional<int> pool_size, reserve_pool_size;
  std::optional<std::string> pool_mode;
  int max_user_connections = 0, current_connections = 0, max_user_client_connections = 0,
      current_client_connections = 0;
};

// Counters since start; times in microseconds.
struct Totals {
  uint64_t server_assignment_count = 0, xact_count = 0, query_count = 0, bytes_received = 0, bytes_sent = 0,
           xact_time = 0, query_time = 0, wait_time = 0, client_parse_count = 0, server_parse_count = 0,
           bind_count = 0, client_login_count = 0;
};

struct StatsRow {
  std::string database;
  Totals total;
  Totals average;  // per second over the last stats_period; times are means, in microseconds, per event
};

struct ListRow {
  std::string list;
  int64_t items = 0;
};
struct MemRow {
  std::string name;
  int size = 0, used = 0, free = 0, memtotal = 0;
};
struct DnsHostRow {
  std::string hostname;
  int64_t ttl = 0;
  std::string addrs;
};
struct PeerRow {
  int peer_id = 0;
  std::string host;
  int port = 0, pool_size = 0;
};
struct PeerPoolRow {
  int peer_id = 0, cl_active_cancel_req = 0, cl_waiting_cancel_req = 0, sv_active_cancel = 0, sv_login = 0;
};

// What has made clients keep their servers.
struct PinCountRow {
  std::string database, user, reasons, statement;
  uint64_t fingerprint = 0;
  uint64_t pins = 0;        // begun since the start
  int pinned = 0;           // of these, still there
  base::Duration time{};    // of all of them, until now
  base::WallTime last_seen{};  // the last one that began
};

// One connection that listens for clients (ListenHubs).
struct ListenRow {
  std::string database, user, client_encoding;
  std::string state;  // closed, connecting, listening, waiting (to connect again)
  std::size_t channels = 0, subscribers = 0;
  base::WallTime connected_since{};  // where the state is listening
  int remote_pid = 0;
  uint64_t received = 0;    // notifications heard
  uint64_t delivered = 0;   // the same, once for each client that they went to
  uint64_t losses = 0;      // times the listening connection was lost while somebody listened
  uint64_t overflows = 0;   // clients given up
  std::string last_error;   // of the last attempt to connect or listen; empty when all is well
};

// What each kind of statement has cost since the start or RESET QUERIES.
using QueryRow = analyzer::QuerySummary;

// What became of slow statements, since the start.
struct SlowLogRow {
  std::string target;  // the file, or empty for the common log
  uint64_t written = 0, over_rate = 0, queue_full = 0, lost = 0;
  std::string failure;  // why the last ones were lost; empty when all is well
};

// What became of statements that were traced.
struct TracesRow {
  std::string endpoint;  // empty: nothing is traced
  TraceCounts counts;
};

// A client's request under way, or its open transaction.
struct ActivityRow {
  uint64_t id = 0;       // the client's
  std::string database, user, application_name;
  std::string state;     // active, idle in transaction, idle in failed transaction, waiting (for a server)
  base::Duration age{};              // of the statement, or of the state
  base::Duration transaction_age{};  // of the transaction, where one is open
  uint64_t statements = 0;           // done in it
  uint64_t fingerprint = 0;
  std::string query;     // that runs, or ran last; without its values
  int server_pid = 0;
  bool in_transaction = false, active = false;
};

// The same for those who watch: by pool, what never goes back, and beside it the rows.
struct StatementMetrics {
  std::vector<analyzer::PoolTotals> pools;
  std::vector<QueryRow> queries;
};

// Whether clients of a database can be served, as far as is known without trying: one that nobody has used yet can.
struct ReadyRow {
  std::string database;
  std::string why_not;  // empty: ready
};

// One rule about statements, and what it has done. Counts are of statements.
struct GuardRow {
  std::string name, matches;  // "user=alice shape=ddl"
  std::string action, limit;  // "rate_limit", "100 in 1s per user"
  bool dry_run = false;
  uint64_t matched = 0, refused = 0, would_have_refused = 0;
  std::size_t keys = 0;       // that a limit counts apart now
  base::WallTime since{}, last_matched{}, last_refused{};  // the epoch: never
};

// How workers came to know what statements are, since the start (analyzer::StatementCounts).
struct StatementCacheRow {
  uint64_t text_hits = 0, skeleton_hits = 0, shared_hits = 0, parses = 0, parse_errors = 0, over_budget = 0,
           evictions = 0;
};

// Reads the state of the whole process. Callable from any worker; `done` runs later on the loop of the caller's
// own worker, or inside the call. Rows are a snapshot taken worker by worker.
class Inspector {
 public:
  virtual ~Inspector() = default;
  template <typename Row>
  using Then = std::function<void(std::vector<Row>)>;

  virtual void clients(Then<SocketRow> done) = 0;  // every client, those that log in included
  virtual void servers(Then<SocketRow> done) = 0;  // every server connection
  virtual void pools(Then<PoolRow> done) = 0;
  virtual void databases(Then<DatabaseRow> done) = 0;
  virtual void users(Then<UserRow> done) = 0;
  virtual void stats(Then<StatsRow> done) = 0;
  virtual void lists(Then<ListRow> done) = 0;
  virtual void mem(Then<MemRow> done) = 0;
  virtual void dns_hosts(Then<DnsHostRow> done) = 0;
  virtual void peers(Then<PeerRow> done) = 0;
  virtual void peer_pools(Then<PeerPoolRow> done) = 0;
  virtual void pin_counts(Then<PinCountRow> done) = 0;
  virtual void listeners(Then<ListenRow> done) = 0;
  virtual void statement_cache(Then<StatementCacheRow> done) = 0;  // one row
  virtual void queries(Then<QueryRow> done) = 0;       // what took the most time first
  virtual void statement_metrics(Then<StatementMetrics> done) = 0;  // one row
  virtual void readiness(Then<ReadyRow> done) = 0;     // by name; also asks again for a server that could not be reached
  virtual void activity(Then<ActivityRow> done) = 0;   // clients that wait, run something or have a transaction open
  virtual void guards(Then<GuardRow> done) = 0;
  virtual void slow_queries(Then<SlowRow> done) = 0;   // the newest first
  virtual void slow_log(Then<SlowLogRow> done) = 0;    // one row
  virtual void traces(Then<TracesRow> done) = 0;       // one row
  virtual void exemplars(Then<analyzer::PoolExemplars> done) = 0;  // each worker's
  enum class RunState { kActive, kPaused, kSuspended };
  virtual RunState state() = 0;
};

enum class ShutdownMode { kImmediate, kWaitForServers, kWaitForClients };

// Changes the state of the process. Each `done` runs on the loop of the caller's worker when the operation is
// complete: PAUSE, SUSPEND and WAIT_CLOSE may take long. Dropping the returned token forgets `done`; for PAUSE and
// SUSPEND it also undoes the operation (Ctrl-C in psql is a RESUME).
class Operations {
 public:
  using Done = std::function<void(base::Status)>;
  using Token = std::shared_ptr<void>;
  virtual ~Operations() = default;

  // `database` empty: all of them.
  virtual Token pause(const std::string& database, Done done) = 0;
  virtual Token suspend(Done done) = 0;
  virtual Token wait_close(const std::string& database, Done done) = 0;
  virtual base::Status resume(const std::string& database) = 0;
  virtual base::Status disable(const std::string& database) = 0;
  virtual base::Status enable(const std::string& database) = 0;
  virtual base::Status reconnect(const std::string& database) = 0;
  virtual base::Status kill(const std::string& database) = 0;
  virtual base::Status kill_client(uint64_t id) = 0;
  virtual base::Status shutdown(ShutdownMode mode) = 0;
  virtual void reload(Done done) = 0;  // reads the files again, off the loop; an error changed nothing
  // The counts of Inspector::queries begin again.
  virtual void reset_queries(Done done) = 0;
  // Looks for indexes that statements lack; done when every database was looked at. Dropping the token does not stop it.
  virtual Token advise_now(Done done) = 0;
  virtual base::Status dismiss_advice(const std::string& id) = 0;
  // Creates the index that it names; dropping the token does not stop it.
  virtual Token apply_advice(const std::string& id, Done done) = 0;
  // Sets one setting of [weir] until the next restart or reload.
  virtual base::Status set(std::string_view key, std::string_view value) = 0;
};

// Who a console client is, decided at login.
enum class ConsoleRole { kStats, kAdmin };
struct ConsoleUser {
  std::string name;
  ConsoleRole role = ConsoleRole::kStats;
  std::string address;  // for the audit log
  // The startup message's parameters beyond user and database, those inside `options` included.
  std::vector<std::pair<std::string, std::string>> parameters{};
};

// What a console conversation writes to: the client's stream, after login (AuthenticationOk, ParameterStatus,
// BackendKeyData and the first ReadyForQuery are the pooler's). Outlives the ConsoleSession.
class ConsoleOut {
 public:
  virtual ~ConsoleOut() = default;
  virtual void write(std::string_view bytes) = 0;  // whole messages
  virtual void flush() = 0;
  virtual void close() = 0;  // after what was written has been sent
  virtual std::size_t pending() const = 0;  // unsent bytes
  // Between the two, on_data is not called; release_input also shows what was left unconsumed again, at once or soon.
  virtual void hold_input() = 0;
  virtual void release_input() = 0;
};

class ConsoleSession {
 public:
  virtual ~ConsoleSession() = default;  // the client is gone: forget every pending operation
  // Frontend messages, from the first one after login; returns how many bytes were consumed, as StreamHandler does.
  virtual std::size_t on_data(std::string_view bytes) = 0;
  // The client asked to cancel what it is waiting for.
  virtual void on_cancel() = 0;
  // Unsent output fell below the stream's low watermark after having been above the high one.
  virtual void on_drained() = 0;
};

class Console {
 public:
  virtual ~Console() = default;
  // Called on the worker that owns the client; everything of the session happens there.
  virtual std::unique_ptr<ConsoleSession> open(ConsoleUser user, ConsoleOut& out) = 0;
};

}  // namespace pooler
