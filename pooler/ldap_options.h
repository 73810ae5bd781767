#pragma once
// The options of the method ldap, as PostgreSQL 15 has them (manual, chapter 21.10), made ready for use. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "conf/secret.h"

namespace pooler {

enum class LdapScope { kBase, kOne, kSubtree };

struct LdapSettings {
  std::vector<std::string> uris;  // ldap://host:port, tried in order
  bool start_tls = false;

  // Simple bind: the DN is prefix, user, suffix.
  std::string prefix, suffix;

  // Search and bind, when there is a base DN: find the user's DN, then bind with that.
  std::string base_dn;
  std::string bind_dn;  // empty: search without a name
  conf::Secret bind_password;
  std::string filter;  // with $username
  LdapScope scope = LdapScope::kSubtree;

  bool searches() const { return !base_dn.empty(); }
};

// F0000 for options that contradict each other, do not exist, or leave the method without a server.
base::Result<LdapSettings> ldap_settings(const std::vector<std::pair<std::string, std::string>>& options);

// The name to bind with, without a search. Where it is a DN (the prefix holds an equals sign), the user is one value
// in it, whatever characters it is made of; otherwise (user@domain, DOMAIN\user) it stands as it is.
std::string ldap_bind_name(const LdapSettings& settings, std::string_view user);
// The search filter in which the user is one value.
std::string ldap_filter(const LdapSettings& settings, std::string_view user);

std::string escape_filter_value(std::string_view value);  // RFC 4515, section 3
std::string escape_dn_value(std::string_view value);      // RFC 4514, section 2.4

}  // namespace pooler
