#pragma once
// SCRAM as the side that challenges. Pure; errors and their texts are PostgreSQL's.
//
//   on_client_first -> server-first -> on_client_final -> check(verifier) -> server-final, or a wrong
//   password

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/scram.h"

namespace wire {

class ScramServer {
 public:
  struct Setup {
    std::string nonce;  // scram_nonce()
    std::string salt;
    int iterations = kScramIterations;
    // The tls-server-end-point hash of our certificate; empty: SCRAM-SHA-256-PLUS is not offered.
    std::string binding;
  };
  explicit ScramServer(Setup setup) : setup_(std::move(setup)) {}

  // Answers client-first with server-first. `plus`: the client chose SCRAM-SHA-256-PLUS.
  base::Result<std::string> on_client_first(bool plus, std::string_view message);

  // Reads client-final. Whether its proof is right is check()'s answer.
  base::Status on_client_final(std::string_view message);

  struct Proven {
    std::string server_final;
    ScramKeys keys;  // the client's: a server with the same verifier lets them in
  };
  // Nothing for a wrong password.
  std::optional<Proven> check(const conf::ScramVerifier& verifier) const;

 private:
  std::string expected_binding() const;

  Setup setup_;
  bool plus_ = false;
  std::string gs2_header_, client_first_bare_, nonce_, server_first_, final_without_proof_, proof_;
};

}  // namespace wire
