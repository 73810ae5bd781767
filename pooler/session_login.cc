// Session: from the end of the log-in to the first query.

#include "pooler/session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pooler/cancel.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/options.h"
#include "wire/tls.h"

namespace pooler {
namespace {

const base::Logger log{"session"};

}  // namespace

void Session::on_login(base::Result<LoginResult> result) {
  if (ended_) return;
  address_ = login_->address();
  client_port_ = login_->port();
  user_ = login_->user();
  database_ = login_->database();
  if (!result.ok() && result.error().sqlstate == kNothingToSay) {
    finish(false);
    return;
  }
  if (!result.ok()) {
    log.limited(result.error().sqlstate).info("client {} {}: login as \"{}\" to \"{}\" failed: {}", id_, address_, user_,
                database_, result.error().message);
    fail(result.error());
    return;
  }
  welcome_ = std::make_unique<LoginResult>(std::move(result).value());
  user_ = welcome_->user;
  database_ = welcome_->database;
  // The login object is on the stack below us: it goes when this turn of the loop is over.
  worker_.loop().defer_delete(std::make_unique<Worker::Doomed<ClientLogin>>(std::move(login_)));
  replication_ = welcome_->replication != wire::Replication::kNone;

  if (welcome_->console) {
    std::string hello = std::move(welcome_->preface);
    wire::append_authentication_ok(hello);
    for (const auto& [name, value] : worker_.runtime().console_parameters)
      wire::append_parameter_status(hello, name, value);
    cancel_key_ = worker_.cancels().add(worker_.index(), id_, welcome_->version);
    wire::append_backend_key_data(hello, cancel_key_);
    wire::append_ready_for_query(hello, wire::TxStatus::kIdle);
    client_.write(hello);
    client_.flush();
    console_ = worker_.console().open(ConsoleUser{user_, *welcome_->console, address_, welcome_->startup}, *this);
    welcome_.reset();
    welcomed_ = true;
    proceed();
    return;
  }

  auto pool = worker_.pools().find_or_make(database_, user_);
  if (!pool.ok()) {
    fail(pool.error());
    return;
  }
  if (auto admitted = worker_.pools().admit(**pool); !admitted.ok()) {
    fail(admitted.error());
    return;
  }
  pool_ = std::move(pool).value();
  pool_->learn(welcome_->learned);
  mode_ = pool_->settings()->mode;
  pool_->stats(worker_.index()).logins.add(1);
  if (replication_) {
    start_replication();
    return;
  }
  wait_started_ = base::now();
  if (pool_->welcome() != nullptr) {
    on_welcome_known();
    return;
  }
  if (Lease lease = pool_->acquire(worker_.index(), *this, ticket_)) on_server(std::move(lease));
}

// The server's parameters are known: what the client asked for is tried where it is new, then the client is let in.
void Session::on_welcome_known() {
  const auto reported = pool_->welcome();
  if (!reported) {
    fail(base::cannot_connect_now("the server went away during the login"));
    return;
  }
  for (const auto& [name, value] : welcome_->startup) {
    if (name == "application_name" || pool_->known_good(name, value)) continue;
    if (!lease_) {
      if (Lease lease = pool_->acquire(worker_.index(), *this, ticket_))
        on_server(std::move(lease));
      return;
    }
    try_param(name, value);
    return;
  }
  lease_.reset();
  send_welcome(*reported);
}

// A parameter that this server has not seen yet. What it refuses is left out and said, never fatal.
void Session::try_param(const std::string& name, const std::string& value) {
  lease_->run_internal(set_statement(name, value), [this, name, value](base::Status status) {
    if (ended_) return;
    if (lease_->lost()) {
      lease_.reset();
      fail(status.ok() ? base::connection_failure("server connection lost during the login") : status.error());
      return;
    }
    if (status.ok()) {
      const std::string* canonical = lease_->params().value(name);
      pool_->remember_good(name, value, is_reported_and_settable(name) && canonical != nullptr ? *canonical : value);
      lease_->params().on_set(name, value);
    } else {
      std::erase_if(welcome_->startup, [&name](const auto& entry) { return entry.first == name; });
      log.limited("startup parameter").info("client {}: startup parameter \"{}\" ignored: {}", id_, name,
                  status.error().message);
      auto notice = status.error();
      notice.message = "startup parameter \"" + name + "\" was ignored: " + notice.message;
      if (!notices_) notices_ = std::make_unique<std::string>();
      wire::append_notice_response(*notices_, notice, wire::Severity::kWarning);
    }
    on_welcome_known();
  });
}

void Session::send_welcome(const ParamList& reported) {
  ParamList wanted = welcome_->startup;
  std::string hello = std::move(welcome_->preface);
  wire::append_authentication_ok(hello);
  for (const auto& [name, value] : reported) {
    const std::string key = wire::normalize_setting_name(name);
    const std::string* own = is_reported_and_settable(key) ? find_param(wanted, key) : nullptr;
    const std::string shown = own != nullptr ? pool_->canonical(key, *own) : value;
    wire::append_parameter_status(hello, name, shown);
    if (is_reported_and_settable(key)) wanted = with_param(std::move(wanted), key, &shown);
  }
  params_ = intern_params(std::move(wanted));
  if (!replication_ && pool_->settings()->tracking) {
    login_values_ = intern_params(std::move(welcome_->startup));
    // Read while the client still thinks of its first question.
    if (auto* catalogues = worker_.runtime().catalogues; catalogues != nullptr) catalogue_ = catalogues->of(pool_);
  }
  cancel_key_ = worker_.cancels().add(worker_.index(), id_, welcome_->version);
  wire::append_backend_key_data(hello, cancel_key_);
  if (notices_) hello += *std::exchange(notices_, nullptr);
  wire::append_ready_for_query(hello, wire::TxStatus::kIdle);
  client_.write(hello);
  client_.flush();
  welcome_.reset();
  welcomed_ = true;
  if (worker_.config()->weir.log_connections)
    log.info("client {} {}: logged in as \"{}\" to \"{}\"", id_, address_, user_, database_);
  last_activity_ = base::now();
  proceed();
}

void Session::start_replication() {
  ParamList extra = welcome_->startup;
  extra.emplace_back("replication", welcome_->replication == wire::Replication::kPhysical ? "true" : "database");
  replication_login_ = ServerLogin::start(
      worker_.runtime(), worker_.loop(), pool_->settings(), pool_->login_credentials(), 0, std::move(extra),
      [this](base::Result<ServerConnection> result) {
        auto login = std::move(replication_login_);
        worker_.loop().defer_delete(std::move(login));
        if (!result.ok()) {
          fail(result.error());
          return;
        }
        const ParamList reported = result->reported;
        lease_ = pool_->adopt(worker_.index(), std::move(result).value());
        lease_->set_handler(this);
        lease_->books.link_id = id_;
        lease_->pass_through();
        send_welcome(reported);
      });
}

}  // namespace pooler
