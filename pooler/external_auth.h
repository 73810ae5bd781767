#pragma once
// Passwords that somebody else judges: PAM and LDAP, with the options PostgreSQL 15 gives these methods (manual,
// chapters 21.10 and 21.13).
//
// Both may take long, so they run on the threads of an Offload, and after kExternalTimeout the answer is a failure
// even if the other side still thinks. A PAM module that hangs keeps its thread until it comes back: give external
// checks an Offload of their own, apart from the one that computes keys.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/result.h"
#include "base/ticket.h"
#include "conf/secret.h"

namespace pooler {

// Below the usual client_login_timeout (15 s), so that the client hears a failed log-in and not a closed connection.
inline constexpr base::Duration kExternalTimeout = std::chrono::seconds(10);
// The PAM service (a file in /etc/pam.d) where the option pamservice names none.
inline constexpr std::string_view kPamServiceDefault = "weir";

enum class ExternalKind : uint8_t { kPam, kLdap };
using ExternalOptions = std::vector<std::pair<std::string, std::string>>;

struct ExternalRequest {
  ExternalKind kind = ExternalKind::kPam;
  ExternalOptions options;  // as conf::HbaRule::options: pamservice=, ldapserver=, ...
  std::string user;
  conf::Secret password;
  std::string remote_address;  // empty for a Unix socket; PAM is told
};

// The options in auth_ldap_options: name=value, separated by blanks, a value with blanks in double quotes. Refuses
// what the method ldap could not work with.
base::Result<ExternalOptions> parse_ldap_options(std::string_view text);

// Asks. `done` is called once, from the loop and never from inside this call, with success or with the reason for the
// log (28P01 for a refused password, 28000, F0000 or 08006 when the question could not be asked); it is not for the
// client. A dropped ticket means that nobody wants to know any more. An empty password is refused without asking: to
// LDAP it would be an anonymous bind, which succeeds. An error is returned only when the Offload's line is full.
base::Result<base::Ticket> check_password_externally(base::Offload& offload, base::EventLoop& loop,
                                                     ExternalRequest request,
                                                     std::function<void(base::Status)> done);

}  // namespace pooler
