#include "pooler/advice_link.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/ticket.h"
#include "wire/tls_settings.h"

namespace pooler {
namespace {

// Connecting takes longer than a question.
constexpr base::Duration kConnect = std::chrono::seconds(5);
// What is measured when the time is over is told; that takes a few questions more, and never longer than another time.
constexpr int kTimesLook = 2;

base::Result<conf::Secret> password_of(const conf::Config& config, const conf::Database& section, const std::string& user,
                                       const std::optional<conf::Secret>& given) {
  if (given) return *given;
  if (section.user == user && section.password) return *section.password;
  const conf::UserSecret* const secret = config.find_secret(user);
  if (secret == nullptr || std::holds_alternative<conf::NoSecret>(*secret)) return conf::Secret();
  if (const auto* const plain = std::get_if<conf::PlainSecret>(secret)) return plain->password;
  return base::with_hint(
      base::config_file_error(fmt::format("the password of \"{}\" is needed in plain text to log in with it", user)),
      "Give it in the section [advice], or in [users].");
}

base::Result<wire::PgClientSettings> settings_as(const conf::Config& config, const std::string& database, std::string user,
                                                 const std::optional<conf::Secret>& password) {
  const conf::Database* const section = config.find_database(database);
  if (section == nullptr) return base::undefined_object("there is no such database any more");
  wire::PgClientSettings settings;
  settings.user = std::move(user);
  if (settings.user.empty()) settings.user = section->user.value_or(std::string(config.auth_user(*section)));
  if (settings.user.empty())
    return base::with_hint(base::config_file_error("it is not known as whom to ask"), "Set [advice].user.");
  TRY(settings.password, password_of(config, *section, settings.user, password));
  settings.dbname = config.server_dbname(*section, database);
  for (const conf::HostPort& host : config.hosts(*section)) settings.hosts.push_back({host.host, host.port});
  settings.tls = wire::server_tls(config.weir);
  settings.tls.mode = config.server_tls_mode(*section);
  settings.socket = wire::socket_options(config.weir);
  settings.application_name = "weir advice";
  settings.connect_timeout = std::min(config.weir.server_connect_timeout, kConnect);
  return settings;
}

}  // namespace

base::Result<wire::PgClientSettings> advice_settings(const conf::Config& config, const std::string& database) {
  TRY(wire::PgClientSettings settings, settings_as(config, database, config.advice.user, config.advice.password));
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(config.advice.statement_timeout).count();
  // The same plan each time: no genetic search, no compilation. Nothing is written, whatever a function says of itself.
  settings.options = fmt::format(
      "-c default_transaction_read_only=on -c statement_timeout={} -c lock_timeout=100"
      " -c idle_in_transaction_session_timeout=10000 -c jit=off -c geqo=off",
      ms);
  return settings;
}

std::vector<wire::DialTarget> replica_hosts(const conf::Config& config, const std::string& database) {
  std::vector<wire::DialTarget> out;
  const conf::Database* const section = config.find_database(database);
  if (section == nullptr || section->advice_host.empty()) return out;
  for (const conf::HostPort& host : config.advice_hosts(*section)) out.push_back({host.host, host.port});
  return out;
}

base::Result<wire::PgClientSettings> apply_settings(const conf::Config& config, const std::string& database) {
  if (config.advice.apply_user.empty())
    return base::with_hint(base::object_not_ready("Weir creates no index by itself"),
                           "Run the statement of SHOW INDEX_ADVICE, or name a role that may as [advice].apply_user.");
  TRY(wire::PgClientSettings settings, settings_as(config, database, config.advice.apply_user, config.advice.apply_password));
  settings.options =
      "-c search_path= -c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0"
      " -c idle_in_transaction_session_timeout=0";
  return settings;
}

AdviceLink::AdviceLink(wire::Resolver& resolver, wire::PgClientSettings settings, Limits limits,
                       const std::atomic<bool>& stopping)
    : limits_(limits), stopping_(stopping), client_(loop_, resolver, std::move(settings)) {}

bool AdviceLink::out_of_time() const { return stopping_ || broken_ || base::now() - began_ >= limits_.look; }

base::Result<analyzer::SqlRows> AdviceLink::ask(std::string_view sql, const analyzer::SqlRow& params) {
  if (stopping_) return base::admin_shutdown("Weir is shutting down");
  if (!broken_ && base::now() - began_ >= kTimesLook * limits_.look + kConnect)
    broken_ = base::query_canceled("the time for this database is over");
  if (broken_) return *broken_;
  const base::Duration patience =
      limits_.statement + (client_.connected() ? base::Duration(std::chrono::seconds(1)) : kConnect);
  auto answer = wire::query_and_wait(loop_, client_, std::string(sql), params, patience);
  if (!answer) return base::internal_error("no answer");
  if (answer->ok()) return std::move(**answer).rows;
  base::Error error = std::move(*answer).error();
  if (error.sqlstate == "57014") ++late_;
  if (!client_.connected() || late_ >= kLateMax) broken_ = error;
  return error;
}

}  // namespace pooler
