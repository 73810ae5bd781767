#include "pooler/login_rules.h"

#include <algorithm>
#include <variant>

#include "conf/hba.h"

namespace pooler {
namespace {

std::string_view encryption(const LoginFacts& facts) { return facts.tls ? "SSL encryption" : "no encryption"; }

LoginMethod method_of(conf::AuthType type) {
  switch (type) {
    case conf::AuthType::kTrust: return LoginMethod::kTrust;
    case conf::AuthType::kAny: return LoginMethod::kAny;
    case conf::AuthType::kPlain: return LoginMethod::kPassword;
    case conf::AuthType::kMd5: return LoginMethod::kMd5;
    case conf::AuthType::kCert: return LoginMethod::kCert;
    case conf::AuthType::kPam: return LoginMethod::kPam;
    case conf::AuthType::kLdap: return LoginMethod::kLdap;
    case conf::AuthType::kPeer: return LoginMethod::kPeer;
    case conf::AuthType::kHba:
    case conf::AuthType::kScram: break;
  }
  return LoginMethod::kScram;
}

LoginMethod method_of(conf::HbaMethod method) {
  switch (method) {
    case conf::HbaMethod::kTrust: return LoginMethod::kTrust;
    case conf::HbaMethod::kMd5: return LoginMethod::kMd5;
    case conf::HbaMethod::kPassword: return LoginMethod::kPassword;
    case conf::HbaMethod::kCert: return LoginMethod::kCert;
    case conf::HbaMethod::kPeer: return LoginMethod::kPeer;
    case conf::HbaMethod::kPam: return LoginMethod::kPam;
    case conf::HbaMethod::kLdap: return LoginMethod::kLdap;
    case conf::HbaMethod::kReject:
    case conf::HbaMethod::kScram: break;
  }
  return LoginMethod::kScram;
}

// So many secrets are looked at; more would be work that any stranger can order.
constexpr int kSecretsLookedAt = 100;

}  // namespace

bool asks_unknown_for_scram(const conf::Config& config) {
  int seen = 0, verifiers = 0;
  const auto look = [&](const auto& secrets) {
    for (const auto& [name, secret] : secrets) {
      if (std::holds_alternative<conf::NoSecret>(secret)) continue;
      if (++seen > kSecretsLookedAt) return;
      if (std::holds_alternative<conf::ScramVerifier>(secret)) ++verifiers;
    }
  };
  look(config.user_secrets);
  look(config.userlist.users);
  // With nobody listed, secrets come from PostgreSQL, which has kept verifiers since version 14.
  return seen == 0 || !config.weir.auth_user.empty() || 2 * verifiers > std::min(seen, kSecretsLookedAt);
}

base::Result<LoginRule> rule_for(const conf::Config& config, const LoginFacts& facts) {
  LoginRule rule;
  if (config.weir.auth_type != conf::AuthType::kHba) {
    rule.method = method_of(config.weir.auth_type);
    rule.needs_client_cert = rule.cert_names_user = rule.method == LoginMethod::kCert;
    return rule;
  }
  const conf::HbaConnection connection{.address = facts.address,
                                       .tls = facts.tls,
                                       .physical_replication = facts.physical_replication,
                                       .database = facts.database,
                                       .user = facts.user};
  const conf::HbaRule* found = config.hba.match(connection);
  if (found == nullptr || found->method == conf::HbaMethod::kReject) {
    const std::string where = facts.unix_socket || !facts.address ? "[local]" : conf::to_text(*facts.address);
    const std::string what = found == nullptr ? "no pg_hba.conf entry for host \"" : "pg_hba.conf rejects connection for host \"";
    return base::invalid_authorization(what + where + "\", user \"" + std::string(facts.user) + "\", database \"" +
                                       std::string(facts.database) + "\", " + std::string(encryption(facts)));
  }
  rule.method = method_of(found->method);
  rule.map = found->map;
  rule.options = found->options;
  rule.needs_client_cert = rule.method == LoginMethod::kCert || found->clientcert != conf::ClientCert::kNotAsked;
  rule.cert_names_user = rule.method == LoginMethod::kCert || found->clientcert == conf::ClientCert::kVerifyFull;
  return rule;
}

ExternalRequest external_request(const conf::Config& config, const LoginRule& rule) {
  ExternalRequest request;
  request.kind = rule.method == LoginMethod::kPam ? ExternalKind::kPam : ExternalKind::kLdap;
  request.options = rule.options;
  if (request.kind == ExternalKind::kLdap && request.options.empty())
    if (auto options = parse_ldap_options(config.weir.auth_ldap_options); options.ok()) request.options = *options;
  return request;
}

}  // namespace pooler
