#pragma once
// SCRAM as the side that logs in. Pure. The server is not trusted: it has bounds, and proves itself last.
//
//   first() -> on_server_first -> (keys) final() -> on_server_final

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/scram.h"

namespace wire {

class ScramClient {
 public:
  // What we tell the server about binding to the TLS channel.
  enum class Binding { kUnsupported, kNotOffered, kUsed };
  struct Setup {
    std::string nonce;  // scram_nonce()
    Binding binding = Binding::kUnsupported;
    std::string binding_data;  // with kUsed: the tls-server-end-point hash of the server's certificate
    int max_iterations = kScramMaxIterations;
  };
  explicit ScramClient(Setup setup) : setup_(std::move(setup)) {}

  std::string first();

  struct Challenge {
    std::string salt;
    int iterations = 0;
  };
  base::Result<Challenge> on_server_first(std::string_view message);

  // client-final, with keys for the salt and iterations of the challenge.
  std::string final(const ScramKeys& keys);

  // Success only if the server knows our verifier.
  base::Status on_server_final(std::string_view message) const;

 private:
  std::string gs2_header() const;

  Setup setup_;
  std::string first_bare_, server_first_, nonce_, expected_signature_;
};

}  // namespace wire
