#pragma once
// One question to an LDAP server: is this the user's password? The sessions of libldap are behind this header.

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "conf/secret.h"
#include "pooler/ldap_options.h"

namespace pooler {

// For each step with the server: connecting, TLS, a search, a bind.
inline constexpr base::Duration kLdapStepTimeout = std::chrono::seconds(5);

// Blocks. Where the server's certificate is checked against, is in the system's ldap.conf, as with PostgreSQL. 28P01 when
// the server refuses, 28000 when the search found no user or more than one, 08006 when there is no talking to it.
base::Status check_ldap(const LdapSettings& settings, const std::string& user, const conf::Secret& password);

}  // namespace pooler
