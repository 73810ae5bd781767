#include "pooler/external_auth.h"

#include <fmt/core.h>

#include <memory>

#include "base/text.h"
#include "conf/address.h"
#include "pooler/ldap_check.h"
#include "pooler/pam_check.h"

namespace pooler {
namespace {

std::string_view option(const ExternalOptions& options, std::string_view name) {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return {};
}

base::Status ask_pam(const ExternalRequest& request) {
  const std::string_view service = option(request.options, "pamservice");
  return check_pam({.service = std::string(service.empty() ? kPamServiceDefault : service),
                    .user = request.user,
                    .password = request.password,
                    .remote_address = conf::parse_ip(request.remote_address) ? request.remote_address : "",
                    .remote_by_name = option(request.options, "pam_use_hostname") == "1"});
}

base::Status ask_ldap(const ExternalRequest& request) {
  TRY(const LdapSettings settings, ldap_settings(request.options));
  return check_ldap(settings, request.user, request.password);
}

base::Status ask(const ExternalRequest& request) {
  if (request.password.empty()) return base::invalid_password("an empty password proves nothing");
  return request.kind == ExternalKind::kPam ? ask_pam(request) : ask_ldap(request);
}

// A question under way: the answer or the end of patience, whichever comes first. The asker's ticket owns it.
class Pending : public std::enable_shared_from_this<Pending> {
 public:
  Pending(base::EventLoop& loop, std::function<void(base::Status)> done)
      : patience_(loop, [this] { give_up(); }), done_(std::move(done)) {}

  void begin(base::Ticket work) {
    work_ = std::move(work);
    patience_.once(kExternalTimeout);
  }
  void finish(base::Status status) {
    patience_.cancel();
    if (const auto answer = std::exchange(done_, nullptr)) answer(std::move(status));
  }

 private:
  void give_up() {
    const auto alive = shared_from_this();  // the asker may drop its ticket when it hears
    work_.drop();
    finish(base::connection_failure(
        fmt::format("no answer about the password within {}", base::duration_text(kExternalTimeout))));
  }

  base::Timer patience_;
  base::Ticket work_;
  std::function<void(base::Status)> done_;
};

}  // namespace

base::Result<ExternalOptions> parse_ldap_options(std::string_view text) {
  ExternalOptions options;
  std::string token;
  bool quoted = false, any = false;
  const auto finish = [&]() -> base::Status {
    if (!std::exchange(any, false)) return base::Ok{};
    const std::size_t equals = token.find('=');
    if (equals == std::string::npos || equals == 0) {
      return base::config_file_error("LDAP options are written name=value, with blanks between them");
    }
    options.emplace_back(token.substr(0, equals), token.substr(equals + 1));
    token.clear();
    return base::Ok{};
  };
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      TRY_STATUS(finish());
    } else {
      token += c;
      any = true;
    }
  }
  if (quoted) return base::config_file_error("a double quote in the LDAP options is not closed");
  TRY_STATUS(finish());
  TRY(const LdapSettings usable, ldap_settings(options));
  return options;
}

base::Result<base::Ticket> check_password_externally(base::Offload& offload, base::EventLoop& loop,
                                                     ExternalRequest request,
                                                     std::function<void(base::Status)> done) {
  auto pending = std::make_shared<Pending>(loop, std::move(done));
  auto work = offload.compute([request = std::move(request)] { return ask(request); },
                              [asker = std::weak_ptr(pending)](base::Status status) {
                                if (const auto alive = asker.lock()) alive->finish(std::move(status));
                              },
                              loop);
  if (!work.ok()) return std::move(work).error();
  pending->begin(*std::move(work));
  return base::Ticket([pending]() mutable { pending.reset(); });
}

}  // namespace pooler
