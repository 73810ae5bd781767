#include "pooler/ldap_options.h"

#include <fmt/core.h>
#include <ldap.h>

#include <optional>

#include "base/handle.h"
#include "base/text.h"

namespace pooler {
namespace {

constexpr std::string_view kUserName = "$username";
constexpr int kLdapPort = 389, kLdapsPort = 636;

base::Error wrong(std::string message) { return base::config_file_error(std::move(message)); }

std::string hex(char byte) { return fmt::format("{:02x}", static_cast<unsigned char>(byte)); }

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

// What the options say, before it is known what goes together.
struct Given {
  std::string servers, scheme = "ldap", attribute;
  std::optional<int> port;
};

base::Result<bool> parse_switch(std::string_view name, std::string_view value) {
  if (value == "1") return true;
  if (value == "0") return false;
  return wrong(fmt::format("{} must be 0 or 1", name));
}

base::Status apply_url(const std::string& url, Given& given, LdapSettings& settings) {
  LDAPURLDesc* parsed = nullptr;
  if (ldap_url_parse(url.c_str(), &parsed) != LDAP_URL_SUCCESS) {
    return wrong("ldapurl must look like ldap://host:port/basedn?attribute?scope?filter");
  }
  const base::Handle<LDAPURLDesc, ldap_free_urldesc> owner(parsed);
  given.scheme = text_of(parsed->lud_scheme);
  given.servers = text_of(parsed->lud_host);
  // The parser fills in the scheme's own port where the URL has none.
  if (parsed->lud_port != 0) given.port = parsed->lud_port;
  settings.base_dn = text_of(parsed->lud_dn);
  if (parsed->lud_attrs != nullptr && parsed->lud_attrs[0] != nullptr) given.attribute = parsed->lud_attrs[0];
  settings.filter = text_of(parsed->lud_filter);
  switch (parsed->lud_scope) {
    case LDAP_SCOPE_ONELEVEL:
      settings.scope = LdapScope::kOne;
      break;
    case LDAP_SCOPE_SUBTREE:
      settings.scope = LdapScope::kSubtree;
      break;
    default:
      settings.scope = LdapScope::kBase;
  }
  return base::Ok{};
}

base::Status apply(const std::string& name, const std::string& value, Given& given, LdapSettings& settings) {
  if (name == "ldapurl") return apply_url(value, given, settings);
  if (name == "ldapserver") {
    given.servers = value;
  } else if (name == "ldapport") {
    const auto port = base::parse_int(value);
    if (!port || *port < 1 || *port > 65535) return wrong("ldapport must be a port from 1 to 65535");
    given.port = static_cast<int>(*port);
  } else if (name == "ldapscheme") {
    given.scheme = value;
  } else if (name == "ldaptls") {
    TRY(settings.start_tls, parse_switch(name, value));
  } else if (name == "ldapprefix") {
    settings.prefix = value;
  } else if (name == "ldapsuffix") {
    settings.suffix = value;
  } else if (name == "ldapbasedn") {
    settings.base_dn = value;
  } else if (name == "ldapbinddn") {
    settings.bind_dn = value;
  } else if (name == "ldapbindpasswd") {
    settings.bind_password = conf::Secret(value);
  } else if (name == "ldapsearchattribute") {
    given.attribute = value;
  } else if (name == "ldapsearchfilter") {
    settings.filter = value;
  } else {
    return wrong(fmt::format("the method ldap has no option {}", name));
  }
  return base::Ok{};
}

base::Status add_servers(const Given& given, LdapSettings& settings) {
  if (given.scheme != "ldap" && given.scheme != "ldaps") return wrong("ldapscheme must be ldap or ldaps");
  if (given.scheme == "ldaps" && settings.start_tls) return wrong("ldaptls=1 does not go together with ldaps");
  const int port = given.port.value_or(given.scheme == "ldaps" ? kLdapsPort : kLdapPort);
  for (std::string_view rest = base::trim(given.servers); !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view host = rest.substr(0, end);
    // An IPv6 address stands in brackets, so that its port can be told from it.
    const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
    settings.uris.push_back(fmt::format("{}://{}{}{}:{}", given.scheme, bare_v6 ? "[" : "", host, bare_v6 ? "]" : "",
                                        port));
    rest = base::trim(rest.substr(end));
  }
  if (settings.uris.empty()) return wrong("the method ldap needs ldapserver or a host in ldapurl");
  return base::Ok{};
}

}  // namespace

base::Result<LdapSettings> ldap_settings(const std::vector<std::pair<std::string, std::string>>& options) {
  LdapSettings settings;
  Given given;
  for (const auto& [name, value] : options) TRY_STATUS(apply(name, value, given, settings));
  TRY_STATUS(add_servers(given, settings));

  const bool simple = !settings.prefix.empty() || !settings.suffix.empty();
  if (simple && (settings.searches() || !settings.bind_dn.empty() || !given.attribute.empty() || !settings.filter.empty())) {
    return wrong("ldapprefix and ldapsuffix do not go together with a search");
  }
  if (!simple && !settings.searches()) return wrong("the method ldap needs ldapbasedn, ldapprefix or ldapsuffix");
  if (!given.attribute.empty() && !settings.filter.empty()) {
    return wrong("ldapsearchattribute and ldapsearchfilter do not go together");
  }
  if (settings.searches() && settings.filter.empty()) {
    settings.filter = fmt::format("({}={})", given.attribute.empty() ? "uid" : given.attribute, kUserName);
  }
  return settings;
}

std::string ldap_bind_name(const LdapSettings& settings, std::string_view user) {
  const bool dn = settings.prefix.find('=') != std::string::npos;
  return settings.prefix + (dn ? escape_dn_value(user) : std::string(user)) + settings.suffix;
}

std::string ldap_filter(const LdapSettings& settings, std::string_view user) {
  const std::string value = escape_filter_value(user);
  std::string filter;
  std::string_view rest = settings.filter;
  for (std::size_t at = rest.find(kUserName); at != std::string_view::npos; at = rest.find(kUserName)) {
    filter.append(rest.substr(0, at)).append(value);
    rest.remove_prefix(at + kUserName.size());
  }
  return filter.append(rest);
}

std::string escape_filter_value(std::string_view value) {
  std::string out;
  for (const char byte : value) {
    if (std::string_view("*()\\\0/", 6).find(byte) != std::string_view::npos) {
      out += '\\' + hex(byte);
    } else {
      out += byte;
    }
  }
  return out;
}

std::string escape_dn_value(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char byte = value[i];
    const bool at_end = i + 1 == value.size();
    const bool special = std::string_view("\"+,;<>\\=/").find(byte) != std::string_view::npos ||
                         (byte == '#' && i == 0) || (byte == ' ' && (i == 0 || at_end)) ||
                         static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    if (special) {
      out += '\\' + hex(byte);
    } else {
      out += byte;
    }
  }
  return out;
}

}  // namespace pooler
