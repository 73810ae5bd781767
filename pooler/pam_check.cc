#include "pooler/pam_check.h"

#include <fmt/core.h>
#include <netdb.h>
#include <security/pam_appl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace pooler {
namespace {

const base::Logger log{"pam"};

struct Conversation {
  const PamQuestion& question;
};

// For libpam, which frees it.
char* malloced(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) return nullptr;
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  return copy;
}

// The modules speak: every hidden prompt is answered with the password, everything else is for the log.
int converse(int count, const pam_message** messages, pam_response** answers, void* data) {
  const auto& conversation = *static_cast<const Conversation*>(data);
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* made = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (made == nullptr) return PAM_BUF_ERR;

  int status = PAM_SUCCESS;
  for (int i = 0; i < count && status == PAM_SUCCESS; ++i) {
    const std::string_view text = messages[i]->msg != nullptr ? messages[i]->msg : "";
    switch (messages[i]->msg_style) {
      case PAM_PROMPT_ECHO_OFF:
        made[i].resp = malloced(conversation.question.password.reveal());
        if (made[i].resp == nullptr) status = PAM_BUF_ERR;
        break;
      case PAM_TEXT_INFO:
      case PAM_ERROR_MSG:
        log.limited(conversation.question.service).info("{}, about user {}: {}", conversation.question.service,
                                                        conversation.question.user, text);
        break;
      default:
        // A question that a password does not answer: there is nobody to put it to.
        log.limited(conversation.question.service).warn("{} asks \"{}\", which cannot be answered",
                                                        conversation.question.service, text);
        status = PAM_CONV_ERR;
    }
  }
  if (status != PAM_SUCCESS) {
    for (const pam_response& one : std::span(made, static_cast<std::size_t>(count))) {
      if (one.resp == nullptr) continue;
      explicit_bzero(one.resp, conversation.question.password.reveal().size());
      std::free(one.resp);
    }
    std::free(made);
    return status;
  }
  *answers = made;
  return PAM_SUCCESS;
}

// Modules would sleep after a failure. That is the Throttle's business, and holds no thread.
void no_delay(int, unsigned, void*) {}

std::string name_of(const std::string& address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), nullptr, &hints, &found) != 0) return address;
  std::array<char, NI_MAXHOST> name{};
  const int failed = getnameinfo(found->ai_addr, found->ai_addrlen, name.data(), name.size(), nullptr, 0, 0);
  freeaddrinfo(found);
  return failed != 0 ? address : std::string(name.data());
}

// A refusal by the modules, as opposed to their being unable to tell.
bool refusal(int status) {
  switch (status) {
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_MAXTRIES:
    case PAM_CRED_INSUFFICIENT:
    case PAM_PERM_DENIED:
    case PAM_ACCT_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_AUTHTOK_EXPIRED:
      return true;
    default:
      return false;
  }
}

// One transaction with libpam, which every thread may have of its own (pam_start(3), NOTES).
class Transaction {
 public:
  explicit Transaction(const PamQuestion& question) : conversation_{question} {
    const pam_conv conv{converse, &conversation_};
    status_ = question.folder.empty()
                  ? pam_start(question.service.c_str(), question.user.c_str(), &conv, &handle_)
                  : pam_start_confdir(question.service.c_str(), question.user.c_str(), &conv,
                                      question.folder.c_str(), &handle_);
  }
  ~Transaction() {
    if (handle_ != nullptr) pam_end(handle_, status_);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  base::Status run() {
    if (status_ != PAM_SUCCESS) return failure("start");
    const PamQuestion& question = conversation_.question;
    std::string remote = question.remote_address.empty() ? "[local]" : question.remote_address;
    if (question.remote_by_name && !question.remote_address.empty()) remote = name_of(remote);
    if (!set(PAM_RHOST, remote.c_str())) return failure("set the address");
    if (!set(PAM_FAIL_DELAY, reinterpret_cast<const void*>(no_delay))) return failure("set the delay");
    if ((status_ = pam_authenticate(handle_, PAM_SILENT)) != PAM_SUCCESS) return failure("authenticate");
    if ((status_ = pam_acct_mgmt(handle_, PAM_SILENT)) != PAM_SUCCESS) return failure("check the account");
    return base::Ok{};
  }

 private:
  bool set(int item, const void* value) { return (status_ = pam_set_item(handle_, item, value)) == PAM_SUCCESS; }

  base::Error failure(std::string_view doing) const {
    std::string message = fmt::format("PAM could not {}: {}", doing, pam_strerror(handle_, status_));
    base::Error error = refusal(status_) ? base::invalid_password(std::move(message))
                                         : base::invalid_authorization(std::move(message));
    error.detail = fmt::format("service \"{}\"", conversation_.question.service);
    return error;
  }

  Conversation conversation_;
  pam_handle_t* handle_ = nullptr;
  int status_ = PAM_SYSTEM_ERR;
};

}  // namespace

base::Status check_pam(const PamQuestion& question) { return Transaction(question).run(); }

}  // namespace pooler
