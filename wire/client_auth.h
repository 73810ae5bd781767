#pragma once
// We challenge a client. A pure machine: messages in, a step out; sockets, files and slow arithmetic are the
// caller's.
//
//   ClientAuth auth(setup);
//   step = auth.start();                      // and then, by what the step is:
//     Send          write the bytes, feed the next message from the client to on_message()
//     NeedKey       run salted_password() off the loop, hand the result to on_key()
//     NeedExternal  ask PAM, LDAP or RADIUS about the password, hand the verdict to on_external()
//     Done          write the bytes, then AuthenticationOk
//     Fail          send the error as FATAL and close; delay and counting are the caller's
//
// An unknown user gets the same messages as a known one with a wrong password.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "conf/secret.h"
#include "conf/secrets.h"
#include "wire/md5.h"
#include "wire/scram.h"
#include "wire/scram_server.h"

namespace wire {

// PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH: of the body of any message before the login is complete.
inline constexpr std::size_t kMaxAuthMessage = 65535;

struct Send {
  std::string bytes;
};
struct NeedKey {
  conf::Secret password;
  std::string salt;
  int iterations = 0;
};
struct NeedExternal {
  conf::Secret password;
};
struct Fail {
  base::Error error;
};

// Secrets of one login, each with a use at a server that wants the same user.
struct LearnedSecrets {
  std::optional<conf::Secret> password;  // the client sent it in clear
  std::optional<ScramKeys> keys;         // the client proved them; or they were made of a plain password
};

enum class ClientAuthMethod : uint8_t {
  kNone,      // trust; and cert and peer, which the caller has checked
  kPassword,  // the password in clear; the caller saw to TLS
  kMd5,       // md5, or SCRAM if the stored secret is a verifier, as PostgreSQL does
  kScram,     // SCRAM-SHA-256, and -PLUS where there is a binding
  kExternal,  // the password in clear, judged by the caller
};

class ClientAuth {
 public:
  struct Setup {
    ClientAuthMethod method = ClientAuthMethod::kScram;
    std::string user;
    // Nothing for a user that does not exist; NoSecret for one who has no password.
    std::optional<conf::UserSecret> secret;
    // Secure random bytes, fresh for each login.
    std::array<char, kScramNonceBytes> nonce{};
    std::array<char, kMd5SaltSize> md5_salt{};
    // Secret random bytes, at least 32, the same for the life of the process and shared by all logins.
    std::string made_up_key;
    // What the keys of a plain password are made with. Who has no verifier is told the same.
    int iterations = kScramIterations;
    // Over TLS, the tls-server-end-point hash of our certificate; empty otherwise.
    std::string binding;
    // With kMd5 and kPassword: an unknown user looks like one with a SCRAM verifier, not like one with an md5
    // hash.
    bool unknown_has_verifier = true;
  };

  struct Done {
    std::string bytes;
    LearnedSecrets learned;
  };
  using Step = std::variant<Send, NeedKey, NeedExternal, Done, Fail>;

  explicit ClientAuth(Setup setup);

  Step start();
  // The next message of the client, type byte and body.
  Step on_message(char type, std::string_view body);
  Step on_key(conf::Secret salted);
  Step on_external(base::Status verdict);

 private:
  enum class State : uint8_t {
    kStart,
    kAwaitPassword,
    kAwaitMd5,
    kAwaitSaslInitial,
    kAwaitSaslFirst,
    kAwaitSaslFinal,
    kAwaitKey,
    kAwaitExternal,
    kEnded
  };

  Step start_scram();
  Step on_password(std::string_view body);
  Step check_clear_password(conf::Secret password);
  Step check_md5(const conf::Secret& response);
  Step on_sasl_initial(std::string_view body);
  Step on_client_first(std::string_view message);
  Step on_client_final(std::string_view message);
  Step finish_scram(const conf::ScramVerifier& verifier);
  Step wrong_password();
  Step fail(base::Error error);
  Step done(Done outcome);
  NeedKey need_key(conf::Secret password);
  bool looks_like_scram() const;
  // Cannot succeed, whatever the client sends: no such user, or no secret that fits the method.
  bool doomed() const { return doomed_; }

  Setup setup_;
  State state_ = State::kStart;
  bool doomed_ = false;
  bool plus_ = false;
  std::optional<ScramServer> scram_;
  conf::ScramVerifier verifier_;  // what SCRAM checks against: stored, or made up
  conf::Secret password_;         // the clear password, while its key is made
};

}  // namespace wire
