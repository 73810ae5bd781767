#include "pooler/ldap_check.h"

#include <fmt/core.h>
#include <ldap.h>
#include <sys/time.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/handle.h"

namespace pooler {
namespace {

void unbind(LDAP* ldap) { ldap_unbind_ext_s(ldap, nullptr, nullptr); }
void free_message(LDAPMessage* message) { ldap_msgfree(message); }
void free_text(char* text) { ldap_memfree(text); }
using LdapPtr = base::Handle<LDAP, unbind>;
using MessagePtr = base::Handle<LDAPMessage, free_message>;
using TextPtr = base::Handle<char, free_text>;

timeval step_timeout() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(kLdapStepTimeout);
  return {.tv_sec = seconds.count(), .tv_usec = 0};
}

// libldap's words and the server's own, where it had any.
std::string reason(LDAP* ldap, int code) {
  char* raw = nullptr;
  if (ldap != nullptr) ldap_get_option(ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, static_cast<void*>(&raw));
  const TextPtr diagnostic(raw);
  std::string text = ldap_err2string(code);
  if (diagnostic && diagnostic.get()[0] != '\0') text += fmt::format(" ({})", diagnostic.get());
  return text;
}

base::Error failed(LDAP* ldap, int code, std::string_view doing) {
  std::string message = fmt::format("LDAP: could not {}: {}", doing, reason(ldap, code));
  switch (code) {
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_INSUFFICIENT_ACCESS:
      return base::invalid_password(std::move(message));
    case LDAP_SERVER_DOWN:
    case LDAP_CONNECT_ERROR:
    case LDAP_TIMEOUT:
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
      return base::connection_failure(std::move(message));
    default:
      return base::invalid_authorization(std::move(message));
  }
}

base::Result<LdapPtr> open_session(const LdapSettings& settings) {
  std::string uris;
  for (const std::string& uri : settings.uris) uris += (uris.empty() ? "" : " ") + uri;
  LDAP* raw = nullptr;
  if (const int code = ldap_initialize(&raw, uris.c_str()); code != LDAP_SUCCESS) {
    return failed(nullptr, code, "begin with " + uris);
  }
  LdapPtr ldap(raw);

  const int version = LDAP_VERSION3;
  const timeval timeout = step_timeout();
  for (const auto& [option, value] : std::array<std::pair<int, const void*>, 4>{
           {{LDAP_OPT_PROTOCOL_VERSION, &version},
            // Followed referrals would be asked without a name, and answer for somebody else.
            {LDAP_OPT_REFERRALS, LDAP_OPT_OFF},
            {LDAP_OPT_NETWORK_TIMEOUT, &timeout},
            {LDAP_OPT_TIMEOUT, &timeout}}}) {
    if (const int code = ldap_set_option(ldap.get(), option, value); code != LDAP_OPT_SUCCESS) {
      return failed(ldap.get(), code, "set an option");
    }
  }
  if (settings.start_tls) {
    if (const int code = ldap_start_tls_s(ldap.get(), nullptr, nullptr); code != LDAP_SUCCESS) {
      return failed(ldap.get(), code, "start TLS");
    }
  }
  return ldap;
}

int bind_as(LDAP& ldap, const std::string& name, const conf::Secret& password) {
  // libldap reads these bytes and leaves them as they are.
  berval credentials{static_cast<ber_len_t>(password.reveal().size()), const_cast<char*>(password.reveal().data())};
  return ldap_sasl_bind_s(&ldap, name.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr, nullptr);
}

int scope_of(LdapScope scope) {
  switch (scope) {
    case LdapScope::kBase:
      return LDAP_SCOPE_BASE;
    case LdapScope::kOne:
      return LDAP_SCOPE_ONELEVEL;
    case LdapScope::kSubtree:
      return LDAP_SCOPE_SUBTREE;
  }
  return LDAP_SCOPE_SUBTREE;
}

// The DN of the one entry the filter finds.
base::Result<std::string> find_user(const LdapSettings& settings, const std::string& user) {
  TRY(const LdapPtr ldap, open_session(settings));
  if (const int code = bind_as(*ldap, settings.bind_dn, settings.bind_password); code != LDAP_SUCCESS) {
    base::Error error = failed(ldap.get(), code, fmt::format("bind as \"{}\" to search", settings.bind_dn));
    // It was not the user's password that was refused.
    if (error.sqlstate == "28P01") error.sqlstate = "28000";
    return error;
  }

  std::array<char, sizeof LDAP_NO_ATTRS> no_attributes{LDAP_NO_ATTRS};
  std::array<char*, 2> attributes{no_attributes.data(), nullptr};
  timeval timeout = step_timeout();
  LDAPMessage* raw = nullptr;
  constexpr int kEntriesMax = 2;  // more than one is too many already
  const int code = ldap_search_ext_s(ldap.get(), settings.base_dn.c_str(), scope_of(settings.scope),
                                     ldap_filter(settings, user).c_str(), attributes.data(), 0, nullptr, nullptr,
                                     &timeout, kEntriesMax, &raw);
  const MessagePtr found(raw);
  if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) {
    base::Error error = failed(ldap.get(), code, "search for the user");
    if (error.sqlstate == "28P01") error.sqlstate = "28000";
    return error;
  }
  const int count = found ? ldap_count_entries(ldap.get(), found.get()) : 0;
  if (count != 1) {
    return base::invalid_authorization(fmt::format("LDAP: {} entries match the user instead of one",
                                                   count == 0 ? "no" : "several"));
  }
  const TextPtr dn(ldap_get_dn(ldap.get(), ldap_first_entry(ldap.get(), found.get())));
  if (!dn) return base::invalid_authorization("LDAP: the user's entry has no DN");
  return std::string(dn.get());
}

}  // namespace

base::Status check_ldap(const LdapSettings& settings, const std::string& user, const conf::Secret& password) {
  // Such a bind would succeed without proving anything (RFC 4513, section 5.1.2).
  if (password.empty()) return base::invalid_password("LDAP: an empty password proves nothing");
  std::string name;
  if (settings.searches()) {
    TRY(name, find_user(settings, user));
  } else {
    name = ldap_bind_name(settings, user);
  }
  if (name.empty()) return base::invalid_authorization("LDAP: an empty name proves nothing");
  TRY(const LdapPtr ldap, open_session(settings));
  if (const int code = bind_as(*ldap, name, password); code != LDAP_SUCCESS) {
    return failed(ldap.get(), code, fmt::format("bind as \"{}\"", name));
  }
  return base::Ok{};
}

}  // namespace pooler
