#include "pooler/auth_query.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/lru.h"
#include "base/random.h"
#include "pooler/runtime.h"
#include "wire/pg_client.h"

namespace pooler {
namespace {

const base::Logger log{"auth_query"};

// How often connections are looked at for being idle too long.
constexpr base::Duration kSweepPeriod = std::chrono::seconds(10);
// "invalid byte sequence for encoding": no role of that database can have such a name.
constexpr std::string_view kNotInRepertoire = "22021";

using Done = std::function<void(FoundSecret)>;

struct Asker {
  Done done;  // empty once answered or withdrawn
};
using AskerPtr = std::shared_ptr<Asker>;

void answer(const AskerPtr& asker, const FoundSecret& found) {
  if (const Done done = std::exchange(asker->done, nullptr)) done(found);
}

void answer_soon(base::EventLoop& loop, const AskerPtr& asker, FoundSecret found) {
  loop.defer([asker, found = std::move(found)] { answer(asker, found); });
}

// Where to ask: the database that auth_dbname names, which may be a section of its own; otherwise the client's.
base::Result<wire::PgClientSettings> settings_for(const conf::Config& config, const conf::Database& section,
                                                  const std::string& database) {
  wire::PgClientSettings settings;
  settings.user = std::string(config.auth_user(section));
  if (settings.user.empty()) return base::config_file_error("auth_query needs auth_user");

  const std::string auth_dbname(config.auth_dbname(section));
  const conf::Database* asked = auth_dbname.empty() ? nullptr : config.find_database(auth_dbname);
  const conf::Database& where = asked != nullptr ? *asked : section;
  settings.dbname = auth_dbname.empty()  ? config.server_dbname(section, database)
                    : asked != nullptr   ? config.server_dbname(*asked, auth_dbname)
                                         : auth_dbname;
  for (const conf::HostPort& host : config.hosts(where)) settings.hosts.push_back({host.host, host.port});
  settings.tls = wire::server_tls(config.weir);
  settings.tls.mode = config.server_tls_mode(where);
  settings.socket = wire::socket_options(config.weir);
  settings.application_name = "weir auth_query";
  settings.options =
      fmt::format("-c search_path= -c statement_timeout={}",
                  std::chrono::ceil<std::chrono::milliseconds>(AuthQueries::kLookupTimeout).count());
  settings.connect_timeout = std::min(config.weir.server_connect_timeout, AuthQueries::kLookupTimeout);

  if (where.user == settings.user && where.password) {
    settings.password = *where.password;
  } else if (const conf::UserSecret* secret = config.find_secret(settings.user)) {
    if (const auto* plain = std::get_if<conf::PlainSecret>(secret)) {
      settings.password = plain->password;
    } else if (!std::holds_alternative<conf::NoSecret>(*secret)) {
      return base::with_hint(
          base::config_file_error("the password of auth_user is needed in plain text to log in with it"),
          "Give it in the section [users], from the environment or from a file.");
    }
  }
  return settings;
}

bool same(const wire::PgClientSettings& a, const wire::PgClientSettings& b) {
  return a.hosts == b.hosts && a.dbname == b.dbname && a.user == b.user && a.password == b.password && a.tls == b.tls &&
         a.socket == b.socket && a.connect_timeout == b.connect_timeout;
}

base::Error explained(base::Error error) {
  if (error.sqlstate == "42501" && error.hint.empty()) {
    error.hint = "auth_user must be allowed to read what auth_query reads; a SECURITY DEFINER function can lend it that.";
  }
  return error;
}

}  // namespace

FoundSecret secret_in(const wire::PgRows& rows, std::string_view user) {
  if (rows.columns.size() != 2) {
    return base::config_file_error(
        fmt::format("auth_query returned {} columns instead of the user's name and password", rows.columns.size()));
  }
  if (rows.rows.empty()) return std::optional<conf::UserSecret>();
  if (rows.rows.size() > 1) {
    return base::config_file_error(
        fmt::format("auth_query returned {} rows instead of one; it must ask for the name in $1", rows.rows.size()));
  }
  const auto& row = rows.rows.front();
  if (row[0] != user) return base::config_file_error("auth_query returned another user than the one it was asked for");
  if (!row[1]) return std::optional<conf::UserSecret>(conf::NoSecret{});
  return std::optional<conf::UserSecret>(conf::parse_secret(*row[1]));
}

// ---- One worker's connections ----

class AuthQueries::OfWorker {
 public:
  OfWorker(base::EventLoop& loop, wire::Resolver& resolver)
      : loop_(loop), resolver_(resolver), sweep_(loop, [this] { sweep(); }) {}

  base::Ticket lookup(base::Result<wire::PgClientSettings> settings, std::string sql, const std::string& name,
                      const std::string& user, Done done);

 private:
  struct Connection {
    std::unique_ptr<wire::PgClient> client;
    base::TimePoint used{};
  };
  // A user who is asked for: those the query that runs will answer, and those who came after it was sent and get the
  // next one, since what that one saw may be older than they are.
  struct Flight {
    std::vector<AskerPtr> current, next;
    base::Ticket query;
  };
  struct Database {
    std::string name;  // as clients know it, for the log
    wire::PgClientSettings settings;
    std::string sql;
    std::vector<Connection> connections;
    std::vector<Connection> retired;  // made with settings of before a reload; they end when idle
    std::unordered_map<std::string, Flight> flights;
    std::size_t waiting = 0;
    base::TimePoint failed_at{};
    std::optional<base::Error> failure;  // why no connection could be had at failed_at
  };

  Database* database_of(const std::string& key);
  void adopt(Database& database, wire::PgClientSettings settings, std::string sql);
  Connection& connection_of(Database& database);
  void send(const std::string& key, Database& database, const std::string& user, Flight& flight);
  void on_rows(const std::string& key, const std::string& user, wire::PgClient* client,
               base::Result<wire::PgRows> rows);
  FoundSecret judge(Database& database, const std::string& user, const wire::PgClient& client,
                    base::Result<wire::PgRows> rows);
  void remember_unknown(const std::string& key, const std::string& user);
  void sweep();

  base::EventLoop& loop_;
  wire::Resolver& resolver_;
  base::Timer sweep_;
  std::unordered_map<std::string, std::unique_ptr<Database>> databases_;
  base::Lru<std::string, base::TimePoint> unknown_{kUnknownMax};  // by database and user: until when
};

namespace {

// What makes two lookups the same question. Neither part holds a NUL.
std::string key_of(const wire::PgClientSettings& settings, std::string_view sql) {
  std::string key;
  for (const wire::DialTarget& host : settings.hosts) key += fmt::format("{}:{},", host.host, host.port);
  for (const std::string_view part : {std::string_view(settings.dbname), std::string_view(settings.user), sql}) {
    key.push_back('\0');
    key.append(part);
  }
  return key;
}
std::string with_user(const std::string& key, const std::string& user) { return key + '\0' + user; }

}  // namespace

base::Ticket AuthQueries::OfWorker::lookup(base::Result<wire::PgClientSettings> settings, std::string sql,
                                           const std::string& name, const std::string& user, Done done) {
  auto asker = std::make_shared<Asker>(std::move(done));
  base::Ticket ticket([asker] { asker->done = nullptr; });
  if (!settings.ok()) {
    log.limited(name).error("database {}: {}", name, to_text(settings.error()));
    answer_soon(loop_, asker, settings.error());
    return ticket;
  }

  const std::string key = key_of(*settings, sql);
  const base::TimePoint now = base::now();
  if (const base::TimePoint* until = unknown_.find(with_user(key, user)); until != nullptr && now < *until) {
    answer_soon(loop_, asker, std::optional<conf::UserSecret>());
    return ticket;
  }
  Database* database = database_of(key);
  if (database == nullptr) {
    answer_soon(loop_, asker, base::configuration_limit("auth_query is busy with too many databases"));
    return ticket;
  }
  if (database->waiting >= kWaitingMax) {
    answer_soon(loop_, asker, base::configuration_limit("too many log-ins wait for auth_query"));
    return ticket;
  }
  if (database->name.empty()) database->name = name;
  adopt(*database, *std::move(settings), std::move(sql));
  if (database->failure && now - database->failed_at < kRetryAfter) {
    answer_soon(loop_, asker, *database->failure);
    return ticket;
  }

  ++database->waiting;
  auto [entry, fresh] = database->flights.try_emplace(user);
  entry->second.next.push_back(std::move(asker));
  if (fresh) send(key, *database, user, entry->second);
  return ticket;
}

// The one of that key, made where there is room; null where there is none.
AuthQueries::OfWorker::Database* AuthQueries::OfWorker::database_of(const std::string& key) {
  if (const auto found = databases_.find(key); found != databases_.end()) return found->second.get();
  if (databases_.size() >= kDatabasesMax) {
    const auto idle = std::find_if(databases_.begin(), databases_.end(),
                                   [](const auto& entry) { return entry.second->flights.empty(); });
    if (idle == databases_.end()) return nullptr;
    databases_.erase(idle);
  }
  if (databases_.empty()) sweep_.every(kSweepPeriod);
  return databases_.emplace(key, std::make_unique<Database>()).first->second.get();
}

void AuthQueries::OfWorker::adopt(Database& database, wire::PgClientSettings settings, std::string sql) {
  if (same(database.settings, settings)) return;
  database.settings = std::move(settings);
  database.sql = std::move(sql);
  database.failure.reset();
  for (Connection& old : database.connections) database.retired.push_back(std::move(old));
  database.connections.clear();
}

// One that has nothing to do, a new one, or the one whose turn it is.
AuthQueries::OfWorker::Connection& AuthQueries::OfWorker::connection_of(Database& database) {
  auto& connections = database.connections;
  const auto idle = std::find_if(connections.begin(), connections.end(),
                                 [](const Connection& one) { return one.client->idle(); });
  if (idle != connections.end()) return *idle;
  if (connections.size() < kConnectionsMax) {
    return connections.emplace_back(
        Connection{std::make_unique<wire::PgClient>(loop_, resolver_, database.settings), base::now()});
  }
  return *std::min_element(connections.begin(), connections.end(),
                           [](const Connection& a, const Connection& b) { return a.used < b.used; });
}

void AuthQueries::OfWorker::send(const std::string& key, Database& database, const std::string& user,
                                 Flight& flight) {
  flight.current = std::exchange(flight.next, {});
  Connection& connection = connection_of(database);
  connection.used = base::now();
  flight.query = connection.client->query(
      database.sql, {user}, kLookupTimeout,
      [this, key, user, client = connection.client.get()](base::Result<wire::PgRows> rows) {
        on_rows(key, user, client, std::move(rows));
      });
}

void AuthQueries::OfWorker::on_rows(const std::string& key, const std::string& user, wire::PgClient* client,
                                    base::Result<wire::PgRows> rows) {
  // While a query runs, its database and its flight stay: only here they go.
  Database& database = *databases_.at(key);
  Flight& flight = database.flights.at(user);
  const FoundSecret found = judge(database, user, *client, std::move(rows));
  if (found.ok() && !found->has_value()) remember_unknown(key, user);

  std::vector<AskerPtr> answered = std::exchange(flight.current, {});
  const bool connected = !database.failure;
  if (!found.ok() && !connected) {
    // The next query would only fail in the same way, later.
    answered.insert(answered.end(), flight.next.begin(), flight.next.end());
    flight.next.clear();
  }
  database.waiting -= answered.size();
  std::erase_if(flight.next, [&database](const AskerPtr& asker) {
    if (!asker->done) --database.waiting;
    return !asker->done;
  });
  if (flight.next.empty()) {
    database.flights.erase(user);
  } else {
    send(key, database, user, flight);
  }
  // Last: whoever is called may call lookup() or end this worker.
  for (const AskerPtr& asker : answered) answer(asker, found);
}

FoundSecret AuthQueries::OfWorker::judge(Database& database, const std::string& user, const wire::PgClient& client,
                                         base::Result<wire::PgRows> rows) {
  database.failure.reset();
  if (rows.ok()) {
    FoundSecret found = secret_in(*rows, user);
    for (auto& row : rows->rows) {
      for (auto& value : row) {
        if (value) conf::Secret::cleanse(*value);
      }
    }
    if (!found.ok()) log.limited(database.name).error("database {}: {}", database.name, to_text(found.error()));
    return found;
  }
  if (rows.error().sqlstate == kNotInRepertoire) return std::optional<conf::UserSecret>();
  const base::Error error = explained(std::move(rows).error());
  if (!client.connected()) {
    database.failure = error;
    database.failed_at = base::now();
  }
  log.limited(database.name)
      .error("database {}: auth_query as {} in {} failed: {} (SQLSTATE {})", database.name, database.settings.user,
             database.settings.dbname, to_text(error), error.sqlstate);
  return error;
}

void AuthQueries::OfWorker::remember_unknown(const std::string& key, const std::string& user) {
  const auto extra = static_cast<int64_t>(base::random_u64() % static_cast<uint64_t>(kUnknownTtl.count()));
  unknown_.put(with_user(key, user), base::now() + kUnknownTtl + base::Duration(extra));
}

void AuthQueries::OfWorker::sweep() {
  const base::TimePoint now = base::now();
  for (auto& [key, database] : databases_) {
    // An answer may still be on its way for as long as a lookup takes.
    std::erase_if(database->retired, [now](const Connection& one) {
      return one.client->idle() && now - one.used > 2 * kLookupTimeout;
    });
    std::erase_if(database->connections,
                  [now](const Connection& one) { return one.client->idle() && now - one.used >= kIdleTimeout; });
  }
  std::erase_if(databases_, [](const auto& entry) {
    const Database& database = *entry.second;
    return database.flights.empty() && database.connections.empty() && database.retired.empty();
  });
  if (databases_.empty()) sweep_.cancel();
}

// ---- AuthQueries ----

AuthQueries::AuthQueries() = default;
AuthQueries::~AuthQueries() = default;

base::Ticket AuthQueries::lookup(Runtime& runtime, int worker, const conf::Config& config,
                                 const conf::Database& section, const std::string& database, const std::string& user,
                                 std::function<void(FoundSecret)> done) {
  return of(runtime, worker)
      .lookup(settings_for(config, section, database), std::string(config.auth_query(section)), database, user,
              std::move(done));
}

void AuthQueries::stop_worker(int worker) {
  std::unique_ptr<OfWorker> stopped;
  const std::lock_guard lock(mutex_);
  if (const auto found = workers_.find(worker); found != workers_.end()) {
    stopped = std::move(found->second);
    workers_.erase(found);
  }
}

AuthQueries::OfWorker& AuthQueries::of(Runtime& runtime, int worker) {
  const std::lock_guard lock(mutex_);
  auto& own = workers_[worker];
  if (!own) own = std::make_unique<OfWorker>(*runtime.loops[static_cast<std::size_t>(worker)], runtime.resolver);
  return *own;
}

}  // namespace pooler
