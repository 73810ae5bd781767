#include "wire/pg_client.h"

#include <libpq-fe.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace wire {
namespace {

const base::Logger log{"pg_client"};

// libpq looks into home folders for what it is not told. A name of no file tells it.
constexpr const char* kNoFile = "/nonexistent";
// Debian's collection of the authorities that the system believes, for verify-* without a CA file.
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// libpq's messages have several lines, each with its own story: one connection attempt.
std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view part = base::trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
    if (!line.empty()) line += "; ";
    line += part;
  }
  return line;
}

std::string field(const PGresult& result, int code) {
  const char* text = PQresultErrorField(&result, code);
  return text != nullptr ? text : std::string();
}

base::Error error_of(const PGresult& result) {
  base::Error error{field(result, PG_DIAG_SQLSTATE), field(result, PG_DIAG_MESSAGE_PRIMARY),
                    field(result, PG_DIAG_MESSAGE_DETAIL), field(result, PG_DIAG_MESSAGE_HINT)};
  // Without an SQLSTATE it is libpq that speaks: the connection is gone.
  if (error.sqlstate.empty()) return base::connection_failure(one_line(PQresultErrorMessage(&result)));
  return error;
}

std::string_view sslmode(conf::TlsMode mode) {
  for (const auto& [name, value] : conf::kNames<conf::TlsMode>)
    if (value == mode) return name;
  return "prefer";
}

// Keywords and values for PQconnectStartParams, which wants them as two lists of pointers.
class ConnectionParams {
 public:
  void add(const char* keyword, std::string value) { values_.emplace_back(keyword, std::move(value)); }

  PGconn* start(const conf::Secret& password) const {
    std::vector<const char*> keywords, values;
    for (const auto& [keyword, value] : values_) {
      keywords.push_back(keyword);
      values.push_back(value.c_str());
    }
    keywords.push_back("password");
    values.push_back(password.reveal().data());  // a std::string's, so it ends in NUL
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    return PQconnectStartParams(keywords.data(), values.data(), 0);
  }

 private:
  std::vector<std::pair<const char*, std::string>> values_;
};

std::string seconds(base::Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

void add_tls(ConnectionParams& params, const TlsSettings& tls) {
  const bool verifies = tls.mode == conf::TlsMode::kVerifyCa || tls.mode == conf::TlsMode::kVerifyFull;
  std::string authorities = tls.ca_file;
  // Below verify-ca a CA file would make libpq insist, which the mode does not say.
  if (!verifies) authorities = kNoFile;
  if (verifies && authorities.empty()) authorities = kSystemAuthorities;
  params.add("sslmode", std::string(sslmode(tls.mode)));
  params.add("sslrootcert", authorities);
  params.add("sslcert", tls.cert_file.empty() ? kNoFile : tls.cert_file);
  params.add("sslkey", tls.key_file.empty() ? kNoFile : tls.key_file);
  params.add("sslcrl", tls.crl_file.empty() ? kNoFile : tls.crl_file);
}

void add_socket(ConnectionParams& params, const SocketOptions& options) {
  params.add("keepalives", options.keepalive ? "1" : "0");
  // libpq hands a zero to the kernel, which refuses it.
  if (options.keepalive_count > 0) params.add("keepalives_count", std::to_string(options.keepalive_count));
  if (options.keepalive_idle > base::Duration::zero()) params.add("keepalives_idle", seconds(options.keepalive_idle));
  if (options.keepalive_interval > base::Duration::zero())
    params.add("keepalives_interval", seconds(options.keepalive_interval));
  params.add("tcp_user_timeout", std::to_string(options.user_timeout.count()));
}

}  // namespace

// One question. Its members belong to the client's loop.
struct PgClient::Query {
  std::string sql;
  Params params;
  Done done;  // empty once answered or withdrawn
  std::optional<base::Timer> timer;
  bool tried_again = false;
};

void PgClient::free_connection(pg_conn* connection) { PQfinish(connection); }
void PgClient::free_result(pg_result* result) { PQclear(result); }

PgClient::PgClient(base::EventLoop& loop, Resolver& resolver, PgClientSettings settings)
    : loop_(loop),
      resolver_(resolver),
      settings_(std::move(settings)),
      connect_timer_(loop, [this] { on_connect_timeout(); }) {}

PgClient::~PgClient() {
  for (const auto& query : queue_) {
    query->done = nullptr;
    query->timer.reset();
  }
  close();
}

base::Ticket PgClient::query(std::string sql, Params params, base::Duration timeout, Done done) {
  auto query = std::make_shared<Query>(std::move(sql), std::move(params), std::move(done), std::nullopt, false);
  base::Ticket ticket([query] {
    query->timer.reset();
    query->done = nullptr;
  });
  if (queue_.size() > kQueueMax) {
    const auto waiting = queue_.begin() + (state_ == State::kRunning ? 1 : 0);
    queue_.erase(std::remove_if(waiting, queue_.end(), [](const auto& one) { return !one->done; }), queue_.end());
  }
  if (queue_.size() > kQueueMax) {
    answer(query, base::configuration_limit("too many queries of Weir's own in line"));
    return ticket;
  }
  if (timeout > base::Duration::zero()) {
    query->timer.emplace(loop_, [this, weak = std::weak_ptr(query)] {
      if (const auto late = weak.lock()) on_timeout(late);
    });
    query->timer->once(timeout);
  }
  queue_.push_back(query);
  go_on();
  return ticket;
}

void PgClient::disconnect() {
  close();
  fail_all(base::connection_failure("the connection was closed"));
}

void PgClient::go_on() {
  if (state_ != State::kRunning)
    while (!queue_.empty() && !queue_.front()->done) queue_.pop_front();
  if (queue_.empty()) return;
  if (state_ == State::kClosed) resolve_hosts();
  if (state_ == State::kReady) send_next();
}

// ---- Connecting ----

void PgClient::resolve_hosts() {
  state_ = State::kResolving;
  lookup_failures_.clear();
  candidates_.clear();
  connect_timer_.once(settings_.connect_timeout);
  for (const DialTarget& target : settings_.hosts) candidates_.push_back({target, {}, {}, false});
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& candidate = candidates_[i];
    if (!unix_socket_path(candidate.target).empty()) {
      candidate.known = true;
      continue;
    }
    candidate.looking_up =
        resolver_.resolve(candidate.target.host, loop_, [this, i](base::Result<Addresses> found) {
          Candidate& mine = candidates_[i];
          mine.known = true;
          if (found.ok())
            mine.addresses = **found;
          else
            lookup_failures_ += (lookup_failures_.empty() ? "" : "; ") + found.error().message;
          connect();
        });
  }
  connect();
}

// As soon as all names are known.
void PgClient::connect() {
  if (!std::all_of(candidates_.begin(), candidates_.end(), [](const Candidate& one) { return one.known; })) return;
  std::string hosts, addresses, ports;
  const auto add = [&](const DialTarget& target, const std::string& address) {
    const char* separator = ports.empty() ? "" : ",";
    hosts += separator + target.host;
    addresses += separator + address;
    ports += separator + std::to_string(target.port);
  };
  for (const Candidate& candidate : candidates_) {
    if (!unix_socket_path(candidate.target).empty()) add(candidate.target, "");
    for (const std::string& address : candidate.addresses) add(candidate.target, address);
  }
  candidates_.clear();
  if (ports.empty()) {
    close();
    fail_all(base::cannot_connect(lookup_failures_.empty() ? "no host is given" : lookup_failures_));
    return;
  }

  ConnectionParams params;
  params.add("host", hosts);
  params.add("hostaddr", addresses);
  params.add("port", ports);
  params.add("dbname", settings_.dbname);
  params.add("user", settings_.user);
  params.add("passfile", kNoFile);
  params.add("gssencmode", "disable");
  params.add("application_name", settings_.application_name);
  params.add("client_encoding", "UTF8");
  params.add("options", settings_.options);
  params.add("target_session_attrs", settings_.target_session_attrs);
  add_tls(params, settings_.tls);
  add_socket(params, settings_.socket);
  state_ = State::kConnecting;
  connection_.reset(params.start(settings_.password));
  if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD) {
    const auto error = base::cannot_connect(last_words());
    close();
    fail_all(error);
    return;
  }
  PQsetNoticeReceiver(connection_.get(), [](void*, const PGresult* notice) {
    log.debug("notice: {}", one_line(PQresultErrorMessage(notice)));
  }, nullptr);
  watch(false, true);
}

void PgClient::continue_connecting() {
  // libpq may go on with another socket, which can have the same number.
  watch_.detach();
  switch (PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_READING: watch(true, false); return;
    case PGRES_POLLING_WRITING: watch(false, true); return;
    case PGRES_POLLING_OK: break;
    default: {
      const auto error = base::cannot_connect(last_words());
      close();
      fail_all(error);
      return;
    }
  }
  connect_timer_.cancel();
  PQsetnonblocking(connection_.get(), 1);
  state_ = State::kReady;
  watch(true, false);
  go_on();
}

void PgClient::on_connect_timeout() {
  const std::string words = connection_ ? last_words() : lookup_failures_;
  close();
  fail_all(base::cannot_connect(words.empty() ? "could not connect in time" : words + "; timeout expired"));
}

// ---- Asking ----

void PgClient::send_next() {
  // A server that went away since the last query has said so by now: its last words, then the end of file.
  if (PQconsumeInput(connection_.get()) != 1 || PQisBusy(connection_.get()) != 0 ||
      PQconsumeInput(connection_.get()) != 1 || PQstatus(connection_.get()) != CONNECTION_OK) {
    close();
    resolve_hosts();
    return;
  }
  const Query& query = *queue_.front();
  std::vector<const char*> values;
  values.reserve(query.params.size());
  for (const auto& value : query.params) values.push_back(value ? value->c_str() : nullptr);
  rows_ = {};
  error_.reset();
  result_bytes_ = 0;
  state_ = State::kRunning;
  if (PQsendQueryParams(connection_.get(), query.sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) != 1) {
    error_ = base::connection_failure(last_words());
    finish_query();
    return;
  }
  PQsetSingleRowMode(connection_.get());
  continue_query();
}

void PgClient::continue_query() {
  const bool alive = PQconsumeInput(connection_.get()) == 1;
  const int unsent = alive ? PQflush(connection_.get()) : 0;
  // What arrived before an end counts: it says why.
  while (PQisBusy(connection_.get()) == 0) {
    const ResultPtr result(PQgetResult(connection_.get()));
    if (!result) {
      finish_query();
      return;
    }
    if (!take_result(*result)) {
      drop_connection();
      finish_query();
      return;
    }
  }
  if (!alive || unsent < 0) {
    if (!error_) error_ = base::connection_failure(last_words());
    drop_connection();
    finish_query();
    return;
  }
  watch(true, unsent == 1);
}

// False if this must not go on.
bool PgClient::take_result(const pg_result& result) {
  switch (PQresultStatus(&result)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY: break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH: error_ = base::feature_not_supported("COPY is not for queries of Weir's own"); return false;
    default:
      if (!error_) error_ = error_of(result);
      return true;
  }
  const int columns = PQnfields(&result);
  if (rows_.columns.empty())
    for (int column = 0; column < columns; ++column) rows_.columns.emplace_back(PQfname(&result, column));
  for (int row = 0; row < PQntuples(&result); ++row) {
    auto& values = rows_.rows.emplace_back();
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(&result, row, column) != 0) {
        values.emplace_back();
        continue;
      }
      const auto size = static_cast<std::size_t>(PQgetlength(&result, row, column));
      values.emplace_back(std::string(PQgetvalue(&result, row, column), size));
      result_bytes_ += size;
    }
    result_bytes_ += sizeof values + values.size() * sizeof values.front();
  }
  // In single-row mode the tag comes with the last, empty result.
  rows_.command = PQcmdStatus(const_cast<PGresult*>(&result));
  if (result_bytes_ <= kResultBytesMax) return true;
  error_ = base::configuration_limit("the result is larger than " + base::size_text(kResultBytesMax));
  return false;
}

void PgClient::finish_query() {
  const auto query = queue_.front();
  const bool lost = !connection_ || PQstatus(connection_.get()) != CONNECTION_OK;
  if (lost && connection_ && used_before_ && rows_.rows.empty() && !query->tried_again) {
    // The server was about to go when we asked.
    query->tried_again = true;
    error_.reset();
    close();
    go_on();
    return;
  }
  queue_.pop_front();
  used_before_ = true;
  if (lost && !error_) error_ = base::connection_failure(connection_ ? last_words() : "the connection was lost");
  if (error_)
    answer(query, *std::exchange(error_, std::nullopt));
  else
    answer(query, std::exchange(rows_, {}));
  rows_ = {};
  if (lost) {
    close();
  } else {
    state_ = State::kReady;
    watch(true, false);
  }
  go_on();
}

// ---- Events ----

void PgClient::watch(bool read, bool write) {
  if (!watch_.attached()) watch_.attach(loop_, PQsocket(connection_.get()), *this);
  watch_.want_read(read);
  watch_.want_write(write);
}

void PgClient::on_readable() {
  switch (state_) {
    case State::kConnecting: continue_connecting(); return;
    case State::kRunning: continue_query(); return;
    case State::kReady:
      // Nothing was asked: a parameter changed, or the server closes.
      if (PQconsumeInput(connection_.get()) != 1 || PQstatus(connection_.get()) != CONNECTION_OK) close();
      return;
    default: return;
  }
}

void PgClient::on_writable() {
  if (state_ == State::kConnecting)
    continue_connecting();
  else if (state_ == State::kRunning)
    continue_query();
}

void PgClient::on_internal_error(const char* what) noexcept {
  close();
  fail_all(base::internal_error(what));
}

void PgClient::on_timeout(const std::shared_ptr<Query>& late) {
  answer(late, base::query_canceled("no answer in time"));
  if (state_ == State::kRunning && queue_.front() == late) {
    // The server may be at it for long: a new connection serves the next in line.
    queue_.pop_front();
    close();
  } else {
    std::erase(queue_, late);
  }
  go_on();
}

void PgClient::answer(const std::shared_ptr<Query>& query, base::Result<PgRows> result) {
  query->timer.reset();
  loop_.defer([query, result = std::move(result)] {
    if (auto done = std::exchange(query->done, nullptr)) done(result);
  });
}

void PgClient::fail_all(const base::Error& error) {
  for (const auto& query : std::exchange(queue_, {})) answer(query, error);
}

void PgClient::close() {
  state_ = State::kClosed;
  connect_timer_.cancel();
  candidates_.clear();
  drop_connection();
}

void PgClient::drop_connection() {
  watch_.detach();  // while the descriptor is still ours
  used_before_ = false;
  connection_.reset();
}

std::string PgClient::last_words() const {
  return connection_ ? one_line(PQerrorMessage(connection_.get())) : "out of memory";
}

std::optional<base::Result<PgRows>> query_and_wait(base::EventLoop& loop, PgClient& client, std::string sql,
                                                   PgClient::Params params, base::Duration timeout) {
  std::optional<base::Result<PgRows>> answer;
  const base::Ticket asked = client.query(std::move(sql), std::move(params), timeout, [&](base::Result<PgRows> rows) {
    answer = std::move(rows);
    loop.stop();
  });
  loop.run();
  return answer;
}

}  // namespace wire
