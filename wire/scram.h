#pragma once
// The arithmetic of SCRAM-SHA-256 (RFC 5802, RFC 7677): keys, verifiers, proofs. The exchange of messages is
// in wire/scram_server.h and wire/scram_client.h. Pure: randomness comes from the caller.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "conf/secret.h"
#include "conf/secrets.h"

namespace wire {

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";
inline constexpr std::string_view kScramSha256Plus = "SCRAM-SHA-256-PLUS";
inline constexpr std::size_t kScramKeySize = 32;     // of SHA-256
inline constexpr std::size_t kScramSaltSize = 16;    // of salts we make, as PostgreSQL's
inline constexpr std::size_t kScramNonceBytes = 18;  // of randomness in a nonce, as PostgreSQL's
inline constexpr int kScramIterations = 4096;        // of verifiers we make, as PostgreSQL's
// A server may ask for any count, and each costs us as much as it: CVE-2026-6669. Settable; this is what
// other drivers chose.
inline constexpr int kScramMaxIterations = 100'000;
// PostgreSQL's nonces have 24 bytes, both sides' together 48; a kilobyte is a lot.
inline constexpr std::size_t kScramMaxNonce = 1024;
inline constexpr std::size_t kScramMaxSalt = 1024;

// What logs in as a user. Got from a password, or from a client's own login: then a login to a server works
// if it has the same verifier.
struct ScramKeys {
  std::string salt;
  int iterations = 0;
  conf::Secret client_key;
  conf::Secret server_key;
};

// The expensive step (PBKDF2 with HMAC-SHA-256): milliseconds and more, so run it off the loop. `password` as
// the user typed it; iterations at least 1.
conf::Secret salted_password(std::string_view password, std::string_view salt, int iterations);

ScramKeys scram_keys(const conf::Secret& salted, std::string_view salt, int iterations);
conf::ScramVerifier scram_verifier(const ScramKeys& keys);
// As pg_authid stores it: SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>.
std::string to_text(const conf::ScramVerifier& verifier);

// The salt shown for a user who has none of his own: an unknown one, or one with a plain password. The same
// for the same name as long as `key` is, and not to be told from a random one.
std::string made_up_salt(std::string_view key, std::string_view user);

// A nonce from kScramNonceBytes random bytes.
std::string scram_nonce(std::string_view random);

// Both sides of a proof. `auth_message` is the transcript that RFC 5802 section 3 defines.
std::string client_proof(const ScramKeys& keys, std::string_view auth_message);
std::string server_signature(const conf::Secret& server_key, std::string_view auth_message);
// The client's key, if the proof is one of the key behind `stored_key`.
std::optional<conf::Secret> check_client_proof(std::string_view proof, const conf::Secret& stored_key,
                                               std::string_view auth_message);

}  // namespace wire
