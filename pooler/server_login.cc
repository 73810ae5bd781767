#include "pooler/server_login.h"

#include <utility>
#include <vector>

#include "base/random.h"
#include "base/ticket.h"
#include "pooler/runtime.h"
#include "pooler/socket_address.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/error_fields.h"
#include "wire/frame.h"
#include "wire/server_auth.h"

namespace pooler {
namespace {

// No message of a login is larger; a server that sends one is no PostgreSQL.
constexpr std::size_t kLargestMessage = 256 * 1024;
// Parameters that a server may report at login. PostgreSQL 18 reports 15.
constexpr std::size_t kMostParameters = 200;

wire::ChannelBinding to_wire(conf::ChannelBinding binding) {
  switch (binding) {
    case conf::ChannelBinding::kDisable: return wire::ChannelBinding::kDisable;
    case conf::ChannelBinding::kRequire: return wire::ChannelBinding::kRequire;
    case conf::ChannelBinding::kPrefer: break;
  }
  return wire::ChannelBinding::kPrefer;
}

// Whom a socket is connected to, for SHOW SERVERS.
std::string shown_peer(int fd) {
  SocketAddress peer;
  if (!peer.peer_of(fd)) return {};
  return peer.is_unix() ? "unix" : peer.text();
}

// Whether a server is of the kind that was asked for. libpq, 34.1.2, target_session_attrs.
bool suits(conf::TargetSessionAttrs wanted, bool standby, bool read_only) {
  switch (wanted) {
    case conf::TargetSessionAttrs::kReadWrite: return !read_only;
    case conf::TargetSessionAttrs::kReadOnly: return read_only;
    case conf::TargetSessionAttrs::kPrimary: return !standby;
    case conf::TargetSessionAttrs::kStandby: return standby;
    case conf::TargetSessionAttrs::kPreferStandby: return standby;
    case conf::TargetSessionAttrs::kAny: return true;
  }
  return true;
}

class Attempt final : public ServerLogin, private wire::StreamHandler {
 public:
  Attempt(Runtime& runtime, base::EventLoop& loop, PoolSettingsPtr settings, ServerCredentials credentials,
          std::size_t first_host, ParamList extra, Done done)
      : runtime_(runtime),
        loop_(loop),
        settings_(std::move(settings)),
        credentials_(std::move(credentials)),
        extra_(std::move(extra)),
        done_(std::move(done)),
        first_host_(first_host),
        deadline_(loop, [this] {
          fail_host(base::cannot_connect("connection to server at \"" + host().host + "\", port " +
                                         std::to_string(host().port) + " failed: timeout expired"));
        }) {}

  void begin() {
    second_round_ = false;
    tried_ = 0;
    connect(first_choice());
  }

 private:
  enum class Phase { kDial, kTlsAnswer, kTls, kAuth, kReady, kRole, kQuery };
  enum class Encryption { kNone, kTry, kMust };

  const conf::HostPort& host() const {
    return settings_->target.hosts[(first_host_ + tried_) % settings_->target.hosts.size()];
  }
  bool is_unix() const { return host().host.empty() || host().host[0] == '/' || host().host[0] == '@'; }

  Encryption first_choice() const {
    if (is_unix() || !settings_->tls) return Encryption::kNone;
    switch (settings_->target.tls_mode) {
      case conf::TlsMode::kDisable:
      case conf::TlsMode::kAllow: return Encryption::kNone;
      case conf::TlsMode::kPrefer: return Encryption::kTry;
      default: return Encryption::kMust;
    }
  }

  // ---- one host ----

  void connect(Encryption encryption) {
    encryption_ = encryption;
    drop_stream();
    auth_.reset();
    reported_.clear();
    key_ = {};
    phase_ = Phase::kDial;
    if (settings_->connect_timeout.count() > 0) deadline_.once(settings_->connect_timeout);
    ticket_ = wire::dial(loop_, runtime_.resolver, {host().host, host().port},
                         wire::socket_options(settings_->config->weir), settings_->connect_timeout,
                         [this](base::Result<base::Fd> fd) {
                           if (!fd.ok()) return fail_host(fd.error());
                           on_connected(std::move(fd).value());
                         });
  }

  void on_connected(base::Fd fd) {
    stream_ = std::make_unique<wire::SocketStream>(fd.release());
    stream_->attach(loop_, *this);
    if (encryption_ == Encryption::kNone) return send_startup();
    if (settings_->target.tls_negotiation == conf::TlsNegotiation::kDirect) return start_tls();
    phase_ = Phase::kTlsAnswer;
    std::string request;
    wire::append_ssl_request(request);
    send(request);
  }

  void start_tls() {
    phase_ = Phase::kTls;
    auto session = wire::TlsSession::connect(settings_->tls, stream_->fd(), host().host);
    if (!session.ok()) return fail_host(session.error());
    stream_->start_tls(std::move(session).value(), [this](base::Status status) {
      if (status.ok()) return on_tls();
      if (encryption_ == Encryption::kTry) return retry(Encryption::kNone);
      fail_host(base::cannot_connect("connection to server at \"" + host().host + "\" failed: " + status.error().message));
    });
  }

  void on_tls() {
    // Without a request for TLS only this says that PostgreSQL is at the other end. libpq, 34.1.2, sslnegotiation.
    if (settings_->target.tls_negotiation == conf::TlsNegotiation::kDirect && stream_->tls()->alpn().empty())
      return fail_host(base::cannot_connect(
          "direct SSL connection was established without ALPN protocol negotiation extension"));
    send_startup();
  }

  void send_startup() {
    phase_ = Phase::kAuth;
    std::vector<std::pair<std::string, std::string>> parameters{{"user", settings_->target.user},
                                                                {"database", settings_->target.dbname}};
    for (const auto& entry : settings_->target.startup) parameters.push_back(entry);
    for (const auto& entry : extra_) parameters.push_back(entry);
    std::string startup;
    if (auto status = wire::append_startup(startup, wire::kProtocol30, parameters); !status.ok())
      return fail_host(status.error());
    wire::ServerAuth::Setup setup;
    setup.user = settings_->target.user;
    setup.secret = credentials_.secret;
    setup.keys = credentials_.keys;
    setup.secret_origin = credentials_.origin;
    base::secure_bytes(setup.nonce);
    setup.channel_binding = to_wire(settings_->channel_binding);
    setup.encrypted = stream_->tls() != nullptr;
    if (setup.encrypted) setup.binding = stream_->tls()->channel_binding();
    setup.max_iterations = settings_->scram_max_iterations;
    auth_.emplace(std::move(setup));
    send(startup);
  }

  void send(std::string_view bytes) {
    stream_->write(bytes);
    stream_->flush();
  }

  // ---- what the server says ----

  std::size_t on_data(std::string_view bytes) override {
    if (phase_ == Phase::kTlsAnswer) return on_tls_answer(bytes);
    std::size_t position = 0;
    while (const auto header = wire::peek_frame(bytes.substr(position))) {
      if (!header->valid() || header->size > kLargestMessage) {
        fail_host(base::protocol_violation("the server sent a message of an unexpected size during the login"));
        return bytes.size();
      }
      if (bytes.size() - position < header->size) break;
      const std::string_view body = bytes.substr(position + wire::kHeaderSize, header->size - wire::kHeaderSize);
      position += header->size;
      const wire::SocketStream* before = stream_.get();
      if (working_) {  // the answer to what it asked is not there yet
        fail_host(base::protocol_violation("the server went on without waiting during the login"));
        return bytes.size();
      }
      on_message(header->type, body);
      if (stream_.get() != before || finished_) return bytes.size();
    }
    return position;
  }

  std::size_t on_tls_answer(std::string_view bytes) {
    const char answer = bytes[0];
    if (answer == 'S') {
      if (bytes.size() > 1) {
        fail_host(base::protocol_violation("received unencrypted data after SSL response"));
        return bytes.size();
      }
      start_tls();
    } else if (answer == 'N' && bytes.size() == 1) {
      if (encryption_ == Encryption::kMust)
        fail_host(base::cannot_connect("server does not support SSL, but SSL was required"));
      else
        send_startup();
    } else if (answer == 'E') {
      // A server from before SSL, or somebody in the middle: its text is not believed.
      if (encryption_ == Encryption::kTry)
        retry(Encryption::kNone);
      else
        fail_host(base::cannot_connect("server sent an error response during SSL exchange"));
    } else {
      fail_host(base::protocol_violation("received invalid response to SSL negotiation"));
    }
    return bytes.size();
  }

  void on_message(char type, std::string_view body) {
    switch (type) {
      case 'E': return on_error(wire::parse_report(body).error);
      case 'N': return;
      case 'R':
        if (phase_ != Phase::kAuth) break;
        return take(auth_->on_authentication(body));
      case 'v': return;  // we asked for nothing that a server could lack
      case 'S': return on_parameter(body);
      case 'K':
        if (phase_ != Phase::kReady) break;
        return on_key(body);
      case 'D':
        if (phase_ == Phase::kRole) return on_role_row(body);
        if (phase_ == Phase::kQuery) return;
        break;
      case 'T':
      case 'C':
      case 'I':
        if (phase_ == Phase::kRole || phase_ == Phase::kQuery) return;
        break;
      case 'Z':
        if (phase_ == Phase::kReady || phase_ == Phase::kRole || phase_ == Phase::kQuery) return on_ready();
        break;
      default: break;
    }
    fail_host(base::protocol_violation(std::string("the server sent an unexpected message of type \"") + type +
                                       "\" during the login"));
  }

  void on_error(const base::Error& error) {
    if (phase_ == Phase::kAuth && settings_->target.tls_mode == conf::TlsMode::kAllow &&
        encryption_ == Encryption::kNone && settings_->tls && !is_unix() && !retried_) {
      retried_ = true;
      return retry(Encryption::kMust);
    }
    fail_host(error);
  }

  void take(wire::ServerAuth::Step step) {
    if (auto* out = std::get_if<wire::Send>(&step)) {
      send(out->bytes);
    } else if (auto* need = std::get_if<wire::NeedKey>(&step)) {
      compute_key(std::move(*need));
    } else if (auto* ok = std::get_if<wire::ServerAuth::AuthOk>(&step)) {
      learned_ = std::move(ok->keys);
      phase_ = Phase::kReady;
    } else {
      fail_host(std::get<wire::Fail>(std::move(step)).error);
    }
  }

  void compute_key(wire::NeedKey need) {
    const std::string& user = settings_->target.user;
    if (auto known = runtime_.keys.find(user, need.salt, need.iterations, need.password))
      return take(auth_->on_key(*std::move(known)));
    working_ = true;
    auto job = std::make_shared<wire::NeedKey>(std::move(need));
    auto started = runtime_.offload.compute(
        [job] { return wire::salted_password(job->password.reveal(), job->salt, job->iterations); },
        [this, job](conf::Secret key) {
          working_ = false;
          runtime_.keys.put(settings_->target.user, job->salt, job->iterations, job->password, key);
          take(auth_->on_key(std::move(key)));
        },
        loop_);
    if (!started.ok()) return fail_host(started.error());
    ticket_ = std::move(started).value();
  }

  void on_parameter(std::string_view body) {
    wire::Reader reader(body);
    const std::string_view name = reader.cstring(), value = reader.cstring();
    if (!reader.ok() || reported_.size() >= kMostParameters)
      return fail_host(base::protocol_violation("the server sent parameters that PostgreSQL does not"));
    for (auto& [known, text] : reported_) {
      if (known != name) continue;
      text = value;
      return;
    }
    reported_.emplace_back(std::string(name), std::string(value));
  }

  void on_key(std::string_view body) {
    wire::Reader reader(body);
    const uint32_t pid = reader.u32();
    const std::string_view secret = reader.rest();
    if (!reader.ok() || secret.size() < wire::CancelKey::kMinSecret || secret.size() > wire::CancelKey::kMaxSecret)
      return fail_host(base::protocol_violation("the server sent a cancel key of an unexpected size"));
    key_ = wire::CancelKey(pid, secret);
  }

  void on_ready() {
    if (phase_ == Phase::kReady && settings_->target.session_attrs != conf::TargetSessionAttrs::kAny)
      return check_role();
    if (phase_ == Phase::kRole && !role_told_) return fail_silent_about_role();
    if (phase_ != Phase::kQuery && !settings_->target.connect_query.empty()) {
      phase_ = Phase::kQuery;
      std::string query;
      if (auto status = wire::append_query(query, settings_->target.connect_query); !status.ok())
        return fail_host(status.error());
      return send(query);
    }
    succeed();
  }

  void check_role() {
    const std::string *standby = nullptr, *read_only = nullptr;
    for (const auto& [name, value] : reported_) {
      if (name == "in_hot_standby") standby = &value;
      if (name == "default_transaction_read_only") read_only = &value;
    }
    if (standby != nullptr && read_only != nullptr) return judge_role(*standby == "on", *standby == "on" || *read_only == "on");
    // Before PostgreSQL 14 it has to be asked.
    phase_ = Phase::kRole;
    role_told_ = false;
    std::string query;
    (void)wire::append_query(query,
                             "SELECT pg_catalog.pg_is_in_recovery(),"
                             " pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool");
    send(query);
  }

  void on_role_row(std::string_view body) {
    wire::Reader reader(body);
    const uint16_t columns = reader.u16();
    std::string_view values[2];
    for (auto& value : values) {
      const int32_t size = reader.i32();
      if (columns != 2 || size != 1) return fail_silent_about_role();
      value = reader.bytes(1);
      if (value != "t" && value != "f") return fail_silent_about_role();
    }
    role_told_ = true;
    if (!acceptable(values[0] == "t", values[1] == "t")) fail_role();
  }

  void fail_silent_about_role() {
    fail_host(base::protocol_violation("the server did not say whether it is a standby"));
  }

  void judge_role(bool standby, bool read_only) {
    if (!acceptable(standby, read_only)) return fail_role();
    phase_ = Phase::kRole;
    role_told_ = true;
    on_ready();
  }

  bool acceptable(bool standby, bool read_only) const {
    const bool last_resort = settings_->target.session_attrs == conf::TargetSessionAttrs::kPreferStandby && second_round_;
    return last_resort || suits(settings_->target.session_attrs, standby, read_only);
  }

  void fail_role() {
    fail_host(base::cannot_connect("connection to server at \"" + host().host + "\", port " +
                                   std::to_string(host().port) +
                                   " failed: server is not of the kind that target_session_attrs asks for"));
  }

  // ---- how it ends ----

  void on_drained() override {}

  void on_closed(const base::Error& error) override {
    if (phase_ == Phase::kTlsAnswer && encryption_ == Encryption::kTry) return retry(Encryption::kNone);
    auto reason = error;
    if (reason.message == "end of file") reason.message = "server closed the connection unexpectedly";
    fail_host(base::cannot_connect("connection to server at \"" + host().host + "\", port " +
                                   std::to_string(host().port) + " failed: " + reason.message));
  }

  void retry(Encryption encryption) {
    working_ = false;
    loop_.defer([this, alive = std::weak_ptr<bool>(alive_), encryption] {
      if (alive.lock()) connect(encryption);
    });
    drop_stream();
  }

  // This host will not do: the next one, or the end.
  void fail_host(base::Error error) {
    if (finished_) return;
    drop_stream();
    ticket_.drop();
    deadline_.cancel();
    working_ = false;
    retried_ = false;
    failure_ = std::move(error);
    if (++tried_ < settings_->target.hosts.size()) return retry(first_choice());
    if (settings_->target.session_attrs == conf::TargetSessionAttrs::kPreferStandby && !second_round_) {
      second_round_ = true;
      tried_ = 0;
      return retry(first_choice());
    }
    finish(failure_);
  }

  void succeed() {
    ServerConnection connection;
    stream_->detach();
    connection.address = ServerAddress{host().host, host().port, shown_peer(stream_->fd())};
    connection.stream = std::move(stream_);
    connection.key = std::move(key_);
    connection.reported = std::move(reported_);
    connection.keys = std::move(learned_);
    finish(std::move(connection));
  }

  void finish(base::Result<ServerConnection> result) {
    finished_ = true;
    deadline_.cancel();
    auto shared = std::make_shared<base::Result<ServerConnection>>(std::move(result));
    loop_.defer([this, alive = std::weak_ptr<bool>(alive_), shared] {
      if (alive.lock()) done_(std::move(*shared));
    });
  }

  void drop_stream() {
    if (!stream_) return;
    struct Dead : base::Deferred {
      explicit Dead(std::unique_ptr<wire::SocketStream> s) : stream(std::move(s)) {}
      std::unique_ptr<wire::SocketStream> stream;
    };
    stream_->close();
    loop_.defer_delete(std::make_unique<Dead>(std::move(stream_)));
  }

  Runtime& runtime_;
  base::EventLoop& loop_;
  const PoolSettingsPtr settings_;
  const ServerCredentials credentials_;
  const ParamList extra_;
  Done done_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::size_t first_host_;
  std::size_t tried_ = 0;
  base::Timer deadline_;  // of one host
  base::Ticket ticket_;
  std::unique_ptr<wire::SocketStream> stream_;
  std::optional<wire::ServerAuth> auth_;
  Phase phase_ = Phase::kDial;
  Encryption encryption_ = Encryption::kNone;
  bool working_ = false;   // a key is being computed
  bool retried_ = false;   // tls_mode allow: encrypted after a plain login was refused
  bool role_told_ = false;  // it has said what it is
  bool second_round_ = false;
  bool finished_ = false;
  ParamList reported_;
  wire::CancelKey key_;
  std::optional<wire::ScramKeys> learned_;
  base::Error failure_;
};

}  // namespace

std::unique_ptr<ServerLogin> ServerLogin::start(Runtime& runtime, base::EventLoop& loop, PoolSettingsPtr settings,
                                                ServerCredentials credentials, std::size_t first_host,
                                                ParamList extra_startup, Done done) {
  auto attempt = std::make_unique<Attempt>(runtime, loop, std::move(settings), std::move(credentials), first_host,
                                           std::move(extra_startup), std::move(done));
  attempt->begin();
  return attempt;
}

}  // namespace pooler
