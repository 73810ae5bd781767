#pragma once
// Who may log in how: auth_type, or the HBA file's first rule that matches. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/config.h"
#include "pooler/external_auth.h"

namespace pooler {

struct LoginFacts {
  bool unix_socket = false;
  std::optional<conf::IpAddress> address;
  bool tls = false;
  bool physical_replication = false;
  std::string_view database, user;
};

enum class LoginMethod { kTrust, kAny, kPassword, kMd5, kScram, kCert, kPeer, kPam, kLdap };

struct LoginRule {
  LoginMethod method = LoginMethod::kScram;
  std::string map;                 // ident map for cert and peer
  bool needs_client_cert = false;
  bool cert_names_user = false;    // the certificate's common name must be the user (through `map`)
  std::vector<std::pair<std::string, std::string>> options;  // of PAM and LDAP
};

// 28000 where no rule matches or the rule says reject, in PostgreSQL's words.
base::Result<LoginRule> rule_for(const conf::Config& config, const LoginFacts& facts);

// Under auth_type md5 a user is asked for what the stored secret can check: an md5 response, or a SCRAM proof. What a
// user is asked for of whom nothing is known: what most are, as far as a look at some tells.
bool asks_unknown_for_scram(const conf::Config& config);

// What PAM or LDAP is asked; user, password and address are the caller's to fill in.
ExternalRequest external_request(const conf::Config& config, const LoginRule& rule);

}  // namespace pooler
