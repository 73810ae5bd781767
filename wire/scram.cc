#include "wire/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cassert>

#include "base/random.h"
#include "wire/base64.h"
#include "wire/saslprep.h"

namespace wire {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: OpenSSL's idea of bytes
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());  // NOLINT: OpenSSL's idea of bytes
}

// These cannot fail but for lack of memory: a short result then matches nothing and proves nothing.
std::string hmac(std::string_view key, std::string_view data) {
  std::string digest(kScramKeySize, '\0');
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(),
           bytes_of(digest), &size) == nullptr) {
    size = 0;
  }
  digest.resize(size);
  return digest;
}

std::string sha256(std::string_view data) {
  std::string digest(kScramKeySize, '\0');
  SHA256(bytes_of(data), data.size(), bytes_of(digest));
  return digest;
}

std::string exclusive_or(std::string a, std::string_view b) {
  assert(a.size() == b.size());
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

}  // namespace

conf::Secret salted_password(std::string_view password, std::string_view salt, int iterations) {
  const conf::Secret prepared(saslprep(password));
  std::string salted(kScramKeySize, '\0');
  const std::string_view text = prepared.reveal();
  if (PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), bytes_of(salt),
                        static_cast<int>(salt.size()), iterations, EVP_sha256(),
                        static_cast<int>(salted.size()), bytes_of(salted)) != 1) {
    salted.clear();
  }
  return conf::Secret(std::move(salted));
}

ScramKeys scram_keys(const conf::Secret& salted, std::string_view salt, int iterations) {
  return ScramKeys{std::string(salt), iterations, conf::Secret(hmac(salted.reveal(), "Client Key")),
                   conf::Secret(hmac(salted.reveal(), "Server Key"))};
}

conf::ScramVerifier scram_verifier(const ScramKeys& keys) {
  return conf::ScramVerifier{keys.iterations, keys.salt, conf::Secret(sha256(keys.client_key.reveal())),
                             keys.server_key};
}

std::string to_text(const conf::ScramVerifier& verifier) {
  return std::string(kScramSha256) + '$' + std::to_string(verifier.iterations) + ':' +
         to_base64(verifier.salt) + '$' + to_base64(verifier.stored_key.reveal()) + ':' +
         to_base64(verifier.server_key.reveal());
}

std::string made_up_salt(std::string_view key, std::string_view user) {
  return hmac(key, user).substr(0, kScramSaltSize);
}

std::string scram_nonce(std::string_view random) {
  assert(random.size() >= kScramNonceBytes);
  return to_base64(random);
}

std::string client_proof(const ScramKeys& keys, std::string_view auth_message) {
  const conf::Secret stored_key(sha256(keys.client_key.reveal()));
  return exclusive_or(hmac(stored_key.reveal(), auth_message), keys.client_key.reveal());
}

std::string server_signature(const conf::Secret& server_key, std::string_view auth_message) {
  return hmac(server_key.reveal(), auth_message);
}

std::optional<conf::Secret> check_client_proof(std::string_view proof, const conf::Secret& stored_key,
                                               std::string_view auth_message) {
  std::string signature = hmac(stored_key.reveal(), auth_message);
  if (proof.size() != signature.size()) return std::nullopt;
  conf::Secret client_key(exclusive_or(std::move(signature), proof));
  if (!base::constant_time_equal(sha256(client_key.reveal()), stored_key.reveal())) return std::nullopt;
  return client_key;
}

}  // namespace wire
