#pragma once
// AuthQueries: secrets of users fetched from a database by auth_query.
//
// The query runs as auth_user over connections of our own (libpq): nothing a client sent ever reaches them except the
// user name, as the parameter $1. Their search_path is empty and their text is constant. The answer must be exactly
// what PgBouncer's auth_query gives: no row (no such user), or one row with the name that was asked for and the secret
// (NULL: a user without a password).
//
// A found secret is not kept: a changed or revoked password counts from the next log-in on. Log-ins of the same user
// that come while a query waits its turn share it, so a storm of log-ins costs two queries at a time, not one each. A
// user who was not found stays unknown for a second or two; guessing names does not become load on the server.
//
// lookup() is called on a worker's loop, calls back there, and everything of that worker stays there; the object itself
// may be shared by all workers. Before a worker's loop ends, stop_worker() must be called for it.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/ticket.h"
#include "conf/config.h"
#include "conf/secrets.h"

namespace wire {
struct PgRows;
}

namespace pooler {

struct Runtime;

// A secret, nothing for a user who does not exist, or why it could not be found out (for the log, not for the client).
using FoundSecret = base::Result<std::optional<conf::UserSecret>>;

// What an answer of auth_query says about `user`. Pure.
FoundSecret secret_in(const wire::PgRows& answer, std::string_view user);

class AuthQueries {
 public:
  // Connections per worker to one database: the second one lets a query wait less for another's round trip.
  static constexpr std::size_t kConnectionsMax = 2;
  // A connection nobody used for so long is closed.
  static constexpr base::Duration kIdleTimeout = std::chrono::seconds(60);
  // From the question to an answer, connecting included. A query that takes longer is broken.
  static constexpr base::Duration kLookupTimeout = std::chrono::seconds(5);
  // How long a user is remembered as unknown: this and up to as much again, so that entries do not end together.
  static constexpr base::Duration kUnknownTtl = std::chrono::seconds(1);
  // Users remembered as unknown, per worker: a megabyte or two.
  static constexpr std::size_t kUnknownMax = 10'000;
  // After a connection failed, lookups get the same error for so long without another attempt. Shorter than a person
  // would notice after the server is back.
  static constexpr base::Duration kRetryAfter = std::chrono::milliseconds(500);
  // Log-ins that wait for an answer at the same time, per worker and database; more are refused.
  static constexpr std::size_t kWaitingMax = 1'000;
  // Databases asked at the same time, per worker. Behind a "*" section strangers choose their names, and each costs a
  // connection; auth_dbname makes them one.
  static constexpr std::size_t kDatabasesMax = 100;

  AuthQueries();
  ~AuthQueries();
  AuthQueries(const AuthQueries&) = delete;
  AuthQueries& operator=(const AuthQueries&) = delete;

  // The secret of `user`, who wants to use `database` (`section` is its section). `done` is called once, from the loop
  // and never from inside this call, unless the ticket was dropped. `config` and `section` are read during the call only.
  base::Ticket lookup(Runtime& runtime, int worker, const conf::Config& config, const conf::Database& section,
                      const std::string& database, const std::string& user, std::function<void(FoundSecret)> done);

  // Closes a worker's connections; lookups under way are not answered. On its loop, or when that has ended for good.
  void stop_worker(int worker);

 private:
  class OfWorker;

  OfWorker& of(Runtime& runtime, int worker);

  std::mutex mutex_;
  std::unordered_map<int, std::unique_ptr<OfWorker>> workers_;  // guarded by mutex_; each value by its loop
};

}  // namespace pooler
