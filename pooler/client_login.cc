#include "pooler/client_login.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "pooler/auth_query.h"
#include "pooler/cancel_routing.h"
#include "pooler/external_auth.h"
#include "pooler/key_cache.h"
#include "pooler/login_rules.h"
#include "pooler/peer_credentials.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"
#include "pooler/socket_address.h"
#include "pooler/startup_settings.h"
#include "pooler/throttle.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/proxy_protocol.h"
#include "wire/tls.h"

namespace pooler {
namespace {

const base::Logger log{"login"};

bool is_console(std::string_view database) { return database == "weir" || database == "pgbouncer"; }

class Login final : public ClientLogin {
 public:
  Login(Worker& worker, wire::SocketStream& stream, const ListenerInfo& listener, Done done)
      : worker_(worker),
        stream_(stream),
        config_(worker.config()),
        unix_socket_(listener.unix_socket),
        done_(std::move(done)),
        delay_(worker.loop(), [this] { end(*std::exchange(delayed_, nullptr)); }) {
    SocketAddress peer;
    const bool known = !unix_socket_ && peer.peer_of(stream.fd());
    address_ = known ? peer.text() : "unix";
    port_ = known ? peer.port() : listener.local_port;
    const auto ip = conf::parse_ip(address_);
    const auto& trusted = config_->weir.proxy_protocol_from;
    behind_proxy_ =
        ip && std::any_of(trusted.begin(), trusted.end(), [&ip](const conf::Cidr& c) { return c.contains(*ip); });
    if (behind_proxy_)
      stream_.limit_reads(wire::kProxyHeaderSize);
    else
      admit();
  }

  std::string_view user() const override { return user_; }
  std::string_view database() const override { return database_; }
  const std::string& address() const override { return address_; }
  int port() const override { return port_; }

  std::size_t on_data(std::string_view bytes) override {
    if (ended_) return bytes.size();
    if (behind_proxy_) return read_proxy_header(bytes);
    if (phase_ == Phase::kFirst) return read_first_packet(bytes);
    if (phase_ == Phase::kSecret) return read_auth_message(bytes);
    // Nothing is due from the client now: what it sends early waits, within a bound.
    if (bytes.size() > wire::kMaxAuthMessage) refuse(base::protocol_violation("too much data before the login"));
    return 0;
  }

 private:
  enum class Phase { kFirst, kLookup, kSecret, kWorking };

  // ---- before the startup packet ----

  void admit() {
    auto admitted = worker_.runtime().throttle.admit(unix_socket_ ? std::string_view() : address_);
    if (!admitted.ok()) return refuse(admitted.error());
    preauth_ = std::move(admitted).value();
    expect_first_byte();
  }

  void expect_first_byte() {
    if (unix_socket_ || !config_->weir.client_tls_direct || !worker_.runtime().client_tls()) return;
    stream_.peek_first_byte([this](char byte) {
      if (!wire::is_tls_hello({&byte, 1})) return false;
      direct_tls_ = true;
      start_tls();
      return true;
    });
  }

  std::size_t read_proxy_header(std::string_view bytes) {
    const auto parsed = wire::parse_proxy_v2(bytes);
    if (!parsed.ok()) {
      refuse(parsed.error());
      return bytes.size();
    }
    if (parsed->consumed == 0) {
      // Not a byte past the header is read: a TLS handshake may follow.
      stream_.limit_reads(parsed->needed - bytes.size());
      return 0;
    }
    if (!parsed->local) {
      address_ = parsed->source_address;
      port_ = parsed->source_port;
    }
    behind_proxy_ = false;
    stream_.limit_reads(0);
    admit();
    return parsed->consumed;
  }

  std::size_t read_first_packet(std::string_view bytes) {
    auto parsed = wire::parse_startup(bytes, asked_);
    if (!parsed.ok()) {
      refuse(parsed.error());
      return bytes.size();
    }
    const std::size_t consumed = parsed->consumed;
    if (std::holds_alternative<wire::NeedMore>(parsed->packet)) return 0;
    if (std::holds_alternative<wire::SslRequest>(parsed->packet) ||
        std::holds_alternative<wire::GssencRequest>(parsed->packet)) {
      const bool ssl = std::holds_alternative<wire::SslRequest>(parsed->packet);
      (ssl ? asked_.ssl : asked_.gssenc) = true;
      if (consumed < bytes.size()) {
        // CVE-2021-23214: what was sent before the answer was not sent under encryption.
        refuse(base::with_detail(
            base::protocol_violation(ssl ? "received unencrypted data after SSL request"
                                         : "received unencrypted data after GSSAPI encryption request"),
            "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."));
        return bytes.size();
      }
      const bool secure = ssl && !unix_socket_ && stream_.tls() == nullptr && worker_.runtime().client_tls();
      stream_.write(secure ? "S" : "N");
      stream_.flush();
      if (secure) start_tls();
      return consumed;
    }
    if (auto* cancel = std::get_if<wire::CancelRequest>(&parsed->packet)) {
      route_cancel(worker_, cancel->key);
      end(base::Error{std::string(kNothingToSay), "cancel request", {}, {}});
      return bytes.size();
    }
    phase_ = Phase::kWorking;
    on_startup(std::get<wire::StartupMessage>(std::move(parsed->packet)));
    return consumed;
  }

  void start_tls() {
    auto session = wire::TlsSession::accept(worker_.runtime().client_tls(), stream_.fd());
    if (!session.ok()) {
      end(session.error());
      return;
    }
    stream_.start_tls(std::move(session).value(), [this](base::Status status) {
      if (!status.ok()) {
        log.limited("handshake").info("client {}: {}", address_, status.error().message);
        end(base::Error{std::string(kNothingToSay), status.error().message, {}, {}});
      } else if (direct_tls_ && stream_.tls()->alpn() != "postgresql") {
        refuse(base::with_hint(base::protocol_violation("received direct SSL connection request without ALPN protocol"
                                                        " negotiation extension"),
                               "Use sslnegotiation=direct with libpq 17 or newer."));
      }
    });
  }

  // ---- the startup packet ----

  void on_startup(wire::StartupMessage startup) {
    auto user = wire::startup_user(startup);
    if (!user.ok()) return refuse(user.error());
    user_ = std::move(user).value();
    database_ = std::string(startup.find("database").value_or(""));
    if (database_.empty()) database_ = user_;
    auto negotiated = wire::negotiate(startup);
    result_.version = negotiated.version;
    result_.preface = std::move(negotiated.reply);
    auto settings = read_startup_settings(startup, config_->weir.ignore_startup_parameters);
    if (!settings.ok()) return refuse(settings.error());
    result_.startup = std::move(settings->settings);
    result_.replication = settings->replication;
    for (const auto& name : settings->nonsense)
      log.limited("startup parameter name").info("client {}: a startup parameter with the name \"{}\" is ignored",
                                                 address_, name);
    if (config_->weir.application_name_add_host) add_host_to_application_name();

    const auto mode = conf::client_tls_mode(config_->weir);
    if (!unix_socket_ && stream_.tls() == nullptr && mode >= conf::TlsMode::kRequire)
      return refuse(base::invalid_authorization("SSL connection is required"));
    console_ = is_console(database_);
    choose_method();
  }

  void add_host_to_application_name() {
    const std::string* own = find_param(result_.startup, "application_name");
    const std::string name = (own != nullptr ? *own : std::string("app")) + " - " + address_ + ":" + std::to_string(port_);
    result_.startup = with_param(std::move(result_.startup), "application_name", &name);
  }

  // ---- who may log in how ----

  void choose_method() {
    const LoginFacts facts{.unix_socket = unix_socket_,
                           .address = unix_socket_ ? std::nullopt : conf::parse_ip(address_),
                           .tls = stream_.tls() != nullptr,
                           .physical_replication = result_.replication == wire::Replication::kPhysical,
                           .database = database_,
                           .user = user_};
    auto rule = rule_for(*config_, facts);
    if (!rule.ok()) return refuse(rule.error());
    rule_ = std::move(rule).value();
    if (unix_socket_ && console_ && (user_ == "weir" || user_ == "pgbouncer")) {
      // Whoever runs Weir may look after it.
      if (const auto uid = peer_uid(stream_.fd()); uid && *uid == ::geteuid()) {
        result_.console = ConsoleRole::kAdmin;
        return done_without_secret();
      }
    }
    if (rule_.needs_client_cert && !(stream_.tls() != nullptr && stream_.tls()->has_peer_certificate()))
      return refuse(base::invalid_authorization("connection requires a valid client certificate"));
    if (rule_.cert_names_user && !certificate_allows()) return refuse(wrong_certificate());

    switch (rule_.method) {
      case LoginMethod::kTrust:
      case LoginMethod::kAny:
      case LoginMethod::kCert: return find_secret(wire::ClientAuthMethod::kNone);
      case LoginMethod::kPeer: return ask_peer();
      case LoginMethod::kPassword: return find_secret(wire::ClientAuthMethod::kPassword);
      case LoginMethod::kMd5: return find_secret(wire::ClientAuthMethod::kMd5);
      case LoginMethod::kScram: return find_secret(wire::ClientAuthMethod::kScram);
      case LoginMethod::kPam:
      case LoginMethod::kLdap: return ask_for_external_password();
    }
  }

  bool certificate_allows() const {
    return stream_.tls() != nullptr && stream_.tls()->has_peer_certificate() &&
           config_->ident.allows(rule_.map, stream_.tls()->peer_common_name(), user_);
  }

  base::Error wrong_certificate() const {
    return base::invalid_authorization("certificate authentication failed for user \"" + user_ + "\"");
  }

  void ask_peer() {
    phase_ = Phase::kLookup;
    auto asked = peer_user_name(worker_.runtime().external, worker_.loop(), stream_.fd(),
                                [this](base::Result<std::string> name) {
                                  if (!name.ok()) return refuse_peer(name.error().message);
                                  if (!config_->ident.allows(rule_.map, *name, user_))
                                    return refuse_peer("the peer is the system's user \"" + *name + "\"");
                                  done_without_secret();
                                });
    if (!asked.ok()) return refuse_peer(asked.error().message);
    ticket_ = std::move(asked).value();
  }

  // Why is for the log only.
  void refuse_peer(const std::string& why) {
    log.limited("peer").info("client {}: peer authentication of \"{}\" failed: {}", address_, user_, why);
    refuse(base::invalid_authorization("Peer authentication failed for user \"" + user_ + "\""));
  }

  void ask_for_external_password() {
    if (worker_.runtime().throttle.blocked(address_, user_, base::now())) return refuse(external_refusal());
    start_exchange(wire::ClientAuthMethod::kExternal, std::nullopt);
  }

  bool is_external() const { return rule_.method == LoginMethod::kPam || rule_.method == LoginMethod::kLdap; }

  // PostgreSQL's words, whatever the reason.
  base::Error external_refusal() const {
    return base::invalid_authorization(std::string(rule_.method == LoginMethod::kPam ? "PAM" : "LDAP") +
                                       " authentication failed for user \"" + user_ + "\"");
  }

  void find_secret(wire::ClientAuthMethod method) {
    if (method != wire::ClientAuthMethod::kNone && worker_.runtime().throttle.blocked(address_, user_, base::now()))
      return refuse(base::invalid_password("password authentication failed for user \"" + user_ + "\""));
    if (const conf::UserSecret* known = config_->find_secret(user_)) return start_exchange(method, *known);
    const conf::Database* db = config_->find_database(database_);
    if (rule_.method == LoginMethod::kAny || db == nullptr || console_ || config_->auth_user(*db).empty()) {
      if (rule_.method == LoginMethod::kAny) return done_without_secret();
      return start_exchange(method, std::nullopt);
    }
    phase_ = Phase::kLookup;
    ticket_ = worker_.runtime().auth_queries.lookup(
        worker_.runtime(), worker_.index(), *config_, *db, database_, user_,
        [this, method](base::Result<std::optional<conf::UserSecret>> found) {
          if (!found.ok()) {
            // Why is in the log; the client learns no more than from a wrong password.
            return start_exchange(method, std::nullopt);
          }
          start_exchange(method, *std::move(found));
        });
  }

  // ---- the exchange of secrets ----

  void start_exchange(wire::ClientAuthMethod method, std::optional<conf::UserSecret> secret) {
    if (method == wire::ClientAuthMethod::kNone) {
      // Trust, cert: whom neither we nor the server's answer to auth_query know is no user. Without a list of users there
      // is nobody to ask, and the server decides.
      const bool listed = !config_->userlist.users.empty() || !config_->users.empty();
      if (!secret && listed && !console_ && config_->find_user(user_) == nullptr)
        return refuse(base::invalid_authorization("role \"" + user_ + "\" does not exist"));
      return done_without_secret();
    }
    wire::ClientAuth::Setup setup;
    setup.method = method;
    setup.user = user_;
    setup.secret = std::move(secret);
    base::secure_bytes(setup.nonce);
    base::secure_bytes(setup.md5_salt);
    setup.made_up_key = worker_.runtime().made_up_key;
    setup.iterations = config_->weir.scram_iterations;
    if (method == wire::ClientAuthMethod::kMd5) setup.unknown_has_verifier = asks_unknown_for_scram(*config_);
    if (stream_.tls() != nullptr && config_->weir.channel_binding != conf::ChannelBinding::kDisable)
      setup.binding = stream_.tls()->channel_binding();
    auth_.emplace(std::move(setup));
    take(auth_->start());
  }

  std::size_t read_auth_message(std::string_view bytes) {
    if (bytes[0] != wire::PasswordMessage::kType) {  // its length may be anything: nobody waits for that much
      take(auth_->on_message(bytes[0], {}));
      return bytes.size();
    }
    const auto header = wire::peek_frame(bytes);
    if (!header) return 0;
    if (!header->valid() || header->size > wire::kMaxAuthMessage + wire::kHeaderSize) {
      refuse(base::protocol_violation("invalid message length"));
      return bytes.size();
    }
    if (bytes.size() < header->size) return 0;
    phase_ = Phase::kWorking;
    take(auth_->on_message(header->type, bytes.substr(wire::kHeaderSize, header->size - wire::kHeaderSize)));
    return header->size;
  }

  void take(wire::ClientAuth::Step step) {
    if (auto* send = std::get_if<wire::Send>(&step)) {
      result_.preface += send->bytes;
      stream_.write(std::exchange(result_.preface, {}));
      stream_.flush();
      phase_ = Phase::kSecret;
      worker_.loop().defer([this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.lock()) stream_.redeliver();
      });
    } else if (auto* need = std::get_if<wire::NeedKey>(&step)) {
      compute_key(std::move(*need));
    } else if (auto* external = std::get_if<wire::NeedExternal>(&step)) {
      ask_external(std::move(external->password));
    } else if (auto* done = std::get_if<wire::ClientAuth::Done>(&step)) {
      result_.preface += done->bytes;
      result_.learned = std::move(done->learned);
      worker_.runtime().throttle.on_success(address_, user_);
      done_with_secret();
    } else {
      fail_secret(std::get<wire::Fail>(std::move(step)).error);
    }
  }

  void compute_key(wire::NeedKey need) {
    auto& keys = worker_.runtime().keys;
    if (auto known = keys.find(user_, need.salt, need.iterations, need.password)) {
      take(auth_->on_key(*std::move(known)));
      return;
    }
    auto job = std::make_shared<wire::NeedKey>(std::move(need));
    auto started = worker_.runtime().offload.compute(
        [job] { return wire::salted_password(job->password.reveal(), job->salt, job->iterations); },
        [this, job](conf::Secret key) {
          worker_.runtime().keys.put(user_, job->salt, job->iterations, job->password, key);
          take(auth_->on_key(std::move(key)));
        },
        worker_.loop());
    if (!started.ok()) return refuse(started.error());
    ticket_ = std::move(started).value();
  }

  void ask_external(conf::Secret password) {
    ExternalRequest request = external_request(*config_, rule_);
    request.user = user_;
    request.password = password;
    request.remote_address = address_;
    auto asked = check_password_externally(worker_.runtime().external, worker_.loop(), std::move(request),
                                           [this](base::Status verdict) { on_verdict(std::move(verdict)); });
    if (!asked.ok()) return refuse(asked.error());
    ticket_ = std::move(asked).value();
  }

  // What the directory said stays in the log: names of servers, services and entries are not for strangers.
  void on_verdict(base::Status verdict) {
    if (!verdict.ok()) {
      log.limited("external").info("client {}: log-in of \"{}\" failed: {}", address_, user_, to_text(verdict.error()));
      verdict = external_refusal();
    }
    take(auth_->on_external(std::move(verdict)));
  }

  // ---- the end ----

  void done_without_secret() {
    phase_ = Phase::kWorking;
    done_with_secret();
  }

  void done_with_secret() {
    if (rule_.cert_names_user && !certificate_allows()) return refuse(wrong_certificate());
    if (console_ && !result_.console) {
      if (config_->is_admin(user_))
        result_.console = ConsoleRole::kAdmin;
      else if (config_->is_stats(user_))
        result_.console = ConsoleRole::kStats;
      else
        return refuse(base::insufficient_privilege("not allowed to use the admin console"));
    }
    result_.user = user_;
    result_.database = database_;
    ended_ = true;
    // Not from inside a call of the stream's: the session replaces us.
    worker_.loop().defer([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.lock()) done_(std::move(result_));
    });
  }

  // A wrong secret: the answer is the same for every reason, and it takes its time.
  void fail_secret(base::Error error) {
    const bool wrong = error.sqlstate == "28P01" || (is_external() && error.sqlstate == "28000");
    const auto delay = wrong
                           ? worker_.runtime().throttle.on_failure(address_, user_, base::now())
                           : base::Duration::zero();
    if (delay <= base::Duration::zero()) return refuse(std::move(error));
    phase_ = Phase::kWorking;
    delayed_ = std::make_unique<base::Error>(std::move(error));
    delay_.once(delay);
  }

  void refuse(base::Error error) { end(std::move(error)); }

  void end(base::Error error) {
    if (ended_) return;
    ended_ = true;
    ticket_.drop();
    worker_.loop().defer([this, alive = std::weak_ptr<bool>(alive_), error = std::move(error)] {
      if (alive.lock()) done_(error);
    });
  }

  Worker& worker_;
  wire::SocketStream& stream_;
  const conf::ConfigPtr config_;  // one login is judged by one configuration
  const bool unix_socket_;
  Done done_;
  base::Timer delay_;
  std::unique_ptr<base::Error> delayed_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  Phase phase_ = Phase::kFirst;
  PreauthTicket preauth_;
  wire::AskedBefore asked_;
  bool behind_proxy_ = false;
  bool direct_tls_ = false;
  bool console_ = false;
  bool ended_ = false;
  std::string user_, database_, address_;
  int port_ = 0;
  LoginRule rule_;
  std::optional<wire::ClientAuth> auth_;
  base::Ticket ticket_;
  LoginResult result_;
};

}  // namespace

std::unique_ptr<ClientLogin> ClientLogin::start(Worker& worker, wire::SocketStream& stream,
                                                const ListenerInfo& listener, Done done) {
  return std::make_unique<Login>(worker, stream, listener, std::move(done));
}

}  // namespace pooler
