#pragma once
// We log in to PostgreSQL. A pure machine of the same shape as wire/client_auth.h: it reads the server's
// Authentication messages; errors, notices and the rest of the start-up are the caller's.
//
//   ServerAuth auth(setup);
//   step = auth.on_authentication(body_of_R);
//     Send     write the bytes (there may be none), feed the next Authentication message
//     NeedKey  run salted_password() off the loop, hand the result to on_key()
//     AuthOk   logged in; `keys` are worth keeping for the next login
//     Fail     close the connection
//
// The server is not trusted: it cannot make us compute for long, skip its own proof, or take a weaker login
// than the setup allows.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "conf/secret.h"
#include "conf/secrets.h"
#include "wire/client_auth.h"
#include "wire/scram.h"
#include "wire/scram_client.h"

namespace wire {

enum class ChannelBinding : uint8_t { kDisable, kPrefer, kRequire };  // as libpq's channel_binding

class ServerAuth {
 public:
  struct Setup {
    std::string user;
    conf::UserSecret secret;        // a ScramVerifier logs in nobody: `keys` does
    std::optional<ScramKeys> keys;  // from a client's login, or kept from an earlier one
    // Where `secret` was looked for, for the error that says it is missing: "auth_file", "[databases.shop]".
    std::string secret_origin = "the user list";
    std::array<char, kScramNonceBytes> nonce{};  // secure random bytes, fresh for each login
    ChannelBinding channel_binding = ChannelBinding::kPrefer;
    bool encrypted = false;  // TLS runs
    std::string binding;     // the tls-server-end-point hash of the server's certificate, if there is one
    int max_iterations = kScramMaxIterations;
  };

  struct AuthOk {
    std::optional<ScramKeys> keys;
  };
  using Step = std::variant<Send, NeedKey, AuthOk, Fail>;

  explicit ServerAuth(Setup setup) : setup_(std::move(setup)) {}

  // The body of the server's next Authentication message.
  Step on_authentication(std::string_view body);
  Step on_key(conf::Secret salted);

 private:
  enum class State : uint8_t { kStart, kAwaitOk, kAwaitChallenge, kAwaitKey, kAwaitFinal, kVerified, kEnded };

  Step on_cleartext();
  Step on_md5(std::string_view salt);
  Step on_sasl(std::string_view mechanisms);
  Step on_sasl_continue(std::string_view data);
  Step on_sasl_final(std::string_view data);
  Step on_ok();
  Step prove(ScramKeys keys);
  Step fail(base::Error error);
  Step missing(std::string_view asked, std::string_view to_store, std::string_view or_else = {});

  Setup setup_;
  State state_ = State::kStart;
  bool bound_ = false;  // SCRAM-SHA-256-PLUS was chosen
  std::optional<ScramClient> scram_;
  ScramClient::Challenge challenge_;
  std::optional<ScramKeys> used_;
};

}  // namespace wire
