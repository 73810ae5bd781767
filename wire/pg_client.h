#pragma once
// PgClient: a connection to PostgreSQL for queries of our own (auth_query, monitoring), by libpq, on a loop.
//
// It connects when there is something to ask, keeps the connection, and connects anew when that was lost. One query
// runs at a time; the others wait in a bounded line. Nothing blocks: names are looked up by the Resolver, and libpq
// gets addresses. Passwords, options and certificates come from the settings alone, not from the environment or a home
// folder (PGOPTIONS, .pgpass, ...).
//
// A query that finds a kept connection dead before any answer is asked once more on a new one. So it is for questions,
// not for changes.
//
// Lives on one loop. May be destroyed at any time, also from a callback; nobody is called back then.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/ticket.h"
#include "conf/secret.h"
#include "wire/dial.h"
#include "wire/resolver.h"
#include "wire/tls.h"

struct pg_conn;
struct pg_result;

namespace wire {

struct PgClientSettings {
  std::vector<DialTarget> hosts;  // tried in order
  std::string dbname, user;
  conf::Secret password{};
  TlsSettings tls{};
  SocketOptions socket{};
  std::string application_name = "weir";
  // What the session is set to before it is used. Names in our queries mean what the catalog says, nothing else.
  std::string options = "-c search_path=";
  std::string target_session_attrs = "any";
  base::Duration connect_timeout = std::chrono::seconds(5);
};

struct PgRows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // text format
  std::string command;                                        // "SELECT 1"
};

class PgClient final : public base::Deferred, private base::FdHandler {
 public:
  // Queries in line behind the one that runs; each is somebody who waits.
  static constexpr std::size_t kQueueMax = 1000;
  // A larger result is not ours: our queries ask for a few rows.
  static constexpr std::size_t kResultBytesMax = 16 * 1024 * 1024;

  using Params = std::vector<std::optional<std::string>>;
  using Done = std::function<void(base::Result<PgRows>)>;

  PgClient(base::EventLoop& loop, Resolver& resolver, PgClientSettings settings);
  ~PgClient() override;
  PgClient(const PgClient&) = delete;
  PgClient& operator=(const PgClient&) = delete;

  // Runs one statement with parameters $1, $2, ... as text. `done` is called once, from the loop and never from
  // inside this call, within `timeout` (connecting and waiting in line included), unless the ticket is dropped. The
  // error is PostgreSQL's own, 08001 or 08006 for the connection, 57014 for the timeout, 53400 for a full line.
  base::Ticket query(std::string sql, Params params, base::Duration timeout, Done done);

  // Nothing runs, nothing waits.
  bool idle() const { return queue_.empty(); }
  bool connected() const { return state_ == State::kReady || state_ == State::kRunning; }
  // Closes the connection; queries that wait get 08006. A later query connects anew.
  void disconnect();

 private:
  struct Query;
  static void free_connection(pg_conn* connection);
  static void free_result(pg_result* result);
  using ConnectionPtr = base::Handle<pg_conn, free_connection>;
  using ResultPtr = base::Handle<pg_result, free_result>;

  enum class State { kClosed, kResolving, kConnecting, kReady, kRunning };

  void on_readable() override;
  void on_writable() override;
  void on_internal_error(const char* what) noexcept override;

  void go_on();
  void resolve_hosts();
  void connect();
  void continue_connecting();
  void send_next();
  void continue_query();
  bool take_result(const pg_result& result);
  void finish_query();
  void watch(bool read, bool write);
  void on_timeout(const std::shared_ptr<Query>& late);
  void on_connect_timeout();
  void answer(const std::shared_ptr<Query>& query, base::Result<PgRows> result);
  void fail_all(const base::Error& error);
  void close();
  void drop_connection();
  std::string last_words() const;

  struct Candidate {
    DialTarget target;
    std::vector<std::string> addresses;  // none: a Unix socket
    base::Ticket looking_up;
    bool known = false;
  };

  base::EventLoop& loop_;
  Resolver& resolver_;
  const PgClientSettings settings_;
  State state_ = State::kClosed;
  std::vector<Candidate> candidates_;
  std::string lookup_failures_;
  ConnectionPtr connection_;
  base::FdWatch watch_;
  base::Timer connect_timer_;
  std::deque<std::shared_ptr<Query>> queue_;  // the first one runs when the state is kRunning
  PgRows rows_;                               // of the query that runs
  std::optional<base::Error> error_;          // the same
  std::size_t result_bytes_ = 0;
  bool used_before_ = false;  // the connection has answered a query
};

// For a thread that has nothing else to do: asks, and runs the client's own loop until the answer is there. Nothing if somebody
// stopped the loop before.
std::optional<base::Result<PgRows>> query_and_wait(base::EventLoop& loop, PgClient& client, std::string sql,
                                                   PgClient::Params params, base::Duration timeout);

}  // namespace wire
